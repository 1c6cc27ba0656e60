"""How time and memory grow with the samples and with the hidden neurons: python benchmarks/growth.py

An epoch at batch 32, one thread, on the embedded digits, each in a process of its own; and the same in NumPy. Writes
growth.png. The largest set takes NumPy some 4 GB.
"""

import statistics
import sys
import time

from processes import FOLDER, pin, python

SAMPLES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
HIDDEN = (10, 30, 100, 300, 1_000, 3_000)
# The one stays at this while the other grows.
USUAL_SAMPLES, USUAL_HIDDEN = 10_000, 100
BATCH = 32
PROGRAMS = ("fast", "NumPy")


def measure(program, samples, hidden):
    """In a process of its own: print the seconds of an epoch, and the process's peak of memory in MB."""
    import resource

    from competitors import COMPETITORS

    import neurone
    from neurone.datasets.digits import digits

    runner = COMPETITORS[program](neurone.Network((784, hidden, 10)), *digits(samples), BATCH)
    seconds = []
    # Short epochs more often; a long one needs no warming up.
    for _ in range(6 if samples * hidden <= 10_000_000 else 3):
        begin = time.perf_counter()
        runner.epoch()
        seconds.append(time.perf_counter() - begin)
    print(statistics.median(seconds), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


def curve(program, points):
    return [tuple(map(float, python(__file__, program, *point).split())) for point in points]


def table():
    """Markdown, and growth.png."""
    sections, plots = [], []
    for hidden in HIDDEN:
        # Compiles first, which takes memory that an epoch does not.
        python(__file__, "fast", 100, hidden)
    for what, values, points in (
        ("samples", SAMPLES, [(samples, USUAL_HIDDEN) for samples in SAMPLES]),
        ("hidden neurons", HIDDEN, [(USUAL_SAMPLES, hidden) for hidden in HIDDEN]),
    ):
        curves = {program: curve(program, points) for program in PROGRAMS}
        plots.append((what, values, curves))
        lines = [f"| {what} | time | times as fast as NumPy | MB at the peak | NumPy's |", "|---|---|---|---|---|"]
        for value, (seconds, memory), (their_seconds, their_memory) in zip(values, *curves.values(), strict=True):
            time_, ratio = seconds / curves["fast"][0][0], their_seconds / seconds
            lines.append(f"| {value:,} | {time_:,.1f} | {ratio:.1f} | {memory:,.0f} | {their_memory:,.0f} |")
        sections.append("\n".join(lines))
    plot(plots)
    return "\n\n".join(sections)


def plot(plots):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(10, 7), sharex="col", layout="constrained")
    for (what, values, curves), (of_time, of_memory) in zip(plots, axes.T, strict=True):
        first = curves["fast"][0][0]
        for program, points in curves.items():
            of_time.loglog(values, [seconds / first for seconds, _ in points], marker="o", label=program)
            of_memory.loglog(values, [memory for _, memory in points], marker="o", label=program)
        of_time.set_ylabel("time of an epoch; the first of `fast` is 1")
        of_memory.set(xlabel=what, ylabel="peak of memory, MB")
        of_time.legend()
    figure.savefig(FOLDER / "growth.png", dpi=100)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        pin()
        measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        print(table())

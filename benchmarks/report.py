"""Runs all benchmarks and writes RESULTS.md: python benchmarks/report.py"""

import json
import os
import platform
import re
import subprocess
import tempfile
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from processes import FOLDER, python
from workloads import images

PACKAGES = ("numpy", "numba", "scikit-learn", "torch", "jax")
THREADS = [count for count in (1, 2) if count <= os.cpu_count()]
HEAD = """# Results

Made by `NEURONE_DATA=... make bench`, which needs a folder with MNIST, a machine that does nothing else, and
`pip install torch jax` in `.venv`, the environment that `make` keeps. Numbers without a unit are ratios: how many times
as fast as each program neurone's `fast` kernels are, on the same samples, in the same run. Medians of 5 rounds, or of 3
over a whole set; float32. A missing column: a program that is not installed, or has only one thread.

Before its clock starts, every program is checked to learn what `fast` learns, from the same samples in the same order,
except for rounding, and `notes` the same bits. All have logistic hidden layers, a softmax and the logarithmic cost, and
descend along a batch's mean gradient. Networks with 784 inputs learn {name}, those with 50 a dense set of 100,000
samples. NumPy, scikit-learn, PyTorch and JAX are written as their users write them; C is `dense.c`, dense loops with
`-O3 -march=native -ffast-math`. Slow programs take fewer samples in a round, and the time of a sample is compared.
neurone trains with the kernels tuned for each network, compiled before; it predicts with the generic ones.
"""
# The scripts whose output goes into the report: title, and what the numbers mean.
SCRIPTS = {
    "cold": (
        "A first process",
        """\
CPU seconds, not ratios, of whole processes: with an empty folder for compiled kernels, and with the kernels that the
first process left there. Medians of 5. On the embedded digits, 784-100-10, one thread; and with scikit-learn, iris.""",
    ),
    "small": (
        "Small data",
        """\
How many times as fast `NeuroneClassifier` is as `MLPClassifier`, and `neurone.Network` as NumPy: 100 hidden neurons,
standardised data of scikit-learn's, 50 epochs of plain SGD in batches of 200, one thread. Medians of 15 rounds, in
turns.""",
    ),
    "threads": (
        "Two threads over one",
        """\
How many times as fast an epoch is with two threads as with one; and how many times as fast two fits, of one thread
each, are at once as one after the other: what this machine, at that moment, has to give to two threads that never wait
for each other. They alternate for ten seconds, 9 rounds at least; here are the median and the quartiles of the rounds'
ratios.""",
    ),
    "accuracy": (
        "To 98 % of MNIST's test images",
        """\
Whole processes, from the start of Python to the first epoch after which 98 % are right: imports, compilation and the
test after each epoch included. Each program has the fastest settings on held-out training images, among the grids of
`accuracy.py`. Medians of three seeds, with the number of epochs that each took; a single run with nothing compiled.
Here a number says how many times as long as neurone a program takes.""",
    ),
    "growth": (
        "How cost grows",
        """\
An epoch at batch 32 on the embedded digits, one thread: more and more samples with 100 hidden neurons, then more and
more hidden neurons with 10,000 samples. `time` is 1 in a table's first row. The peak of memory is the whole process's:
Python, the images, and what was made of them.

![time and memory](growth.png)""",
    ),
    "estimators": (
        "In scikit-learn's place",
        """\
`MLPClassifier` or `MLPRegressor` and ours with the same arguments, one thread, float32: scikit-learn's defaults (Adam,
100 neurons, batches of 200, up to 200 epochs; 100 on diabetes, 4 and 2 on MNIST, 2 on text), and SGD with momentum at a
learning rate of 0.05. Tables are standardised; the text is docstrings of installed packages, told apart by TF-IDF of
their words, which is sparse. Medians of the ratios of the times, without compiling and caching; means and standard
deviations of the score on held-out samples, over five seeds or three. Then what Adam costs, and how the time of an
epoch of plain SGD grows with what a sparse matrix of 20,000 samples stores, spread evenly over the features; the first
row is 1. (More features mean more weights, too many for the caches.)""",
    ),
    "limits": (
        "How far from the limit",
        """\
Fused multiply-adds a second on one thread, in thousands of millions. Of an epoch's, only the unavoidable ones are
counted (`limits.py`): exponentials, corrections and the padding of vectors take time too.""",
    ),
}


def measured():
    """What test_epoch.py and test_predict.py measure: (test, row, threads, competitor) -> seconds a sample."""
    seconds = {}
    for threads in THREADS:
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            tests = FOLDER / "test_epoch.py", FOLDER / "test_predict.py"
            print(f"tests with {threads} thread(s)", flush=True)
            python("-m", "pytest", *tests, "--benchmark-quiet", f"--benchmark-json={file.name}", threads=threads)
            for benchmark in json.load(file)["benchmarks"]:
                info = benchmark["extra_info"]
                key = benchmark["name"].partition("[")[0], info["row"], info["threads"], info["competitor"]
                seconds[key] = benchmark["stats"]["median"] / info["samples"]
    return seconds


def ratios(seconds, test, threads):
    """Every row of a test: how many times as long as `fast` the others take."""
    keys = [key for key in seconds if key[0] == test and key[2] == threads]
    rows = dict.fromkeys(key[1] for key in keys)
    others = [name for name in dict.fromkeys(key[3] for key in keys) if name != "fast"]
    lines = [_row(["", *others]), "|---" * (1 + len(others)) + "|"]
    for row in rows:
        ours = seconds[test, row, threads, "fast"]
        lines.append(_row([row, *(_ratio(seconds.get((test, row, threads, name)), ours) for name in others)]))
    return "\n".join(lines)


def preparations(seconds):
    """The time of what is done once, on one thread, in epochs of the same program."""
    keys = [key for key in seconds if key[0] == "test_prepare" and key[2] == 1]
    cells = [f"{seconds[key] / seconds['test_epoch', *key[1:]]:.2f}" for key in keys]
    names = [key[3] for key in keys]
    return "\n".join([_row(["", *names]), "|---" * (1 + len(names)) + "|", _row([f"epochs of {keys[0][1]}", *cells])])


def _row(cells):
    return f"| {' | '.join(cells)} |"


def _ratio(theirs, ours):
    if theirs is None:
        return "-"
    return f"{theirs / ours:.1f}" if theirs < 100 * ours else f"{theirs / ours:.0f}"


def machine():
    """Processor, caches, system and versions, a line each."""
    described = dict(re.findall(r"^\s*(.+?):\s+(.+)$", subprocess.check_output("lscpu", text=True), re.MULTILINE))
    caches = ", ".join(f"{name[:-6]} {described[name]}" for name in described if re.match(r"L\d\w? cache", name))
    widest = "AVX-512" if "avx512f" in described["Flags"] else "AVX2" if "avx2" in described["Flags"] else "neither"
    compiler = subprocess.check_output(["gcc", "--version"], text=True).splitlines()[0]
    versions = ", ".join(f"{package} {_version(package)}" for package in PACKAGES)
    return "\n".join(
        [
            f"- {described['Model name']}, {os.cpu_count()} cores, {widest}; caches: {caches}",
            f"- neurone as of {_revision()}",
            f"- Python {platform.python_version()}, {versions}; {compiler}; NumPy's products by {_blas()}",
        ]
    )


def _revision():
    """The commit, and whether files differ from it."""
    command = ["git", "-C", FOLDER, "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return f"commit {subprocess.check_output(command, text=True).strip()}"
    except (OSError, subprocess.CalledProcessError):
        return "an unknown commit"


def _blas():
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{blas['name']} {blas['version']}"


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def report():
    sections = [("Machine", machine())]
    seconds = measured()
    for threads in THREADS:
        for test, title in (("test_epoch", "An epoch"), ("test_predict", "Prediction")):
            plural = "one thread" if threads == 1 else f"{threads} threads"
            sections.append((f"{title}, {plural}", ratios(seconds, test, threads)))
    sections.append(("What is done once", preparations(seconds)))
    for script, (title, meaning) in SCRIPTS.items():
        print(f"{script}.py", flush=True)
        threads = 2 if script == "threads" else 1
        sections.append((title, f"{meaning}\n\n{python(FOLDER / f'{script}.py', threads=threads).strip()}"))
    head = HEAD.format(name=images().name)
    return head + "".join(f"\n## {title}\n\n{text}\n" for title, text in sections)


if __name__ == "__main__":
    (FOLDER / "RESULTS.md").write_text(report(), encoding="utf-8")

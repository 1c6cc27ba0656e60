"""Two threads against one, and two fits at once that share nothing; for OMP_NUM_THREADS=2.

Epochs alternate: one alone with one thread, one with two threads, and two at once with one thread each. The gain of
these two over one after the other is what the machine has to give to two threads that never wait for each other. Prints
a Markdown table.
"""

import statistics
import threading
import time

from workloads import NETWORKS, training_set

import neurone
from neurone.training.fit import iterate
from neurone.training.rules import Rules

BATCHES = (32, 128, 1000, None)
# At least this many rounds, and this many seconds: at times a core was a third slower for a second or so.
ROUNDS, SECONDS = 9, 10


def epochs(sizes, batch, threads):
    """A network that has been trained for an epoch, and a function that trains one more and returns its seconds."""
    network = neurone.Network(sizes)
    reports = iterate(
        network, *training_set(sizes), rules=Rules(0.1), batch_size=batch, epochs=1_000_000,
        reduction="mean", shuffle=True, seed=0, kernels="fast", threads=threads, validation=None, progress=None,
    )  # fmt: skip
    next(reports)
    return network, lambda: next(reports).seconds


def at_once(*functions):
    """Call each function in a thread of its own, and return the largest result."""
    results = []
    threads = [threading.Thread(target=lambda run=run: results.append(run())) for run in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(results)


def row(sizes, batch):
    (alone, one), (together, two) = epochs(sizes, batch, 1), epochs(sizes, batch, 2)
    (_, first), (_, second) = epochs(sizes, batch, 1), epochs(sizes, batch, 1)
    gains, bounds, start = [], [], time.monotonic()
    while len(gains) < ROUNDS or time.monotonic() < start + SECONDS:
        seconds = one()
        gains.append(seconds / two())
        bounds.append(2 * seconds / at_once(first, second))
    assert alone.parameters.tobytes() == together.parameters.tobytes()
    name = f"{'-'.join(map(str, sizes))}, {'whole set' if batch is None else f'batch {batch}'}"
    cells = ["{1:.2f} ({0:.2f}-{2:.2f})".format(*statistics.quantiles(ratios, n=4)) for ratios in (gains, bounds)]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    print("| | two threads | two fits at once |\n|---|---|---|")
    for sizes in NETWORKS:
        for batch in BATCHES:
            row(sizes, batch)

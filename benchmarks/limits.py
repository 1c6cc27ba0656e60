"""Fused multiply-adds a second, against what the machine can do, on one thread: python benchmarks/limits.py

Of an epoch's, only the unavoidable ones are counted: for each pixel that is not 0, one for each hidden neuron, forward
and in the gradient; in layers after the first, one for each weight, forward, backward and in the gradient. The padding
of vectors, exponentials and corrections are not counted.
"""

import statistics
import time
from ctypes import c_long
from itertools import pairwise

import numpy as np
from competitors import COMPETITORS
from compile_c import address, compiled
from processes import pin
from workloads import training_set

import neurone

SIZES = (784, 100, 10)
BATCHES = (1, 32, 1000)
RUNS = 5
TIMES = 20_000_000  # passes of 13 vectors: about a second
ROWS = 32  # of 13 vectors, which fit a first-level cache of 32 KiB with either width


def median_seconds(run):
    run()
    seconds = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def peaks():
    """Fused multiply-adds a second from registers, and from the first-level cache."""
    library = compiled("peak.c")
    lanes = library.lanes()

    def array(*shape):
        # Written, not only reserved: pages that were never written are all one page of zeros. The numbers neither grow
        # nor vanish in many passes.
        room = np.empty(int(np.prod(shape)) + 16, np.float32)
        start = -room.ctypes.data % 64 // 4
        flat = room[start : start + int(np.prod(shape))]
        flat[:] = np.linspace(-1e-3, 1e-3, flat.size)
        return flat.reshape(shape)

    factor, term, sums = array(lanes), array(lanes), array(13, lanes)
    x, rows = array(ROWS), array(ROWS, 13, lanes)
    registers = median_seconds(
        lambda: library.in_registers(address(factor), address(term), address(sums), c_long(TIMES))
    )
    cache = median_seconds(
        lambda: library.in_cache(address(x), address(rows), address(sums), c_long(ROWS), c_long(TIMES // ROWS))
    )
    return tuple(TIMES * 13 * lanes / seconds for seconds in (registers, cache))


def needed(images):
    """Fused multiply-adds of an epoch."""
    behind = sum(n * m for n, m in pairwise(SIZES[1:]))
    return 2 * np.count_nonzero(images) * SIZES[1] + 3 * len(images) * behind


def table():
    registers, cache = peaks()
    images, labels = training_set(SIZES)
    name = "-".join(map(str, SIZES))
    lines = ["| | 10⁹ a second | of the loop in the cache |", "|---|---|---|"]
    rows = [("loop in registers", registers), ("loop in the first-level cache", cache)]
    for batch in BATCHES:
        runner = COMPETITORS["fast"](neurone.Network(SIZES), images, labels, batch)
        rows.append((f"epoch of {name}, batch {batch}", needed(images) / median_seconds(runner.epoch)))
    lines += [f"| {label} | {rate / 1e9:.1f} | {100 * rate / cache:.0f} % |" for label, rate in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    pin()
    print(table())

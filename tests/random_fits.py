"""Random trainings: the same bits whatever the kernels and the threads, with a guard page after every array.

    python tests/random_fits.py 10000 --seed 1

Each network, set and option is drawn anew: `notes` must give the parameters, costs and predictions that `fast` gives
with 1, 2, 3 or 8 threads. What a kernel reads or writes past the end of an array ends the process.
"""

import argparse
import ctypes
import mmap
import os
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
from scipy.sparse import csr_array

PROJECT = Path(__file__).resolve().parent.parent
# Before neurone is imported, which makes the folder.
os.environ.setdefault("NEURONE_CACHE", str(PROJECT / ".cache"))

import neurone  # noqa: E402
from neurone import network  # noqa: E402
from neurone.engine import learners, memory, parameters, plan, predictor, samples  # noqa: E402
from neurone.options import COSTS_OF_OUTPUT  # noqa: E402

_mprotect = ctypes.CDLL(None, use_errno=True).mprotect
_mprotect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int


def guarded(size, dtype):
    """Zeros that end at the beginning of a page that nobody may read or write."""
    dtype = np.dtype(dtype)
    needed = size * dtype.itemsize
    pages = -(-needed // mmap.PAGESIZE)
    block = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
    memory = np.frombuffer(block, np.uint8)
    end = pages * mmap.PAGESIZE
    if _mprotect(memory.ctypes.data + end, mmap.PAGESIZE, 0):
        raise OSError(ctypes.get_errno(), "mprotect")
    return memory[end - needed : end].view(dtype)


def _guarded_array(shape, dtype=np.float64):
    shape = (shape,) if np.ndim(shape) == 0 else shape
    return guarded(int(np.prod(shape)), dtype).reshape(shape)


class _GuardedNumPy:
    """NumPy, with guard pages after the arrays that `empty` and `zeros` give."""

    empty = zeros = staticmethod(_guarded_array)

    def __getattr__(self, name):
        return getattr(np, name)


def copy_of(array):
    """An array with a guard page after it."""
    copy = _guarded_array(array.shape, array.dtype)
    copy[...] = array
    return copy


def parts_for_all(network, members, stored, tuned):
    """As many shares of the first layer as there are threads, or registers."""
    sizes, lanes = network.sizes, plan.REGISTER_BYTES // network.dtype.itemsize
    registers = -(-sizes[1] // lanes)
    members = min(members, registers) if len(sizes) > 2 else 1
    borders = [lanes * (registers * member // members) for member in range(members)]
    return [plan.Part(network, *ends, tuned=tuned) for ends in pairwise([*borders, sizes[1]])]


def guards():
    """A context in which arrays have guard pages, and teams as many threads as are asked for."""
    stack = ExitStack()
    for module in (learners, network, parameters, predictor, samples):
        stack.enter_context(mock.patch.object(module, "np", _GuardedNumPy()))
    for module in (memory, learners, parameters, samples):
        stack.enter_context(mock.patch.object(module, "aligned", guarded))
    stack.enter_context(mock.patch.object(learners, "cores", lambda: 8))
    stack.enter_context(mock.patch.object(learners, "parts", parts_for_all))
    stack.enter_context(mock.patch.multiple(plan, _WORK_OF_A_TRANCHE=1, _WORK_OF_AN_EPOCH=1))
    return stack


def drawn(rng):
    """A network's settings, a set and options of `fit`, at random."""
    hidden = [int(rng.choice([1, 3, 8, 9, 17, 33, 64, 70, 100])) for _ in range(rng.integers(0, 4))]
    inputs, output = int(rng.choice([1, 2, 7, 16, 57, 130, 257])), str(rng.choice(list(COSTS_OF_OUTPUT)))
    outputs = int(rng.choice([2, 3, 8, 10, 20] if output == "softmax" else [1, 2, 9]))
    settings = dict(
        sizes=(inputs, *hidden, outputs), output=output, cost=str(rng.choice(COSTS_OF_OUTPUT[output])),
        activation=str(rng.choice(["logistic", "tanh", "relu", "identity"])), slope=float(rng.choice([1.0, 0.7])),
        dtype=str(rng.choice(["float32", "float64"])), init=str(rng.choice(["glorot", "notes"])),
        seed=int(rng.integers(1000)),
    )  # fmt: skip
    count = int(rng.choice([1, 2, 13, 60, 150]))
    images = rng.integers(0, 256, (count, inputs)).astype(np.uint8)
    if rng.random() < 0.8:  # scattered pixels, or strokes
        run = int(rng.choice([1, 4, 12]))
        images *= rng.random((count, -(-inputs // run))).repeat(run, axis=1)[:, :inputs] < rng.choice([0.02, 0.2, 0.6])
    if rng.random() < 0.5:
        images = images / rng.choice([255.0, -300.0])
        images = images.astype(rng.choice(["float32", "float64"]))
    labels = rng.integers(0, max(outputs, 2), count)
    if rng.random() < 0.3:
        labels = rng.random((count, outputs)) + 1e-3
        labels /= labels.sum(axis=1, keepdims=True)
    options = dict(
        batch_size=[1, 2, 7, 32, 100, None][rng.integers(6)], epochs=2, seed=int(rng.integers(1000)),
        reduction=str(rng.choice(["mean", "sum"])), learning_rate=float(rng.choice([0.001, 0.01])),
        **[dict(momentum=0.9, nesterovs_momentum=bool(rng.integers(2))), dict(optimizer="adam"),
           dict(optimizer="rprop"), {}, {}, {}][rng.integers(6)],
        weight_decay=float(rng.choice([0, 0, 0, 0.5])), alpha=float(rng.choice([0, 0, 0.01])),
        clip_norm=[None, None, 0.05, 1.0][rng.integers(4)], max_norm=[None, None, 0.1, 1.0][rng.integers(4)],
        dropout=float(rng.choice([0, 0, 0.5, 0.9])), input_dropout=float(rng.choice([0, 0, 0.2])),
        shuffle=bool(rng.integers(2)), sample_weight=rng.random(count) + 0.1 if rng.random() < 0.2 else None,
    )  # fmt: skip
    return SimpleNamespace(settings=settings, images=images, labels=labels, sparse=rng.random() < 0.2, options=options)


def trained(case, images, **more):
    """Parameters, costs and outputs, as bytes; or that it diverged."""
    net = neurone.Network(**case.settings)
    try:
        history = neurone.fit(net, images, case.labels, **case.options, **more)
    except neurone.DivergenceError:
        return "diverged"  # what is not finite has no bits to compare
    costs = np.array([report.cost for report in history])
    return net.parameters.tobytes(), costs.tobytes(), net.predict_proba(images).tobytes()


def run(count, seed):
    """Try `count` cases; returns the number of trainings."""
    rng, fits = np.random.Generator(np.random.Philox(seed)), 0
    with guards():
        for number in range(count):
            case = drawn(rng)
            images = copy_of(case.images)
            if case.sparse:
                images = csr_array(case.images)
            expected = trained(case, images, kernels="notes")
            for members in (1, int(rng.choice([2, 3, 8]))):
                found = trained(case, images, tuning="off", threads=members)
                fits += 1
                if found != expected:
                    raise AssertionError(f"case {number} of seed {seed} with {members} threads: {case}")
    return fits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(f"{run(args.count, args.seed)} trainings, each to the bits of notes")

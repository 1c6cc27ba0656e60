"""How many times as fast as the same network in NumPy, an epoch, in one run: python benchmarks/against_numpy.py

784-100-10, logistic hidden neurons, softmax, float32, one thread, on the embedded digits. The NumPy program is the one
that anybody would write: matrix products over a batch. What a fit does once, cutting images into sparse rows, is not
counted. Before the clock starts, both programs are seen to learn the same parameters but for rounding.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported

import statistics
import time

import numpy as np

import neurone
from neurone.datasets.digits import digits

SAMPLES, RATE, RUNS = 20_000, np.float32(0.05), 5


def numpy_epoch(network, images, labels, batch_size):
    """One epoch in the given order."""
    hidden, output = network.layer(0), network.layer(1)
    targets = np.eye(10, dtype=np.float32)[labels]
    for first in range(0, len(images), batch_size):
        x, y = images[first : first + batch_size], targets[first : first + batch_size]
        u = 1 / (1 + np.exp(-(x @ hidden[1:] + hidden[0])))
        tau = u @ output[1:] + output[0]
        e = np.exp(tau - tau.max(axis=1, keepdims=True))
        delta = e / e.sum(axis=1, keepdims=True) - y
        delta_hidden = (delta @ output[1:].T) * u * (1 - u)
        step = RATE / len(x)
        output[1:] -= step * (u.T @ delta)
        output[0] -= step * delta.sum(axis=0)
        hidden[1:] -= step * (x.T @ delta_hidden)
        hidden[0] -= step * delta_hidden.sum(axis=0)


def compare(images, labels, batch_size, kernels):
    floats = images.reshape(len(images), -1) / np.float32(255)
    ours, theirs = neurone.Network((784, 100, 10)), neurone.Network((784, 100, 10))

    def our_epoch():
        (report,) = neurone.fit(
            ours, images, labels,
            learning_rate=float(RATE), batch_size=batch_size, epochs=1, shuffle=False, kernels=kernels,
        )  # fmt: skip
        return report.seconds

    def their_epoch():
        begin = time.perf_counter()
        numpy_epoch(theirs, floats, labels, batch_size)
        return time.perf_counter() - begin

    our_epoch()
    their_epoch()
    assert np.allclose(ours.parameters, theirs.parameters, atol=1e-3), "the two programs do not learn the same"
    return statistics.median(their_epoch() / our_epoch() for _ in range(RUNS))


if __name__ == "__main__":
    data = digits(SAMPLES)
    for size in (1, 32, 128, 1000):
        ratios = ", ".join(f"{kernels} {compare(*data, size, kernels):.1f}" for kernels in ("fast", "notes"))
        print(f"batch {size:4}: times as fast as NumPy {np.__version__}: {ratios}", flush=True)

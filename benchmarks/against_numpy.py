"""Seconds an epoch of `neurone` over those of the same network in NumPy, in one run: python benchmarks/against_numpy.py

784-100-10, logistic hidden neurons, softmax, float32, one thread, on the embedded digits. The NumPy program is the one
that anybody would write: matrix products over a batch. Before the clock starts, both are seen to learn the same
parameters but for rounding.
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


def seconds(epoch):
    begin = time.perf_counter()
    epoch()
    return time.perf_counter() - begin


def compare(images, labels, batch_size):
    floats = images.reshape(len(images), -1) / np.float32(255)
    ours, theirs = neurone.Network((784, 100, 10)), neurone.Network((784, 100, 10))

    def our_epoch():
        neurone.fit(ours, images, labels, learning_rate=float(RATE), batch_size=batch_size, epochs=1, shuffle=False)

    def their_epoch():
        numpy_epoch(theirs, floats, labels, batch_size)

    our_epoch()
    their_epoch()
    assert np.allclose(ours.parameters, theirs.parameters, atol=1e-3), "the two programs do not learn the same"
    return statistics.median(seconds(our_epoch) / seconds(their_epoch) for _ in range(RUNS))


if __name__ == "__main__":
    data = digits(SAMPLES)
    for size in (1, 32, 1000):
        print(f"batch {size:4}: {compare(*data, size):.2f} times the seconds of NumPy {np.__version__}")

"""The neurons' functions as kernels, for Python to call. Kernels call the steps in `elementary.py` and `notes.py`."""

import math

from neurone.kernels import distortion, elementary, notes
from neurone.kernels.elementary import exp, tanh
from neurone.kernels.jit import kernel


@kernel
def power32(n):
    return elementary.power32(n)


@kernel
def exp32(x):
    return elementary.exp32(x)


@kernel
def tanh32(x):
    return elementary.tanh32(x)


@kernel
def activate(activation, s, pente):
    return elementary.activate(activation, s, pente)


@kernel
def derivative(activation, u, pente):
    return elementary.derivative(activation, u, pente)


@kernel
def library(x, found):
    """What the C library makes of x (P,), in 64 bits: found (4, P) is written with exp, tanh, log and log1p of |x|."""
    for p in range(x.size):
        size = abs(x[p])
        found[0, p], found[1, p], found[2, p], found[3, p] = exp(x[p]), tanh(x[p]), math.log(size), math.log1p(size)


@kernel
def sine_and_cosine(angle):
    return distortion.sine_and_cosine(angle)


@kernel
def softmax(tau, yhat):
    return notes.softmax(tau, yhat)

"""The neurons' functions as kernels, for Python to call. Kernels call the steps in `elementary.py` and `notes.py`."""

from neurone.kernels import elementary, notes
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
def softmax(tau, yhat):
    return notes.softmax(tau, yhat)

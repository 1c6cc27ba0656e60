"""Codes for the kernels: a function passed as an argument would miss Numba's cache in every process."""

LOGISTIC, TANH, RELU, IDENTITY, SOFTMAX = range(5)
QUADRATIC, HALF_QUADRATIC, LOG = range(3)
SGD, MOMENTUM, ADAM, RPROP = range(4)

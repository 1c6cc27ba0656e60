"""Codes for the kernels: a function passed as an argument would miss Numba's cache in every process."""

LOGISTIC, TANH, RELU, IDENTITY, SOFTMAX, EXPONENTIAL = range(6)
QUADRATIC, HALF_QUADRATIC, LOG, POISSON = range(4)
SGD, MOMENTUM, ADAM, RPROP = range(4)

"""The names a user chooses from, the kernels' code for each, and the checks of plain options."""

import math
from numbers import Integral, Real

import numpy as np

from neurone.constants import (
    HALF_QUADRATIC,
    IDENTITY,
    LOG,
    LOGISTIC,
    MOMENTUM,
    QUADRATIC,
    RELU,
    SGD,
    SOFTMAX,
    TANH,
)
from neurone.errors import InputError

ACTIVATIONS = {"logistic": LOGISTIC, "tanh": TANH, "relu": RELU, "identity": IDENTITY}
OUTPUTS = {"softmax": SOFTMAX, "logistic": LOGISTIC, "tanh": TANH, "identity": IDENTITY}
COSTS = {"log": LOG, "quadratic": QUADRATIC, "half-quadratic": HALF_QUADRATIC}
COSTS_OF_OUTPUT = {
    "softmax": ("log",),
    "logistic": ("log", "quadratic", "half-quadratic"),
    "tanh": ("quadratic", "half-quadratic"),
    "identity": ("quadratic", "half-quadratic"),
}
DTYPES = ("float32", "float64")
INITS = ("glorot", "notes")
REDUCTIONS = ("mean", "sum")
KERNELS = ("fast", "notes")
TUNINGS = ("background", "first", "off")
# Each optimiser's code, and how many numbers it keeps for every parameter.
OPTIMIZERS = {"sgd": (SGD, 0), "momentum": (MOMENTUM, 1)}


def choice(name, value, allowed):
    """`value`, one of the names `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(allowed)}")
    return value


def integer(name, value, least=1, most=2**63 - 1):
    """`value` as an int between `least` and `most`; NumPy's integers will do, booleans and 3.0 will not."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= value <= most:
        limits = f"of at least {least}" if most == 2**63 - 1 else f"from {least} to {most}"
        raise InputError(f"{name} is {value!r}; give an integer {limits}")
    return int(value)


def seed(value):
    """`value` as an int of 64 bits without a sign."""
    return integer("seed", value, 0, 2**64 - 1)


def positive(name, value, width=np.float64):
    """`value` as a float, above 0 and finite, and so still when rounded to `width`."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < math.inf:
        raise InputError(f"{name} is {value!r}; give a number above 0, and finite")
    try:
        with np.errstate(over="ignore", under="ignore"):
            rounded = width(value)
    except OverflowError:  # an integer of hundreds of digits
        rounded = math.inf
    if not 0 < rounded < math.inf:
        raise InputError(f"{name} is {value!r}, which {width.__name__} rounds to {rounded}; give another")
    return float(value)


def not_negative(name, value):
    """`value` as a float, 0 or more and finite."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= value < math.inf:
        raise InputError(f"{name} is {value!r}; give a number of 0 or more, and finite")
    return float(value)


def flag(name, value):
    """`value` as a bool; NumPy's will do, 0 and "no" will not."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} is {value!r}; give True or False")
    return bool(value)


def output_cost(output, cost):
    """Check that the two go together (specification sections 3 and 5)."""
    choice("output", output, OUTPUTS)
    choice("cost", cost, COSTS)
    if cost not in COSTS_OF_OUTPUT[output]:
        possible = " or ".join(COSTS_OF_OUTPUT[output])
        raise InputError(f"cost is {cost!r}, which does not go with output {output!r}; choose cost {possible}")

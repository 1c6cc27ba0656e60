"""The names a user chooses from, the kernels' code for each, and the checks of plain options."""

import math
import os
from numbers import Integral, Real

import numpy as np

from neurone.constants import (
    ADAM,
    EXPONENTIAL,
    HALF_QUADRATIC,
    IDENTITY,
    LOG,
    LOGISTIC,
    MOMENTUM,
    POISSON,
    QUADRATIC,
    RELU,
    RPROP,
    SGD,
    SOFTMAX,
    TANH,
)
from neurone.errors import InputError

ACTIVATIONS = {"logistic": LOGISTIC, "tanh": TANH, "relu": RELU, "identity": IDENTITY}
OUTPUTS = {"softmax": SOFTMAX, "logistic": LOGISTIC, "tanh": TANH, "identity": IDENTITY, "exp": EXPONENTIAL}
COSTS = {"log": LOG, "quadratic": QUADRATIC, "half-quadratic": HALF_QUADRATIC, "poisson": POISSON}
COSTS_OF_OUTPUT = {
    "softmax": ("log",),
    "logistic": ("log", "quadratic", "half-quadratic"),
    "tanh": ("quadratic", "half-quadratic"),
    "identity": ("quadratic", "half-quadratic"),
    "exp": ("poisson",),
}
DTYPES = ("float32", "float64")
INITS = ("glorot", "notes")
REDUCTIONS = ("mean", "sum")
KERNELS = ("fast", "notes")
TUNINGS = ("background", "first", "off")
# Of what a message says of a value.
_LONGEST = 80
# Each optimiser's code, and the numbers that it keeps for every parameter, as they are at first.
KINDS = {"sgd": (SGD, ()), "momentum": (MOMENTUM, (0.0,)), "adam": (ADAM, (0.0, 0.0)), "rprop": (RPROP, (0.1, 0.0))}
OPTIMIZERS = ("sgd", "adam", "rprop")


def described(value):
    """`value` for a message: its `repr` on one line, and cut where it is long, as an array's or a list's may be."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # an integer of thousands of digits
        return f"too long an {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def choice(name, value, allowed):
    """`value`, one of the names `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise InputError(f"{name} is {described(value)}; choose one of {', '.join(allowed)}")
    return str(value)


def _is(value, kind):
    """Whether `value` is a number of this kind. Python takes booleans, and NumPy spans of time, for integers."""
    return isinstance(value, kind) and not isinstance(value, bool | np.timedelta64)


def integer(name, value, least=1, most=2**63 - 1):
    """`value` as an int between `least` and `most`; NumPy's integers will do, booleans and 3.0 will not."""
    if not _is(value, Integral) or not least <= value <= most:
        limits = f"of at least {least}" if most == 2**63 - 1 else f"from {least} to {most}"
        raise InputError(f"{name} is {described(value)}; give an integer {limits}")
    return int(value)


def seed(value):
    """`value` as an int of 64 bits without a sign."""
    return integer("seed", value, 0, 2**64 - 1)


def positive(name, value, width=np.float64):
    """`value` as a float, above 0 and finite, and so still when rounded to `width`."""
    if not _is(value, Real) or not 0 < value < math.inf:
        raise InputError(f"{name} is {described(value)}; give a number above 0, and finite")
    with np.errstate(over="ignore", under="ignore"):
        rounded = width(_float(value))
    if not 0 < rounded < math.inf:
        raise InputError(f"{name} is {described(value)}, which {width.__name__} rounds to {rounded}; give another")
    return float(value)


def not_negative(name, value):
    """`value` as a float, 0 or more and finite."""
    if not _is(value, Real) or not 0 <= value < math.inf or _float(value) == math.inf:
        raise InputError(f"{name} is {described(value)}; give a number of 0 or more, and finite")
    return float(value)


def _float(value):
    try:
        return float(value)
    except OverflowError:  # an integer of hundreds of digits
        return math.inf


def flag(name, value):
    """`value` as a bool; NumPy's will do, 0 and "no" will not."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} is {described(value)}; give True or False")
    return bool(value)


def function(name, value, what):
    """`value`, a function that takes `what`, or None."""
    if value is not None and not callable(value):
        raise InputError(f"{name} is {described(value)}; give a function that takes {what}")
    return value


def path(name, value):
    """`value`, a file's name; an integer would be taken for an open file, such as standard output."""
    if not isinstance(value, str | os.PathLike) or not os.fspath(value) or "\0" in os.fsdecode(value):
        raise InputError(f"{name} is {described(value)}; give a file's name")
    return value


def output_cost(output, cost):
    """Check that the two go together (specification sections 3 and 5)."""
    choice("output", output, OUTPUTS)
    choice("cost", cost, COSTS)
    if cost not in COSTS_OF_OUTPUT[output]:
        possible = " or ".join(COSTS_OF_OUTPUT[output])
        raise InputError(f"cost is {cost!r}, which does not go with output {output!r}; choose cost {possible}")

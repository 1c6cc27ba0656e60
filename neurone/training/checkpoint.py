"""A training's whole state in one file: what decides the rest of the run, bit for bit.

It holds the parameters, and what the optimiser keeps for each; the reports of the epochs that are done; the state of
the rules, which is the factor of the learning rate, the least loss, the epochs in a row that have not improved it and
the best parameters; the place in the current epoch, at a batch's end; and what the run was asked for, so that no other
run continues from it. The order of the samples is a function of (seed, epoch), and there is no other state.
"""

import hashlib
import math
from dataclasses import fields

import numpy as np

from neurone import container
from neurone.engine.optimizer import Optimizer
from neurone.files import refusal
from neurone.kernels import scalars
from neurone.randomness import uniform
from neurone.training.reports import Position, Report
from neurone.training.rules import Course, Rules, is_over

# A report's numbers, without its epoch, which is its place in the history.
_COLUMNS = tuple(field.name for field in fields(Report) if field.name not in ("epoch", "penalty"))
_OF_VALIDATION = "validation_error", "validation_cost"
_SETTINGS = ["asked", "sample", "cost", "wrong", "seconds", "factor", "best", "rounds", "waited", "powers", "end"]
# Schedules that the number of epochs decides.
_BY_EPOCHS = ("linear", "cosine")
# Of the probe of the C library.
_NUMBERS = 20_000
_ARRAYS = ["parameters", "memory", "best_parameters", "history"]


def fingerprint(*arrays):
    """SHA-256 of arrays, their types and shapes, in hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def library():
    """SHA-256 of what the C library makes of many numbers, in hexadecimal: 64-bit networks depend on its last bits.

    Two versions of one library, or its variants for processors with and without a fused multiply-add, differ in one
    value of exp or tanh in a thousand or so, and a run that went from one to the other would end with other bits.
    """
    numbers = uniform(_NUMBERS, 0, 0) * 20
    found = np.empty((4, numbers.size))
    scalars.library(numbers, found)
    return hashlib.sha256(found.tobytes()).hexdigest()


def save(path, asked, position, parameters, end=None):
    """Write a checkpoint, whole or not at all.

    Parameters
    ----------
    path : path-like
    asked : dict
        What the run was asked for: strings, numbers, lists. "epochs", "batch_size", "validation", "optimizer",
        "momentum" and "patience" are among it.
    position : Position
        Whole: `parameters` are those at this place.
    parameters : ndarray
        The last, not the best.
    end : float, optional
        The seconds that a run took, when it has ended.
    """
    columns = _columns(asked)
    history = [[getattr(report, name) for name in columns] for report in position.reports]
    course = position.course
    place = position.sample, position.cost, position.wrong, position.seconds
    best = None if course.best == math.inf else course.best  # JSON has no word for infinity
    state = course.factor, best, course.rounds, course.waited, position.powers.tolist()
    best = [] if course.parameters is None else course.parameters
    history = np.array(history, np.float64).reshape(-1, len(columns))
    arrays = parameters, position.memory, np.array(best, parameters.dtype).reshape(-1, parameters.size), history
    settings = dict(zip(_SETTINGS, (asked, *place, *state, end), strict=True))
    container.write(path, "checkpoint", settings, dict(zip(_ARRAYS, arrays, strict=True)))


def load(path, asked, network, samples):
    """The Position that `save` wrote, and `end`; the parameters go into `network`.

    Parameters
    ----------
    path : path-like
    asked : dict
        As for `save`: what the checkpoint's run was asked for, or more epochs of it.
    network : Network
    samples : int
        Samples in an epoch.

    Raises
    ------
    InputError
        The file cannot be read, is no checkpoint, or is one of another run. The network is left as it was.
    """
    settings, arrays = container.read(path, "checkpoint")
    try:
        found = settings["asked"]
        _compare(found, asked)
        position = _position(settings, arrays, found, network, samples)
    except (KeyError, TypeError, ValueError) as error:
        what = f"no checkpoint of this training: {error}; resume with its options, or name another"
        raise refusal(path, what) from None
    network.parameters = arrays["parameters"]
    same = all(found[name] == asked[name] for name in ("epochs", "max_seconds"))
    return position, settings["end"] if same or position.course.ended else None


def _compare(found, asked):
    """Raise ValueError where the two differ, except by more epochs."""
    if type(found) is not dict or list(found) != list(asked):
        raise ValueError("it has other options")
    for name, ours in asked.items():
        theirs = found[name]
        # "linear" and "cosine" have other rates where there are more epochs. Time changes no epoch that there was.
        more = name == "epochs" and type(theirs) is int and 0 <= theirs <= ours and found["schedule"] not in _BY_EPOCHS
        more |= name == "max_seconds" and (theirs is None or type(theirs) is float)
        if not more and (type(theirs) is not type(ours) or theirs != ours):
            if name == "data":
                raise ValueError("it was made with other data")
            if name == "start":
                raise ValueError("it began with another network")
            if name == "library":
                raise ValueError("it was made with another C library, whose exp or tanh differ in the last bit")
            raise ValueError(f"{name} is {ours!r}, and was {theirs!r}")


def _position(settings, arrays, asked, network, samples):
    """The Position, if every number is one that a training can have saved; else ValueError."""
    if list(settings) != _SETTINGS or list(arrays) != _ARRAYS:
        raise ValueError("other settings or arrays")
    parameters, memory, best_parameters, history = arrays.values()
    _, sample, cost, wrong, seconds, factor, best, rounds, waited, powers, end = settings.values()
    columns, epochs, patience, size = _columns(asked), asked["epochs"], asked["patience"], network.parameters.size
    if history.dtype != np.float64 or history.shape[1:] != (len(columns),) or len(history) > epochs:
        raise ValueError(f"history is {history.dtype} {history.shape}")
    begun = len(history) > 0
    for name, array, shape in (
        ("parameters", parameters, (size,)),
        ("memory", memory, (len(Optimizer(asked["optimizer"], asked["momentum"]).kept), size)),
        ("best_parameters", best_parameters, (int(begun and patience is not None), size)),
    ):
        if array.dtype != network.dtype or array.shape != shape:
            raise ValueError(f"{name} are {array.dtype} {array.shape}")
    ended = is_over(rounds, patience)
    over = ended or len(history) == epochs
    may_end = over or asked["max_seconds"] is not None
    numbers = (
        ("sample", sample, int, 0 if over else samples),
        ("wrong", wrong, int, sample),
        ("cost", abs(cost), float, np.inf),
        ("seconds", seconds, float, np.inf),
        ("factor", factor, float, 1),
        ("rounds", rounds, int, max(len(history) - 1, 0)),
        ("waited", waited, int, rounds),
        *(("powers", power, float, 1) for power in powers),
        ("end", 0.0 if end is None else end, float, np.inf if may_end else 0),
    )
    for name, value, type_, most in numbers:
        if type(value) is not type_ or not 0 <= value <= most:
            raise ValueError(f"{name} is {value!r}")
    if len(powers) != 2:
        raise ValueError(f"powers are {powers!r}")
    if sample % (asked["batch_size"] or samples) and sample != samples:
        raise ValueError(f"sample {sample} is not at the end of a batch")
    rows = [dict.fromkeys(_COLUMNS) | dict(zip(columns, row, strict=True)) for row in history.tolist()]
    reports = [Report(epoch=epoch, **row) for epoch, row in enumerate(rows)]
    least = min(map(Rules(1.0, monitor=asked["monitor"]).loss, reports), default=None)
    if type(best) is not type(least) or best != least:
        raise ValueError(f"best is {best!r}")
    decayed = 1.0
    for _ in reports:
        decayed *= asked["decay"]
    best = best if begun else math.inf
    course = Course(decayed, factor, best, rounds, waited, samples * len(reports), ended=ended)
    if len(best_parameters):
        course.parameters = best_parameters[0]
    method = Optimizer(asked["optimizer"], asked["momentum"]).kind
    return Position(reports, sample, cost, wrong, seconds, memory, method, np.array(powers), course=course)


def _columns(asked):
    return [name for name in _COLUMNS if name not in _OF_VALIDATION or asked["validation"] is not None]

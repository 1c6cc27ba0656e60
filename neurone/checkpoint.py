"""A training's whole state in one file: what decides the rest of the run, bit for bit.

The parameters; the reports of the epochs that are done; the place in the next one, at a batch's end; and what the run
was asked for, so that no other goes on from it. The order of the samples is a function of (seed, epoch), and there is
no other state.
"""

import hashlib
from dataclasses import fields

import numpy as np

from neurone import container
from neurone.files import refusal
from neurone.training import Position, Report

# A report's numbers; its epoch is its place.
_COLUMNS = tuple(field.name for field in fields(Report) if field.name != "epoch")
_SETTINGS = ["asked", "sample", "cost", "wrong", "seconds", "end"]


def fingerprint(*arrays):
    """SHA-256 of arrays, their types and shapes, in hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def save(path, asked, position, parameters, end=None):
    """Write a checkpoint, whole or not at all.

    Parameters
    ----------
    path : path-like
    asked : dict
        What the run was asked for: strings, numbers, lists. "epochs", "batch_size" and "validation" are among it.
    position : Position
        Whole: `parameters` are those at this place.
    parameters : ndarray
    end : float, optional
        Of a run at its end, its seconds.
    """
    columns = _columns(asked)
    history = [[getattr(report, name) for name in columns] for report in position.reports]
    state = asked, position.sample, position.cost, position.wrong, position.seconds, end
    settings = dict(zip(_SETTINGS, state, strict=True))
    arrays = {"parameters": parameters, "history": np.array(history, np.float64).reshape(-1, len(columns))}
    container.write(path, "checkpoint", settings, arrays)


def load(path, asked, network, samples):
    """The Position that `save` wrote, and `end`; the parameters go into `network`.

    Parameters
    ----------
    path : path-like
    asked : dict
        As for `save`: but for more epochs it must be what the checkpoint's run was asked for.
    network : Network
    samples : int
        Of an epoch.

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
    return position, settings["end"] if found["epochs"] == asked["epochs"] else None


def _compare(found, asked):
    """Raise ValueError where the two differ, but for more epochs."""
    if type(found) is not dict or list(found) != list(asked):
        raise ValueError("it has other options")
    for name, ours in asked.items():
        theirs = found[name]
        more = name == "epochs" and type(theirs) is int and 0 <= theirs <= ours
        if not more and (type(theirs) is not type(ours) or theirs != ours):
            if name == "data":
                raise ValueError("it was made with other data")
            raise ValueError(f"{name} is {ours!r}, and was {theirs!r}")


def _position(settings, arrays, asked, network, samples):
    """The place, if every number is one that a training leaves there; else ValueError."""
    if list(settings) != _SETTINGS or list(arrays) != ["parameters", "history"]:
        raise ValueError("other settings or arrays")
    parameters, history, columns = *arrays.values(), _columns(asked)
    if parameters.dtype != network.dtype or parameters.shape != network.parameters.shape:
        raise ValueError(f"parameters are {parameters.dtype} {parameters.shape}")
    epochs = asked["epochs"]
    if history.dtype != np.float64 or history.shape[1:] != (len(columns),) or len(history) > epochs:
        raise ValueError(f"history is {history.dtype} {history.shape}")
    _, sample, cost, wrong, seconds, end = settings.values()
    numbers = (
        ("sample", sample, int, samples if len(history) < epochs else 0),
        ("wrong", wrong, int, sample),
        ("cost", abs(cost), float, np.inf),
        ("seconds", seconds, float, np.inf),
        ("end", 0.0 if end is None else end, float, np.inf if len(history) == epochs else 0),
    )
    for name, value, type_, most in numbers:
        if type(value) is not type_ or not 0 <= value <= most:
            raise ValueError(f"{name} is {value!r}")
    if sample % (asked["batch_size"] or samples) and sample != samples:
        raise ValueError(f"sample {sample} is not at the end of a batch")
    rows = [dict.fromkeys(_COLUMNS) | dict(zip(columns, row, strict=True)) for row in history.tolist()]
    reports = [Report(epoch=epoch, **row) for epoch, row in enumerate(rows)]
    return Position(reports, sample, cost, wrong, seconds)


def _columns(asked):
    return [name for name in _COLUMNS if name != "validation_error" or asked["validation"] is not None]

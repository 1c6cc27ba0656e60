"""The report of an epoch, and where a training stands."""

import json
import math
from dataclasses import dataclass, field

import numpy as np

from neurone.files import reading, refusal
from neurone.training.rules import Course


@dataclass(frozen=True)
class Report:
    """The results of an epoch.

    Attributes
    ----------
    epoch : int
        From 0.
    cost : float
        Mean over the epoch's samples, each as it passes, before its batch's correction.
    train_error : float or None
        Wrong answers as the samples pass, in percent; None with float targets that are not those of labels.
    validation_error : float or None
        Wrong answers on the validation set after the epoch, in percent; None without one, and with such targets.
    validation_cost : float or None
        Mean cost over the validation set after the epoch; None without one.
    penalty : float or None
        What the penalty adds to `cost`: `alpha / 2 |w|^2` of each batch, over its samples; None where nobody asked.
    learning_rate : float
        The epoch's own.
    seconds : float
        Time of training, including what `progress` does, such as writing checkpoints, but not validation.
    """

    epoch: int
    cost: float
    train_error: float | None
    validation_error: float | None
    validation_cost: float | None = field(default=None, kw_only=True)
    penalty: float | None = field(default=None, kw_only=True)
    learning_rate: float
    seconds: float


def read_history(path):
    """The reports in a file of `train --history`: list of Report.

    Raises
    ------
    InputError
        A line that `train` did not write, or no epoch.
    """
    found = []
    with reading(path) as file:
        for number, line in enumerate(file, 1):
            try:
                event = json.loads(line)
                if event.pop("event") == "epoch":
                    event.pop("network", None)
                    found.append(_checked(Report(**event)))
            except (ValueError, TypeError, KeyError, AttributeError):
                raise refusal(path, f"line {number} is none of a history; use a file of train --history") from None
    if not found:
        raise refusal(path, "has no epoch; use a file of train --history")
    return found


def _checked(report):
    for name, value in vars(report).items():
        optional = value is None and name not in ("epoch", "cost", "learning_rate", "seconds")
        if not optional and not math.isfinite(value):
            raise ValueError(name)
    return report


@dataclass(eq=False)
class Position:
    """Where a training stands, at a batch's end. `iterate` begins at a position, and keeps it up to date.

    Attributes
    ----------
    reports : list of Report
        Of the epochs that are done.
    sample : int
        How many samples of the current epoch are done.
    cost : float
        The sum of their costs.
    wrong : int
        How many of their answers are wrong.
    seconds : float
        The time spent on them.
    memory : ndarray or None
        What the optimiser keeps, (k, parameters) of the network's type, each row laid out like the parameters. None
        where training has not begun.
    method : str or None
        The optimiser that it belongs to.
    powers : ndarray
        Those of Adam's two factors, float64 (2,).
    last : ndarray or None
        The last parameters, where `fit` has put back the best.
    squares : ndarray or None
        The squares of the weights that the current epoch has added up so far, where the penalty is asked for.
    course : Course
        The state of the rules: the factor of the learning rate, the best epoch so far.
    whole : bool
        Whether the network's parameters are finite and those of this position. They are not while a kernel runs.
    """

    reports: list = field(default_factory=list)
    sample: int = 0
    cost: float = 0.0
    wrong: int = 0
    seconds: float = 0.0
    memory: np.ndarray | None = None
    method: str | None = None
    powers: np.ndarray = field(default_factory=lambda: np.ones(2))
    last: np.ndarray | None = None
    squares: np.ndarray | None = None
    course: Course = field(default_factory=Course)
    whole: bool = True

"""The rules of a training: the learning rate of each epoch, when to end, and which parameters to keep.

`Rules` are what the user asked for; `Course` is the state, which positions and checkpoints carry. After each report the
rules set the next factor of the learning rate in the course, or end it. `fit`, `python -m neurone.train` and the
estimators all train by these.

A new schedule is a function and a line in `SCHEDULES`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from numbers import Real

import numpy as np

from neurone import options
from neurone.errors import InputError
from neurone.floats import exactly


@dataclass(eq=False)
class Course:
    """What a training carries from one epoch to the next, besides its parameters.

    Attributes
    ----------
    decayed : float
        The product of an epoch's `decay`s, one for each epoch before it.
    factor : float
        The schedule's factor of the next epoch's learning rate.
    best : float
        The least loss so far.
    rounds : int
        Epochs in a row that have not improved it by `tol`.
    samples : int
        How many samples have been trained on, each counted as often as it passed.
    parameters : ndarray or None
        The best, if they are kept: those after the first epoch with the least loss.
    ended : bool
        Whether patience has run out.
    """

    decayed: float = 1.0
    factor: float = 1.0
    best: float = math.inf
    rounds: int = 0
    samples: int = 0
    parameters: np.ndarray | None = None
    ended: bool = False

    def put_back(self, network):
        """Give `network` the best parameters, if they are kept."""
        if self.parameters is not None:
            network.parameters = self.parameters


def _constant(rules, course, report):
    """1: only `decay` changes the learning rate."""


def _invscaling(rules, course, report):
    """(t + 1)^-power_t after t samples.

    Correctly rounded, as good as always, by 40 digits: the bits of `pow` are those of the C library.
    """
    with localcontext(prec=40):
        course.factor = float(Decimal(course.samples + 1) ** -Decimal(rules.power_t))


def _adaptive(rules, course, report):
    """Divided by 5 whenever patience runs out, which then begins anew, unless the rate is already small."""
    if is_over(course.rounds, rules.patience) and report.learning_rate > rules.least_rate:
        course.rounds, course.factor = 0, course.factor / 5


# Called after each epoch, when `course` knows its loss; each sets `course.factor`. The three are MLPClassifier's.
SCHEDULES = {"constant": _constant, "invscaling": _invscaling, "adaptive": _adaptive}
# At this rate or below, "adaptive" ends the training, as in MLPClassifier.
LEAST_RATE = 1e-6


def is_over(rounds, patience):
    """Whether `rounds` epochs in a row without an improvement are more than `patience`, which may be None."""
    return patience is not None and rounds > patience


def error_or_cost(report):
    """The loss that `fit` judges an epoch by: the validation error in percent, or validation cost, or training cost."""
    losses = report.validation_error, report.validation_cost, report.cost
    return next(loss for loss in losses if loss is not None)


@dataclass(frozen=True)
class Rules:
    """The rules that a training follows; `neurone.fit` describes the options of the same names.

    Attributes
    ----------
    learning_rate, decay, schedule, power_t, patience, tol
        As in `fit`.
    keep_best : bool
        Where there is patience, keep the best parameters.
    least_rate : float
        At this learning rate or below, "adaptive" ends the training instead of lowering it.
    judge : callable
        Called with each report; returns the epoch's loss, the smaller the better.
    """

    learning_rate: float
    decay: float = 1.0
    schedule: str = "constant"
    power_t: float = 0.5
    patience: float | None = None
    tol: float = 1e-4
    keep_best: bool = True
    least_rate: float = LEAST_RATE
    judge: Callable = error_or_cost

    def checked(self, dtype, epochs):
        """The same rules as plain numbers, checked for `epochs` epochs of a `dtype` network; else InputError."""
        learning_rate = options.positive("learning_rate", self.learning_rate, dtype.type)
        decay = options.positive("decay", self.decay)
        if decay > 1 and not _last_rate(learning_rate, decay, epochs) <= float(np.finfo(dtype).max):
            raise InputError(
                f"decay is {decay}, with which the learning rate overflows before epoch {epochs}; give less"
            )
        options.choice("schedule", self.schedule, SCHEDULES)
        patience = self.patience
        if patience is not None and not (isinstance(patience, Real) and patience == math.inf):
            patience = options.integer("patience", patience)
        if patience is None and self.schedule == "adaptive":
            raise InputError("schedule is 'adaptive', which lowers the rate when patience runs out; give patience too")
        power_t, tol = options.not_negative("power_t", self.power_t), options.not_negative("tol", self.tol)
        return replace(self, learning_rate=learning_rate, decay=decay, patience=patience, power_t=power_t, tol=tol)

    def rate(self, course):
        """The next epoch's learning rate."""
        return self.learning_rate * course.decayed * course.factor

    def after(self, report, loss, network, samples, course):
        """Update `course` after an epoch of `samples` samples: the best loss, the next factor, whether to end."""
        course.samples += samples
        course.decayed *= self.decay
        # NaN is no improvement.
        course.rounds = 0 if loss <= course.best - self.tol else course.rounds + 1
        if loss < course.best:
            if self.keep_best and self.patience is not None:
                course.parameters = network.parameters.copy()
            course.best = loss
        SCHEDULES[self.schedule](self, course, report)
        course.ended = is_over(course.rounds, self.patience)


def _last_rate(learning_rate, decay, epochs):
    try:
        return learning_rate * decay ** max(epochs - 1, 0)
    except OverflowError:
        return np.inf


def check_callback(callback):
    """Refuse a callback that cannot be called; None stands for no callback."""
    options.function("callback", callback, "a report")


@exactly
def follow(reports, network, course, callback=None):
    """Train by taking all `reports`, calling `callback` with each; however that ends, put back the best parameters."""
    try:
        for report in reports:
            if callback is not None:
                callback(report)
    finally:
        course.put_back(network)

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
    waited : int
        The same for the schedule "plateau", which counts anew when it lowers the rate.
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
    waited: int = 0
    samples: int = 0
    parameters: np.ndarray | None = None
    ended: bool = False


def _constant(rules, course, report):
    """1: only `decay` changes the learning rate."""


def _linear(rules, course, report):
    """From 1 in the first epoch after the warm-up down to the final rate in the last, by equal steps."""
    least = rules.final_rate / rules.learning_rate
    course.factor = 1.0 + (least - 1.0) * rules.progress(report.epoch + 1)


def _cosine(rules, course, report):
    """The same by half a wave, slow at both ends (Loshchilov and Hutter, ICLR 2017)."""
    least = rules.final_rate / rules.learning_rate
    course.factor = least + (1.0 - least) * _half_wave(rules.progress(report.epoch + 1))


def _half_wave(t):
    """(1 + cos(pi t)) / 2 for t from 0 to 1, correctly rounded, as good as always, by series to 40 digits.

    It is cos(pi t / 2)^2, or, behind the middle, the square of a sine, which is exact where it is small. The bits of
    `math.cos` are those of the C library.
    """
    with localcontext(prec=40):
        t = Decimal(t)
        x = _PI / 2 * min(t, 1 - t)
        term = total = Decimal(1) if 2 * t <= 1 else x
        for n in range(1 if 2 * t <= 1 else 2, 40, 2):
            term *= -x * x / (n * (n + 1))
            total += term
        return float(total**2)


def _plateau(rules, course, report):
    """Times `plateau_factor` after more than `plateau_patience` epochs in a row without an improvement by `tol`."""
    course.waited = 0 if course.rounds == 0 else course.waited + 1
    if course.waited > rules.plateau_patience:
        course.waited = 0
        course.factor = max(course.factor * rules.plateau_factor, rules.final_rate / rules.learning_rate)


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


# Called after each epoch, when `course` knows its loss; each sets `course.factor`, which is 1 in the first epoch.
SCHEDULES = {
    "constant": _constant, "linear": _linear, "cosine": _cosine, "plateau": _plateau, "invscaling": _invscaling,
    "adaptive": _adaptive,
}  # fmt: skip
# Those of MLPClassifier.
SCHEDULES_OF_SCIKIT_LEARN = ("constant", "invscaling", "adaptive")
_PI = Decimal("3.14159265358979323846264338327950288419717")
MONITORS = ("validation_error", "validation_cost", "cost")
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
    learning_rate, decay, schedule, power_t, patience, tol, final_rate, warmup, plateau_patience, plateau_factor
        As in `fit`.
    max_seconds : float or None
        As in `fit`.
    period : int or None
        Epochs that "linear" and "cosine" take; those of the training, if it is None.
    keep_best : bool
        Where there is patience, keep the best parameters.
    least_rate : float
        At this learning rate or below, "adaptive" ends the training instead of lowering it.
    monitor : str or None
        As in `fit`.
    judge : callable or None
        In place of `monitor`: called with each report, it returns the epoch's loss, the smaller the better.
    """

    learning_rate: float
    decay: float = 1.0
    schedule: str = "constant"
    power_t: float = 0.5
    patience: float | None = None
    tol: float = 1e-4
    final_rate: float = 0.0
    warmup: int = 0
    plateau_patience: int = 10
    plateau_factor: float = 0.1
    period: int | None = None
    max_seconds: float | None = None
    monitor: str | None = None
    keep_best: bool = True
    least_rate: float = LEAST_RATE
    judge: Callable | None = None

    def checked(self, dtype, epochs):
        """The same rules as plain numbers, checked for `epochs` epochs of a `dtype` network; else InputError."""
        learning_rate = options.positive("learning_rate", self.learning_rate, dtype.type)
        decay = options.positive("decay", self.decay)
        if decay > 1 and not _last_rate(learning_rate, decay, epochs) <= float(np.finfo(dtype).max):
            raise InputError(
                f"decay is {decay}, with which the learning rate overflows before epoch {epochs}; give less"
            )
        if not callable(self.schedule):
            options.choice("schedule", self.schedule, SCHEDULES)
        patience = self.patience
        if patience is not None and not (isinstance(patience, Real) and patience == math.inf):
            patience = options.integer("patience", patience)
        if patience is None and self.schedule == "adaptive":
            raise InputError("schedule is 'adaptive', which lowers the rate when patience runs out; give patience too")
        final_rate = options.not_negative("final_rate", self.final_rate)
        if final_rate > learning_rate:
            raise InputError(f"final_rate is {final_rate}, above the learning rate {learning_rate}; give less")
        plateau_factor = options.positive("plateau_factor", self.plateau_factor)
        if plateau_factor >= 1:
            raise InputError(f"plateau_factor is {plateau_factor}; give a number between 0 and 1")
        seconds = self.max_seconds
        return replace(
            self, learning_rate=learning_rate, decay=decay, patience=patience, final_rate=final_rate,
            power_t=options.not_negative("power_t", self.power_t), tol=options.not_negative("tol", self.tol),
            warmup=options.integer("warmup", self.warmup, 0), plateau_factor=plateau_factor,
            plateau_patience=options.integer("plateau_patience", self.plateau_patience, 0),
            period=epochs if self.period is None else options.integer("schedule_epochs", self.period),
            max_seconds=None if seconds is None else options.positive("max_seconds", seconds),
        )  # fmt: skip

    def check_monitor(self, validated, labelled):
        """Refuse a loss that reports will not have."""
        if self.monitor is None:
            return
        options.choice("monitor", self.monitor, MONITORS)
        if self.monitor != "cost" and not validated:
            raise InputError(f"monitor is {self.monitor!r}, and there is no validation set; give one")
        if self.monitor == "validation_error" and not labelled:
            raise InputError("monitor is 'validation_error', and targets are floats, which have none; try the cost")

    def loss(self, report):
        """An epoch's loss, the smaller the better."""
        if self.judge is not None:
            return self.judge(report)
        return error_or_cost(report) if self.monitor is None else getattr(report, self.monitor)

    def progress(self, epoch):
        """How far "linear" and "cosine" are in an epoch: 0 up to the end of the warm-up, 1 in the last one."""
        last = self.period - 1 - self.warmup
        return min(max((epoch - self.warmup) / last, 0.0), 1.0) if last > 0 else float(epoch > self.warmup)

    def rate(self, course, epoch):
        """The learning rate of an epoch, the next one."""
        factor = course.factor
        if callable(self.schedule):
            factor = options.not_negative(f"schedule({epoch})", self.schedule(epoch))
        rate = self.learning_rate * course.decayed * factor
        return rate * ((epoch + 1) / (self.warmup + 1)) if epoch < self.warmup else rate

    def out_of_time(self, reports):
        """Whether the epochs that are done have taken all the time that there is."""
        return self.max_seconds is not None and sum(report.seconds for report in reports) >= self.max_seconds

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
        if not callable(self.schedule):
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
def follow(reports, network, position, callback=None):
    """Train by taking all `reports`, calling `callback` with each; however that ends, put back the best parameters.

    `position`, which keeps the last ones then, is that of the training.
    """
    try:
        for report in reports:
            if callback is not None:
                callback(report)
    finally:
        if position.course.parameters is not None:
            position.last = network.parameters.copy()
            network.parameters = position.course.parameters

"""What an epoch gave, and where a training stands."""

from dataclasses import dataclass, field

import numpy as np

from neurone.training.rules import Course


@dataclass(frozen=True)
class Report:
    """What an epoch gave.

    Attributes
    ----------
    epoch : int
        From 0.
    cost : float
        Mean over the epoch's samples, each taken as it passes, before its batch's correction.
    train_error : float or None
        Wrong answers as the samples pass, in percent; None with float targets.
    validation_error : float or None
        Wrong answers on the validation set after the epoch, in percent; None without one.
    learning_rate : float
        The epoch's own.
    seconds : float
        Of training, with what `progress` does meanwhile, such as writing checkpoints; validation left out.
    """

    epoch: int
    cost: float
    train_error: float | None
    validation_error: float | None
    learning_rate: float
    seconds: float


@dataclass(eq=False)
class Position:
    """Where a training stands: at a batch's end. `iterate` begins at one, and keeps it up to date.

    Attributes
    ----------
    reports : list of Report
        Of the epochs that are done.
    sample : int
        Samples of the epoch under way that are done.
    cost : float
        The sum of their costs.
    wrong : int
        Of their answers.
    seconds : float
        Spent on them.
    memory : ndarray or None
        What the optimiser keeps, (k, parameters) of the network's type: k numbers for every parameter, laid out as the
        parameters; k is that of `options.OPTIMIZERS`. None where training has not begun.
    course : Course
        Of the learning rate, and of the best epoch so far.
    whole : bool
        The network's parameters, finite, are those of this position. Not so while a kernel works.
    """

    reports: list = field(default_factory=list)
    sample: int = 0
    cost: float = 0.0
    wrong: int = 0
    seconds: float = 0.0
    memory: np.ndarray | None = None
    course: Course = field(default_factory=Course)
    whole: bool = True

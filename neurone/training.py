"""Training, as the notes do it: forward, delta, gradient, correction, sample by sample, batch by batch."""

import time
from dataclasses import dataclass, field

import numpy as np

from neurone import options
from neurone.datasets.arrays import as_factors, as_images, as_labels
from neurone.errors import DivergenceError, InputError
from neurone.engine.learners import NotesLearner, Problem, fast_learner
from neurone.randomness import epoch_order

# A kernel call cannot be interrupted. Long enough that what is done between calls does not count.
_CALL_SECONDS = 0.2


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


@dataclass
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
    velocity : ndarray or None
        Of training with momentum, laid out as the parameters; None where it has not begun.
    factor : float
        Of the learning rate, for who takes the reports to change between epochs.
    whole : bool
        The network's parameters, finite, are those of this position. Not so while a kernel works.
    """

    reports: list = field(default_factory=list)
    sample: int = 0
    cost: float = 0.0
    wrong: int = 0
    seconds: float = 0.0
    velocity: np.ndarray | None = None
    factor: float = 1.0
    whole: bool = True


def fit(
    network,
    images,
    labels,
    *,
    learning_rate=0.1,
    decay=1.0,
    batch_size=1,
    epochs=5,
    reduction="mean",
    momentum=0.0,
    nesterovs_momentum=True,
    alpha=0.0,
    shuffle=True,
    seed=0,
    kernels="fast",
    threads=1,
    sample_weight=None,
    validation=None,
    progress=None,
):
    """Train `network` in place and return the list of the epochs' reports.

    Parameters
    ----------
    network : Network
    images : array_like
        uint8 (P, ...), divided by 255, or floats (P, inputs), taken as they are; or a SciPy sparse matrix or array of
        either, at a cost in proportion to what it stores (`kernels="notes"` takes it apart into dense rows).
    labels : array_like
        Integers (P,), or float targets (P, outputs).
    learning_rate : float, default 0.1
    decay : float, default 1.0
        Epoch e, from 0, uses learning_rate * decay**e.
    batch_size : int or None, default 1
        Samples of a correction; the last batch of an epoch may be smaller. None: the whole set.
    epochs : int, default 5
    reduction : {"mean", "sum"}, default "mean"
        Correction by the mean of a batch's gradients (NOTES section 3) or by their sum (section 5).
    momentum : float, default 0.0
        From 0 to below 1: v <- momentum v - learning_rate G, and the parameters move by v (Sutskever et al., 2013).
        It makes every correction touch every weight, as `alpha` does.
    nesterovs_momentum : bool, default True
        Where there is momentum, the parameters move by momentum v - learning_rate G, with the new v.
    alpha : float, default 0.0
        Factor of the penalty alpha / 2 |w|^2 that is added to a batch's total cost; biases are not penalised.
    shuffle : bool, default True
        A new order for each epoch, a function of (seed, epoch) alone; else the order given.
    seed : int, default 0
    kernels : {"fast", "notes"}, default "fast"
        The same bits from either, as long as they are finite; `notes` is for reading.
    threads : int, default 1
        At most so many, and no more than there are cores, share the work of a batch, with the fast kernels; any number
        gives the same bits. Where there is little to share, fewer do: one for batches of one sample without momentum
        or penalty, for epochs of less than some 2 ms, or where there is no hidden layer, or the first, of whose
        neurons each takes a part, has fewer than 57 (29 in 64 bits). The last has all layers behind the second to
        itself: where these are most of the work, fewer are as fast.
    sample_weight : array_like, optional
        Factors (P,) of the samples' costs and errors, 0 or more; a batch's mean still divides by its samples.
    validation : (images, labels), optional
        Integer labels, answered after every epoch.
    progress : callable, optional
        Called with a number of samples whenever so many more are done, at least twice a second.

    Returns
    -------
    list of Report

    Raises
    ------
    InputError
        An option or an array that cannot be used; nothing is trained.
    DivergenceError
        Parameters, or the cost, are not finite any more; the network is left as it is.

    Notes
    -----
    Ctrl-C is heard between calls of the kernels. It may come while parameters are copied back, and leave those of two
    batches mixed; `python -m neurone.train --checkpoint` never keeps such.

    Examples
    --------
    >>> from neurone import Network
    >>> xor = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> net = Network((2, 4, 1), activation="tanh", output="logistic", dtype="float64")
    >>> history = fit(net, xor, [0, 1, 1, 0], learning_rate=0.1, epochs=500)
    >>> net.predict(xor)
    array([0, 1, 1, 0])
    """
    return list(
        iterate(
            network,
            images,
            labels,
            learning_rate=learning_rate,
            decay=decay,
            batch_size=batch_size,
            epochs=epochs,
            reduction=reduction,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            alpha=alpha,
            shuffle=shuffle,
            seed=seed,
            kernels=kernels,
            threads=threads,
            sample_weight=sample_weight,
            validation=validation,
            progress=progress,
        )
    )


def iterate(
    network,
    images,
    labels,
    *,
    learning_rate,
    decay,
    batch_size,
    epochs,
    reduction,
    shuffle,
    seed,
    kernels,
    threads,
    validation,
    progress,
    momentum=0.0,
    nesterovs_momentum=True,
    alpha=0.0,
    sample_weight=None,
    position=None,
):
    """Like `fit`, but an iterator that trains one epoch for each report taken. Everything is checked at once.

    It goes on from `position`, a Position with which the network's parameters go, and tells there where it stands.
    """
    learning_rate = options.positive("learning_rate", learning_rate, network.dtype.type)
    decay = options.positive("decay", decay)
    if batch_size is not None:
        batch_size = options.integer("batch_size", batch_size)
    epochs = options.integer("epochs", epochs, 0, 2**32 - 1)
    if decay > 1 and not _last_rate(learning_rate, decay, epochs) <= float(np.finfo(network.dtype).max):
        raise InputError(f"decay is {decay}, with which the learning rate overflows before epoch {epochs}; give less")
    options.choice("reduction", reduction, options.REDUCTIONS)
    momentum, alpha = options.not_negative("momentum", momentum), options.not_negative("alpha", alpha)
    if momentum >= 1:
        raise InputError(f"momentum is {momentum}; give a number from 0 to below 1")
    options.choice("kernels", kernels, options.KERNELS)
    threads = options.integer("threads", threads)
    seed = options.seed(seed)
    rows, divisor = as_images(images, network.sizes[0], network.dtype)
    if not len(rows):
        raise InputError("images hold no sample; give at least one")
    targets = as_labels(labels, len(rows), network.sizes[-1], network.output, network.cost, network.dtype)
    targets += (as_factors(sample_weight, len(rows), network.dtype),)
    if validation is not None:
        validation = _checked_validation(network, validation)
    position = Position() if position is None else position
    if position.velocity is None and momentum:
        position.velocity = np.zeros_like(network.parameters)
    if len(position.reports) >= epochs:
        return iter(())  # without cutting images and compiling kernels that nothing would use
    memory = np.empty((0, network.parameters.size), network.dtype) if position.velocity is None else position.velocity[None]
    problem = Problem(
        network, rows, divisor, targets, batch_size or len(rows), reduction == "sum",
        "sgd" if position.velocity is None else "momentum", momentum, bool(nesterovs_momentum), alpha, memory, threads,
    )  # fmt: skip
    learner = NotesLearner(problem) if kernels == "notes" else fast_learner(problem)
    # No samples: compiles the kernels, or fetches them from the cache, before an epoch's clock starts.
    learner.prepare()
    learner.step = learner.samples_per_call()

    def run():
        while len(position.reports) < epochs:
            epoch = len(position.reports)
            rate = learning_rate * decay**epoch * position.factor
            begin = time.perf_counter() - position.seconds
            order = epoch_order(len(rows), seed, epoch) if shuffle else np.arange(len(rows))
            _train_epoch(learner, order, rate, batch_size or len(rows), begin, position, progress)
            report = Report(
                epoch=epoch,
                cost=position.cost / len(rows),
                train_error=100 * position.wrong / len(rows) if len(targets[0]) else None,
                validation_error=None if validation is None else error_rate(network, *validation),
                learning_rate=rate,
                seconds=position.seconds,
            )
            position.whole = False
            position.reports.append(report)
            position.sample, position.cost, position.wrong, position.seconds = 0, 0.0, 0, 0.0
            position.whole = True
            yield report

    return run()


def _last_rate(learning_rate, decay, epochs):
    try:
        return learning_rate * decay ** max(epochs - 1, 0)
    except OverflowError:
        return np.inf


def error_rate(network, images, labels):
    """Wrong answers of `network`, in percent, for integer labels."""
    return 100 * int((network.predict(images) != labels).sum()) / len(labels)


def _checked_validation(network, validation):
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise InputError("validation is no pair; give (images, labels)")
    images, labels = validation
    rows, _ = as_images(images, network.sizes[0], network.dtype)
    labels, targets = as_labels(labels, len(rows), network.sizes[-1], network.output, network.cost, network.dtype)
    if len(targets) or not len(rows):
        raise InputError("validation needs at least one sample, and integer labels")
    return rows, labels


def _train_epoch(learner, order, rate, batch_size, begin, position, progress):
    """The rest of an epoch, which began at `begin` by the clock."""
    first, tally = position.sample, np.array([position.cost, position.wrong])
    learner.load()
    while first < len(order):
        last = min(first + learner.step, len(order))
        end = last - last % batch_size
        if first < end and last < len(order):
            last = end  # a batch's, where the position can be told
        call = time.perf_counter()
        position.whole = False
        learner.train(order, first, last, rate, tally)
        seconds = time.perf_counter() - call
        learner.store()
        if not (np.isfinite(learner.network.parameters).all() and np.isfinite(tally[0])):
            raise DivergenceError(
                f"training diverged in epoch {len(position.reports) + 1}, by its sample {last}: parameters or cost not "
                f"finite; the learning rate {rate:g} is probably too large for this network and batch"
            )
        # Within a batch the parameters are still those at its beginning, and so is the position.
        if last % batch_size == 0 or last == len(order):
            position.sample, position.cost, position.wrong = last, float(tally[0]), int(tally[1])
            position.seconds = time.perf_counter() - begin
        position.whole = True
        if progress is not None:
            progress(last - first)
        # The first step is short enough. Where calls begin and end changes no bit.
        if seconds < _CALL_SECONDS / 2:
            learner.step = min(2 * learner.step, len(order))
        elif seconds > _CALL_SECONDS:
            learner.step = max(1, learner.step // 2)
        first = last

"""Training, as the notes do it: forward, delta, gradient, correction, sample by sample, batch by batch."""

import time
from dataclasses import dataclass

import numpy as np

from neurone import options
from neurone.datasets.arrays import as_images, as_labels
from neurone.errors import DivergenceError, InputError
from neurone.learners import LEARNERS
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
        Training alone, validation left out.
    """

    epoch: int
    cost: float
    train_error: float | None
    validation_error: float | None
    learning_rate: float
    seconds: float


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
    shuffle=True,
    seed=0,
    kernels="fast",
    threads=1,
    validation=None,
    progress=None,
):
    """Train `network` in place and return the list of the epochs' reports.

    Parameters
    ----------
    network : Network
    images : array_like
        uint8 (P, ...), divided by 255, or floats (P, inputs), taken as they are.
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
    shuffle : bool, default True
        A new order for each epoch, a function of (seed, epoch) alone; else the order given.
    seed : int, default 0
    kernels : {"fast", "notes"}, default "fast"
        The same bits from either, as long as they are finite; `notes` is for reading.
    threads : int, default 1
        At most so many share the work of a batch, with the fast kernels; any number gives the same bits. Where there
        is little to share, as in batches of one sample, fewer do.
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
            shuffle=shuffle,
            seed=seed,
            kernels=kernels,
            threads=threads,
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
):
    """Like `fit`, but an iterator that trains one epoch for each report taken. Everything is checked at once."""
    learning_rate = options.positive("learning_rate", learning_rate, network.dtype.type)
    decay = options.positive("decay", decay)
    if batch_size is not None:
        batch_size = options.integer("batch_size", batch_size)
    epochs = options.integer("epochs", epochs, 0, 2**32 - 1)
    if decay > 1 and not _last_rate(learning_rate, decay, epochs) <= float(np.finfo(network.dtype).max):
        raise InputError(f"decay is {decay}, with which the learning rate overflows before epoch {epochs}; give less")
    options.choice("reduction", reduction, options.REDUCTIONS)
    options.choice("kernels", kernels, options.KERNELS)
    threads = options.integer("threads", threads)
    seed = options.seed(seed)
    rows, divisor = as_images(images, network.sizes[0], network.dtype)
    if not len(rows):
        raise InputError("images hold no sample; give at least one")
    targets = as_labels(labels, len(rows), network.sizes[-1], network.output, network.cost, network.dtype)
    if validation is not None:
        validation = _checked_validation(network, validation)
    learner = LEARNERS[kernels](network, rows, divisor, targets, batch_size or len(rows), reduction == "sum", threads)
    # No samples: compiles the kernels, or fetches them from the cache, before an epoch's clock starts.
    learner.train(np.arange(0), 0, 0, 1.0, np.zeros(2))
    learner.step = learner.samples_per_call()

    def run():
        for epoch in range(epochs):
            rate = learning_rate * decay**epoch
            begin = time.perf_counter()
            order = epoch_order(len(rows), seed, epoch) if shuffle else np.arange(len(rows))
            cost, wrong = _train_epoch(learner, order, rate, epoch, progress)
            seconds = time.perf_counter() - begin
            yield Report(
                epoch=epoch,
                cost=float(cost) / len(rows),
                train_error=100 * wrong / len(rows) if len(targets[0]) else None,
                validation_error=None if validation is None else error_rate(network, *validation),
                learning_rate=rate,
                seconds=seconds,
            )

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


def _train_epoch(learner, order, rate, epoch, progress):
    """One epoch; returns the sum of the costs and the number of wrong answers."""
    tally = np.zeros(2)
    first = 0
    learner.load()
    while first < len(order):
        last = min(first + learner.step, len(order))
        begin = time.perf_counter()
        learner.train(order, first, last, rate, tally)
        seconds = time.perf_counter() - begin
        learner.store()
        if not (np.isfinite(learner.network.parameters).all() and np.isfinite(tally[0])):
            raise DivergenceError(
                f"training diverged in epoch {epoch + 1}, by its sample {last}: parameters or cost not finite; "
                f"the learning rate {rate:g} is probably too large for this network and batch"
            )
        if progress is not None:
            progress(last - first)
        # The first step is short enough. Where calls begin and end changes no bit.
        if seconds < _CALL_SECONDS / 2:
            learner.step = min(2 * learner.step, len(order))
        elif seconds > _CALL_SECONDS:
            learner.step = max(1, learner.step // 2)
        first = last
    return tally[0], int(tally[1])

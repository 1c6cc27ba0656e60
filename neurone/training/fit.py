"""Training, as the notes do it: forward, delta, gradient, correction, sample by sample, batch by batch."""

import time

import numpy as np

from neurone import options
from neurone.datasets.arrays import as_factors, as_images, as_labels
from neurone.engine.learners import Problem
from neurone.engine.tuning import LEARNERS
from neurone.errors import DivergenceError, InputError
from neurone.randomness import epoch_order
from neurone.training.reports import Position, Report
from neurone.training.rules import Rules, check_callback, follow

# A kernel call cannot be interrupted. Long enough that what is done between calls does not count.
_CALL_SECONDS = 0.2
# Rows of a prediction that has all the kernels of larger ones.
_MANY = 32


def fit(
    network,
    images,
    labels,
    *,
    learning_rate=0.1,
    decay=1.0,
    schedule="constant",
    power_t=0.5,
    patience=None,
    tol=1e-4,
    batch_size=1,
    epochs=5,
    reduction="mean",
    momentum=0.0,
    nesterovs_momentum=True,
    alpha=0.0,
    shuffle=True,
    seed=0,
    kernels="fast",
    tuning="background",
    threads=1,
    sample_weight=None,
    validation=None,
    callback=None,
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
        Epoch e, from 0, uses learning_rate * decay**e, times the factor of `schedule`.
    schedule : {"constant", "invscaling", "adaptive"}, default "constant"
        Factor of an epoch's learning rate, as in scikit-learn's `MLPClassifier`: 1; or (t + 1)^-power_t after t
        samples; or a fifth of the one before whenever patience runs out, which then begins anew: training ends where it
        runs out at a rate of 1e-6 or less.
    power_t : float, default 0.5
    patience : int, optional
        Training ends after more than so many epochs in a row of which none improved the least loss before it by `tol`
        (`n_iter_no_change` of `MLPClassifier`). The loss of an epoch is its validation error in percent, or without
        `validation` its cost. The best parameters, those after the epoch with the least loss, the first of equals, are
        kept, and put back however training ends: by patience, after the last epoch, or by what is raised, a
        DivergenceError too. With `math.inf` they are kept, and training goes on. None: the last parameters stay.
    tol : float, default 1e-4
        Improvement that patience asks for, in the loss's unit.
    batch_size : int or None, default 1
        Samples of a correction; the last batch of an epoch may be smaller. None: the whole set.
    epochs : int, default 5
    reduction : {"mean", "sum"}, default "mean"
        Correction by the mean of a batch's gradients (specification section 3) or by their sum (section 5).
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
    tuning : {"background", "first", "off"}, default "background"
        Kernels that were compiled once serve every network of a width. Those that are compiled for the shape of this
        network are up to a third faster; they take over as soon as another thread has compiled them, if the rest of the
        training would take longer than some 30 seconds, or at once if they were compiled before. "first" compiles them
        before the training, "off" does without. The same bits from all.
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
    callback : callable, optional
        Called with the report of every epoch. What it raises ends the training, and what was trained stays.
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
        Parameters, or the cost, are not finite any more; without `patience` the network is left as it is.

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
    check_callback(callback)
    position = Position()
    reports = iterate(
        network,
        images,
        labels,
        rules=Rules(learning_rate, decay, schedule, power_t, patience, tol),
        batch_size=batch_size,
        epochs=epochs,
        reduction=reduction,
        momentum=momentum,
        nesterovs_momentum=nesterovs_momentum,
        alpha=alpha,
        shuffle=shuffle,
        seed=seed,
        kernels=kernels,
        tuning=tuning,
        threads=threads,
        sample_weight=sample_weight,
        validation=validation,
        progress=progress,
        position=position,
    )
    follow(reports, network, position.course, callback)
    return position.reports


def iterate(
    network,
    images,
    labels,
    *,
    rules,
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
    tuning="background",
    told_tuned=None,
    position=None,
):
    """Like `fit`, but an iterator that trains one epoch for each report taken. Everything is checked at once.

    It follows `rules`, and goes on from `position`, a Position with which the network's parameters go, and tells there
    where it stands. At the end the network has the last parameters; the best, where they are kept, are in the course.
    `told_tuned` is called with epoch and sample when tuned kernels take over.
    """
    epochs = options.integer("epochs", epochs, 0, 2**32 - 1)
    rules = rules.checked(network.dtype, epochs)
    options.choice("kernels", kernels, options.KERNELS)
    options.choice("tuning", tuning, options.TUNINGS)
    seed = options.seed(seed)
    position = Position() if position is None else position
    problem = _checked_problem(
        network, images, labels, sample_weight, batch_size, reduction, momentum, nesterovs_momentum, alpha, threads
    )
    if validation is not None:
        validation = _checked_validation(network, validation)
    kept = options.OPTIMIZERS[problem.optimizer][1], network.parameters.size
    if position.memory is None or position.memory.shape != kept:  # not begun, or another optimiser's
        position.memory = np.zeros(kept, network.dtype)
    problem.memory = position.memory
    if len(position.reports) >= epochs or position.course.ended:
        return iter(())  # without cutting images and compiling kernels that nothing would use
    learner = LEARNERS[kernels](problem, tuning)
    # Compiles the kernels, or fetches them from the cache, before an epoch's clock starts.
    learner.prepare()
    if validation is not None:
        network.predict(validation[0][:_MANY])  # likewise, before another thread keeps the compiler
    learner.step = learner.samples_per_call()

    def order_of(epoch):
        count = len(problem.rows)
        return epoch_order(count, seed, epoch) if shuffle else np.arange(count)

    return _epochs(problem, learner, order_of, rules, epochs, position, validation, progress, told_tuned)


def _checked_problem(
    network, images, labels, sample_weight, batch_size, reduction, momentum, nesterovs_momentum, alpha, threads
):
    """What the learners take, but for the optimiser's memory."""
    if batch_size is not None:
        batch_size = options.integer("batch_size", batch_size)
    options.choice("reduction", reduction, options.REDUCTIONS)
    momentum, alpha = options.not_negative("momentum", momentum), options.not_negative("alpha", alpha)
    if momentum >= 1:
        raise InputError(f"momentum is {momentum}; give a number from 0 to below 1")
    threads = options.integer("threads", threads)
    rows, divisor = as_images(images, network.sizes[0], network.dtype)
    if not len(rows):
        raise InputError("images hold no sample; give at least one")
    targets = as_labels(labels, len(rows), network.sizes[-1], network.output, network.cost, network.dtype)
    targets += (as_factors(sample_weight, len(rows), network.dtype),)
    optimizer = "momentum" if momentum else "sgd"
    return Problem(
        network, rows, divisor, targets, batch_size or len(rows), reduction == "sum",
        optimizer, momentum, bool(nesterovs_momentum), alpha, None, threads,
    )  # fmt: skip


def _epochs(problem, learner, order_of, rules, epochs, position, validation, progress, told_tuned):
    """An iterator that trains one epoch for each report taken."""
    network, count, course, labelled = problem.network, len(problem.rows), position.course, len(problem.targets[0]) > 0

    def improve(sample, seconds):
        """Let tuned kernels take over before this sample of the epoch, where one takes so many seconds now."""
        rest = count * (epochs - len(position.reports)) - sample
        if learner.improve(seconds * rest) and told_tuned is not None:
            told_tuned(len(position.reports), sample)

    try:
        while len(position.reports) < epochs and not course.ended:
            epoch = len(position.reports)
            rate = rules.rate(epoch, course)
            begin = time.perf_counter() - position.seconds
            _train_epoch(learner, order_of(epoch), rate, problem.batch_size, begin, position, improve, progress)
            report = Report(
                epoch=epoch,
                cost=position.cost / count,
                train_error=100 * position.wrong / count if labelled else None,
                validation_error=None if validation is None else error_rate(network, *validation, problem.threads),
                learning_rate=rate,
                seconds=position.seconds,
            )
            loss = rules.judge(report)
            position.whole = False
            position.reports.append(report)
            rules.after(report, loss, network, count, course)
            position.sample, position.cost, position.wrong, position.seconds = 0, 0.0, 0, 0.0
            position.whole = True
            yield report
    finally:
        learner.close()


def error_rate(network, images, labels, threads=1):
    """Wrong answers of `network`, in percent, for integer labels."""
    return 100 * int((network.predict(images, threads) != labels).sum()) / len(labels)


def _checked_validation(network, validation):
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise InputError("validation is no pair; give (images, labels)")
    images, labels = validation
    rows, _ = as_images(images, network.sizes[0], network.dtype)
    labels, targets = as_labels(labels, len(rows), network.sizes[-1], network.output, network.cost, network.dtype)
    if len(targets) or not len(rows):
        raise InputError("validation needs at least one sample, and integer labels")
    return rows, labels


def _train_epoch(learner, order, rate, batch_size, begin, position, improve, progress):
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
            improve(last, seconds / (last - first))
        position.whole = True
        if progress is not None:
            progress(last - first)
        # The first step is short enough. Where calls begin and end changes no bit.
        if seconds < _CALL_SECONDS / 2:
            learner.step = min(2 * learner.step, len(order))
        elif seconds > _CALL_SECONDS:
            learner.step = max(1, learner.step // 2)
        first = last

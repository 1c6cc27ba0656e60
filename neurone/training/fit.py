"""Training, as the notes do it: forward, delta, gradient, correction, sample by sample, batch by batch."""

import time

import numpy as np

from neurone import options
from neurone.datasets.arrays import SparseRows, as_factors, as_labels, numeric
from neurone.engine.distortion import Distortion
from neurone.engine.learners import Problem
from neurone.engine.mapped import MappedRows, is_mapped
from neurone.engine.optimizer import PLAIN_SGD, Optimizer
from neurone.engine.scorer import Scorer
from neurone.engine.tuning import LEARNERS
from neurone.errors import DivergenceError, InputError
from neurone.floats import exactly
from neurone.kernels.arguments import Span
from neurone.network import Network
from neurone.randomness import epoch_order, windowed_order
from neurone.training.advice import advise
from neurone.training.reports import Position, Report
from neurone.training.rules import Rules, check_callback, follow

# The time of a kernel call, which cannot be interrupted: long enough that the work between calls does not count.
_CALL_SECONDS = 0.2


def fit(
    network,
    images,
    labels,
    *,
    learning_rate=0.1,
    decay=1.0,
    schedule="constant",
    power_t=0.5,
    final_rate=0.0,
    schedule_epochs=None,
    plateau_patience=10,
    plateau_factor=0.1,
    warmup=0,
    patience=None,
    tol=1e-4,
    monitor=None,
    max_seconds=None,
    batch_size=1,
    epochs=5,
    reduction="mean",
    optimizer="sgd",
    momentum=0.0,
    nesterovs_momentum=True,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-8,
    alpha=0.0,
    weight_decay=0.0,
    clip_norm=None,
    max_norm=None,
    input_dropout=0.0,
    dropout=0.0,
    distortion=None,
    shuffle=True,
    seed=0,
    kernels="fast",
    tuning="background",
    threads=1,
    sample_weight=None,
    validation=None,
    callback=None,
    progress=None,
    position=None,
    window=None,
    block=4096,
):
    """Train `network` in place and return the list of the epochs' reports.

    Parameters
    ----------
    network : Network
    images : array_like
        uint8 (P, ...), divided by 255, or floats (P, ...), taken as they are; or a SciPy sparse matrix or array of
        either, at a cost in proportion to what it stores (`kernels="notes"` makes dense rows of it).
    labels : array_like
        Integers (P,) or (P, 1); or targets (P, outputs), floats or integers 0 and 1. One-hot rows are the same as
        labels.
    learning_rate : float, default 0.1
    decay : float, default 1.0
        Epoch e, from 0, uses `learning_rate` times e factors `decay`, times the factor of `schedule`.
    schedule : str or callable, default "constant"
        Factor of an epoch's learning rate:

        - "constant": 1.
        - "linear", "cosine": down to `final_rate` in the last epoch, by equal steps, or by half a wave of a cosine
          (Loshchilov and Hutter, 2017); over `schedule_epochs`, or all epochs if that is None.
        - "plateau": times `plateau_factor` after more than `plateau_patience` epochs in a row that have not improved
          the loss by `tol`, but not below `final_rate`.
        - "invscaling", "adaptive", as in scikit-learn's `MLPClassifier`: (t + 1)^-power_t after t samples; or divided
          by 5 whenever `patience` runs out, which then begins anew, until it runs out at a rate of 1e-6 or less and
          training ends.
        - A function of the epoch, from 0, that returns the factor.
    power_t, final_rate, schedule_epochs, plateau_patience, plateau_factor
        Default 0.5, 0.0, None, 10, 0.1.
    warmup : int, default 0
        In epoch e below it, the rate is multiplied by (e + 1) / (warmup + 1); "linear" and "cosine" begin behind it.
    patience : int, optional
        Training ends after more than `patience` epochs in a row that have not improved the least loss so far by `tol`
        (`n_iter_no_change` of `MLPClassifier`). The best parameters are those after the first epoch with the least
        loss. They are kept, and put back however training ends: by patience, after the last epoch, or by an exception,
        even a DivergenceError. With `math.inf` they are kept, but training goes on. None: the last parameters stay.
    tol : float, default 1e-4
        The least improvement that counts, in the loss's unit.
    monitor : {"validation_error", "validation_cost", "cost"}, optional
        The loss of an epoch. By default its validation error in percent, with float targets its validation cost, or
        without `validation` its cost.
    max_seconds : float, optional
        No epoch begins after so many seconds of training. Where it ends then depends on the machine.
    batch_size : int or None, default 1
        Samples in a batch; the last batch of an epoch may be smaller. None: the whole set.
    epochs : int, default 5
    reduction : {"mean", "sum"}, default "mean"
        Correction by the mean of a batch's gradients (specification section 3) or by their sum (section 5).
    optimizer : {"sgd", "adam", "rprop"}, default "sgd"
        How a batch's gradient G corrects the parameters (specification section 8): in proportion to it; by running
        means of it and of its square (Kingma and Ba, 2015; try a learning rate of 0.001); or by its sign, each
        parameter having a step of its own (iRprop-, Igel and Huesken, 2000), which needs neither a learning rate nor
        care of the inputs' scale, and takes the whole set for a batch. All but plain sgd touch every weight at every
        correction, those of inputs that are 0 too.
    momentum : float, default 0.0
        Of sgd, from 0 to below 1: v <- momentum v - learning_rate G, and the parameters move by v (Sutskever et al.,
        2013).
    nesterovs_momentum : bool, default True
        With momentum, the parameters move by momentum v - learning_rate G, with the new v.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999, 1e-8
        Of adam.
    alpha : float, default 0.0
        Factor of the penalty `alpha / 2 |w|^2` that is added to a batch's total cost; biases are not penalised.
    weight_decay : float, default 0.0
        Before a correction, weights, not biases, are multiplied by 1 - weight_decay times the learning rate, apart from
        the gradient (Loshchilov and Hutter, 2019: AdamW, with adam).
    clip_norm : float, optional
        Where the norm of a batch's gradient (by `reduction`, a mean or a sum) is larger, the gradient is shortened to
        it, before penalty and decay: PyTorch's `clip_grad_norm_`.
    max_norm : float, optional
        After a correction, the weights into a neuron, without its bias, are shortened to this norm, if they are longer.
    input_dropout, dropout : float, default 0.0
        Each sample is trained without this share of its inputs, and of the neurons of every hidden layer, chosen by
        chance (specification section 8), while the others count for 1 / (1 - share) times as much. Predictions use all.
        An epoch's cost and training error are those of what was trained (Srivastava et al., 2014, who take 0.2 and 0.5,
        with a `max_norm` of 2 to 4).
    distortion : Distortion, optional
        Each image is distorted in each epoch, differently each time: `neurone.Distortion()` suits digits. Images come
        as (P, rows, columns). Costs and training errors are those of the distorted images (specification section 15).
    shuffle : bool, default True
        Take the samples in a new order each epoch, a function of (seed, epoch) alone; else in the order given.
    seed : int, default 0
        Of the orders, of what dropout leaves out, and of distortions.
    kernels : {"fast", "notes"}, default "fast"
        Both give the same bits, as long as numbers are finite; `notes` is for reading.
    tuning : {"background", "first", "off"}, default "background"
        Generic kernels are compiled once for every network of a width. Tuned ones, compiled for the shape of this
        network, are up to a third faster. They take over at once if they were compiled before. If not, and the rest of
        the training would take longer than some 30 seconds, another thread compiles them, and they take over when it is
        done. "first" compiles them before the training, "off" does without. All give the same bits.
    threads : int, default 1
        With the fast kernels, up to this many threads, and no more than there are cores, share the work of a batch; any
        number gives the same bits. Each takes some neurons of the first hidden layer, and the last one takes all layers
        after the second: where those are most of the work, fewer threads are as fast. Where there is little to share,
        fewer are used: a single one for batches of one sample without momentum or penalty, for epochs of less than some
        2 ms, without a hidden layer, or with fewer than 57 neurons in the first (29 in 64 bits).
    sample_weight : array_like, optional
        Factors (P,) of the samples' costs and errors, 0 or more; a batch's mean still divides by its samples.
    window : int, optional
        For sets in files, larger than memory: blocks of `block` samples are taken in an order of their own, `window`
        of them at a time, and the samples of these are mixed (specification section 19). So an epoch reads the file
        here and there in `window` places, not everywhere. Images that are a memory map (`np.load(..., mmap_mode="r")`,
        `np.memmap`) are read as they are trained on, with a window or without, and never copied as a whole.
    block : int, default 4096
    validation : (images, labels), optional
        Scored after every epoch; of the forms that training takes.
    callback : callable, optional
        Called with the report of every epoch. An exception that it raises ends the training; what was trained stays.
    progress : callable, optional
        Called with the number of samples done since the last call, at least twice a second.
    position : Position, optional
        Where to begin, which is then kept up to date: a new one at first, `neurone.Position()`, and the same again to
        go on for `epochs` more, with the optimiser's memory and the schedule where they were. Two calls of 3 epochs
        give the bits of one of 6, if the options are the same ("linear" and "cosine" need `schedule_epochs=6`). It
        belongs to the network's parameters, which must not change in between; but where the best were put back, it goes
        on from the last.

    Returns
    -------
    list of Report

    Raises
    ------
    InputError
        An option or an array that cannot be used; nothing is trained.
    DivergenceError
        Parameters, or a cost, are not finite any more; without `patience` the network is left as it is.

    Warns
    -----
    LearningWarning
        At the end, where nothing or little was learnt: from whole numbers up to 255 as floats, which look like pixels
        that nobody divided, or with a cost and an error no better than those of one answer for all samples.

    Notes
    -----
    Ctrl-C takes effect between kernel calls. If it comes while parameters are copied back, those of two batches may be
    left mixed; `python -m neurone.train --checkpoint` never saves such a mixture.

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
    position = Position() if position is None else position
    if not isinstance(position, Position):
        raise InputError(f"position is {options.described(position)}; give a neurone.Position")
    done = len(position.reports)
    rules = Rules(
        learning_rate, decay, schedule, power_t, patience, tol, final_rate, warmup, plateau_patience, plateau_factor,
        schedule_epochs, max_seconds, monitor,
    )  # fmt: skip
    reports = iterate(
        network,
        images,
        labels,
        rules=rules,
        batch_size=batch_size,
        epochs=done + options.integer("epochs", epochs, 0, 2**32 - 1 - done),
        reduction=reduction,
        optimizer=Optimizer(
            optimizer,
            momentum,
            nesterovs_momentum,
            alpha,
            weight_decay,
            beta_1,
            beta_2,
            epsilon,
            clip_norm,
            max_norm,
            input_dropout,
            dropout,
        ),
        distortion=distortion,
        shuffle=shuffle,
        seed=seed,
        kernels=kernels,
        tuning=tuning,
        threads=threads,
        sample_weight=sample_weight,
        validation=validation,
        progress=progress,
        position=position,
        window=window,
        block=block,
    )
    if position.last is not None:
        network.parameters = position.last
    follow(reports, network, position, callback)
    return position.reports[done:]


@exactly
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
    optimizer=PLAIN_SGD,
    sample_weight=None,
    distortion=None,
    tuning="background",
    told_tuned=None,
    position=None,
    window=None,
    block=4096,
    order_of=None,
    proportions=False,
    penalised=False,
):
    """Like `fit`, but an iterator that trains one epoch for each report taken. Everything is checked at once.

    It follows `rules`, continues from `position`, a Position that belongs to the network's parameters, and keeps it up
    to date. At the end the network has the last parameters; the best, if they are kept, are in the course. `told_tuned`
    is called with epoch and sample when tuned kernels take over.

    What the estimators ask for: `order_of` is called at the beginning of each epoch, with its number, for its order.
    With `proportions`, the sum of a batch's factors takes the place of its number of samples. With `penalised`, reports
    tell the penalty's part of the cost.
    """
    if not isinstance(network, Network):
        raise InputError(f"network is {options.described(network)}; give a neurone.Network")
    options.function("progress", progress, "a number of samples")
    epochs = options.integer("epochs", epochs, 0, 2**32 - 1)
    rules = rules.checked(network.dtype, epochs)
    options.choice("kernels", kernels, options.KERNELS)
    options.choice("tuning", tuning, options.TUNINGS)
    seed, shuffle = options.seed(seed), options.flag("shuffle", shuffle)
    block = options.integer("block", block)
    window = None if window is None else options.integer("window", window)
    position = Position() if position is None else position
    optimizer.check(network.dtype)
    if distortion is not None:
        if not isinstance(distortion, Distortion):
            raise InputError(f"distortion is {options.described(distortion)}; give a neurone.Distortion")
        shape = images.shape if hasattr(images, "shape") else numeric("images", images).shape
        distortion = distortion.checked().for_images(shape[1:], network.sizes[0])
    for parameters in (network.parameters, position.last):
        if parameters is not None and not np.isfinite(parameters).all():
            raise InputError(
                "the network's parameters hold NaN or infinity, as after a divergence; begin with a new one"
            )
    problem = checked_problem(
        network, images, labels, sample_weight, batch_size, reduction, optimizer, threads, position, distortion
    )
    problem.seed, problem.proportions = seed, proportions and sample_weight is not None
    if penalised and optimizer.alpha:
        if position.squares is None:
            position.squares = np.zeros((len(network.sizes) - 1, max(network.sizes)))
        problem.squares = position.squares
    scorer = None if validation is None else _checked_validation(network, validation, problem.threads)
    rules.check_monitor(scorer is not None, scorer is not None and scorer.labelled)
    if len(position.reports) >= epochs or position.course.ended or rules.out_of_time(position.reports):
        return iter(())  # without cutting images and compiling kernels that nothing would use
    network.temperature = network.known = None  # they were those of other parameters
    learner = LEARNERS[kernels](problem, tuning)
    # Compiles the kernels, or loads them from the cache, before an epoch's clock starts.
    learner.prepare()
    learner.step = learner.samples_per_call()
    if scorer is not None:
        scorer.prepare()

    def order_of_seed(epoch):
        count = len(problem.rows)
        if not shuffle:
            return np.arange(count)
        return epoch_order(count, seed, epoch) if window is None else windowed_order(count, seed, epoch, window, block)

    order_of = order_of_seed if order_of is None else order_of
    return _epochs(problem, learner, order_of, rules, epochs, position, scorer, progress, told_tuned)


def checked_problem(
    network, images, labels, sample_weight, batch_size, reduction, optimizer, threads, position, distortion=None
):
    """What the learners take."""
    if batch_size is not None:
        batch_size = options.integer("batch_size", batch_size)
    options.choice("reduction", reduction, options.REDUCTIONS)
    threads = options.integer("threads", threads)
    # Where they are distorted, floats stay floats: bytes are rounded to bytes again.
    if is_mapped(images):
        rows = MappedRows(images, network)
        divisor = rows.divisor
    else:
        rows, divisor = network.rows_of(images, recognise=distortion is None)
    if not len(rows):
        raise InputError("images hold no sample; give at least one")
    if distortion is not None and isinstance(rows, SparseRows):
        raise InputError("images are sparse, and distortions need whole ones; give an array")
    targets = as_labels(labels, len(rows), network.sizes[-1], network.output, network.cost, network.dtype)
    targets += (as_factors(sample_weight, len(rows), network.dtype),)
    memory = optimizer.memory(network.parameters.size, network.dtype)
    if position.memory is None:
        position.memory, position.method = memory, optimizer.kind
    if (position.method, position.memory.shape, position.memory.dtype) != (optimizer.kind, memory.shape, memory.dtype):
        raise InputError(
            f"position is one of {position.method!r} and {position.memory.shape[1]} parameters, and the training of "
            f"{optimizer.kind!r} and {memory.shape[1]}; begin with a new one"
        )
    return Problem(
        network, rows, divisor, targets, batch_size or len(rows), reduction == "sum", optimizer, position.memory,
        position.powers, threads, distortion=distortion,
    )  # fmt: skip


def _epochs(problem, learner, order_of, rules, epochs, position, scorer, progress, told_tuned):
    """An iterator that trains one epoch for each report taken."""
    network, count, course, labelled = problem.network, len(problem.rows), position.course, len(problem.targets[0]) > 0

    def improve(sample, seconds):
        """Let tuned kernels take over before this sample of the epoch. seconds: what a sample takes now."""
        rest = count * (epochs - len(position.reports)) - sample
        if learner.improve(seconds * rest) and told_tuned is not None:
            told_tuned(len(position.reports), sample)

    try:
        while len(position.reports) < epochs and not (course.ended or rules.out_of_time(position.reports)):
            epoch = len(position.reports)
            rate = rules.rate(course, epoch)
            begin = time.perf_counter() - position.seconds
            _train_epoch(learner, order_of(epoch), rate, problem.batch_size, begin, position, improve, progress)
            validation_cost, validation_error = (None, None) if scorer is None else scorer.score()
            if validation_cost is not None and not np.isfinite(validation_cost):
                raise DivergenceError(
                    f"training diverged in epoch {epoch + 1}: the validation cost is not finite; the learning rate "
                    f"{rate:g} is probably too large for this network and batch"
                )
            report = Report(
                epoch=epoch,
                cost=position.cost / count,
                train_error=100 * position.wrong / count if labelled else None,
                validation_error=validation_error,
                validation_cost=validation_cost,
                penalty=_penalty(problem, count),
                learning_rate=rate,
                seconds=position.seconds,
            )
            loss = rules.loss(report)
            position.whole = False
            position.reports.append(report)
            rules.after(report, loss, network, count, course)
            position.sample, position.cost, position.wrong, position.seconds = 0, 0.0, 0, 0.0
            position.whole = True
            yield report
        if position.reports:
            advise(problem, position.reports, course.parameters is not None)
    finally:
        learner.close()


def _penalty(problem, count):
    """What the penalty adds to the mean cost of an epoch of `count` samples, whose squares are then forgotten."""
    if problem.squares is None:
        return None
    alpha = float(problem.network.dtype.type(problem.optimizer.alpha))
    total = float(np.cumsum(problem.squares)[-1])  # in order, as the specification has it
    problem.squares[:] = 0
    return 0.5 * alpha * total / count


def _checked_validation(network, validation, threads):
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise InputError("validation is no pair; give (images, labels)")
    images, labels = validation
    try:
        rows, divisor = network.rows_of(images)
        targets = as_labels(labels, len(rows), network.sizes[-1], network.output, network.cost, network.dtype)
    except InputError as error:
        raise InputError(f"validation: {error}") from None
    if not len(rows):
        raise InputError("validation needs at least one sample")
    return Scorer(network, rows, divisor, *targets, threads)


def _train_epoch(learner, order, rate, batch_size, begin, position, improve, progress):
    """Train the rest of an epoch, which began at `begin` by the clock."""
    first, tally = position.sample, np.array([position.cost, position.wrong])
    learner.load()
    while first < len(order):
        last = min(first + learner.step, len(order), learner.limit(first))
        end = last - last % batch_size
        if first < end and last < len(order):
            last = end  # of a batch, where the position can be saved
        call = time.perf_counter()
        position.whole = False
        learner.train(Span(order, first, last, len(position.reports), order), rate, tally)
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
        # The first step is short; later ones approach `_CALL_SECONDS`. Where calls begin and end changes no bit.
        if seconds < _CALL_SECONDS / 2:
            learner.step = min(2 * learner.step, len(order))
        elif seconds > _CALL_SECONDS:
            learner.step = max(1, learner.step // 2)
        first = last

"""The rules of training: rates, the end, the best parameters; the same for `fit`, the command and the estimators."""

import itertools
import json
import math
import operator
from decimal import Decimal, localcontext

import numpy as np
import pytest

import neurone
from neurone.datasets.mnist import load_folder
from neurone.training.fit import iterate
from neurone.training.reports import Position, Report
from neurone.training.rules import MONITORS, Course, Rules, _half_wave

RNG = np.random.Generator(np.random.Philox(21))
INPUTS = RNG.standard_normal((120, 6)).astype(np.float32)
LABELS = np.abs(INPUTS[:, :3]).argmax(axis=1)
TRAIN, HELD_OUT = (INPUTS[:80], LABELS[:80]), (INPUTS[80:], LABELS[80:])


def trained(**options):
    """A network, the reports, and its parameters after each epoch."""
    net, parameters = neurone.Network((6, 5, 3)), []
    options = dict(learning_rate=3.0, batch_size=4, epochs=30) | options
    history = neurone.fit(net, *TRAIN, callback=lambda _: parameters.append(net.parameters.copy()), **options)
    return net, history, parameters


def end_and_best(losses, patience, tol):
    """Number of epochs until patience runs out, and the best of them: from the definition."""
    for count in range(1, len(losses) + 1):
        last = losses[count - patience - 1 : count] if count > patience else []
        first = count - len(last)
        if last and all(
            first + place and not loss <= min(losses[: first + place]) - tol for place, loss in enumerate(last)
        ):
            break
    return count, losses[:count].index(min(losses[:count]))


class _Losses:
    """What `Rules.after` asks of a network: parameters, here the number of the epoch."""

    def __init__(self, rules):
        self.rules, self.course, self.parameters, self.epoch = rules, Course(), np.zeros(1), 0

    def take(self, loss):
        """An epoch's rate."""
        rate = self.rules.rate(self.course, self.epoch)
        self.parameters[0] = self.epoch
        report = Report(self.epoch, loss, None, None, rate, 0.0)
        self.rules.after(report, self.rules.loss(report), self, 10, self.course)
        self.epoch += 1
        return rate


@pytest.mark.parametrize("schedule", ["constant", "invscaling"])
def test_the_end_and_the_best_by_their_definition(schedule):
    """Random losses of few values, so that many are equal, and improvements as large as `tol`, or not."""
    for seed in range(200):
        rng = np.random.Generator(np.random.Philox(seed))
        losses = (rng.integers(0, 8, 40) / 4).tolist()
        patience, tol = int(rng.integers(1, 6)), float(rng.integers(0, 3)) / 4
        training = _Losses(Rules(1.0, schedule=schedule, patience=patience, tol=tol))
        for loss in losses:
            training.take(loss)
            if training.course.ended:
                break
        count, best = end_and_best(losses, patience, tol)
        assert (training.epoch, training.course.parameters[0]) == (count, best)
        assert training.course.best == losses[best]


def test_rates():
    """Learning rate, decays, factor: products in this order, to the last bit."""
    losses = [4.0, 3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 2.0]
    rates = [0.3 * decayed for decayed in itertools.accumulate([1.0] + 7 * [0.7], operator.mul)]
    assert rates != [0.3 * 0.7**epoch for epoch in range(8)]
    constant = _Losses(Rules(0.3, 0.7))
    assert [constant.take(loss) for loss in losses] == rates
    scaling = _Losses(Rules(0.3, 0.7, "invscaling", 0.5))
    with localcontext(prec=50):  # t + 1 is 1, 11, 21, ...
        roots = [float(1 / Decimal(10 * epoch + 1).sqrt()) for epoch in range(8)]
    assert [scaling.take(loss) for loss in losses] == [rate * root for rate, root in zip(rates, roots, strict=True)]
    adaptive = _Losses(Rules(0.3, 0.7, "adaptive", patience=1))
    factors = [1, 1, 1, 1, 1 / 5, 1 / 5, 1 / 5, 1 / 5 / 5]
    expected = [rate * factor for rate, factor in zip(rates, factors, strict=True)]
    assert [adaptive.take(loss) for loss in losses] == expected


def test_adaptive_ends_where_the_rate_is_small():
    training = _Losses(Rules(1e-4, schedule="adaptive", patience=1))
    rates = []
    while not training.course.ended:
        rates.append(training.take(1.0))
    # The first epoch is an improvement; then each pair of others lowers the rate.
    assert rates == [1e-4 * factor for factor in [1, 1, 1, *(2 * [1 / 5]), *(2 * [1 / 5 / 5]), *(2 * [1 / 5 / 5 / 5])]]
    assert rates[-1] <= 1e-6 < rates[-3]


def _rates(epochs, losses=None, **rules):
    training = _Losses(Rules(0.4, **rules).checked(np.dtype("float64"), epochs))
    return [training.take(loss) for loss in (losses or epochs * [1.0])]


def test_rates_of_a_known_number_of_epochs():
    """From the first rate to the last, in equal steps or by a wave; behind the warm-up."""
    ramp = [0.4, 0.325, 0.25, 0.175, 0.1]
    np.testing.assert_allclose(_rates(5, schedule="linear", final_rate=0.1), ramp, rtol=1e-15)
    wave = [0.1 + 0.3 * (1 + math.cos(math.pi * epoch / 4)) / 2 for epoch in range(5)]
    np.testing.assert_allclose(_rates(5, schedule="cosine", final_rate=0.1), wave, rtol=1e-15)
    assert _rates(5, schedule="cosine") == [0.4, 0.4 * 0.8535533905932737, 0.2, 0.4 * 0.14644660940672624, 0.0]
    warm = [0.4 * share for share in (1 / 4, 2 / 4, 3 / 4)]
    np.testing.assert_allclose(_rates(8, schedule="linear", final_rate=0.1, warmup=3), warm + ramp, rtol=1e-15)
    assert _rates(4, warmup=3) == [*warm, 0.4]
    assert _rates(1, schedule="cosine") == _rates(1, schedule="linear") == [0.4]
    assert _rates(6, schedule="linear", period=3)[2:] == [0, 0, 0, 0]
    assert _rates(3, schedule=lambda epoch: 1 / (1 + epoch)) == [0.4, 0.2, 0.4 * (1 / 3)]


def test_cosines_are_correctly_rounded():
    """(1 + cos(pi t)) / 2 = cos(pi t / 2)^2, by half-angle formulas in 60 digits, from cos(pi / 2) = 0."""
    with localcontext(prec=60):
        for power in range(1, 12):
            half = Decimal(0)  # cos(pi / 2)
            for _ in range(power - 1):
                half = ((1 + half) / 2).sqrt()
            assert _half_wave(2.0**-power) == float((1 + half) / 2)
            assert _half_wave(1 - 2.0**-power) == float((1 - half) / 2)


def test_a_plateau_lowers_the_rate():
    """After more than two epochs in a row without progress; then it counts anew. Never below the final rate."""
    losses = [3.0, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1]
    options = dict(schedule="plateau", plateau_patience=2, plateau_factor=0.5)
    factors = [1, 1, 1, 1, 1, 1 / 2, 1 / 2, 1 / 2, 1 / 2, 1 / 4, 1 / 4, 1 / 4, 1 / 8]
    assert _rates(13, losses, **options) == [0.4 * factor for factor in factors]
    assert _rates(13, losses, **options, final_rate=0.08)[-2:] == [0.1, 0.4 * (0.08 / 0.4)]


@pytest.mark.parametrize(
    "options",
    [
        {}, dict(momentum=0.9), dict(optimizer="adam", learning_rate=0.01), dict(optimizer="rprop", batch_size=None),
        dict(schedule="cosine", schedule_epochs=6, warmup=2, decay=0.9), dict(schedule="invscaling"),
        dict(schedule="plateau", plateau_patience=0, tol=10.0), dict(patience=np.inf, learning_rate=3.0),
        dict(schedule="adaptive", patience=1, tol=10.0, optimizer="adam", threads=2, kernels="notes"),
        dict(dropout=0.5, input_dropout=0.2, max_norm=0.5, clip_norm=0.1),
    ],
    ids=str,
)  # fmt: skip
def test_two_calls_of_three_epochs_are_one_of_six(options):
    options = dict(batch_size=7, seed=3, validation=HELD_OUT) | options
    whole, parts, position = neurone.Network((6, 5, 3)), neurone.Network((6, 5, 3)), neurone.Position()
    expected = neurone.fit(whole, *TRAIN, epochs=6, **options)
    found = [report for _ in range(2) for report in neurone.fit(parts, *TRAIN, epochs=3, position=position, **options)]
    assert [vars(report) | {"seconds": 0} for report in found] == [vars(report) | {"seconds": 0} for report in expected]
    assert np.array_equal(parts.parameters, whole.parameters)


def test_a_position_belongs_to_a_training():
    position = neurone.Position()
    neurone.fit(neurone.Network((6, 5, 3)), *TRAIN, epochs=1, optimizer="adam", position=position)
    for options, sizes in ((dict(optimizer="rprop"), (6, 5, 3)), (dict(optimizer="adam"), (6, 4, 3))):
        with pytest.raises(neurone.InputError, match="position is one of 'adam' and 53 parameters"):
            neurone.fit(neurone.Network(sizes), *TRAIN, epochs=1, position=position, **options)
    with pytest.raises(neurone.InputError, match="position is 3"):
        neurone.fit(neurone.Network((6, 5, 3)), *TRAIN, position=3)


def test_no_epoch_begins_when_time_is_over():
    net, position = neurone.Network((6, 5, 3)), neurone.Position()
    assert len(neurone.fit(net, *TRAIN, epochs=5, max_seconds=1e-9, position=position)) == 1
    assert neurone.fit(net, *TRAIN, epochs=5, max_seconds=1e-9, position=position) == []
    assert len(neurone.fit(net, *TRAIN, epochs=5, max_seconds=1e9, position=position)) == 5


@pytest.mark.parametrize("monitor", MONITORS)
def test_patience_watches_what_it_is_told_to(monitor):
    net = neurone.Network((6, 5, 3))
    options = dict(validation=HELD_OUT, patience=2, tol=0.0, monitor=monitor, learning_rate=3.0)
    history = neurone.fit(net, *TRAIN, epochs=30, **options)
    losses = [getattr(report, monitor) for report in history]
    assert len(history) == end_and_best(losses + 30 * [np.inf], 2, 0.0)[0] < 30


def test_float_targets_have_a_cost_to_watch():
    net = neurone.Network((6, 5, 3))
    targets = np.eye(3)[TRAIN[1]] * 0.9 + 0.1 / 3
    history = neurone.fit(net, TRAIN[0], targets, epochs=3, validation=(TRAIN[0], targets), patience=1)
    assert [report.validation_error for report in history] == 3 * [None]
    with pytest.raises(neurone.InputError, match="targets are floats"):
        neurone.fit(net, TRAIN[0], targets, validation=(TRAIN[0], targets), monitor="validation_error")


@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize(("tol", "patience"), [(1e-9, 3), (1e-3, 2), (1.0, 4)])
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_rates_and_end_are_those_of_mlpclassifier(schedule, tol, patience, monkeypatch):
    neural_network = pytest.importorskip("sklearn.neural_network")
    optimizer = pytest.importorskip("sklearn.neural_network._stochastic_optimizers").SGDOptimizer
    theirs, iteration_ends = [], optimizer.iteration_ends

    def noted(self, time_step):
        theirs.append(self.learning_rate)
        iteration_ends(self, time_step)

    class FromZero(neural_network.MLPClassifier):
        def _init_coef(self, fan_in, fan_out, dtype):
            return np.zeros((fan_in, fan_out), dtype), np.zeros(fan_out, dtype)

    monkeypatch.setattr(optimizer, "iteration_ends", noted)
    inputs, labels = np.zeros((200, 2)), np.repeat([0, 1], [120, 80])
    FromZero(
        (), "identity", solver="sgd", momentum=0, alpha=0, batch_size=200, shuffle=False, learning_rate=schedule,
        learning_rate_init=1.0, power_t=0.3, tol=tol, n_iter_no_change=patience, max_iter=150,
    ).fit(inputs, labels)  # fmt: skip
    net = neurone.Network((2, 1), output="logistic", dtype="float64")
    net.parameters[:] = 0
    history = neurone.fit(
        net, inputs, labels, batch_size=None, shuffle=False, schedule=schedule, learning_rate=1.0, power_t=0.3, tol=tol,
        patience=patience, epochs=150,
    )  # fmt: skip
    np.testing.assert_allclose([report.learning_rate for report in history], theirs, rtol=1e-13)
    assert len(theirs) < 150 or tol == 1e-9


@pytest.mark.parametrize("validation", [None, HELD_OUT])
@pytest.mark.parametrize(("patience", "tol"), [(1, 0.0), (3, 1e-4), (2, 3.0), (np.inf, 0.0)])
def test_fit_ends_and_puts_the_best_back(patience, tol, validation):
    whole = trained(validation=validation)[1]
    losses = [report.cost if validation is None else report.validation_error for report in whole]
    assert losses.index(min(losses)) < 29  # the last is not the best
    net, history, parameters = trained(patience=patience, tol=tol, validation=validation)
    count, best = end_and_best(losses, min(patience, 30), tol)
    assert [report.cost for report in history] == [report.cost for report in whole[:count]]
    assert np.array_equal(net.parameters, parameters[best])
    assert validation is None or (net.predict(HELD_OUT[0]) != HELD_OUT[1]).mean() == pytest.approx(losses[best] / 100)


def test_without_patience_the_last_parameters_stay():
    net, history, parameters = trained(validation=HELD_OUT)
    assert len(history) == 30 and np.array_equal(net.parameters, parameters[-1])


@pytest.mark.parametrize("patience", [None, 20])
def test_what_a_callback_raises_ends_the_training(patience):
    losses = [report.validation_error for report in trained(validation=HELD_OUT)[1]][:9]
    best = losses.index(min(losses))
    assert best < 8
    net, parameters, reports = neurone.Network((6, 5, 3)), [], []

    def stop(report):
        parameters.append(net.parameters.copy())
        reports.append(report)
        if report.epoch == 8:
            raise KeyboardInterrupt

    options = dict(learning_rate=3.0, batch_size=4, epochs=30, validation=HELD_OUT, patience=patience)
    with pytest.raises(KeyboardInterrupt):
        neurone.fit(net, *TRAIN, callback=stop, **options)
    assert [report.validation_error for report in reports] == losses
    assert np.array_equal(net.parameters, parameters[8 if patience is None else best])


def test_a_divergence_leaves_the_best():
    """With a rate that is a hundred times as large in every epoch."""
    net, parameters = neurone.Network((6, 2), output="identity", cost="quadratic"), []
    with pytest.raises(neurone.DivergenceError):
        neurone.fit(
            net, INPUTS, INPUTS[:, :2], learning_rate=1e-3, decay=100, epochs=15, patience=20,
            callback=lambda _: parameters.append(net.parameters.copy()),
        )  # fmt: skip
    assert len(parameters) > 1 and any(np.array_equal(net.parameters, each) for each in parameters)


def test_the_best_are_kept_beside_the_last():
    """`iterate` leaves the last in the network: more epochs go on from them."""
    options = dict(batch_size=4, reduction="mean", shuffle=True, seed=0, kernels="fast", threads=1,
                   validation=HELD_OUT, progress=None)  # fmt: skip
    net, position = neurone.Network((6, 5, 3)), Position()
    list(iterate(net, *TRAIN, rules=Rules(3.0, patience=30), epochs=30, position=position, **options))
    best, _, parameters = trained(validation=HELD_OUT, patience=30)
    assert np.array_equal(net.parameters, parameters[-1])
    assert np.array_equal(position.course.parameters, best.parameters)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            dict(schedule="step"),
            "schedule is 'step'; choose one of constant, linear, cosine, plateau",
        ),
        (dict(schedule=None), "schedule is None"),
        (dict(schedule="adaptive"), "schedule is 'adaptive', which lowers the rate when patience runs out; give pat"),
        (dict(power_t=-0.5), "power_t is -0.5; give a number of 0 or more"),
        (dict(power_t="half"), "power_t is 'half'"),
        (dict(patience=0), "patience is 0; give an integer of at least 1"),
        (dict(patience=2.5), "patience is 2.5"),
        (dict(patience=True), "patience is True"),
        (dict(patience=float("nan")), "patience is nan"),
        (dict(tol=-1e-4), "tol is -0.0001; give a number of 0 or more"),
        (dict(tol=float("inf")), "tol is inf"),
        (dict(final_rate=0.2), "final_rate is 0.2, above the learning rate 0.1"),
        (dict(plateau_factor=1), "plateau_factor is 1.0; give a number between 0 and 1"),
        (dict(plateau_patience=-1), "plateau_patience is -1"),
        (dict(warmup=-1), "warmup is -1"),
        (dict(schedule_epochs=0), "schedule_epochs is 0"),
        (dict(max_seconds=0), "max_seconds is 0"),
        (dict(monitor="error"), "monitor is 'error'; choose one of"),
        (dict(monitor="validation_cost"), "monitor is 'validation_cost', and there is no validation set"),
        (dict(schedule=lambda epoch: -1), r"schedule\(0\) is -1"),
        (dict(callback=3), "callback is 3; give a function that takes a report"),
    ],
)
def test_refusals(options, message):
    net = neurone.Network((6, 5, 3))
    before = net.parameters.copy()
    with pytest.raises(neurone.InputError, match=f"^{message}"):
        neurone.fit(net, *TRAIN, **options)
    assert np.array_equal(net.parameters, before)


@pytest.mark.parametrize(
    "options",
    [
        dict(momentum=0.9, batch_size=7, alpha=0.01),
        dict(momentum=0.5, nesterovs_momentum=False, batch_size=60, schedule="invscaling", power_t=0.1),
        dict(schedule="adaptive", patience=2, batch_size=7),
        dict(momentum=0.9, patience=4, batch_size=1),
        dict(optimizer="adam", schedule="cosine", final_rate=0.01, warmup=3, patience=30, monitor="validation_cost"),
        dict(schedule="plateau", plateau_patience=1, plateau_factor=0.5, monitor="cost", patience=30, tol=0.01),
        dict(optimizer="rprop", batch_size=40, weight_decay=0.1, schedule="linear"),
    ],
)
def test_fit_and_command_do_the_same(options, call, small_set, tmp_path):
    """From options of all kinds."""
    seed = 1209
    names = {"nesterovs_momentum": ["--no-nesterov"]}
    flags = []
    for name, value in options.items():
        flags += names.get(name, [f"--{name.replace('_', '-')}", value])
    done = call(
        "train", "--data", small_set, "--hidden", 5, "--learning-rate", 0.05, "--decay", 1, "--epochs", 25, "--seed",
        seed, "--validation", 20, "--save", "net", "--history", "history", *flags,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    by_command = neurone.load(tmp_path / "net")
    epochs = [json.loads(line) for line in (tmp_path / "history").read_text().splitlines()][:-1]
    data = load_folder(small_set)
    held_out = neurone.datasets.arrays.stratified(data.train_labels, 20, seed)
    images, labels = data.train_images.reshape(60, 20), data.train_labels
    train, validation = (images[~held_out], labels[~held_out]), (images[held_out], labels[held_out])

    by_fit = neurone.Network((20, 5, 3), seed=seed)
    history = neurone.fit(
        by_fit, *train, learning_rate=0.05, epochs=25, seed=seed, validation=validation, **options
    )  # fmt: skip
    assert [{"event": "epoch", **vars(report), "seconds": 0} for report in history] == [
        epoch | {"seconds": 0, "penalty": None} for epoch in epochs
    ]
    assert np.array_equal(by_fit.parameters, by_command.parameters)

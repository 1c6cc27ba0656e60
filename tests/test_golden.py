"""The package against the C program of `golden/neurone.c`, bit for bit: parameters, costs and outputs."""

import itertools
import operator

import numpy as np
import pytest
from oracle_c import ACTIVATIONS, OUTPUTS, Case, have_gcc, make_case, read_dumps, run, uniform

import neurone
from neurone.engine.optimizer import Optimizer
from neurone.randomness import epoch_order
from neurone.training.fit import iterate
from neurone.training.rules import Rules

WIDTHS = ("float32", "float64")
HIDDEN = ((), (4,), (4, 3), (4, 2, 3))  # depths 0 to 3
SEED = Case.seed

needs_gcc = pytest.mark.skipif(
    not have_gcc(), reason="gcc is not installed: only the C program's stored results are compared"
)


def train(case, shuffle, kernels="notes", threads=1):
    """(parameters, costs, outputs, penalties) of the package for this case."""
    network = neurone.Network(
        case.sizes,
        activation=case.activation,
        output=case.output,
        cost=case.cost,
        slope=case.slope,
        dtype=case.dtype,
    )
    network.parameters[:] = case.parameters
    chosen = dict(case.optimizer)
    history = iterate(
        network,
        case.images,
        case.targets,
        rules=Rules(case.rate, case.decay),
        batch_size=case.batch_size if case.batch_size < len(case.images) else None,
        epochs=len(case.orders),
        reduction="mean" if case.mean else "sum",
        shuffle=shuffle,
        seed=case.seed,
        kernels=kernels,
        threads=threads,
        validation=None,
        progress=None,
        optimizer=Optimizer(chosen.pop("optimizer", "sgd"), **chosen),
        sample_weight=case.factors,
        proportions=case.proportions,
        penalised=True,
    )
    costs, penalties = np.array([(report.cost, report.penalty or 0.0) for report in history]).T.copy()
    return network.parameters, costs, network.predict_proba(case.images), penalties


def same_bits(a, b):
    integers = f"i{a.itemsize}"
    return a.dtype == b.dtype and np.array_equal(a.view(integers), b.view(integers))


def compare(cases, shuffle, threads=1):
    """The bits of every case are the C program's; returns how many of the cases changed their parameters."""
    learnt = 0
    for case, expected in zip(cases, run(cases), strict=True):
        for kernels in ("notes", "fast"):
            parameters, costs, outputs, penalties = train(case, shuffle, kernels, threads)
            assert same_bits(parameters, expected.parameters), f"parameters, {kernels}: {case}"
            assert same_bits(costs, expected.costs), f"costs, {kernels}: {case}"
            assert same_bits(penalties, expected.penalties), f"penalties, {kernels}: {case}"
            assert same_bits(outputs, expected.outputs), f"outputs, {kernels}: {case}"
        learnt += not np.array_equal(expected.parameters, case.parameters)
    return learnt


def shuffled(samples, epochs=2):
    return [epoch_order(samples, SEED, epoch) for epoch in range(epochs)]


@needs_gcc
@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda hidden: f"depth{len(hidden)}")
@pytest.mark.parametrize(("output", "cost"), OUTPUTS)
@pytest.mark.parametrize("dtype", WIDTHS)
def test_every_combination(dtype, output, cost, hidden):
    """Every activation, batch mode, reduction, kind of input and of target, one output and several."""
    product = itertools.product(
        (3,) if output == "softmax" else (3, 1),
        ACTIVATIONS if hidden else ACTIVATIONS[:1],
        (1, 3, 7),  # of 7 samples: online, a smaller batch at the end, the whole set
        (True, False),
        (True, False),
        (True, False),
    )
    cases = [
        make_case(
            seed,
            (5, *hidden, outputs),
            activation,
            output,
            cost,
            dtype,
            batch_size=batch_size,
            mean=mean,
            pixels=pixels,
            labels=labels,
            rate=0.02,
            orders=shuffled(7),
        )
        for seed, (outputs, activation, batch_size, mean, pixels, labels) in enumerate(product)
    ]
    assert compare(cases, shuffle=True) == len(cases)


@needs_gcc
@pytest.mark.parametrize(("output", "cost"), OUTPUTS)
@pytest.mark.parametrize("dtype", WIDTHS)
def test_saturated(dtype, output, cost):
    """Exponentials that overflow and vanish and hyperbolic tangents of 1, in hidden layers and outputs."""
    cases = []
    for activation, hidden, labels in itertools.product(ACTIVATIONS, HIDDEN[:3], (True, False)):
        # Without a bound on the neurons, gradients grow with the powers of the weights: keep all finite.
        bounded = activation in ("logistic", "tanh") and output != "identity"
        for reach in (3, 100, 2000) if bounded else (3, 30):
            sizes = (5, *hidden, 3)
            options = {
                "reach": reach,
                "rate": 0.5 if bounded else 1e-9,
                "labels": labels,
                "orders": shuffled(7),
            }
            cases.append(make_case(len(cases), sizes, activation, output, cost, dtype, **options))
    # Neurons that are saturated to the last bit do not learn. The others must.
    assert compare(cases, shuffle=True) > len(cases) / 6


OPTIMIZERS = (
    dict(momentum=0.9),
    dict(momentum=0.5, nesterovs_momentum=False, alpha=0.1, weight_decay=0.3),
    dict(alpha=0.2),
    dict(weight_decay=0.7),
    dict(optimizer="adam"),
    dict(optimizer="adam", beta_1=0.7, beta_2=0.8, epsilon=1e-3, alpha=0.1, weight_decay=0.5),
    dict(optimizer="rprop"),
    dict(optimizer="rprop", alpha=0.2, weight_decay=0.01),
    dict(clip_norm=0.05),
    dict(max_norm=0.8),
    dict(dropout=0.5),
    dict(input_dropout=0.2, optimizer="adam"),
    dict(input_dropout=0.3, dropout=0.6, momentum=0.9, max_norm=1.0, clip_norm=0.2, alpha=0.1, weight_decay=0.3),
)


@needs_gcc
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", WIDTHS)
def test_optimizers(dtype, threads, teams):
    """Each for many corrections, by single samples, batches and the whole set; means and totals; with factors."""
    cases = []
    for optimizer, batch_size, mean in itertools.product(OPTIMIZERS, (1, 4, 9), (True, False)):
        number = len(cases)
        sizes = (5, 64, 4, 3) if threads > 1 else (5, 9, 4, 3)
        options = dict(optimizer=optimizer, samples=9, batch_size=batch_size, mean=mean)
        options |= [{}, {"factors": True}, {"proportions": True}][(number + number // 6) % 3]
        cases.append(
            make_case(
                number, sizes, ACTIVATIONS[number % 4], *OUTPUTS[number % 2], dtype, rate=0.03, decay=0.9,
                orders=shuffled(9, 8), **options,
            )
        )  # fmt: skip
    for number, batch_size in enumerate((1, 4)):
        cases.append(
            make_case(
                number, (5, 64, 2), ACTIVATIONS[number], "exp", "poisson", dtype, rate=0.01, batch_size=batch_size,
                labels=number > 0, orders=shuffled(7, 2),
            )
        )  # fmt: skip
    assert compare(cases, shuffle=True, threads=threads) == len(cases)
    assert max(teams, default=1) == threads


@needs_gcc
@pytest.mark.parametrize("dtype", WIDTHS)
def test_decays_of_many_epochs(dtype):
    """From the third on, products of decays are not always their power to the last bit."""
    case = make_case(2, (5, 4, 3), "logistic", "softmax", "log", dtype, decay=0.7, orders=shuffled(7, 30))
    products = itertools.accumulate(30 * [0.7], operator.mul)
    assert any(product != 0.7**epoch for epoch, product in enumerate(products, 1))
    assert compare([case], shuffle=True)


def large_case(dtype, batch_size, order):
    """Like MNIST: 784 pixels, four in five of them 0."""
    case = make_case(1, (784, 100, 10), "logistic", "softmax", "log", dtype, samples=200, orders=order)
    case.images = np.floor(np.maximum(uniform(1, 3, (200, 784), -1024, 256), 0)).astype(np.uint8)
    case.parameters = (case.parameters / 8).astype(dtype)
    case.batch_size = batch_size
    return case


@needs_gcc
@pytest.mark.parametrize("batch_size", (1, 32, 200))
@pytest.mark.parametrize("dtype", WIDTHS)
def test_large(dtype, batch_size):
    assert compare([large_case(dtype, batch_size, shuffled(200))], shuffle=True)
    assert compare([large_case(dtype, batch_size, [np.arange(200)] * 2)], shuffle=False)


@needs_gcc
def test_large_by_threads(teams):
    assert compare([large_case("float32", 150, shuffled(200))], shuffle=True, threads=3)
    assert max(teams) == 3


def agree_with_dump(case, stored, parameters, costs, outputs, *_):
    """float32: its exponential is the project's own, so the bits are the same on every machine; only the
    logarithm in the cost is the C library's, in 64 bits.

    float64: exp, tanh and log are the C library's, which may differ from the one that made the dumps by a
    unit or so in the last place, 2e-16. Two epochs of three batches carry that on: 1e-12 of the largest
    number leaves room for it.
    """
    exact = case.dtype == "float32"
    for name, ours, theirs, as_stored in (
        ("parameters", parameters, stored.parameters, exact),
        ("costs", costs, stored.costs, exact and case.cost != "log"),
        ("outputs", outputs, stored.outputs, exact),
    ):
        if as_stored:
            assert same_bits(ours, theirs), f"{name}: {case}"
        else:
            assert np.abs(ours - theirs).max() <= 1e-12 * np.abs(theirs).max(), f"{name}: {case}"


@pytest.mark.parametrize("dtype", WIDTHS)
def test_dumps(dtype):
    for case, stored in read_dumps(dtype):
        agree_with_dump(case, stored, *train(case, shuffle=False))


@needs_gcc
@pytest.mark.parametrize("dtype", WIDTHS)
def test_dumps_are_those_of_the_program(dtype):
    pairs = read_dumps(dtype)
    results = run([case for case, _ in pairs])
    for (case, stored), result in zip(pairs, results, strict=True):
        agree_with_dump(case, stored, result.parameters, result.costs, result.outputs)

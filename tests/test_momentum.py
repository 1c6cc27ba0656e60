"""Momentum, penalty and samples' factors: scikit-learn's updates, and the same bits from both sets of kernels."""

import numpy as np
import pytest

import neurone
from neurone.datasets.digits import digits
from neurone.engine.optimizer import Optimizer
from neurone.training.fit import iterate
from neurone.training.reports import Position
from neurone.training.rules import Rules


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize(("momentum", "alpha"), [(0.9, 0.0), (0.0, 0.3), (0.8, 0.1)])
def test_scikit_learn_does_the_same(momentum, alpha, nesterov):
    """To 1e-9 in 64 bits: sums in another order. Three epochs of batches of 15, the last of 5."""
    neural_network = pytest.importorskip("sklearn.neural_network")
    rng = np.random.Generator(np.random.Philox(1))
    inputs, labels = rng.standard_normal((50, 20)), np.arange(50) % 4
    net = neurone.Network((20, 4, 3, 4), activation="tanh", dtype="float64")
    theirs = neural_network.MLPClassifier(
        (4, 3), activation="tanh", solver="sgd", alpha=alpha, batch_size=15, learning_rate_init=0.1, max_iter=1,
        shuffle=False, momentum=momentum, nesterovs_momentum=nesterov,
    )  # fmt: skip
    theirs.partial_fit(inputs[:15], labels[:15], classes=np.arange(4))
    theirs.coefs_ = [net.layer(layer)[1:].copy() for layer in range(3)]
    theirs.intercepts_ = [net.layer(layer)[0].copy() for layer in range(3)]
    del theirs._optimizer
    for _ in range(3):
        theirs.partial_fit(inputs, labels)
    history = neurone.fit(
        net, inputs, labels, learning_rate=0.1, batch_size=15, epochs=3, shuffle=False,
        momentum=momentum, nesterovs_momentum=nesterov, alpha=alpha,
    )  # fmt: skip
    for layer in range(3):
        np.testing.assert_allclose(net.layer(layer)[1:], theirs.coefs_[layer], rtol=0, atol=1e-9)
        np.testing.assert_allclose(net.layer(layer)[0], theirs.intercepts_[layer], rtol=0, atol=1e-9)
    assert alpha or abs(history[-1].cost - theirs.loss_curve_[-1]) < 1e-9


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [1, 32, 150])
def test_both_kernels_and_any_number_of_threads(dtype, batch_size, teams):
    images, labels = digits(200)
    labels %= 8
    factors = np.random.Generator(np.random.Philox(4)).random(200) * 3
    cases = [((784, 100, 210, 10), images)]
    if dtype == "float32":
        cases.append(((784, 24, 8), np.random.Generator(np.random.Philox(3)).random((200, 784))))
    for sizes, inputs in cases:
        for options in (
            dict(momentum=0.9, alpha=0.01), dict(momentum=0.5, nesterovs_momentum=False), dict(alpha=0.1),
            dict(sample_weight=factors), dict(sample_weight=factors, momentum=0.9),
        ):  # fmt: skip
            results = set()
            for kernels, threads in (("notes", 1), ("fast", 1), ("fast", 3)):
                net = neurone.Network(sizes, dtype=dtype)
                history = neurone.fit(
                    net, inputs, labels, batch_size=batch_size, epochs=2, kernels=kernels, threads=threads,
                    learning_rate=0.01, **options,
                )  # fmt: skip
                results.add((net.parameters.tobytes(), history[-1].cost))
            assert len(results) == 1
    assert max(teams) == 3


def test_without_either_nothing_changes():
    images, labels = digits(100)
    labels %= 8
    plain, factors_of_one = neurone.Network((784, 5, 8)), neurone.Network((784, 5, 8))
    neurone.fit(plain, images, labels, batch_size=10)
    neurone.fit(factors_of_one, images, labels, batch_size=10, sample_weight=np.ones(100))
    assert np.array_equal(plain.parameters, factors_of_one.parameters)


def test_a_factor_is_a_repetition():
    """With the sum of a whole set's gradients, a sample of factor 3 is three such samples; to 64-bit rounding."""
    images, labels = digits(20)
    repeated, weighted = (neurone.Network((784, 100, 210, 10), dtype="float64") for _ in range(2))
    options = dict(batch_size=None, reduction="sum", learning_rate=0.01, epochs=3)
    factors = np.arange(20) % 4
    neurone.fit(repeated, np.repeat(images, factors, axis=0), np.repeat(labels, factors), **options)
    neurone.fit(weighted, images, labels, sample_weight=factors, **options)
    np.testing.assert_allclose(weighted.parameters, repeated.parameters, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kernels", ["fast", "notes"])
def test_the_velocity_goes_on(kernels):
    """Two trainings of one epoch that share a position's memory equal one training of two epochs."""
    images, labels = digits(50)
    labels %= 8
    whole, parts = neurone.Network((784, 5, 8)), neurone.Network((784, 5, 8))
    options = dict(rules=Rules(0.1), batch_size=8, reduction="mean", shuffle=False, seed=0,
                   kernels=kernels, threads=1, optimizer=Optimizer(momentum=0.9), validation=None,
                   progress=None)  # fmt: skip
    list(iterate(whole, images, labels, epochs=2, **options))
    first = Position()
    list(iterate(parts, images, labels, epochs=1, position=first, **options))
    second = Position(memory=first.memory, method="momentum", powers=first.powers)
    list(iterate(parts, images, labels, epochs=1, position=second, **options))
    assert np.array_equal(whole.parameters, parts.parameters)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"momentum": 1}, "momentum is 1.0; give a number from 0 to below 1"),
        ({"momentum": -0.1}, "momentum is -0.1; give a number of 0 or more"),
        ({"alpha": np.nan}, "alpha is nan; give a number of 0 or more"),
        ({"sample_weight": [1, 2]}, r"sample_weight has shape \(2,\); 3 samples take \(3,\)"),
        ({"sample_weight": [1, -2, 0]}, "sample_weight of sample 1 is negative"),
        ({"sample_weight": [1, np.inf, 0]}, "sample_weight of sample 1 hold NaN"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(neurone.InputError, match=message):
        neurone.fit(neurone.Network((2, 2)), np.eye(3, 2), [0, 1, 0], **options)

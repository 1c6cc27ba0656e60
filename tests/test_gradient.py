"""The gradient of every network against central differences of its own cost, through the public interface.

One `fit` of the whole set with the total gradient and a learning rate of 1 moves the parameters by minus the
gradient, and reports the mean cost from before the correction: both functions from one call.

Tolerance: 1e-7 of the largest derivative, or of 1 if that is larger. With a step of 1e-5 the difference
quotient is off by 1e-10 / 6 of the third derivative, which large weights make some hundred times the first,
and by the rounding of the cost, 1e-16 of it, over 1e-5. Seen: 1e-11 with moderate weights, 3e-8 with large.
"""

import itertools

import numpy as np
import pytest
from oracle_c import ACTIVATIONS, OUTPUTS, uniform

import neurone

STEP = 1e-5
TOLERANCE = 1e-7
SAMPLES = 4
SLOPE = 1.5
HIDDEN = ((), (4,), (4, 3), (4, 2, 3))  # depths 0 to 3


def preactivations(network, images):
    """The sums of every layer of neurons, to see where on their functions the neurons are."""
    functions = {
        "logistic": lambda s: 0.5 + 0.5 * np.tanh(SLOPE * s / 2),
        "tanh": np.tanh,
        "relu": lambda s: np.maximum(s, 0),
        "identity": lambda s: s,
    }
    sums, x = [], images
    for layer in range(len(network.sizes) - 1):
        w = network.layer(layer)
        sums.append(w[0] + x @ w[1:])
        x = functions[network.activation](sums[-1])
    return sums


def cost_and_gradient(network, images, targets, **dropout):
    """The total cost and its gradient; the parameters are left as they were."""
    before = network.parameters.copy()
    (report,) = neurone.fit(
        network,
        images,
        targets,
        learning_rate=1.0,
        batch_size=None,
        epochs=1,
        reduction="sum",
        shuffle=False,
        kernels="notes",
        **dropout,
    )
    gradient = before - network.parameters
    network.parameters[:] = before
    return report.cost * len(images), gradient


def differences(network, images, targets, **dropout):
    """(C(w + STEP) - C(w - STEP)) / (2 STEP) for every parameter w."""
    quotients = np.empty_like(network.parameters)
    for q, w in enumerate(network.parameters.tolist()):
        network.parameters[q] = w + STEP
        above, _ = cost_and_gradient(network, images, targets, **dropout)
        network.parameters[q] = w - STEP
        below, _ = cost_and_gradient(network, images, targets, **dropout)
        network.parameters[q] = w
        quotients[q] = (above - below) / (2 * STEP)
    return quotients


def make_problem(activation, output, cost, hidden, reach):
    """A network with parameters up to `reach`, its images, targets and pre-activations.

    relu has no derivative at 0: seeds are skipped until every hidden sum is well away from it.
    """
    network = neurone.Network(
        (3, *hidden, 3), activation=activation, output=output, cost=cost, slope=SLOPE, dtype="float64"
    )
    for seed in itertools.count():
        # Cubes: a few large parameters among many small ones, so that saturated neurons stand beside others
        # and some of the error still comes through.
        network.parameters[:] = reach * uniform(seed, 0, network.parameters.shape, -1, 1) ** 3
        images = uniform(seed, 1, (SAMPLES, 3), -1, 1)
        sums = preactivations(network, images)
        if activation != "relu" or all(np.abs(s).min() > 0.01 for s in sums[:-1]):
            break
    targets = uniform(seed, 2, (SAMPLES, 3), 0, 1)
    if output == "softmax":
        targets = np.array([0, 1, 2, 0])
    return network, images, targets, sums


@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda hidden: f"depth{len(hidden)}")
@pytest.mark.parametrize(("output", "cost"), OUTPUTS)
@pytest.mark.parametrize("saturated", (False, True), ids=("moderate", "saturated"))
def test_gradient(saturated, output, cost, hidden):
    for activation in ACTIVATIONS if hidden else ACTIVATIONS[:1]:
        reach = 1
        if saturated:  # without a bound on the neurons, sums grow by themselves from layer to layer
            reach = 14 if activation in ("logistic", "tanh") else (None, 5, 4, 3)[len(hidden)]
        network, images, targets, sums = make_problem(activation, output, cost, hidden, reach)
        if saturated:  # where tanh is 1 to 5 digits
            assert max(np.abs(s).max() for s in sums) > 6, activation
        _, gradient = cost_and_gradient(network, images, targets)
        largest = np.abs(gradient).max()
        assert largest > 1e-3, activation
        error = np.abs(gradient - differences(network, images, targets)).max()
        assert error <= TOLERANCE * max(largest, 1), activation


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_with_dropout(activation):
    """Masks depend on no parameter: with them, too, the gradient is that of the reported cost."""
    network, images, targets, _ = make_problem(activation, "softmax", "log", (6, 5), 1)
    dropout = dict(input_dropout=0.3, dropout=0.4, seed=3)
    cost, gradient = cost_and_gradient(network, images, targets, **dropout)
    assert cost != cost_and_gradient(network, images, targets)[0]
    assert np.abs(gradient).max() > 1e-3
    assert np.abs(gradient - differences(network, images, targets, **dropout)).max() <= TOLERANCE

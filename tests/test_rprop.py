"""RPROP on what FANN's users try first: XOR, two spirals, a regression. Its steps need no learning rate."""

import numpy as np
import pytest

import neurone


def epochs_until(enough, network, inputs, targets, most):
    """How many epochs until a report is good enough; None if none is."""
    history = neurone.fit(network, inputs, targets, optimizer="rprop", batch_size=None, epochs=most, tuning="off")
    return next((report.epoch + 1 for report in history if enough(report)), None)


@pytest.mark.parametrize("seed", range(10))
def test_xor(seed):
    """FANN's example: 2-3-1, symmetric sigmoids, a mean squared error of 0.001; 22 to 57 epochs when it was tried."""
    net = neurone.Network((2, 3, 1), activation="tanh", output="tanh", cost="quadratic", dtype="float64", seed=seed)
    inputs = np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])
    targets = -inputs[:, :1] * inputs[:, 1:]
    assert epochs_until(lambda report: report.cost < 0.001, net, inputs, targets, 100) is not None


def test_two_spirals():
    """194 points, three turns (Lang and Witbrock, 1988): all right, after 1,176 to 2,177 epochs when it was tried."""
    turn = np.arange(97) * np.pi / 16
    radius = (104 - np.arange(97)) / 104
    spiral = np.stack([radius * np.sin(turn), radius * np.cos(turn)], axis=1)
    inputs, labels = np.concatenate([spiral, -spiral]), np.repeat([0, 1], 97)
    net = neurone.Network((2, 20, 20, 1), activation="tanh", output="logistic", seed=2)
    assert epochs_until(lambda report: report.train_error == 0, net, inputs, labels, 3000) is not None


def test_a_regression():
    """200 points of a surface: 404 to 618 epochs when it was tried."""
    inputs = np.random.Generator(np.random.Philox(1)).uniform(-1, 1, (200, 2))
    targets = np.sin(3 * inputs[:, :1]) * np.cos(2 * inputs[:, 1:])
    net = neurone.Network((2, 15, 1), activation="tanh", output="identity", cost="half-quadratic")
    assert epochs_until(lambda report: report.cost < 0.001, net, inputs, targets, 1000) is not None

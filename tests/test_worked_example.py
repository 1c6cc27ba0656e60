"""The figures that the notes work out by hand (specification sections 1 and 2), from the package.

Section 2 leaves the inputs and the first layer open: here they are chosen so that the hidden neurons give the
notes' h1 = 0.73 and h2 = 0.74. The notes round as they go: the gradients of the output's weights are
those of the *rounded* delta3 = 0.109, rounded again, and the new weights subtract these rounded figures.
So each figure of the notes is checked twice: recomputed as the notes do from what the package gives
(exactly as printed), and against the package's own unrounded number (to a unit of its last digit).
"""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import neurone
from neurone.constants import LOGISTIC
from neurone.kernels.scalars import derivative

XA, XB = 0.35, -0.90
H1, H2 = 0.73, 0.74
W1A, W1B, W2A, W2B = 0.15, 0.20, 0.25, 0.30
W31, W32, B3 = 0.30, 0.90, 0.20


def logit(h):
    return math.log(h / (1 - h))


@pytest.fixture(params=["float64", "float32"])
def example(request):
    """One correction of the network of specification section 2, with alpha = 1: before, after, and the difference."""
    network = neurone.Network(
        (2, 2, 1), activation="logistic", output="tanh", cost="half-quadratic", dtype=request.param
    )
    network.layer(0)[:] = [
        [logit(H1) - W1A * XA - W1B * XB, logit(H2) - W2A * XA - W2B * XB],
        [W1A, W2A],
        [W1B, W2B],
    ]
    network.layer(1)[:] = [[B3], [W31], [W32]]

    inputs, target = np.array([[XA, XB]]), np.array([[0.5]])
    hidden, output = network.layer(0).copy(), network.layer(1).copy()
    h3 = float(network.predict_proba(inputs)[0, 0])
    (report,) = neurone.fit(network, inputs, target, learning_rate=1.0, batch_size=1, epochs=1, shuffle=False)
    # A gradient is read off as the difference of two parameters of about 1, each rounded.
    tolerance = 4 * float(np.finfo(request.param).eps)
    # As Python floats: round() of a NumPy float32 would stay a float32.
    moved_hidden, moved_output = (hidden - network.layer(0)).tolist(), (output - network.layer(1)).tolist()
    return SimpleNamespace(
        h3=h3,
        cost=report.cost,
        db3=moved_output[0][0],
        dw31=moved_output[1][0],
        dw32=moved_output[2][0],
        b3=float(network.layer(1)[0, 0]),
        w31=float(network.layer(1)[1, 0]),
        w32=float(network.layer(1)[2, 0]),
        hidden=moved_hidden,
        tolerance=tolerance,
    )


def test_output(example):
    assert round(example.h3, 3) == 0.795
    assert example.h3 == pytest.approx(math.tanh(W31 * H1 + W32 * H2 + B3), abs=example.tolerance)
    assert example.cost == pytest.approx((example.h3 - 0.5) ** 2 / 2, rel=example.tolerance)


def test_hidden_outputs(example):
    """dLoss/dw3j = delta3 hj: the quotients are what the hidden neurons gave."""
    assert example.dw31 / example.db3 == pytest.approx(H1, abs=20 * example.tolerance)
    assert example.dw32 / example.db3 == pytest.approx(H2, abs=20 * example.tolerance)


def test_delta3(example):
    """delta3 = (h3 - 0.5) (1 - h3^2) = 0.109, the gradient of b3."""
    delta3 = (example.h3 - 0.5) * (1 - example.h3**2)
    assert example.db3 == pytest.approx(delta3, abs=example.tolerance)
    assert round(example.db3, 3) == 0.109


def test_figures_as_the_notes_round_them(example):
    delta3 = round(example.db3, 3)
    h1, h2 = round(example.dw31 / example.db3, 2), round(example.dw32 / example.db3, 2)
    dw31, dw32 = round(delta3 * h1, 3), round(delta3 * h2, 3)
    assert (delta3, dw31, dw32) == (0.109, 0.080, 0.081)
    assert round(W31 - dw31, 2) == 0.22
    assert round(W32 - dw32, 3) == 0.819
    assert round(B3 - delta3, 2) == 0.09  # the scan reads -0.09


def test_figures_unrounded(example):
    """Within a unit of the last digit that the notes print."""
    assert example.dw31 == pytest.approx(0.080, abs=0.001)
    assert example.dw32 == pytest.approx(0.081, abs=0.001)
    assert example.w31 == pytest.approx(0.22, abs=0.01)
    assert example.w32 == pytest.approx(0.819, abs=0.001)
    assert example.b3 == pytest.approx(0.09, abs=0.01)


def test_hidden_gradients(example):
    """dLoss/dw1A = delta3 w31 h1 (1 - h1) xA and so on, with w31 and w32 from before their correction."""
    delta3 = (example.h3 - 0.5) * (1 - example.h3**2)
    delta1, delta2 = delta3 * W31 * H1 * (1 - H1), delta3 * W32 * H2 * (1 - H2)
    for x, row in zip((1.0, XA, XB), example.hidden, strict=True):
        assert row == pytest.approx([delta1 * x, delta2 * x], abs=example.tolerance)


@pytest.mark.parametrize("a", [0.5, 1.0, 3.0])
def test_backward_graph(a):
    """Specification section 1: w3 = -a x, w4 = 1 + e^w3, w5 = y = 1 / w4, gone through backwards.

    The tolerance is absolute, a few units in the last place of a: 1 - y loses digits where y is near 1.
    """
    for x in np.linspace(-12, 12, 97).tolist():
        w3 = -a * x
        w4 = 1 + math.exp(w3)
        y = 1 / w4
        dw5 = 1
        dw4 = dw5 * -1 / w4**2
        dw3 = dw4 * math.exp(w3)  # the notes drop the minus sign that dw4 brings
        dx = dw3 * -a

        assert dw3 < 0 < dx
        assert dx == pytest.approx(a * y * (1 - y), abs=4e-16 * a)
        assert dx == pytest.approx(a * math.exp(-a * x) / (1 + math.exp(-a * x)) ** 2, rel=1e-14)
        assert derivative(LOGISTIC, y, a) == pytest.approx(dx, abs=4e-16 * a)

"""The warning at the end of a training that learnt nothing: where there is cause, and nowhere else."""

import warnings

import numpy as np
import pytest

import neurone
from neurone.datasets.arrays import as_images
from neurone.datasets.digits import digits
from neurone.training.advice import _of_one_answer, looks_undivided

IMAGES, LABELS = digits(600)
UNDIVIDED = IMAGES.astype(np.float32)
RNG = np.random.Generator(np.random.Philox(5))


def said(images, labels, sizes, options=None, **settings):
    """What a training warns of."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        neurone.fit(neurone.Network(sizes, **(options or {})), images, labels, **settings)
    assert all(each.category is neurone.LearningWarning and each.filename == __file__ for each in found)
    return [str(each.message) for each in found]


@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu"])
@pytest.mark.parametrize("settings", [{}, {"batch_size": 20}, {"learning_rate": 0.01}, {"patience": 5}])
def test_undivided_pixels(activation, settings):
    sizes, options = (784, 30, 10), dict(activation=activation)
    (message,) = said(UNDIVIDED, LABELS, sizes, options, **settings)
    assert "whole numbers up to 255 as floats; divide them by 255" in message and "training error of" in message
    if activation == "logistic":
        assert said(UNDIVIDED / 255, LABELS, sizes, options, **settings) == []
        assert said(IMAGES, LABELS, sizes, options, **settings) == []


def test_undivided_pixels_that_are_learnt():
    """At a rate small enough for them."""
    options = dict(activation="relu")
    assert said(UNDIVIDED, LABELS, (784, 60, 10), options, learning_rate=1e-4, batch_size=10, epochs=40) == []


def test_what_looks_undivided():
    sparse = pytest.importorskip("scipy.sparse")
    pixels, counts = UNDIVIDED.reshape(600, 784), RNG.poisson(0.1, (600, 784)).astype(np.float32)
    counts[0, 0] = 200
    for images, answer in ((pixels, True), (pixels / 255, False), (pixels + 0.5, False), (-pixels, False),
                           (pixels * 2, False), (counts, False), (0 * pixels, False), (IMAGES, False)):  # fmt: skip
        assert looks_undivided(as_images(images, 784, np.dtype("float32"))[0]) is answer
        if images is not IMAGES:
            assert looks_undivided(as_images(sparse.csr_array(images), 784, np.dtype("float32"))[0]) is answer


@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu"])
def test_nothing_learnt(activation):
    """Numbers in the hundreds; once they are standardised, they are learnt."""
    centres = RNG.standard_normal((3, 10))
    labels = np.arange(300) % 3
    inputs = centres[labels] + 0.3 * RNG.standard_normal((300, 10))
    options, settings = dict(activation=activation), dict(epochs=5, learning_rate=0.1)
    (message,) = said(1000 + 100 * inputs, labels, (10, 8, 3), options, **settings)
    assert "nothing was learnt" in message and "has 66.7 %" in message and "variance of 1" in message
    assert said(inputs, labels, (10, 8, 3), options, **settings) == []


def test_nothing_learnt_of_numbers():
    """From inputs so large that all neurons are saturated; from others they are learnt."""
    targets = RNG.standard_normal((300, 2))
    options = dict(output="identity", cost="half-quadratic", activation="tanh")
    settings = dict(learning_rate=0.01, epochs=20, batch_size=10)
    (message,) = said(1000 + targets, targets, (2, 10, 2), options, **settings)
    assert "training ended with a cost of" in message and "nothing was learnt" in message
    assert said(targets, targets, (2, 10, 2), options, **settings) == []


@pytest.mark.parametrize(
    ("count", "settings"),
    [(10, dict(epochs=1)), (149, dict(epochs=5)), (300, dict(epochs=2)), (300, dict(epochs=5, batch_size=None))],
)
def test_too_little_to_tell(count, settings):
    """Random labels."""
    inputs, labels = RNG.standard_normal((count, 5)), RNG.integers(0, 3, count)
    assert said(inputs, labels, (5, 3), **settings) == []


def test_one_label_is_learnt_at_once():
    assert said(RNG.standard_normal((200, 5)), np.ones(200, int), (5, 4, 3), epochs=3) == []


def test_rare_labels_with_factors():
    """Where the rare ones count for as much, more answers are wrong than always the commonest would be."""
    labels = (np.arange(1000) % 50 == 0).astype(int)
    inputs = RNG.standard_normal((1000, 3)) + 1.5 * labels[:, None]
    weights = np.where(labels, 49.0, 1.0)
    assert said(inputs, labels, (3, 2), sample_weight=weights, epochs=5, learning_rate=0.01) == []


@pytest.mark.filterwarnings("default")
def test_commands_say_it_in_one_line(call, small_set):
    from neurone.datasets.idx import write_idx

    labels = RNG.integers(0, 3, 300).astype(np.uint8)
    write_idx(small_set / "train-images-idx3-ubyte.gz", RNG.integers(0, 256, (300, 5, 4)).astype(np.uint8))
    write_idx(small_set / "train-labels-idx1-ubyte", labels)
    done = call("train", "--data", small_set, "--hidden", 5, "--epochs", 3, "--learning-rate", 1, "--decay", 1)
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("neurone.train: training ended with") and "nothing was learnt" in line


def test_one_answer_of_poissons_deviance_and_of_proportions():
    """By their definitions: the best constant is the mean."""
    net = neurone.Network((2, 2), output="exp", cost="poisson", dtype="float64")
    counts, factors = RNG.poisson(2.0, (300, 2)).astype(np.float64), RNG.random(300)
    mean = np.average(counts, axis=0, weights=factors)
    with np.errstate(all="ignore"):
        deviances = np.where(counts > 0, counts * np.log(counts / mean), 0) - counts + mean
    cost, _ = _of_one_answer(net, np.empty(0, np.int64), counts, factors)
    np.testing.assert_allclose(cost / factors.mean(), np.average(deviances.sum(axis=1), weights=factors))

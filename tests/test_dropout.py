"""Dropout and bounds on norms, besides what `test_golden.py` compares with the C program."""

import numpy as np
import pytest

import neurone
from neurone.engine.optimizer import Optimizer
from neurone.kernels.dropout import drop
from neurone.sklearn import NeuroneClassifier, NeuroneRegressor

RNG = np.random.Generator(np.random.Philox(4))
LABELS = np.arange(60) % 3
IMAGES = RNG.integers(0, 256, (60, 30)) * (RNG.random((60, 30)) < 0.3)
IMAGES[:, :9] += 200 * np.eye(3, dtype=int)[LABELS].repeat(3, axis=1)
IMAGES = np.minimum(IMAGES, 255).astype(np.uint8)
WORD, HALF = 2**64, 2**32


def mix(x):
    """Of the specification, section 8, in Python's integers."""
    z = (x + 0x9E3779B97F4A7C15) % WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
    return z ^ (z >> 31)


def mask(seed, epoch, p, layer, size, rate):
    key = mix((mix((mix((mix(seed) + epoch) % WORD) + p) % WORD) + layer) % WORD)
    kept = []
    for j in range(size):
        h = (key % HALF + j * 0x9E3779B9) % HALF
        h = (h ^ (h >> 16)) * 0x7FEB352D % HALF
        h = (h ^ (h >> 15)) * 0x846CA68B % HALF
        kept.append((h ^ (h >> 16) ^ (key >> 32)) >= int(rate * HALF + 0.5))
    return np.array(kept)


def dropped(key, size, rate, first=0):
    """What the kernel leaves of ones."""
    ones = np.ones(size, np.float32)
    drop(ones, np.uint64(key), first, Optimizer(dropout=rate).rule(ones.dtype).hidden)
    return ones


def test_masks_are_independent_and_of_the_right_size():
    """Within five standard deviations, over neurons, samples, epochs, layers and seeds, and for neighbours of each."""
    for rate in (0.2, 0.5, 0.9):
        kept = np.array(
            [[mask(seed, epoch, p, layer, 64, rate) for p in range(8)] for seed, epoch, layer in np.ndindex(4, 4, 3)]
        ).reshape(4, 4, 3, 8, 64)
        share, spread = 1 - rate, np.sqrt(rate * (1 - rate))
        assert abs(kept.mean() - share) < 5 * spread / np.sqrt(kept.size)
        for axis in range(kept.ndim):
            pairs = (np.diff(kept.astype(int), axis=axis) == 0).mean()
            same = share**2 + rate**2
            assert abs(pairs - same) < 5 * np.sqrt(same * (1 - same) / kept.size) * 1.5
            means = kept.mean(axis=tuple(other for other in range(kept.ndim) if other != axis))
            assert np.abs(means - share).max() < 5 * spread / np.sqrt(kept.size / kept.shape[axis])


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.999, 1e-12])
def test_the_kernel_drops_what_the_specification_drops(rate):
    key = mix(mix(mix(mix(2**64 - 1) + 3) % WORD + 59_999) % WORD + 2)
    kept = mask(2**64 - 1, 3, 59_999, 2, 100, rate)
    scale = np.float32(1 / (1 - rate))
    assert np.array_equal(dropped(key, 100, rate), np.where(kept, scale, np.float32(0)))
    assert np.array_equal(dropped(key, 60, rate, first=40), np.where(kept, scale, np.float32(0))[40:])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("images", [IMAGES, IMAGES / 255, IMAGES + np.uint8(1)], ids=["bytes", "floats", "dense"])
def test_all_kernels_give_the_same_bits(images, threads, dtype, teams):
    """Lists of bytes and of floats, and whole images; two hidden layers, the first shared by a team."""
    options = dict(batch_size=50, epochs=3, dropout=0.5, input_dropout=0.2, clip_norm=0.3, max_norm=0.9)
    found = []
    for kernels in ("notes", "fast"):
        net = neurone.Network((30, 100, 20, 3), activation="relu", dtype=dtype)
        history = neurone.fit(net, images, LABELS, kernels=kernels, threads=threads, **options)
        found.append((net.parameters.tobytes(), [report.cost for report in history]))
    assert found[0] == found[1]
    assert max(teams, default=1) == threads


def test_predictions_drop_nothing_and_training_learns():
    net = neurone.Network((30, 60, 3), activation="relu")
    history = neurone.fit(
        net, IMAGES, LABELS, dropout=0.5, input_dropout=0.2, epochs=60, batch_size=10, validation=(IMAGES, LABELS)
    )
    assert history[-1].validation_error == 0 < history[-1].train_error
    assert np.array_equal(net.predict_proba(IMAGES), net.predict_proba(IMAGES))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_correction_is_as_long_as_the_gradient_may_be(reduction):
    """SGD of rate 1 moves by the gradient: in the same direction, no further than the bound."""
    moves = []
    for clip_norm in (None, 1e-3, 1e9):
        net = neurone.Network((30, 9, 3), dtype="float64")
        before = net.parameters.copy()
        options = dict(batch_size=None, epochs=1, learning_rate=1.0, reduction=reduction)
        neurone.fit(net, IMAGES, LABELS, clip_norm=clip_norm, **options)
        moves.append(net.parameters - before)
    free, clipped, loose = moves
    assert np.array_equal(free, loose)
    norm = np.linalg.norm(free)
    assert norm > 0.01
    np.testing.assert_allclose(clipped, free * (1e-3 / (norm + 1e-6)), rtol=1e-9, atol=1e-15)


def test_weights_into_a_neuron_are_no_longer_than_they_may_be():
    longest = []
    for max_norm in (None, 0.6):
        net = neurone.Network((30, 9, 3), dtype="float64")
        neurone.fit(net, IMAGES, LABELS, max_norm=max_norm, batch_size=10, epochs=20, learning_rate=0.5)
        longest.append([np.linalg.norm(net.layer(layer)[1:], axis=0).max() for layer in range(2)])
        biases = net.layer(0)[0], net.layer(1)[0]
    assert min(longest[0]) > 0.7
    np.testing.assert_allclose(longest[1], 0.6, rtol=1e-12)
    assert np.abs(biases[1]).max() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(dropout=1.0), r"dropout is 1.0; give a share from 0 to below 1"),
        (dict(input_dropout=-0.1), r"input_dropout is -0.1; give a number of 0 or more"),
        (dict(dropout=1 - 2.0**-40), r"dropout is 0.99\d*; give a share"),
        (dict(dropout="half"), r"dropout is 'half'"),
        (dict(clip_norm=0.0), r"clip_norm is 0.0; give a number above 0"),
        (dict(max_norm=np.inf), r"max_norm is inf; give a number above 0, and finite"),
        (dict(max_norm=1e-60), r"max_norm is 1e-60, which float32 rounds to 0"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    net = neurone.Network((30, 9, 3))
    before = net.parameters.copy()
    with pytest.raises(neurone.InputError, match=message):
        neurone.fit(net, IMAGES, LABELS, **options)
    assert np.array_equal(net.parameters, before)


def test_estimators_drop_neurons():
    """Other ones in every call, and the same again from the same random state."""
    inputs, options = IMAGES / 255, dict(random_state=1, dropout=0.5, max_norm=2.0, max_iter=200)
    model = NeuroneClassifier((40,), **options).fit(inputs, LABELS)
    assert model.score(inputs, LABELS) == 1 and model.loss_ > 0.01
    again = NeuroneClassifier((40,), **options).fit(inputs, LABELS)
    assert np.array_equal(model.network_.parameters, again.network_.parameters)
    losses = []
    still = NeuroneClassifier((40,), random_state=1, dropout=0.5, learning_rate_init=1e-30, shuffle=False)
    for _ in range(3):
        losses.append(still.partial_fit(inputs, LABELS, classes=range(3)).loss_)
    assert len(set(losses)) == 3
    regressor = NeuroneRegressor((40,), random_state=1, input_dropout=0.1, clip_norm=1.0, weight_decay=0.01)
    assert regressor.set_params(max_iter=500).fit(inputs, LABELS).score(inputs, LABELS) > 0.5


@pytest.mark.parametrize("option", ["dropout", "input_dropout", "clip_norm", "max_norm", "weight_decay"])
def test_lbfgs_has_none_of_it(option):
    with pytest.raises(ValueError, match=f"{option} is 0.5"):
        NeuroneClassifier(solver="lbfgs", **{option: 0.5}).fit(IMAGES, LABELS)

"""The embedded digits: the promise of their bits, and the preparation they share with MNIST."""

import hashlib

import numpy as np
import pytest

from neurone.datasets.digits import BLOCK, digits
from neurone.errors import InputError

SHA256 = "5bdf242efdbf3a8caa3d6035f31c22301d6b779f2aba998c26e6d042a79931c7"


@pytest.fixture(scope="module")
def sample():
    return digits(5000, seed=3)


def extents(images):
    """Rows and columns that each image's ink spans, (count, 2)."""
    spans = []
    for axis in (2, 1):
        inked = images.any(axis)
        spans.append(28 - inked.argmax(1) - inked[:, ::-1].argmax(1))
    return np.stack(spans, 1)


def test_the_bits_are_these_on_every_machine():
    images, labels = digits(1000, seed=0)  # a change here changes every set drawn so far: say so in the log
    assert hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest() == SHA256


def test_shapes_and_types(sample):
    images, labels = sample
    assert images.shape == (5000, 28, 28) and images.dtype == np.uint8 and images.flags.c_contiguous
    assert labels.shape == (5000,) and labels.dtype == np.uint8


@pytest.mark.parametrize("first, count", [(0, 1), (0, BLOCK + 1), (7, 20), (BLOCK - 1, 3), (4999, 1)])
def test_a_digit_depends_on_seed_and_number_alone(sample, first, count):
    images, labels = digits(count, seed=3, first=first)
    assert np.array_equal(images, sample[0][first : first + count])
    assert np.array_equal(labels, sample[1][first : first + count])


def test_every_digit_is_another_and_every_seed_too(sample):
    assert len(np.unique(sample[0].reshape(5000, -1), axis=0)) == 5000
    for seed in (0, 4, 2**64 - 1):
        images, labels = digits(100, seed=seed)
        assert not np.array_equal(labels, sample[1][:100])
        assert (images != sample[0][:100]).any((1, 2)).all()


def test_the_largest_numbers_are_drawn():
    images, _ = digits(2, seed=2**64 - 1, first=2**64 - 1)
    assert not np.array_equal(images[0], images[1])


def test_labels_are_uniform_and_mixed(sample):
    labels = sample[1]
    shares = np.bincount(labels, minlength=10)
    assert len(shares) == 10
    assert ((shares - 500.0) ** 2 / 500.0).sum() < 33.7  # chi-square, 9 degrees of freedom: once in 10,000
    # Pairs of neighbours, 99 degrees of freedom: again once in 10,000. Labels in a regular order go beyond.
    pairs = np.bincount(labels[:-1].astype(int) * 10 + labels[1:], minlength=100)
    assert ((pairs - 49.99) ** 2 / 49.99).sum() < 161.3


def test_prepared_as_mnist_was(sample):
    images = sample[0].astype(float)
    ink = images.sum((1, 2))
    assert ink.min() > 1000.0
    assert (sample[0].max((1, 2)) > 100).all()
    # Strokes fill a 20x20 box, but for a row or column where the edge is too faint to leave ink.
    spans = extents(sample[0])
    assert spans.max() == 20
    assert np.mean(spans.max(1) >= 19) > 0.99
    # Moved by whole pixels: the centre of mass is within half a pixel of pixel (14, 14), except for a few 7s and
    # 9s so heavy at the top that the box would have to leave the image.
    centres = np.arange(28)
    row, column = (images.sum(2) * centres).sum(1) / ink, (images.sum(1) * centres).sum(1) / ink
    off = np.maximum(abs(row - 14.0), abs(column - 14.0))
    assert off.max() < 1.0 and np.mean(off <= 0.5) > 0.99
    # MNIST's own figures: 33.3 grey levels on average, 19.1 % of the pixels inked.
    assert 28.0 < images.mean() < 40.0
    assert 0.17 < np.mean(images > 0.0) < 0.23


def test_a_simple_reader_tells_the_digits_apart(sample):
    """The nearest of ten mean images, learnt on some digits, reads others: labels belong to their images."""
    images, labels = sample[0].reshape(5000, -1).astype(float), sample[1]
    means = np.stack([images[:4000][labels[:4000] == digit].mean(0) for digit in range(10)])
    read = ((means**2).sum(1) - 2.0 * images[4000:] @ means.T).argmin(1)
    assert np.mean(read == labels[4000:]) > 0.6


@pytest.mark.parametrize(
    "name, value",
    [
        ("count", 0),
        ("count", -5),
        ("count", 2.0),
        ("count", "3"),
        ("count", None),
        ("seed", -1),
        ("seed", 2**64),
        ("seed", 0.5),
        ("seed", None),
        ("first", -1),
        ("first", 1.0),
        ("first", 2**64),
    ],
)
def test_bad_arguments_are_refused_by_name(name, value):
    with pytest.raises(InputError, match=f"^{name} is .*; give an integer"):
        digits(**{"count": 1, name: value})


def test_numpy_integers_are_integers():
    images, _ = digits(np.int32(2), seed=np.uint64(3), first=np.int64(1))
    assert np.array_equal(images, digits(2, seed=3, first=1)[0])

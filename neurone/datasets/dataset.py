"""A set of images to train on and to be tested with, whatever it was read from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurone.datasets.arrays import stratified
from neurone.files import refusal

_MOST_CLASSES = 1 << 16


@dataclass(frozen=True)
class DataSet:
    """A training and a test set.

    Attributes
    ----------
    name : str
        "MNIST" if it is that to the last bit, else that of the folder or file.
    folder : pathlib.Path
    train_images, test_images : ndarray, uint8 or floats, (P, rows, columns)
    train_labels, test_labels : ndarray, integers, (P,)
        From 0.
    classes : tuple of str, optional
        Names of the classes 0, 1, ...; None where they are the numbers.
    note : str
        What else the first line of a command says of it.
    """

    name: str
    folder: Path
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: tuple | None = None
    note: str = ""

    @property
    def outputs(self):
        """As many as there are names, else 1 + the largest training label."""
        return len(self.classes) if self.classes is not None else 1 + int(self.train_labels.max())


def named(names):
    """The names of classes; None if they are the numbers 0, 1, ... themselves."""
    return None if tuple(names) == tuple(map(str, range(len(names)))) else tuple(names)


def without_test_set(name, folder, images, labels, classes, note=""):
    """The `DataSet` of which a tenth of each class is the test set, the same tenth every time."""
    if len(labels) < 2:
        raise refusal(folder, f"holds {len(labels)} images; give at least 2, of which one is to test")
    held_out = stratified(labels, max(1, len(labels) // 10), 0)
    note += "; no test set: a tenth of the images is held out"
    return DataSet(
        name, folder, images[~held_out], labels[~held_out], images[held_out], labels[held_out], classes, note
    )  # fmt: skip


def as_pixels(path, array):
    """Images of a file: bytes and floats as they are, other integers as bytes if they are from 0 to 255."""
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise refusal(path, "holds NaN or infinity; correct it")
        return array
    low, high = array.min(), array.max()
    if low < 0 or high > 255:
        raise refusal(
            path, f"holds pixels from {low} to {high}; make them 0 to 255, or floats, which are taken as they are"
        )
    return array.astype(np.uint8)


def as_classes(path, array):
    """Labels of a file, integers from 0; of QMNIST's eight columns the first, which is the digit."""
    if array.ndim == 2:
        array = np.ascontiguousarray(array[:, 0])
    if array.dtype == np.uint8:
        return array
    with np.errstate(invalid="ignore"):
        whole = array.astype(np.int64)
    wrong = np.flatnonzero((whole != array) | (whole < 0) | (whole >= _MOST_CLASSES))
    if wrong.size:
        raise refusal(
            path, f"holds the label {array[wrong[0]]} at position {wrong[0]} (from 0); give whole numbers, 0 to 65535"
        )
    return whole.astype(np.uint8) if whole.max() < 256 else whole


def check_labels(path, labels, outputs):
    """Refuse test labels that no training image has shown the way to."""
    beyond = np.flatnonzero(labels >= outputs)
    if beyond.size:
        first = beyond[0]
        raise refusal(
            path,
            f"labels beyond the outputs: label {labels[first]} at position {first} (from 0), but"
            f" the largest training label is {outputs - 1}; correct it, or train on such images too",
        )

"""What is strange about a data set, in a line each."""

import hashlib

import numpy as np

from neurone.datasets.digits import digits

_FEW = 10  # images of a class, less than which it is hardly learnt
# Of MNIST's images, 300 to 10,000 of them, the likeness below is 0.92 to 0.97; transposed, 0.57 to 0.61.
_DRAWN, _LIKE, _UNLIKE = 2000, 0.8, 0.7
_SIDE, _DIGITS = 28, 10


def remarks(data):
    """Lines about a `DataSet` that a user may not expect; none about a usual one.

    Images of one shade, a single class, classes with few images, test images that are training images too, and digits
    that are probably stored transposed.

    Examples
    --------
    >>> from neurone.datasets.dataset import DataSet
    >>> images, labels = digits(220)
    >>> print(*remarks(DataSet("", "", images[:200], labels[:200], images[195:], labels[195:])), sep="\\n")
    5 of 25 test images are training images too
    """
    lines = []
    for part in ("training", "test"):
        images = _rows(data.train_images if part == "training" else data.test_images)
        constant = int((images == images[:, :1]).all(axis=1).sum())
        if constant:
            lines.append(f"{constant} of {len(images)} {part} images are of one shade")
    counts = np.bincount(data.train_labels, minlength=data.outputs)
    if np.count_nonzero(counts) == 1:
        lines.append(f"all training images are of one class, {_name(data, int(counts.argmax()))}")
    few = np.flatnonzero(counts < _FEW)
    if few.size:
        said = ", ".join(f"{_name(data, label)} ({counts[label]})" for label in few[:10]) + ", ..." * (few.size > 10)
        lines.append(f"{few.size} of {data.outputs} classes have fewer than {_FEW} training images: {said}")
    known = {_digest(row) for row in _rows(data.train_images)}
    both = sum(_digest(row) in known for row in _rows(data.test_images))
    if both:
        lines.append(f"{both} of {len(data.test_images)} test images are training images too")
    if _transposed(data):
        lines.append("the digits seem to be stored transposed, as EMNIST's are: pictures will be misread")
    return lines


def _rows(images):
    return images.reshape(len(images), -1)


def _name(data, label):
    return str(label) if data.classes is None else data.classes[label]


def _digest(row):
    return hashlib.blake2b(row, digest_size=16).digest()


def _transposed(data):
    """Whether the classes' mean images are more like those of drawn digits once they are transposed."""
    images = data.train_images
    if images.shape[1:] != (_SIDE, _SIDE) or data.outputs != _DIGITS or data.classes is not None:
        return False
    drawn, drawn_labels = digits(_DRAWN)
    expected = _means(drawn, drawn_labels)
    found = _means(images[:_DRAWN], data.train_labels[:_DRAWN])
    if expected is None or found is None:
        return False
    upright, turned = _likeness(found, expected), _likeness(found.transpose(0, 2, 1), expected)
    return turned > _LIKE and upright < _UNLIKE


def _means(images, labels):
    """The mean image of each class; None where one has none."""
    if np.bincount(labels, minlength=_DIGITS).min() == 0:
        return None
    return np.stack([images[labels == label].mean(axis=0) for label in range(_DIGITS)])


def _likeness(found, expected):
    """The correlation of mean images, averaged over the classes."""
    pairs = zip(_rows(found), _rows(expected), strict=True)
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs if np.ptp(a) > 0] or [0]))

"""EMNIST (Cohen, Afshar, Tapson and van Schaik, 2017): six splits in one folder, and classes with names.

NIST's files hold every image column by column. They are turned upright here: a network learns what pictures show.
"""

import re
import string
from pathlib import Path

import numpy as np

from neurone.files import reading, refusal

_NAME = re.compile(r"emnist-([a-z]+)-(?:train|test)-(?:images|labels)", re.IGNORECASE)
_ALL = string.digits + string.ascii_uppercase + string.ascii_lowercase
_MERGED = string.digits + string.ascii_uppercase + "abdefghnqrt"  # others look the same in both cases
# Split -> its first label, and its classes.
SPLITS = {
    "byclass": (0, _ALL), "bymerge": (0, _MERGED), "balanced": (0, _MERGED), "letters": (1, string.ascii_uppercase),
    "digits": (0, string.digits), "mnist": (0, string.digits),
}  # fmt: skip
_MAPPING_LIMIT = 1 << 16


def split_of(name):
    """The split that a file belongs to by its name; None if it is none of EMNIST's."""
    match = _NAME.match(name)
    return match[1].lower() if match and match[1].lower() in SPLITS else None


def upright(images):
    """Images (P, rows, columns), each transposed."""
    return np.ascontiguousarray(images.transpose(0, 2, 1))


def classes_of(folder, split):
    """The split's first label, and its classes' names: by `emnist-<split>-mapping.txt` if it is there."""
    path = Path(folder, f"emnist-{split}-mapping.txt")
    if not path.exists():
        first, names = SPLITS[split]
        return first, tuple(names)
    with reading(path) as file:
        text = file.read(_MAPPING_LIMIT).decode("ascii", "replace")
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            label, code, *_ = map(int, line.split())  # the code of a capital letter comes before that of a small one
            found[label] = chr(code)
        except (ValueError, OverflowError):
            raise refusal(
                path, f"line {number} is not a label and the codes of its characters; fetch it again"
            ) from None
    first = min(found, default=0)
    names = tuple(found[label] for label in sorted(found))
    if not found or sorted(found) != list(range(first, first + len(found))) or not all(map(str.isprintable, names)):
        raise refusal(path, "does not name consecutive labels by characters; fetch it again")
    return first, names


def renumbered(path, labels, first, names):
    """Labels from 0; those that no class has are refused."""
    wrong = np.flatnonzero((labels < first) | (labels >= first + len(names)))
    if wrong.size:
        raise refusal(
            path,
            f"holds the label {labels[wrong[0]]} at position {wrong[0]} (from 0); the split has {first} to "
            f"{first + len(names) - 1}, fetch it again",
        )
    return (labels - first).astype(labels.dtype)

"""Sets in CSV files: a line for each image, its label first and then its pixels, as Kaggle's."""

import gzip
import math
import os
from itertools import islice

import numpy as np

from neurone.datasets.dataset import DataSet, as_classes, check_labels, without_test_set
from neurone.files import reading, refusal, shown

_LINES = 1000  # read at a time: 2.4 seconds for MNIST's 60,000
_LONGEST_LINE = 1 << 24


def load(path):
    """Load a CSV file, or the folder of a training set and perhaps a test set.

    Parameters
    ----------
    path : pathlib.Path
        A file, gzipped or not; or a folder of one, or of two with `train` and `test` in their names. The first line
        may be a header. Labels are whole numbers from 0, pixels from 0 to 255; images are square if they can be, else
        of one row. A test file without labels, such as Kaggle's, is not used.

    Returns
    -------
    DataSet or None
        None where a folder holds no CSV file.

    Raises
    ------
    InputError
        A cell that is no such number, lines of other lengths, files that cannot be told apart.
    """
    train, test = (path, None) if path.is_file() else _files(path)
    if train is None:
        return None
    note, tested, columns = "", None, _columns(train)
    if test is not None and _columns(test) == columns - 1:
        note, test = f"; {shown(test.name)} has no labels", None
    images, labels = _read(train, columns)
    if test is not None:
        tested = _read(test, columns)
    name = train.name if path.is_file() else path.resolve().name
    if tested is None:
        return without_test_set(name, path, images, labels, None, note)
    data = DataSet(name, path, images, labels, *tested)
    check_labels(test, data.test_labels, data.outputs)
    return data


def _files(folder):
    """The CSV files of a folder to train and to test with, each None without one."""
    names = sorted(
        entry.name for entry in os.scandir(folder) if entry.name.lower().removesuffix(".gz").endswith(".csv")
    )
    roles = {part: [name for name in names if part in name.lower()] for part in ("train", "test")}
    if len(names) == 1:
        return folder / names[0], None
    if names and (len(roles["train"]) != 1 or len(roles["test"]) > 1):
        listed = ", ".join(map(shown, names))
        raise refusal(folder, f"holds the CSV files {listed}; keep one with 'train' in its name, and one with 'test'")
    return tuple(folder / roles[part][0] if roles[part] else None for part in ("train", "test"))


class _Lines:
    """The lines of an open CSV file, inflated if it is gzipped, and the number of the next."""

    def __init__(self, path, file):
        self.path, self.number = path, 1
        self._file = gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == b"\x1f\x8b" else file

    def take(self, count):
        """The next lines, at most `count`; blank ones at the end of the file are left out."""
        try:
            lines = list(islice(iter(lambda: self._file.readline(_LONGEST_LINE), b""), count))
        except (EOFError, gzip.BadGzipFile, gzip.zlib.error) as error:
            raise refusal(self.path, f"is a damaged gzip file ({error}); copy it again") from None
        self.number += len(lines)
        return [line.decode("utf-8-sig", "replace").strip() for line in lines]


def _columns(path):
    with reading(path) as file:
        first = _Lines(path, file).take(1)
    if not first or first[0].count(",") < 1:
        raise refusal(path, "does not begin with a label and pixels, separated by commas")
    return first[0].count(",") + 1


def _read(path, columns):
    """Images and labels of a file of lines of so many columns."""
    parts = []
    with reading(path) as file:
        lines = _Lines(path, file)
        first = lines.take(1)
        if not _is_whole(first[0].split(",")[0]):  # a header
            first = []
        while first or (some := lines.take(_LINES)):
            some, first = first or some, []
            parts.append(_numbers(lines, [line for line in some if line], columns))
    table = np.concatenate(parts) if parts else np.empty((0, columns))
    if not len(table):
        raise refusal(path, "holds no lines of pixels")
    pixels = columns - 1
    side = math.isqrt(pixels)
    shape = (side, side) if side * side == pixels else (1, pixels)
    return table[:, 1:].astype(np.uint8).reshape(-1, *shape), as_classes(path, table[:, 0])


def _numbers(lines, some, columns):
    """The numbers of some lines, the last that were taken; uint16 (lines, columns)."""
    if not some:
        return np.empty((0, columns), np.uint16)
    try:
        numbers = np.loadtxt(some, np.uint16, delimiter=",", ndmin=2, comments=None)
        if numbers.shape[1] == columns and numbers[:, 1:].max() <= 255:
            return numbers
    except (ValueError, OverflowError):
        pass
    number = lines.number - len(some)
    for number, line in enumerate(some, lines.number - len(some)):
        cells = line.split(",")
        if len(cells) != columns:
            raise refusal(lines.path, f"line {number} has {len(cells)} columns, and the first {columns}; correct it")
        for column, cell in enumerate(cells):
            if not _is_whole(cell) or int(cell) > (255 if column else 65_535):
                what = "a pixel from 0 to 255" if column else "a label"
                raise refusal(
                    lines.path, f"line {number}, column {column + 1} is {cell[:20]!r}, expected {what}; correct it"
                )
    raise refusal(lines.path, f"lines before {lines.number} cannot be read; write them as whole numbers")


def _is_whole(cell):
    return cell.strip().strip('"').isdecimal()

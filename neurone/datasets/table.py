"""Sets in CSV files: a line for each image, its label first and then its pixels, as Kaggle's."""

import gzip
import math
import os
from itertools import islice

import numpy as np

from neurone.datasets.dataset import DataSet, as_classes, check_labels, without_test_set
from neurone.datasets.progress import progress
from neurone.files import reading, refusal, shown

_LINES = 1000  # read at a time
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
    names = sorted(filter(is_table, os.listdir(folder)))
    roles = {part: [name for name in names if part in name.lower()] for part in ("train", "test")}
    if len(names) == 1:
        return folder / names[0], None
    if names and (len(roles["train"]) != 1 or len(roles["test"]) > 1):
        listed = ", ".join(map(shown, names))
        raise refusal(folder, f"holds the CSV files {listed}; keep one with 'train' in its name, and one with 'test'")
    return tuple(folder / roles[part][0] if roles[part] else None for part in ("train", "test"))


def is_table(name):
    """Whether a file `name` would be read with a set of CSV files."""
    return name.lower().removesuffix(".gz").endswith(".csv")


class _Lines:
    """The lines of an open CSV file, inflated if it is gzipped."""

    def __init__(self, path, file):
        self.path, self._number = path, 0
        self._file = gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == b"\x1f\x8b" else file

    def take(self, count):
        """The next lines, at most `count`, and their numbers; blank ones are left out."""
        try:
            lines = list(islice(iter(lambda: self._file.readline(_LONGEST_LINE), b""), count))
        except (EOFError, gzip.BadGzipFile, gzip.zlib.error) as error:
            raise refusal(self.path, f"is a damaged gzip file ({error}); copy it again") from None
        first, self._number = self._number + 1, self._number + len(lines)
        # Quotes, as some programs put around every cell, have no meaning around numbers.
        lines = (line.decode("utf-8-sig", "replace").replace('"', "").strip() for line in lines)
        lines = enumerate(lines, first)
        return [(number, line) for number, line in lines if line] if first <= self._number else None


def _columns(path):
    with reading(path) as file:
        first = _Lines(path, file).take(1)
    if not first or "," not in first[0][1]:
        raise refusal(path, "does not begin with a label and pixels, separated by commas")
    return first[0][1].count(",") + 1


def _read(path, columns):
    """Images and labels of a file of lines of so many columns."""
    pixels, labels = bytearray(), []  # it grows where it lies: twice the images are never in memory
    with reading(path) as file, progress(path.name, os.fstat(file.fileno()).st_size, "B") as bar:
        lines = _Lines(path, file)
        some = lines.take(1)
        if not _is_whole(some[0][1].split(",")[0]):  # a header
            some = []
        while some is not None:
            numbers = _numbers(path, some, columns)
            pixels += numbers[:, 1:].astype(np.uint8).tobytes()
            labels.append(numbers[:, 0])
            if bar is not None:
                bar.update(file.tell() - bar.n)
            some = lines.take(_LINES)
    if not pixels:
        raise refusal(path, "holds no lines of pixels")
    side = math.isqrt(columns - 1)
    shape = (side, side) if side * side == columns - 1 else (1, columns - 1)
    return np.frombuffer(pixels, np.uint8).reshape(-1, *shape), as_classes(path, np.concatenate(labels))


def _numbers(path, some, columns):
    """The numbers of some numbered lines, uint16 (lines, columns)."""
    if not some:
        return np.empty((0, columns), np.uint16)
    try:
        numbers = np.loadtxt([line for _, line in some], np.uint16, delimiter=",", ndmin=2, comments=None)
        if numbers.shape[1] == columns and numbers[:, 1:].max() <= 255:
            return numbers
    except (ValueError, OverflowError):
        pass
    for number, line in some:
        cells = line.split(",")
        if len(cells) != columns:
            raise refusal(path, f"line {number} has {len(cells)} columns, and the first {columns}; correct it")
        for column, cell in enumerate(cells, 1):
            if not _is_whole(cell) or int(cell) > (255 if column > 1 else 65_535):
                what = "a pixel from 0 to 255" if column > 1 else "a label"
                raise refusal(path, f"line {number}, column {column} is {cell[:20]!r}, expected {what}; correct it")
    raise refusal(path, f"lines {some[0][0]} to {some[-1][0]} cannot be read; write whole numbers alone")


def _is_whole(cell):
    return cell.strip().isdecimal()

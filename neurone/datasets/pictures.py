"""Sets in folders of pictures, one for each class, as Keras and torchvision read them. Needs the extra `images`."""

import os
import re

import numpy as np

from neurone.datasets.dataset import DataSet, named, without_test_set
from neurone.datasets.decoding import decoded
from neurone.datasets.progress import progress
from neurone.files import refusal, shown

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
_TEST = ("test", "t10k", "validation", "valid", "val")


def load(folder, size=None):
    """Load a folder of one sub-folder of pictures for each class, or of such folders `train` and `test`.

    Parameters
    ----------
    folder : pathlib.Path
        `folder/<class>/*.png`, or `folder/train/<class>/*` and `folder/test/<class>/*`. Classes are in the order of
        their names, numbers by size. Without a test set a tenth of the images becomes it.
    size : int, optional
        Make every picture as large, in rows and columns: fitted, its proportions kept, with the colour of its edge
        around it. Without it they must be of one size already.

    Returns
    -------
    DataSet or None
        Images in grey as they are, uint8; None where this is no such folder.

    Raises
    ------
    InputError
        A picture that cannot be read, or of another size; a test class without training images.
    ExtraError
        Pillow is not installed.
    """
    parts = {name.lower(): folder / name for name in _folders(folder)}
    train = parts.get("train") if _classes(parts.get("train")) else None
    test = next((parts[name] for name in _TEST if _classes(parts.get(name))), None) if train else None
    files = _classes(train or folder)
    if not files:
        return None
    classes, others = tuple(files), _classes(test)
    unknown = [shown(name) for name in others if name not in files]
    if unknown:
        raise refusal(test, f"holds the classes {', '.join(unknown)}, which {shown(train)} does not; add them there")
    images, labels = _read(files, classes, size, None)
    name = folder.resolve().name
    if test is None:
        return without_test_set(name, folder, images, labels, named(classes))
    return DataSet(name, folder, images, labels, *_read(others, classes, size, images.shape[1:]), named(classes))


def _folders(folder):
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))


def _classes(folder):
    """Class -> its pictures, in order, of those that have any; a set has two or more."""
    if folder is None:
        return {}
    found = {name: _pictures(folder / name) for name in sorted(_folders(folder), key=_by_size)}
    found = {name: paths for name, paths in found.items() if paths}
    return found if len(found) > 1 else {}


def _pictures(folder):
    names = (entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    return [folder / name for name in sorted(names) if is_picture(name)]


def is_picture(name):
    """Whether a file `name` would be read with a set of pictures."""
    return name.lower().endswith(_SUFFIXES)


def _by_size(name):
    """Numbers in names count by their size: 2 comes before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name) if part]


def _read(files, classes, size, shape):
    """Images and labels; their shape is that of the first, if it is not given."""
    labels = np.repeat(np.arange(len(classes)), [len(files.get(name, ())) for name in classes])
    paths = [path for name in classes for path in files.get(name, ())]
    images = None
    with progress("pictures", len(paths), " pictures") as bar:
        for number, path in enumerate(paths):
            image = _grey(path, size)
            shape = shape or image.shape
            if image.shape != shape:
                rows, columns = image.shape
                raise refusal(
                    path, f"has {rows} x {columns} pixels, the first has {shape[0]} x {shape[1]}; make all of one size "
                    "with python -m neurone.convert --size 28"
                )  # fmt: skip
            if images is None:
                images = np.empty((len(paths), *shape), np.uint8)
            images[number] = image
            if bar is not None:
                bar.update()
    return images, labels.astype(np.uint8 if len(classes) <= 256 else np.int64)


def _grey(path, size):
    """A picture's pixels, uint8 (rows, columns)."""
    return decoded(path, lambda picture: np.asarray(_fitted(picture.convert("L"), size)))


def _fitted(picture, size):
    from PIL import Image, ImageOps

    if size is None:
        return picture
    shades = np.asarray(picture)
    edge = np.median(np.concatenate([shades[0], shades[-1], shades[:, 0], shades[:, -1]]))
    return ImageOps.pad(picture, (size, size), Image.Resampling.BOX, int(edge))

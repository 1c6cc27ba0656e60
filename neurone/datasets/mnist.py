"""Sets of images in a folder of four IDX files: MNIST, others like it, and your own."""

import hashlib
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurone.datasets.idx import digest, open_idx
from neurone.errors import InputError
from neurone.files import reading, refusal, shown
from neurone.usercache import user_cache

# What makes a set MNIST: the SHA-256 of its decompressed files.
MNIST_SHA256 = {
    "train_images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train_labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "test_images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "test_labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

# Role of a file -> its dimensions.
_NDIM = {"train_images": 3, "train_labels": 1, "test_images": 3, "test_labels": 1}
_SUMS = "SHA256SUMS"
_SUMS_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](?:\./)?(.+)")
_SUMS_LIMIT = 1 << 20


@dataclass(frozen=True)
class DataSet:
    """A training and a test set.

    Attributes
    ----------
    name : str
        "MNIST" if it is that to the last bit, else the folder's name.
    folder : pathlib.Path
    train_images, test_images : ndarray, uint8, (P, rows, columns)
    train_labels, test_labels : ndarray, uint8, (P,)
    """

    name: str
    folder: Path
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    @property
    def outputs(self):
        """1 + the largest training label."""
        return 1 + int(self.train_labels.max())


def role_of(name):
    """What the file `name` is for, a key of `_NDIM`, or None."""
    name = name.lower()
    if name.startswith(".") or name.endswith((".tmp", ".part", "~")):
        return None
    # `train` first: "latest-train-images" has a "test" in it.
    part = "train" if "train" in name else "test" if "t10k" in name or "test" in name else None
    kind = "images" if "images" in name else "labels" if "labels" in name else None
    return f"{part}_{kind}" if part and kind else None


def is_part(name):
    """Whether a file `name` would be read with a set in its folder."""
    return role_of(name) is not None or name.lower() == _SUMS.lower()  # some file systems do not tell case


def idx_files(folder):
    """Names of the files that look like parts of a set.

    Returns
    -------
    dict
        From each of "train_images", "train_labels", "test_images", "test_labels" to a sorted list of names.

    Raises
    ------
    InputError
        If `folder` is not a folder that can be listed.
    """
    found = {role: [] for role in _NDIM}
    try:
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            role = role_of(entry.name)
            if role and not entry.is_dir():  # some archives unpack each file into a folder of its name
                found[role].append(entry.name)
    except OSError as error:
        raise refusal(folder, f"cannot be listed ({error.strerror}); name a folder of IDX files") from error
    return found


def _choose(folder):
    """Role -> path, exactly one each."""
    found = idx_files(folder)
    missing = [role.replace("_", " ") for role in found if not found[role]]
    if missing:
        raise refusal(
            folder,
            f"no file of {', '.join(missing)}; a set is four IDX files with 'train' or 't10k' (or 'test') and"
            " 'images' or 'labels' in their names: add what is missing, or run python -m neurone.fetch mnist",
        )
    for role, names in found.items():
        if len(names) > 1:
            raise refusal(
                folder,
                f"several files of {role.replace('_', ' ')}: {', '.join(map(shown, names))}; keep one,"
                " and give each set a folder of its own",
            )
    return {role: Path(folder, names[0]) for role, names in found.items()}


def _read_sums(folder, paths):
    """File name -> SHA-256 as the folder's SHA256SUMS says for each of `paths`; None without such a file."""
    path = Path(folder, _SUMS)
    if not os.path.lexists(path):  # not exists(): a dangling link is no reason to skip the check
        return None
    with reading(path) as file:
        text = os.fsdecode(file.read(_SUMS_LIMIT + 1))
    if len(text) > _SUMS_LIMIT:
        raise refusal(path, f"is longer than {_SUMS_LIMIT} bytes; write it again with sha256sum")
    sums = {}
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line or line.startswith("#"):  # as sha256sum --check does
            continue
        match = _SUMS_LINE.fullmatch(line)
        if not match or match[2] in sums:
            fault = "lists a name twice" if match else "is not '<64 hex digits>  <name>'"
            raise refusal(path, f"line {number} {fault}; write the file again with sha256sum")
        sums[match[2]] = match[1].lower()
    unlisted = [shown(path.name) for path in paths if path.name not in sums]
    if unlisted:
        raise refusal(path, f"does not list {', '.join(unlisted)}; write it again with sha256sum")
    return sums


def _compare_headers(idx):
    for part in ("train", "test"):
        images, labels = idx[f"{part}_images"], idx[f"{part}_labels"]
        if images.shape[0] != labels.shape[0]:
            raise refusal(
                images.path,
                f"holds {images.shape[0]} images, but {shown(labels.path)} {labels.shape[0]} labels; these"
                " files are not of one set, replace one of them",
            )
    train, test = idx["train_images"], idx["test_images"]
    if train.shape[1:] != test.shape[1:]:
        raise refusal(
            test.path,
            f"holds images of {test.shape[1]} x {test.shape[2]}, but {shown(train.path)} of {train.shape[1]}"
            f" x {train.shape[2]}; these files are not of one set, replace one of them",
        )


def _read(idx, sums):
    if sums is None:
        return idx.read()
    hasher = hashlib.sha256()
    array = idx.read(hasher)
    expected = sums[idx.path.name]
    if hasher.hexdigest() != expected:
        raise refusal(
            idx.path,
            f"has SHA-256 {hasher.hexdigest()}, SHA256SUMS says {expected}; download the file again, or if"
            " you changed it yourself write SHA256SUMS again with sha256sum",
        )
    return array


def _check_labels(data, path):
    beyond = np.flatnonzero(data.test_labels >= data.outputs)
    if beyond.size:
        first = beyond[0]
        raise refusal(
            path,
            f"labels beyond the outputs: label {data.test_labels[first]} at position {first} (from 0), but"
            f" the largest training label is {data.outputs - 1}; correct it, or train on such images too",
        )


def _name(folder, arrays):
    shape = (60000, 28, 28)  # spares other sets the hashing
    if arrays["train_images"].shape == shape and {r: digest(arrays[r]) for r in arrays} == MNIST_SHA256:
        return "MNIST"
    name = folder.resolve().name or str(folder)
    return f"{name}, but not the original," if name == "MNIST" else name


def load_folder(folder):
    """Load the four IDX files of a folder, gzipped or not.

    They are told apart by `train` or `t10k`/`test`, and `images` or `labels`, in their names; other files are
    ignored, but for `SHA256SUMS`: if there is one, the four are checked against it.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    DataSet

    Raises
    ------
    InputError
        Before any data are read: files missing or not the only one of their role, bad headers, counts or sizes
        that disagree. Then: damaged files, a wrong SHA-256, test labels beyond the outputs.

    Examples
    --------
    >>> data = load_folder("data/mnist")  # doctest: +SKIP
    >>> data.name, data.train_images.shape, data.outputs  # doctest: +SKIP
    ('MNIST', (60000, 28, 28), 10)
    """
    folder = Path(folder)
    paths = _choose(folder)
    sums = _read_sums(folder, paths.values())
    idx = {role: open_idx(path, _NDIM[role]) for role, path in paths.items()}
    _compare_headers(idx)
    arrays = {role: _read(idx[role], sums) for role in idx}
    data = DataSet(_name(folder, arrays), folder, **arrays)
    _check_labels(data, paths["test_labels"])
    return data


def find_set(data=None):
    """Load the set the user means.

    `data` if given; else `$NEURONE_DATA`; else the first of `data/` under the current folder and the cache of
    `python -m neurone.fetch mnist` that holds a file named like a part of a set.
    A `data/` that holds only other files, such as a README, is no set.

    Parameters
    ----------
    data : path-like, optional

    Returns
    -------
    DataSet or None
        None where none of these places holds a set.

    Raises
    ------
    InputError
        If the place exists but does not load. The next one is not tried: nobody would notice that the digits
        are not those they meant.
    """
    if data is not None:
        return load_folder(data)
    if os.environ.get("NEURONE_DATA"):
        try:
            return load_folder(os.environ["NEURONE_DATA"])
        except InputError as error:
            raise InputError(f"{error} (the folder is that of $NEURONE_DATA)") from error
    folders = [Path("data")]
    with suppress(OSError):  # nowhere could anything be kept
        folders.append(user_cache() / "datasets" / "mnist")
    for folder in folders:
        if os.path.isdir(folder) and any(idx_files(folder).values()):
            return load_folder(folder)
    return None

"""Sets of images: MNIST and others like it in a folder of four IDX files; and which set is meant."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from neurone.datasets import emnist, pictures, table
from neurone.datasets.dataset import DataSet, as_classes, as_pixels, check_labels, named
from neurone.datasets.emnist import split_of
from neurone.datasets.idx import digest, open_idx
from neurone.datasets.sums import SUMS, check_listed, read_sums
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

# Role of a file -> its dimensions. QMNIST's labels have eight columns.
_NDIM = {"train_images": (3,), "train_labels": (1, 2), "test_images": (3,), "test_labels": (1, 2)}
CLASSES = "classes.txt"
_OTHERS = (".tmp", ".part", "~", ".txt", ".tsv", ".csv", ".zip")
_MOST_NAMES = 1 << 20  # bytes


def role_of(name):
    """What the file `name` is for, a key of `_NDIM`, or None."""
    name = name.lower()
    if name.startswith(".") or name.removesuffix(".gz").endswith(_OTHERS):
        return None
    # `train` first: "latest-train-images" has a "test" in it.
    part = "train" if "train" in name else "test" if "t10k" in name or "test" in name else None
    kind = "images" if "images" in name else "labels" if "labels" in name else None
    return f"{part}_{kind}" if part and kind else None


def is_part(name):
    """Whether a file `name` would be read with a set in its folder."""
    return role_of(name) is not None or name.lower() == SUMS.lower()  # some file systems do not tell case


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


def _choose(folder, found, split):
    """Role -> paths of the names `found`, a plain file and its gzipped twin or one of them; and EMNIST's split."""
    splits = sorted({split_of(name) for names in found.values() for name in names} - {None})
    if splits and split is None and len(splits) > 1:
        raise refusal(folder, f"holds the splits {', '.join(splits)} of EMNIST; name one with --split")
    if split is not None and split not in splits:
        what = f"of EMNIST's there are {', '.join(splits)}" if splits else "this is no EMNIST; leave it out"
        raise refusal(
            folder, f"--split is {split!r}, but the folder {what}; " + ("name one" if splits else "leave it out")
        )
    if splits:
        split = split or splits[0]
        found = {role: [name for name in names if split_of(name) == split] for role, names in found.items()}
    missing = [role.replace("_", " ") for role in found if not found[role]]
    if missing:
        raise refusal(
            folder,
            f"no file of {', '.join(missing)}; a set is four IDX files with 'train' or 't10k' (or 'test') and"
            " 'images' or 'labels' in their names, or pictures in a folder for each of two or more classes, or CSV"
            " files: add what is missing, or run python -m neurone.fetch mnist",
        )
    for role, names in found.items():
        if len({name.lower().removesuffix(".gz") for name in names}) > 1 or len(names) > 2:
            raise refusal(
                folder,
                f"several files of {role.replace('_', ' ')}: {', '.join(map(shown, names))}; keep one,"
                " and give each set a folder of its own",
            )
    return {role: [Path(folder, name) for name in names] for role, names in found.items()}, split


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


def _read(paths, idx, sums, mapped=False):
    """The array of the first of `paths`, whose header is `idx`; refused where its twin holds another.

    `mapped`: a memory map, not compared with twins, and summed only where `sums` asks for it.
    """
    hasher = hashlib.sha256()
    array = idx.map(None if sums is None else hasher) if mapped else idx.read(hasher)
    if sums is not None and hasher.hexdigest() != sums[idx.path.name]:
        raise refusal(
            idx.path,
            f"has SHA-256 {hasher.hexdigest()}, SHA256SUMS says {sums[idx.path.name]}; download the file again, or if"
            " you changed it yourself write SHA256SUMS again with sha256sum",
        )
    for twin in () if mapped else paths[1:]:
        other = open_idx(twin, array.ndim).read()
        if other.dtype != array.dtype or not np.array_equal(other, array):
            raise refusal(twin, f"holds something else than {shown(idx.path.name)} beside it; keep one of them")
    return array


def _name(folder, arrays):
    shape = (60000, 28, 28)  # spares other sets the hashing
    if arrays["train_images"].shape == shape and {r: digest(arrays[r]) for r in arrays} == MNIST_SHA256:
        return "MNIST"
    name = folder.resolve().name or str(folder)
    return f"{name}, but not the original," if name == "MNIST" else name


def load_folder(folder, split=None, mapped=False):
    """Load the four IDX files of a folder, gzipped or not.

    They are told apart by `train` or `t10k`/`test`, and `images` or `labels`, in their names; other files are
    ignored, but for `SHA256SUMS`: if there is one, the four are checked against it. A file and its gzipped copy may lie
    side by side. Numbers may be of any type that IDX has. EMNIST's images are turned upright, and its classes named;
    `classes.txt`, a name a line, names those of other sets.

    Parameters
    ----------
    folder : path-like
    split : str, optional
        Of EMNIST: "byclass", "bymerge", "balanced", "letters", "digits" or "mnist", if the folder holds several.
    mapped : bool
        Leave the training images, bytes or floats, in their plain file, as a memory map.

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
    paths, split = _choose(folder, idx_files(folder), split)
    sums = read_sums(folder)
    for twins in paths.values():
        twins.sort(key=lambda path: (sums is not None and path.name not in sums, path.suffix == ".gz"))
    check_listed(folder, sums, [twins[0].name for twins in paths.values()])
    idx = {role: open_idx(twins[0], *_NDIM[role]) for role, twins in paths.items()}
    _compare_headers(idx)
    if mapped:
        stored = idx["train_images"].dtype
        if split is not None or stored.kind not in "uf" or (stored.kind == "u" and stored.itemsize > 1):
            raise refusal(
                folder, "EMNIST, or images of integers that are not bytes, are not read in windows; convert it"
            )
    arrays = {role: _read(twins, idx[role], sums, mapped and role == "train_images") for role, twins in paths.items()}
    name, classes, note = folder.resolve().name if mapped else _name(folder, arrays), None, ""
    for role, array in arrays.items():
        if mapped and role == "train_images":
            continue  # checked as it is read
        arrays[role] = (as_pixels if role.endswith("images") else as_classes)(idx[role].path, array)
    if split is not None:
        first, classes = emnist.classes_of(folder, split)
        for part in ("train", "test"):
            images, labels = f"{part}_images", f"{part}_labels"
            arrays[images] = emnist.upright(arrays[images])
            arrays[labels] = emnist.renumbered(idx[labels].path, arrays[labels], first, classes)
        name, note = f"EMNIST {split}", "; turned upright"
    elif Path(folder, CLASSES).exists():
        classes = _class_names(Path(folder, CLASSES), arrays["train_labels"])
    classes = None if classes is None else named(classes)
    data = DataSet(name, folder, **arrays, classes=classes, note=note)
    check_labels(idx["test_labels"].path, data.test_labels, data.outputs)
    return data


def _class_names(path, labels):
    with reading(path) as file:
        names = tuple(file.read(_MOST_NAMES).decode("utf-8", "replace").splitlines())
    count = 1 + int(labels.max())
    if len(names) < count or not all(name and name.isprintable() for name in names) or len(set(names)) < len(names):
        raise refusal(path, f"names {len(names)} classes, a line each, where the labels need {count}, all different")
    return names


def _within(folder, depth=2):
    """The folder below `folder` that holds a set of IDX files, as torchvision's MNIST/raw is; None without one."""
    level = [folder]
    for _ in range(depth):
        level = [Path(entry) for each in level for entry in _subfolders(each)]
        sets = sorted(each for each in level if all(idx_files(each).values()))
        if len(sets) > 1:
            raise refusal(folder, f"holds several sets: {', '.join(map(shown, sets))}; name one of them")
        if sets:
            return sets[0]
    return None


def _subfolders(folder):
    try:
        return [entry.path for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith(".")]
    except OSError:
        return []


def load_set(path, split=None, mapped=False):
    """Load a set of any form: a folder of IDX files, or one above it; of pictures; of CSV files; or a CSV file.

    `load_folder`, `pictures.load` and `table.load` say more. `mapped` is for IDX files alone.
    """
    path = Path(path)
    folder = None if path.is_file() else path if any(idx_files(path).values()) else _within(path)
    if folder is not None:
        return load_folder(folder, split, mapped)
    if mapped:
        raise refusal(path, "holds no IDX files, as windows read them; python -m neurone.convert makes some")
    found = table.load(path) if path.is_file() else pictures.load(path) or table.load(path)
    if found is None:
        return load_folder(path, split)  # which says what is missing
    if split is not None:
        raise refusal(path, f"--split is {split!r}, but this is no EMNIST; leave it out")
    return found


def find_set(data=None, split=None):
    """Load the set the user means.

    `data` if given; else `$NEURONE_DATA`; else the first of `data/` under the current folder and the cache of
    `python -m neurone.fetch mnist` that holds a file named like a part of a set.
    A `data/` that holds only other files, such as a README, is no set.

    Parameters
    ----------
    data : path-like, optional
    split : str, optional
        Of EMNIST.

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
        return load_set(data, split)
    if os.environ.get("NEURONE_DATA"):
        try:
            return load_set(os.environ["NEURONE_DATA"], split)
        except InputError as error:
            raise InputError(f"{error} (the folder is that of $NEURONE_DATA)") from error
    folders = [Path("data")]
    with suppress(OSError):  # nowhere could anything be kept
        folders.append(user_cache() / "datasets" / "mnist")
    for folder in folders:
        if os.path.isdir(folder) and any(idx_files(folder).values()):
            return load_folder(folder, split)
    return None

"""Folders of sets: the four files found, compared, checked against SHA256SUMS; and which folder is meant."""

import gzip
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import neurone
from neurone.datasets import mnist
from neurone.datasets.idx import Idx, write_idx
from neurone.datasets.mnist import find_set, load_folder
from neurone.errors import InputError

ROOT = Path(neurone.__file__).parents[1]
NAMES = {
    "train_images": "train-images-idx3-ubyte.gz",
    "train_labels": "train-labels-idx1-ubyte.gz",
    "test_images": "t10k-images-idx3-ubyte.gz",
    "test_labels": "t10k-labels-idx1-ubyte.gz",
}


def small_set(train=9, test=5, size=(6, 4), classes=3):
    rng = np.random.default_rng(4)
    return {
        "train_images": rng.integers(0, 256, (train, *size), np.uint8),
        "train_labels": (np.arange(train) % classes).astype(np.uint8),
        "test_images": rng.integers(0, 256, (test, *size), np.uint8),
        "test_labels": (np.arange(test) % classes).astype(np.uint8),
    }


def write_set(folder, arrays=None, names=NAMES):
    folder.mkdir(parents=True, exist_ok=True)
    for role, array in (arrays or small_set()).items():
        write_idx(folder / names[role], array)
    return folder


def write_sums(folder, line="{}  {}\n"):
    """By Python's hashlib, of the files as stored."""
    lines = [line.format(hashlib.sha256(path.read_bytes()).hexdigest(), path.name) for path in folder.iterdir()]
    (folder / "SHA256SUMS").write_text("".join(lines))


def refused(call, *words):
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert message.isprintable()  # so on one line
    for word in words:
        assert str(word) in message
    return message


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """Hundreds of small files need not survive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def folder(tmp_path):
    return write_set(tmp_path / "my-digits")


@pytest.fixture
def no_bodies(monkeypatch):
    """Fails the test if more than headers is read."""
    monkeypatch.setattr(Idx, "read", lambda *_: pytest.fail("a body was read"))


def assert_loads(folder, arrays=None):
    data = load_folder(folder)
    for role, array in (arrays or small_set()).items():
        loaded = getattr(data, role)
        assert loaded.dtype == np.uint8 and loaded.shape == array.shape
        np.testing.assert_array_equal(loaded, array)
    return data


def test_a_set_of_ones_own(folder):
    data = assert_loads(str(folder))
    assert (data.name, data.folder, data.outputs) == ("my-digits", folder, 3)
    with pytest.raises(AttributeError):
        data.name = "MNIST"


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (28, 28), (33, 7)])
@pytest.mark.parametrize("classes", [1, 2, 62, 256])
def test_any_image_size_and_number_of_classes(tmp_path, size, classes):
    arrays = small_set(300, 280, size, classes)
    assert assert_loads(write_set(tmp_path / "set", arrays), arrays).outputs == classes


@pytest.mark.parametrize(
    "names",
    [
        [
            "train-images.idx3-ubyte",
            "train-labels.idx1-ubyte",
            "t10k-images.idx3-ubyte",
            "t10k-labels.idx1-ubyte",
        ],
        ["TRAIN_IMAGES", "TRAIN_LABELS", "TEST_IMAGES", "T10K_LABELS.gz"],
        ["latest train images", "latest train labels", "latest test images", "latest test labels"],
    ],
    ids=["dots", "capitals", "test in every name"],
)
def test_names(tmp_path, names):
    assert_loads(write_set(tmp_path, names=dict(zip(NAMES, names, strict=True))))


def test_relative_folder_is_named_after_itself(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert load_folder(".").name == "my-digits"


def test_other_files_are_ignored(folder):
    for name in [
        "README.md",
        "notes.txt",
        ".train-images.swp",
        "train-images.gz.part",
        "test-labels~",
        "x.tmp",
    ]:
        (folder / name).write_text("something else")
    (folder / ".train-images-idx3-ubyte.gz.0123.tmp").write_bytes(b"half a download")
    (folder / "train-labels-idx1-ubyte").mkdir()
    assert_loads(folder)


# Files missing, files too many.


@pytest.mark.parametrize("role", NAMES)
def test_missing_file(folder, no_bodies, role):
    (folder / NAMES[role]).unlink()
    message = refused(lambda: load_folder(folder), folder, f"no file of {role.replace('_', ' ')};", "add what")
    assert sum(other.replace("_", " ") in message for other in NAMES) == 1


def test_all_missing(tmp_path):
    refused(lambda: load_folder(tmp_path), "train images, train labels, test images, test labels")


@pytest.mark.parametrize("role", NAMES)
def test_two_candidates(folder, no_bodies, role):
    name = NAMES[role]
    write_idx(folder / f"old-{name}", small_set()[role])
    message = refused(lambda: load_folder(folder), folder, f"several files of {role.replace('_', ' ')}: ", "keep")
    assert ", ".join(sorted([name, f"old-{name}"])) + ";" in message


def test_folder_missing_or_a_file(tmp_path, folder):
    refused(lambda: load_folder(tmp_path / "absent"), tmp_path / "absent", "No such file", "name a folder")
    refused(lambda: load_folder(folder / NAMES["train_images"]), NAMES["train_images"], "Not a directory")


@pytest.mark.parametrize("role", NAMES)
def test_dangling_link(folder, role):
    path = folder / NAMES[role]
    path.unlink()
    path.symlink_to(folder / "gone")
    refused(lambda: load_folder(folder), path, "No such file")


# Headers that disagree, found before a body is read.


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("difference", [-1, 1])
def test_counts_that_disagree(tmp_path, no_bodies, part, difference):
    arrays = small_set()
    count = len(arrays[f"{part}_labels"])
    arrays[f"{part}_labels"] = np.zeros(count + difference, np.uint8)
    write_set(tmp_path, arrays)
    words = (
        NAMES[f"{part}_images"],
        NAMES[f"{part}_labels"],
        f"{count} images",
        f"{count + difference} labels",
    )
    refused(lambda: load_folder(tmp_path), *words, "replace one")


@pytest.mark.parametrize("size", [(4, 6), (6, 5), (5, 4), (24, 1)])
def test_image_sizes_that_disagree(tmp_path, no_bodies, size):
    arrays = small_set() | {"test_images": np.zeros((5, *size), np.uint8)}
    write_set(tmp_path, arrays)
    said = f"{size[0]} x {size[1]}"
    refused(lambda: load_folder(tmp_path), NAMES["test_images"], said, NAMES["train_images"], "6 x 4")


@pytest.mark.parametrize("part", ["train", "test"])
def test_images_and_labels_swapped(folder, no_bodies, part):
    images, labels = folder / NAMES[f"{part}_images"], folder / NAMES[f"{part}_labels"]
    images.rename(folder / "x")
    labels.rename(images)
    (folder / "x").rename(labels)
    refused(lambda: load_folder(folder), images, "holds labels where images were expected", "swapped")


@pytest.mark.parametrize("role", NAMES)
def test_zero_images(folder, no_bodies, role):
    shape = (0, *small_set()[role].shape[1:])
    data = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
    (folder / NAMES[role]).write_bytes(data)
    refused(lambda: load_folder(folder), NAMES[role], " x ".join(map(str, shape)), "1 or more")


@pytest.mark.parametrize("role", NAMES)
def test_a_bad_file_is_named(folder, role):
    path = folder / NAMES[role]
    data = bytearray(path.read_bytes())
    data[-8] ^= 1
    path.write_bytes(data)
    refused(lambda: load_folder(folder), path, "bad CRC")


def test_labels_beyond_the_outputs(tmp_path):
    arrays = small_set(classes=10)
    arrays["train_labels"] = np.array([0, 1, 2, 7, 0, 0, 0, 0, 0], np.uint8)
    arrays["test_labels"] = np.array([7, 0, 3, 8, 9], np.uint8)
    write_set(tmp_path, arrays)
    words = "labels beyond the outputs", "label 8 at position 3", "largest training label is 7"
    refused(lambda: load_folder(tmp_path), tmp_path / NAMES["test_labels"], *words)
    arrays["test_labels"][3:] = 7
    write_set(tmp_path, arrays)
    assert assert_loads(tmp_path, arrays).outputs == 8


def test_label_255(tmp_path):
    """1 + it does not fit in 8 bits."""
    arrays = small_set()
    arrays["train_labels"][4] = arrays["test_labels"][2] = 255
    assert assert_loads(write_set(tmp_path, arrays), arrays).outputs == 256


# SHA256SUMS.


@pytest.mark.parametrize("line", ["{}  {}\n", "{} *{}\n", "{}  ./{}\n", "{}  {}\r\n", "# made by hand\n\n{}  {}\n"])
def test_sums(folder, line):
    (folder / "README.md").write_text("listed as well")
    write_sums(folder, line)
    assert_loads(folder)


def test_sums_in_capitals_of_files_not_there(folder):
    write_sums(folder)
    sums = folder / "SHA256SUMS"
    sums.write_text(re.sub("[0-9a-f]{64}", lambda m: m[0].upper(), sums.read_text()) + "0" * 64 + "  absent\n")
    assert_loads(folder)


@pytest.mark.parametrize("role", NAMES)
def test_sums_of_another_file(folder, role):
    """A sound file, only not the one that was downloaded."""
    write_sums(folder)
    path = folder / NAMES[role]
    array = small_set()[role]
    array[0] ^= 1
    write_idx(path, array)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    refused(lambda: load_folder(folder), path, f"has SHA-256 {found}", "SHA256SUMS says", "download")


@pytest.mark.parametrize("role", NAMES)
def test_sums_that_are_wrong(folder, role):
    """Sums of the same content, packed in another way: the bytes as stored count."""
    write_sums(folder)
    path = folder / NAMES[role]
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=1))
    refused(lambda: load_folder(folder), path, "has SHA-256")


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "{} {}",
        "{}  ",
        "\\{}  {}",
        "SHA256 ({}) = {}",
        "0{}  {}",
        "  {}  {}",
        "\N{FULLWIDTH DIGIT ONE}{}  {}",
        "{}\t{}",
    ],
)
def test_malformed_sums(folder, no_bodies, line):
    write_sums(folder)
    with open(folder / "SHA256SUMS", "a", encoding="utf-8") as file:
        file.write(line.format("a" * 64, "other") + "\n")
    refused(lambda: load_folder(folder), folder / "SHA256SUMS", "line 5 is not '<64 hex digits>  <name>'")


def test_sums_that_list_a_name_twice(folder, no_bodies):
    write_sums(folder)
    sums = folder / "SHA256SUMS"
    sums.write_text(sums.read_text() + "0" * 64 + f"  {NAMES['test_labels']}\n")
    refused(lambda: load_folder(folder), sums, "line 5 lists a name twice")


@pytest.mark.parametrize("role", NAMES)
def test_file_not_listed(folder, no_bodies, role):
    write_sums(folder)
    sums = folder / "SHA256SUMS"
    sums.write_text("".join(line for line in sums.read_text().splitlines(True) if NAMES[role] not in line))
    refused(lambda: load_folder(folder), sums, f"does not list {NAMES[role]};", "sha256sum")


def test_empty_sums_list_nothing(folder, no_bodies):
    (folder / "SHA256SUMS").write_bytes(b"")
    refused(lambda: load_folder(folder), "does not list", *NAMES.values())


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("dangling", "No such file"),
        ("folder", "is a folder"),
        ("binary", "line 1 is not '<64 hex digits>  <name>'"),
        ("long", "is longer than 1048576 bytes"),
    ],
)
def test_sums_that_cannot_be_read_are_not_passed_over(folder, no_bodies, kind, words):
    sums = folder / "SHA256SUMS"
    if kind == "dangling":
        sums.symlink_to(folder / "gone")
    elif kind == "folder":
        sums.mkdir()
    else:
        sums.write_bytes(b"\xff\0\xfe\n" if kind == "binary" else b"\n" * (1 << 21))
    refused(lambda: load_folder(folder), sums, words)


# Which folder is meant.


@pytest.fixture
def places(tmp_path, monkeypatch):
    """An empty current folder, cache and environment; a function that puts a set somewhere."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("NEURONE_DATA", raising=False)
    monkeypatch.setenv("NEURONE_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_no_set_anywhere(places):
    assert find_set() is None
    Path("data").write_text("a file")
    assert find_set() is None


def test_readme_alone_is_no_set(places):
    Path("data/mnist").mkdir(parents=True)
    Path("data/README.md").write_text("what goes here")
    Path("data/SHA256SUMS").write_text("")
    assert find_set() is None


def test_order_of_places(places, monkeypatch):
    """Each new place takes precedence over those that were there already."""
    cache = write_set(places / "cache" / "datasets" / "mnist")
    assert find_set().folder == cache
    write_set(Path("data"))
    assert find_set().folder == Path("data")
    monkeypatch.setenv("NEURONE_DATA", "")
    assert find_set().folder == Path("data")
    monkeypatch.setenv("NEURONE_DATA", str(write_set(places / "environment")))
    assert find_set().folder == places / "environment"
    assert find_set(write_set(places / "option")).folder == places / "option"


def test_no_falling_through(places, monkeypatch):
    """A place that is there but does not load is an error, though the next would load."""
    write_set(places / "cache" / "datasets" / "mnist")
    Path("data").mkdir()
    write_idx(Path("data") / NAMES["test_labels"], small_set()["test_labels"])
    refused(find_set, "data: no file of train images, train labels, test images;")
    monkeypatch.setenv("NEURONE_DATA", str(places / "absent"))
    refused(find_set, places / "absent", "$NEURONE_DATA")
    refused(lambda: find_set(places / "option"), places / "option")
    monkeypatch.setenv("NEURONE_DATA", str(places))  # there, but without a set
    refused(find_set, places, "no file of", "$NEURONE_DATA")


def test_incomplete_cache(places):
    folder = write_set(places / "cache" / "datasets" / "mnist")
    (folder / NAMES["train_images"]).unlink()
    refused(find_set, folder, "no file of train images", "python -m neurone.fetch mnist")


# MNIST itself.


def test_name_follows_from_all_four_contents(tmp_path, monkeypatch):
    """With a small set in MNIST's place: the hashing is the same."""
    arrays = small_set(60000, 10, (28, 28))
    folder = write_set(tmp_path / "folder", arrays, {role: name.removesuffix(".gz") for role, name in NAMES.items()})
    hashes = {r: hashlib.sha256((folder / n.removesuffix(".gz")).read_bytes()).hexdigest() for r, n in NAMES.items()}
    monkeypatch.setattr(mnist, "MNIST_SHA256", hashes)
    assert load_folder(folder).name == "MNIST"
    for role in NAMES:
        monkeypatch.setattr(mnist, "MNIST_SHA256", hashes | {role: "0" * 64})
        assert load_folder(folder).name == "folder"


@pytest.fixture
def real():
    if not os.environ.get("NEURONE_DATA"):
        pytest.skip("NEURONE_DATA names no folder with MNIST")
    return Path(os.environ["NEURONE_DATA"])


def test_mnist(real):
    data = load_folder(real)
    assert data.name == "MNIST" and data.outputs == 10
    assert data.train_images.shape == (60000, 28, 28) and data.test_images.shape == (10000, 28, 28)
    # From LeCun's page and from the counts everybody quotes, not from these files.
    assert data.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.train_labels).tolist() == counts
    assert abs(data.train_images.mean() / 255 - 0.1307) < 5e-5
    assert abs(data.train_images.std() / 255 - 0.3081) < 5e-5


def test_mnist_by_its_environment_variable(real):
    assert find_set().name == "MNIST"


MEMORY = """
import re, sys
from neurone.datasets.mnist import load_folder
from neurone.errors import InputError
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
before = peak()
try:
    load_folder(sys.argv[1])
except InputError as error:
    print(peak() - before)
    print(error)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peak memory is read from /proc")
def test_counts_are_compared_before_memory_is_taken(folder):
    """A sound images file of 1 GiB (sparse: it takes no room) beside nine labels."""
    path = folder / NAMES["train_images"]
    path.write_bytes(bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (1 << 18, 64, 64)))
    os.truncate(path, 16 + (1 << 30))
    command = [sys.executable, "-c", MEMORY, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    kibibytes, message = done.stdout.splitlines()
    assert "262144 images" in message and int(kibibytes) < 10 * 1024

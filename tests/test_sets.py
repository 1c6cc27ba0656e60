"""Sets as people have them: EMNIST, QMNIST, every IDX type, copies side by side, parent folders, pictures, CSV."""

import gzip
import hashlib
import io
import json
import struct
import zipfile

import numpy as np
import pytest
from test_datasets import NAMES, refused, small_set, write_set
from test_fetch import Server

import neurone
from neurone import fetch
from neurone.datasets.dataset import DataSet
from neurone.datasets.digits import digits
from neurone.datasets.idx import open_idx, write_idx
from neurone.datasets.look import remarks
from neurone.datasets.mnist import load_folder, load_set
from neurone.formats import save_c, save_onnx

TYPES = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}


def stored(code, numbers, *shape):
    """An IDX file, by struct."""
    return struct.pack(f">HBB{len(shape)}I", 0, code, len(shape), *shape) + struct.pack(
        f">{len(numbers)}{TYPES[code]}", *numbers
    )


# IDX files of every type.


@pytest.mark.parametrize("code", TYPES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_every_element_type_is_read(tmp_path, code, pack):
    numbers = [0, 1, 2, 3, 100, 127]
    (tmp_path / "a").write_bytes(pack(stored(code, numbers, 1, 2, 3)))
    array = open_idx(tmp_path / "a", 3).read()
    assert array.dtype.isnative and array.dtype == np.dtype(TYPES[code])
    assert array.tolist() == [[[0, 1, 2], [3, 100, 127]]]
    write_idx(tmp_path / "b", array)
    assert (tmp_path / "b").read_bytes() == stored(code, numbers, 1, 2, 3)


def test_integers_become_bytes_and_floats_stay(tmp_path):
    arrays = small_set()
    names = {role: name.removesuffix(".gz") for role, name in NAMES.items()}
    for kind, kept in (("int16", np.uint8), ("int32", np.uint8), ("float32", np.float32), ("float64", np.float64)):
        some = {role: array.astype(kind) for role, array in arrays.items()}
        data = load_folder(write_set(tmp_path / kind, some, names))
        assert data.train_images.dtype == kept and data.train_labels.dtype == np.uint8
        for role, array in arrays.items():
            assert np.array_equal(getattr(data, role), array)


@pytest.mark.parametrize(
    ("role", "kind", "value", "words"),
    [
        ("train_images", "int16", 256, "pixels from 0 to 256"),
        ("test_images", "int8", -1, "pixels from -1 to"),
        ("train_images", "float32", np.nan, "NaN"),
        ("test_images", "float64", np.inf, "infinity"),
        ("train_labels", "float32", 1.5, "the label 1.5 at position 2"),
        ("train_labels", "float64", np.nan, "the label nan at position 2"),
        ("test_labels", "int32", -1, "the label -1 at position 2"),
        ("train_labels", "int32", 1 << 20, "the label 1048576 at position 2"),
    ],
)
def test_values_that_are_no_pixels_or_labels(tmp_path, role, kind, value, words):
    arrays = small_set()
    arrays[role] = (arrays[role] // 3).astype(kind)
    if "images" in role:
        arrays[role].flat[0] = 0
    arrays[role].flat[2] = value
    refused(lambda: load_folder(write_set(tmp_path / "set", arrays)), NAMES[role], words)


def test_many_classes(tmp_path):
    arrays = small_set(300, 5)
    arrays["train_labels"] = np.arange(300, dtype=np.int32)
    data = load_folder(write_set(tmp_path / "set", arrays))
    assert data.outputs == 300 and data.train_labels[299] == 299


def test_qmnist(tmp_path):
    """Labels of eight columns, of which the first is the digit."""
    arrays, rng = small_set(), np.random.default_rng(1)
    names = {}
    for role in arrays:
        part, kind = role.split("_")
        names[role] = f"qmnist-{part}-{'images-idx3-ubyte' if kind == 'images' else 'labels-idx2-int'}.gz"
        if kind == "labels":
            wide = rng.integers(0, 1 << 30, (len(arrays[role]), 8)).astype(np.int32)
            wide[:, 0] = arrays[role]
            write_idx(tmp_path / names[role], wide)
        else:
            write_idx(tmp_path / names[role], arrays[role])
    (tmp_path / "qmnist-train-labels.tsv.gz").write_bytes(b"")
    data = load_folder(tmp_path)
    for role, array in arrays.items():
        assert np.array_equal(getattr(data, role), array)


# Copies and parents.


def test_a_file_and_its_gzipped_copy(tmp_path):
    folder = write_set(tmp_path / "MNIST" / "raw")
    write_set(folder, names={role: name.removesuffix(".gz") for role, name in NAMES.items()})
    data = load_set(tmp_path)
    assert data.folder == folder and np.array_equal(data.train_images, small_set()["train_images"])
    changed = small_set()["test_labels"]
    changed[3] ^= 1
    write_idx(folder / NAMES["test_labels"], changed)
    refused(lambda: load_folder(folder), NAMES["test_labels"], "something else than", "keep one")


def test_sums_of_one_of_two_copies(tmp_path):
    folder = write_set(tmp_path)
    sums = "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in NAMES.values())
    write_set(folder, names={role: name.removesuffix(".gz") for role, name in NAMES.items()})
    (folder / "SHA256SUMS").write_text(sums)
    assert load_folder(folder).outputs == 3
    with open(folder / NAMES["train_labels"], "ab") as file:
        file.write(b"x")
    refused(lambda: load_folder(folder), NAMES["train_labels"])


def test_parents_of_several_sets(tmp_path):
    for name in ("MNIST", "FashionMNIST"):
        write_set(tmp_path / name / "raw")
    refused(lambda: load_set(tmp_path), "several sets", "FashionMNIST/raw", "MNIST/raw", "name one")
    refused(lambda: load_set(tmp_path / "MNIST", "letters"), "--split is 'letters'", "no EMNIST")
    refused(lambda: load_set(tmp_path / "none"), "cannot be listed")


# EMNIST.


def emnist(folder, split, images, labels, pack=".gz"):
    """Files as NIST has them, the last tenth to test."""
    cut = len(labels) * 9 // 10
    for part, some in (("train", slice(cut)), ("test", slice(cut, None))):
        transposed = np.ascontiguousarray(images[some].transpose(0, 2, 1))
        write_idx(folder / f"emnist-{split}-{part}-images-idx3-ubyte{pack}", transposed)
        write_idx(folder / f"emnist-{split}-{part}-labels-idx1-ubyte{pack}", labels[some].astype(np.uint8))


@pytest.fixture
def letters(tmp_path):
    """Splits "letters", of A to E, with its mapping, and "digits"."""
    images, labels = digits(200)
    folder = tmp_path / "emnist"
    folder.mkdir()
    emnist(folder, "letters", images, labels % 5 + 1)
    emnist(folder, "digits", images, labels)
    mapping = "".join(f"{label} {64 + label} {96 + label}\n" for label in range(1, 6))
    (folder / "emnist-letters-mapping.txt").write_text(mapping)
    return folder


def test_emnist_is_upright_and_named(letters):
    images, labels = digits(200)
    data = load_set(letters, "letters")
    assert data.name == "EMNIST letters" and data.classes == ("A", "B", "C", "D", "E") and data.outputs == 5
    assert np.array_equal(data.train_images, images[:180]) and np.array_equal(data.test_labels, labels[180:] % 5)
    data = load_set(letters, "digits")
    assert data.classes is None and np.array_equal(data.test_images, images[180:])


def test_emnist_without_its_mapping(letters):
    (letters / "emnist-letters-mapping.txt").unlink()
    assert "".join(load_set(letters, "letters").classes) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("1 65\n2 x\n", "line 2 is not a label"),
        ("1 65\n3 66\n", "consecutive"),
        ("", "consecutive"),
        ("1 7\n", "consecutive"),
        ("1 65\n2 66\n", "holds the label 3"),
    ],
)
def test_mappings_that_are_wrong(letters, mapping, words):
    (letters / "emnist-letters-mapping.txt").write_text(mapping)
    refused(lambda: load_set(letters, "letters"), words)


def test_splits_must_be_named(letters):
    refused(lambda: load_set(letters), "holds the splits digits, letters of EMNIST", "--split")
    refused(lambda: load_set(letters, "balanced"), "--split is 'balanced'", "there are digits, letters")


def test_names_go_with_the_network(letters, call, tmp_path):
    """Into its file, the confusion matrix, answers and exports; a resumed training writes the same file."""
    train = ("train", "--data", letters, "--split", "letters", "--hidden", "--epochs", "1", "--kernels", "notes")
    result = call(*train, "--save", "n.npz")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(
        f"EMNIST letters ({letters}): 180 training and 20 test images of 28 x 28, 5 classes; turned"
    )
    matrix = result.stdout.splitlines()[-7:-1]
    assert matrix[0].split() == ["|", "A", "B", "C", "D", "E"] and [line.split()[0] for line in matrix[1:]] == [
        *"ABCDE"
    ]
    network = neurone.load("n.npz")
    assert network.classes == ("A", "B", "C", "D", "E")
    again = call(*train, "--save", "m.npz", "--checkpoint", "state")
    assert again.returncode == 0 and (tmp_path / "m.npz").read_bytes() == (tmp_path / "n.npz").read_bytes()
    evaluated = call("evaluate", "n.npz", "--data", letters, "--split", "letters")
    assert evaluated.stdout.splitlines()[-7:] == result.stdout.splitlines()[-7:]
    (letters / "emnist-letters-mapping.txt").write_text("".join(f"{label} {96 + label}\n" for label in range(1, 6)))
    small = call("evaluate", "n.npz", "--data", letters, "--split", "letters")
    assert small.returncode == 2 and "other classes" in small.stderr
    other = call(*train[:4], "digits", "--from", "n.npz", "--epochs", "1")
    assert other.returncode == 2 and "5 outputs" in other.stderr
    pictures = pytest.importorskip("PIL.Image")
    pictures.fromarray(255 - digits(1)[0][0]).resize((140, 140)).save("a.png")
    answer = call("predict", "n.npz", "a.png").stdout
    assert answer.startswith("a.png: ") and answer.split()[1] in "ABCDE"
    save_c(network, "n.c", header="n.h")
    assert 'const char *const neurone_classes[5] = {\n    "A",\n' in (tmp_path / "n.c").read_text()
    assert "extern const char *const neurone_classes[5];" in (tmp_path / "n.h").read_text()
    onnx = pytest.importorskip("onnx")
    save_onnx(network, "n.onnx")
    properties = {each.key: each.value for each in onnx.load("n.onnx").metadata_props}
    assert json.loads(properties["classes"]) == [*"ABCDE"]


def test_names_must_fit_the_network():
    net = neurone.Network((3, 2), classes=["yes", "no"])
    assert net.settings()["classes"] == ["yes", "no"] and "classes" not in neurone.Network((3, 2)).settings()
    for names in (["a"], ["a", "a"], ["a", ""], ["a", "b\n"], ["a", 3], "ab c"):
        with pytest.raises(neurone.InputError, match="classes are"):
            net.classes = names
    with pytest.raises(neurone.InputError, match="more than 32768 bytes"):
        neurone.Network((3, 400), classes=[f"{number:0100}" for number in range(400)])
    with pytest.raises(neurone.InputError, match="names of their classes"):
        neurone.Committee([net, neurone.Network((3, 2))])
    assert neurone.Committee([net, net]).classes == ("yes", "no")


def test_fetch_emnist(letters, call, tmp_path, monkeypatch):
    """From a server of this machine, by an archive like NIST's of which the MD5 is known."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in letters.iterdir():
            archive.write(path, f"gzip/{path.name}")
    content = packed.getvalue()
    sent = [content]
    with Server(lambda handler, name: handler.answer(sent[0])) as server:
        fetch.threading.Thread(target=server.serve_forever, daemon=True).start()
        name = ("fetch", "emnist", "--folder", "got", "--mirror", server.url, "--split", "letters")
        refused_ = call(*name)
        assert refused_.returncode == 1 and "wrong content, MD5" in refused_.stderr
        assert not list((tmp_path / "got").iterdir())
        known = fetch.Archive("gzip.zip", hashlib.md5(content).hexdigest(), 1 << 20, "gzip")
        monkeypatch.setitem(fetch.SETS, "emnist", fetch.Source((), {}, known))
        result = call(*name)
        assert result.returncode == 0 and result.stdout.endswith("--data got --split letters\n"), result.stderr
        assert sorted(path.name for path in (tmp_path / "got").iterdir()) == sorted(
            [path.name for path in letters.glob("emnist-letters*")] + ["SHA256SUMS"]
        )
        assert load_set(tmp_path / "got").classes == ("A", "B", "C", "D", "E")
        asked = len(server.asked)
        assert "kept" in call(*name).stdout and len(server.asked) == asked
        assert call(*name[:-1], "balanced").returncode == 1  # not in this archive
        assert "--split is 'all'" in call(*name[:-1], "all").stderr
        assert "mnist has no splits" in call("fetch", "mnist", *name[2:]).stderr
        sent[0] = content[:-50]
        assert "wrong content, MD5" in call(*name[:3], "other", *name[4:]).stderr
        server.shutdown()


# Pictures, one folder for each class.


@pytest.fixture
def pictures(tmp_path):
    """train/ and test/ with folders 2, 10 and cat of grey pictures; the training images and labels in order."""
    image = pytest.importorskip("PIL.Image")
    rng, kept = np.random.default_rng(3), {}
    for part, count in (("train", 4), ("test", 2)):
        kept[part] = []
        for name in ("2", "10", "cat"):
            folder = tmp_path / "set" / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 256, (5, 4), np.uint8)
                image.fromarray(pixels).save(folder / f"{number}.png")
                kept[part].append(pixels)
        (tmp_path / "set" / part / "2" / "notes.txt").write_text("no picture")
    return tmp_path / "set", kept


def test_folders_of_pictures(pictures):
    folder, kept = pictures
    data = load_set(folder)
    order = ["cat", "2", "10"]
    assert data.classes == tuple(order) and data.train_labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    for part, count in (("train", 4), ("test", 2)):
        expected = [kept[part][["2", "10", "cat"].index(name) * count + k] for name in order for k in range(count)]
        assert np.array_equal(getattr(data, f"{part}_images"), expected)


def test_without_a_test_set_a_tenth_is_held_out(pictures):
    folder, kept = pictures
    data = load_set(folder / "train")
    assert len(data.test_labels) == 1 and len(data.train_labels) == 11 and "a tenth" in data.note
    both = [image.tobytes() for image in (*data.train_images, *data.test_images)]
    assert sorted(both) == sorted(image.tobytes() for image in kept["train"])
    again = load_set(folder / "train")
    assert np.array_equal(again.test_images, data.test_images)


def test_folders_named_by_numbers_have_no_names(pictures):
    folder, _ = pictures
    for old, new in (("cat", "0"), ("2", "1"), ("10", "2")):
        (folder / "train" / old).rename(folder / "train" / new)
    data = load_set(folder / "train")
    assert data.classes is None and data.outputs == 3


def test_pictures_that_do_not_fit(pictures, call, tmp_path):
    folder, _ = pictures
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (8, 4), (200, 10, 10)).save(folder / "train" / "cat" / "9.jpg")
    refused(lambda: load_set(folder), "9.jpg", "4 x 8 pixels", "5 x 4", "convert --size")
    result = call("convert", folder, tmp_path / "idx", "--size", "6")
    assert result.returncode == 0, result.stderr
    data = load_set(tmp_path / "idx")
    assert data.train_images.shape == (13, 6, 6) and data.classes == ("cat", "2", "10")
    (folder / "train" / "cat" / "9.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    refused(lambda: load_set(folder), "9.jpg", "picture")
    (folder / "test" / "dog").mkdir()
    (folder / "test" / "cat" / "0.png").rename(folder / "test" / "dog" / "0.png")
    refused(lambda: load_set(folder), "classes dog")


# CSV.


def csv(images, labels, header=True):
    flat = images.reshape(len(images), -1)
    lines = [",".join(["label", *(f"pixel{k}" for k in range(flat.shape[1]))])] if header else []
    return "".join(
        line + "\n" for line in [*lines, *(",".join(map(str, [a, *b])) for a, b in zip(labels, flat, strict=True))]
    )


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("pack", [None, gzip.compress], ids=["plain", "gzip"])
def test_csv(tmp_path, header, pack):
    arrays = small_set(size=(4, 4))
    for part in ("train", "test"):
        text = csv(arrays[f"{part}_images"], arrays[f"{part}_labels"], header).encode()
        (tmp_path / f"mnist_{part}.csv{'.gz' * bool(pack)}").write_bytes(pack(text) if pack else text)
    data = load_set(tmp_path)
    for role, array in arrays.items():
        assert getattr(data, role).dtype == np.uint8 and np.array_equal(getattr(data, role), array)


def test_csv_of_kaggle_and_of_one_row(tmp_path):
    """Its test file has no labels. Five pixels make no square."""
    arrays = small_set(40, 5, (1, 5))
    (tmp_path / "train.csv").write_text("\ufeff" + csv(arrays["train_images"], arrays["train_labels"]) + "\n\n")
    unlabelled = csv(arrays["test_images"], arrays["test_labels"]).splitlines()
    (tmp_path / "test.csv").write_text("\n".join(line.partition(",")[2] for line in unlabelled))
    data = load_set(tmp_path)
    assert (
        data.train_images.shape == (36, 1, 5) and len(data.test_labels) == 4 and "test.csv has no labels" in data.note
    )
    assert load_set(tmp_path / "train.csv").train_images.shape == (36, 1, 5)


def test_csv_with_quotes(tmp_path):
    arrays = small_set(20, 5, (1, 5))
    text = csv(arrays["train_images"], arrays["train_labels"])
    (tmp_path / "a.csv").write_text("".join(f'"{line}"\r\n'.replace(",", '","') for line in text.splitlines()))
    data = load_set(tmp_path / "a.csv")
    both = [image.tobytes() for image in (*data.train_images, *data.test_images)]
    assert sorted(both) == sorted(image.tobytes() for image in arrays["train_images"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0,1,2\n\n1,2,300\n\n", "line 3, column 3 is '300'"),
        ("0,1,2\n1,2\n", "line 2 has 2 columns, and the first 3"),
        ("0,1,2\n\n1,x,3\n", "line 3, column 2 is 'x'"),
        ("label,a,b\n0,1,256\n", "line 2, column 3 is '256'"),
        ("0,1,2\n-1,2,3\n", "line 2, column 1 is '-1'"),
        ("0,1,2\n70000,2,3\n", "line 2, column 1 is '70000'"),
        ("0,1,2\n1,2.5,3\n", "line 2, column 2 is '2.5'"),
        ("label,a,b\n", "holds no lines"),
        ("", "does not begin with"),
        ("one\n", "does not begin with"),
    ],
)
def test_csv_that_is_wrong(tmp_path, text, words):
    (tmp_path / "a.csv").write_text(text)
    refused(lambda: load_set(tmp_path / "a.csv"), "a.csv", words)


def test_outputs_do_not_replace_the_set(tmp_path, pictures, call):
    arrays = small_set()
    (tmp_path / "a.csv").write_text(csv(arrays["train_images"], arrays["train_labels"]))
    folder, _ = pictures
    for data, output in (("a.csv", "a.csv"), (tmp_path, "a.csv"), (folder, folder / "train" / "cat" / "0.png")):
        before = (tmp_path / output).read_bytes()
        result = call("train", "--data", data, "--save", output, "--hidden", "--kernels", "notes", "--epochs", "1")
        assert result.returncode == 2 and "is a file of the data set" in result.stderr
        assert (tmp_path / output).read_bytes() == before


def test_csv_files_that_cannot_be_told_apart(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("0,1\n")
    refused(lambda: load_set(tmp_path), "a.csv, b.csv", "keep one")
    (tmp_path / "train.csv.gz").write_bytes(gzip.compress(b"0,1\n1,2\n")[:-4])
    refused(lambda: load_set(tmp_path / "train.csv.gz"), "damaged gzip")


# What is strange is said.


def strange(**changed):
    arrays = small_set(60, 30)
    return DataSet("strange", None, **(arrays | changed))


def test_remarks():
    arrays = small_set(60, 30)
    assert remarks(strange()) == []
    arrays["train_images"][:3] = 7
    arrays["test_images"][4] = arrays["train_images"][10]
    assert remarks(strange(**arrays)) == [
        "3 of 60 training images are of one shade", "1 of 30 test images are training images too",
    ]  # fmt: skip
    labels = np.zeros(60, np.uint8)
    assert remarks(strange(train_labels=labels)) == ["all training images are of one class, 0"]
    labels[:4] = 1
    assert remarks(strange(train_labels=labels)) == ["1 of 2 classes have fewer than 10 training images: 1 (4)"]


def test_transposed_digits_are_noticed():
    images, labels = digits(400, seed=3)
    turned = np.ascontiguousarray(images.transpose(0, 2, 1))
    said = [remarks(DataSet("", None, some[:300], labels[:300], some[300:], labels[300:])) for some in (images, turned)]
    assert said[0] == [] and len(said[1]) == 1 and "transposed" in said[1][0]
    shuffled = (labels * 3 + 1) % 10  # other shapes for each class: nothing is known of them
    assert remarks(DataSet("", None, turned[:300], shuffled[:300], turned[300:], shuffled[300:])) == []


def test_remarks_of_mnist(mnist):
    assert remarks(mnist) == []

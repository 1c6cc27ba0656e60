"""Sets larger than memory: orders by windows, and memory maps that are read as they are trained on."""

import subprocess
import sys

import numpy as np
import pytest

import neurone
from neurone.datasets.digits import digits
from neurone.datasets.idx import write_idx
from neurone.randomness import epoch_order, windowed_order


def order_by_the_specification(count, seed, epoch, window, block):
    """Written from the specification, section 19, and from nothing else: lists and sorted()."""

    def words(how_many):
        return [
            int(w) >> 32
            for w in np.random.Philox(key=np.array([seed, 1 << 32 | epoch], np.uint64)).random_raw(how_many)
        ]

    keys, blocks = words(count), [list(range(first, min(first + block, count))) for first in range(0, count, block)]
    of_blocks = words(len(blocks))
    sequence = sorted(range(len(blocks)), key=lambda b: of_blocks[b])
    found = []
    for first in range(0, len(sequence), window):
        samples = sorted(i for b in sequence[first : first + window] for i in blocks[b])
        found += sorted(samples, key=lambda i: keys[i])
    return found


@pytest.mark.parametrize(
    ("count", "window", "block"), [(1, 1, 1), (10, 2, 3), (100, 3, 7), (1000, 4, 64), (1000, 2, 999), (1001, 50, 4)]
)
def test_the_order_of_windows(count, window, block):
    for seed, epoch in ((0, 0), (5, 2)):
        order = windowed_order(count, seed, epoch, window, block)
        assert order.tolist() == order_by_the_specification(count, seed, epoch, window, block)
        assert sorted(order) == list(range(count))


def test_a_window_of_all_blocks_is_the_order_of_the_set():
    assert np.array_equal(windowed_order(1000, 3, 1, 16, 64), epoch_order(1000, 3, 1))


def test_samples_of_equal_words_keep_their_order():
    """Of 200,000 samples some five pairs have the same 32 bits."""
    words = np.random.Philox(key=np.array([0, 1 << 32], np.uint64)).random_raw(200_000) >> np.uint64(32)
    assert len(np.unique(words)) < 200_000
    assert np.array_equal(windowed_order(200_000, 0, 0, 100, 2000), epoch_order(200_000, 0, 0))


@pytest.fixture
def small_windows(monkeypatch):
    monkeypatch.setattr("neurone.engine.windows.WINDOW", 64)


def mapped(array, path):
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def trained(images, labels, sizes=(784, 12, 10), dtype="float32", **options):
    network = neurone.Network(sizes, dtype=dtype)
    history = neurone.fit(network, images, labels, epochs=2, **options)
    return network.parameters.tobytes(), [report.cost for report in history]


@pytest.mark.parametrize("options", [
    dict(), dict(batch_size=32), dict(batch_size=32, threads=2), dict(batch_size=50, kernels="notes"),
    dict(batch_size=32, optimizer="adam"), dict(batch_size=20, dropout=0.2, input_dropout=0.1),
    dict(batch_size=32, distortion=neurone.Distortion()), dict(batch_size=40, window=3, block=50), dict(shuffle=False),
])  # fmt: skip
def test_a_map_gives_the_bits_of_an_array(options, tmp_path, small_windows, teams):
    images, labels = digits(500)
    assert trained(mapped(images, tmp_path / "a.npy"), labels, **options) == trained(images, labels, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("stored", ["float32", "float64", "float16"])
@pytest.mark.parametrize("batch_size", [1, 16])
def test_floats(dtype, stored, batch_size, tmp_path, small_windows):
    """Dense and sparse ones, of any width, in Fortran's order too."""
    rng = np.random.Generator(np.random.Philox(2))
    dense, labels = rng.normal(size=(300, 20)).astype(stored), np.arange(300) % 3
    for images in (dense, dense * (rng.random((300, 20)) < 0.2).astype(stored), np.asfortranarray(dense)):
        options = dict(sizes=(20, 7, 3), dtype=dtype, batch_size=batch_size, learning_rate=0.05)
        assert trained(mapped(images, tmp_path / "a.npy"), labels, **options) == trained(images, labels, **options)


def test_the_first_samples_do_not_tell_of_the_others(tmp_path, small_windows):
    """The first thousand are nearly empty, the others full: lists must have room for them."""
    rng = np.random.Generator(np.random.Philox(4))
    images = rng.integers(0, 256, (1500, 40), dtype=np.uint8)
    images[:1000, 3:] = 0
    labels = np.arange(1500) % 2
    for options in (dict(), dict(batch_size=20), dict(batch_size=20, input_dropout=0.3)):
        options |= dict(sizes=(40, 6, 2))
        assert trained(mapped(images, tmp_path / "a.npy"), labels, **options) == trained(images, labels, **options)
        full = images[::-1]
        assert trained(mapped(full, tmp_path / "b.npy"), labels, **options) == trained(full, labels, **options)


def test_what_is_wrong_in_a_map_is_said(tmp_path, small_windows):
    images = np.zeros((300, 4), np.float32)
    images[200, 1] = np.nan
    network = neurone.Network((4, 2))
    with pytest.raises(neurone.InputError, match="memory map: images of sample"):
        neurone.fit(network, mapped(images, tmp_path / "a.npy"), np.zeros(300, int))
    with pytest.raises(neurone.InputError, match="int32"):
        neurone.fit(network, mapped(np.zeros((300, 4), np.int32), tmp_path / "a.npy"), np.zeros(300, int))
    with pytest.raises(neurone.InputError, match="4 pixels"):
        neurone.fit(network, mapped(np.zeros((3, 5)), tmp_path / "a.npy"), np.zeros(3, int))
    for wrong in (dict(window=0), dict(window=1.5), dict(block=0)):
        with pytest.raises(neurone.InputError, match=next(iter(wrong))):
            neurone.fit(network, np.zeros((3, 4)), np.zeros(3, int), **wrong)


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory by RLIMIT_DATA")
@pytest.mark.parametrize("stored", ["uint8", "float64"])
def test_memory_does_not_grow_with_the_set(stored, tmp_path):
    """4 GB of a sparse file, trained on for a while with a GB of memory beyond the file."""
    code = f"""
import resource, numpy as np, neurone
from neurone import Network, fit
net = Network((784, 30, 10))
item = np.dtype("{stored}").itemsize
images = np.memmap(r"{tmp_path / "big"}", "{stored}", "w+", shape=(4_000_000_000 // (784 * item), 784))
images[::10000, 100:300] = 1
labels = np.arange(len(images), dtype=np.uint8) % 10
class Enough(Exception): pass
done = 0
def progress(samples):
    global done
    done += samples
    if done > 30_000: raise Enough
resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
try:
    fit(net, np.memmap(r"{tmp_path / "big"}", "{stored}", "r", shape=images.shape), labels, batch_size=100, window=8,
        progress=progress)
except Enough:
    print("enough")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout == "enough\n", done.stderr


@pytest.fixture
def plain_set(tmp_path):
    """Plain IDX files of 400 drawn digits and 50 to test."""
    images, labels = digits(450)
    folder = tmp_path / "set"
    folder.mkdir()
    for part, some in (("train", slice(400)), ("t10k", slice(400, 450))):
        write_idx(folder / f"{part}-images-idx3-ubyte", images[some])
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels[some].astype(np.uint8))
    return folder


def test_train_leaves_the_images_on_disk(plain_set, tmp_path, call):
    """The bits of `fit` with the same windows; other windows give others; resumed, the same."""
    images, labels = digits(400)

    def saved(*options):
        done = call(
            "train", "--data", plain_set, "--hidden", 9, "--batch-size", 10, "--save", tmp_path / "a.npz", *options
        )
        assert done.returncode == 0, done.stderr
        return neurone.load(tmp_path / "a.npz").parameters.tobytes()

    network = neurone.Network((784, 9, 10))
    neurone.fit(network, images, labels, epochs=2, batch_size=10, learning_rate=0.05, decay=0.85, window=2, block=30)
    windows = "--window", 2, "--block", 30
    assert saved("--epochs", 2, *windows) == network.parameters.tobytes() != saved("--epochs", 2)
    kept = "--checkpoint", tmp_path / "state", "--resume", *windows
    saved("--epochs", 1, *kept)
    assert saved("--epochs", 2, *kept) == network.parameters.tobytes()
    done = call("train", "--data", plain_set, "--hidden", 9, "--batch-size", 10, "--checkpoint", tmp_path / "state",
                "--resume", "--window", 3, "--block", 30)  # fmt: skip
    assert done.returncode == 2 and "window" in done.stderr


def test_what_cannot_stay_on_disk(plain_set, small_set, tmp_path, call):
    def refused(*options):
        done = call("train", "--window", 2, *options)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
        return done.stderr

    assert "gzipped" in refused("--data", small_set)
    assert "--data" in refused()
    assert "without --validation" in refused("--data", plain_set, "--validation", 9)
    (tmp_path / "a.csv").write_text("label,p0\n1,2\n")
    assert "IDX" in refused("--data", tmp_path / "a.csv")
    (plain_set / "SHA256SUMS").write_text("".join(f"{64 * '0'}  {path.name}\n" for path in sorted(plain_set.iterdir())))
    assert "SHA-256" in refused("--data", plain_set)

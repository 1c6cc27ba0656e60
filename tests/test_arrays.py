"""The one gate for arrays: what is accepted, and what is refused, with the place of the fault."""

import numpy as np
import pytest

import neurone
from neurone.datasets.arrays import as_images, as_labels, stratified

F32, F64 = np.dtype("float32"), np.dtype("float64")


def images(*shape, dtype=np.uint8):
    return np.random.Generator(np.random.Philox(3)).integers(0, 256, shape).astype(dtype)


@pytest.mark.parametrize("given", [images(5, 2, 3), images(5, 6), images(5, 1, 2, 3)])
def test_bytes_of_any_shape(given):
    rows, divisor = as_images(given, 6, F32)
    assert rows.shape == (5, 6) and rows.dtype == np.uint8 and np.shares_memory(rows, given)
    assert divisor == 255 and divisor.dtype == F32


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_floats_of_any_shape():
    given = images(5, 6) / np.float32(7)
    for other in (given.reshape(5, 2, 3), np.asfortranarray(given.reshape(5, 3, 2)), np.matrix(given)):
        rows, divisor = as_images(other, 6, F32)
        assert np.array_equal(rows, given) and rows.flags.c_contiguous and type(rows) is np.ndarray and divisor == 1
    octets = images(1000, 3, 3)
    assert np.array_equal(as_images(octets / 255.0, 9, F32)[0], octets.reshape(1000, 9))


def test_a_masked_array_without_masked_numbers():
    assert np.array_equal(as_images(np.ma.masked_array(images(5, 6)), 6, F32)[0], images(5, 6))


class Unreadable:
    def __init__(self, error):
        self.error = error

    def __array__(self, *_, **__):
        raise self.error


@pytest.mark.parametrize("error", [TypeError("two\nlines"), RuntimeError("needs grad"), NotImplementedError("meta")])
def test_arrays_that_cannot_be_read(error):
    """As PyTorch's are, of some kinds. Errors are of one line."""
    for give in (as_images, lambda given, *_: as_labels(given, 3, 3, "softmax", "log", F32)):
        with pytest.raises(neurone.InputError, match="do not make an array") as raised:
            give(Unreadable(error), 6, F32)
        assert "\n" not in str(raised.value)


def test_any_memory_order(tmp_path):
    given = images(5, 2, 3)
    expected = given.reshape(5, 6)
    np.save(tmp_path / "a.npy", given)
    read_only = given.copy()
    read_only.flags.writeable = False
    strided = np.repeat(given, 2, axis=0)[::2]
    for other in (np.asfortranarray(given), strided, read_only, np.load(tmp_path / "a.npy", mmap_mode="r")):
        rows, _ = as_images(other, 6, F32)
        assert rows.flags.c_contiguous and np.array_equal(rows, expected)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4", ">f8", "longdouble"])
def test_floats_are_rounded_to_the_network(dtype):
    given = (images(5, 6) / 7).astype(dtype)
    rows, divisor = as_images(given, 6, F32)
    assert rows.dtype == F32 and rows.dtype.isnative and divisor == 1
    assert np.array_equal(rows, given.astype("float32"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (images(5, 7), r"shape \(5, 7\)"),
        (images(6), "shape"),
        (images(2, 3), "with 6 pixels"),
        (np.uint8(3), "shape"),
        (images(5, 2, 4, dtype="float32"), "with 6 pixels"),
        (images(6, dtype="float32"), "shape"),
        (np.ma.masked_array(images(5, 6), images(5, 6) > 9), "masked numbers"),
        ([np.ma.masked_array([1.0] * 6, [0] * 5 + [1])], "masked numbers"),
        (np.zeros((5, 6), "M8[s]"), "type datetime64"),
        (np.zeros(5, [("a", "f4"), ("b", "f4")]), "type"),
        (images(5, 6, dtype="int64"), "type int64; give uint8"),
        (images(5, 6, dtype="int8"), "type int8"),
        (images(5, 6, dtype="bool"), "type bool"),
        (images(5, 6, dtype="complex64"), "type complex64"),
        (images(5, 6, dtype="object"), "type object"),
        ([["a"] * 6], "type"),
        ([[1.0, 2.0], [3.0]], "do not make an array"),
        ([[0.0] * 6, [0.0, np.nan] * 3], "sample 1"),
        ([[0.0, -np.inf] * 3], "sample 0"),
        ([[1e300] * 6], "float32 cannot"),
    ],
)
def test_images_refused(given, message):
    with pytest.raises(neurone.InputError, match=message):
        as_images(given, 6, F32)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "uint64", ">i2"])
def test_integer_labels(dtype):
    labels, targets = as_labels(np.array([0, 2, 1], dtype), 3, 3, "softmax", "log", F32)
    assert labels.dtype == np.int64 and labels.tolist() == [0, 2, 1] and targets.shape == (0, 3)


def test_one_output_takes_0_and_1():
    labels, _ = as_labels([0, 1, 1], 3, 1, "logistic", "log", F32)
    assert labels.tolist() == [0, 1, 1]
    with pytest.raises(neurone.InputError, match="label 2 at position 1"):
        as_labels([0, 2], 2, 1, "logistic", "log", F32)


@pytest.mark.parametrize(("output", "cost"), [("softmax", "log"), ("logistic", "log"), ("identity", "quadratic")])
def test_one_hot_rows_are_labels(output, cost):
    rows = np.eye(3)[[0, 2, 1]]
    for given in (rows, rows.astype(int), rows.astype("u1"), np.asfortranarray(rows), np.array([[0], [2], [1]])):
        labels, targets = as_labels(given, 3, 3, output, cost, F32)
        assert labels.dtype == np.int64 and labels.tolist() == [0, 2, 1] and targets.shape == (0, 3)
    for given in ([[0], [1], [1]], [[0.0], [1.0], [1.0]], [0, 1, 1]):
        if output != "softmax":
            assert as_labels(given, 3, 1, output, cost, F32)[0].tolist() == [0, 1, 1]


def test_several_labels_at_once():
    labels, targets = as_labels([[1, 1, 0], [0, 0, 0], [0, 1, 0]], 3, 3, "logistic", "log", F32)
    assert labels.size == 0 and targets.dtype == F32 and targets.tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 0]]


def test_float_targets():
    labels, targets = as_labels([[0.25, 0.75], [1, 0]], 2, 2, "softmax", "log", F32)
    assert labels.shape == (0,) and targets.dtype == F32 and targets.tolist() == [[0.25, 0.75], [1, 0]]
    as_labels([[0.9, 0.9]], 1, 2, "logistic", "log", F32)  # several labels at once
    as_labels([[-7.0, 9.0]], 1, 2, "identity", "quadratic", F32)


@pytest.mark.parametrize(
    ("labels", "output", "cost", "message"),
    [
        ([0, 1, 3], "softmax", "log", "label 3 at position 2"),
        ([0, -1, 0], "softmax", "log", "label -1 at position 1"),
        (np.array([0, 2**63, 0], np.uint64), "softmax", "log", "at position 1"),
        ([0, 1], "softmax", "log", "3 images take"),
        ([[0, 1, 2]], "softmax", "log", "3 images take"),
        ([True, False, True], "softmax", "log", "type bool"),
        (np.eye(3, dtype=bool), "softmax", "log", "type bool"),
        (2 * np.eye(3, dtype=int), "softmax", "log", "sample 0 are not 0 and 1; give other targets as floats"),
        ([[1, 0, 0], [0, 1, 1], [0, 0, 1]], "softmax", "log", "sample 1 sum to 2"),
        (np.ma.masked_array([0, 1, 2], [0, 0, 1]), "softmax", "log", "masked numbers"),
        ([0.0, 1.0, 2.0], "softmax", "log", "class labels must be integers"),
        (["a", "b", "c"], "softmax", "log", "type"),
        ([[1.0, 0, 0], [0.5, 0.4, 0], [0, 0, 1]], "softmax", "log", "sample 1 sum to 0.9"),
        ([[1.0, 0, 0], [2, -1, 0], [0, 0, 1]], "softmax", "log", "sample 1 are not from 0 to 1"),
        ([[1.0, 0, 0], [0, 0, 1.5], [0, 0, 1]], "logistic", "log", "sample 1 are not"),
        ([[1.0, 0, 0], [0, 0, np.nan], [0, 0, 1]], "identity", "quadratic", "sample 1 hold NaN"),
    ],
)
def test_labels_refused(labels, output, cost, message):
    with pytest.raises(neurone.InputError, match=message):
        as_labels(labels, 3, 3, output, cost, F32)


def test_stratified_shares():
    labels = np.repeat([0, 1, 2, 4], [500, 300, 199, 1])
    held_out = stratified(labels, 100, 5)
    assert held_out.sum() == 100
    assert np.bincount(labels[held_out], minlength=5).tolist() == [50, 30, 20, 0, 0]
    assert np.array_equal(held_out, stratified(labels, 100, 5))
    assert not np.array_equal(held_out, stratified(labels, 100, 6))


@pytest.mark.parametrize("count", [0, 4, 5, -1])
def test_stratified_limits(count):
    with pytest.raises(neurone.InputError, match="validation is"):
        stratified(np.arange(4), count, 0)


@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize("given", [np.float32, np.float64])
def test_floats_that_are_bytes_divided_by_255(given, dtype):
    """They become bytes, unless one is no such quotient, the samples are few, or memory has another order."""
    octets = images(1000, 9)
    floats = octets / given(255)
    rows, divisor = as_images(floats, 9, dtype)
    if given == np.float32 and dtype == F64:  # which has other quotients
        assert rows.dtype == dtype and divisor == 1
        floats = octets / 255.0
    else:
        assert np.array_equal(rows, octets) and rows.dtype == np.uint8 and divisor == 255
    assert np.array_equal(octets[:999] / dtype.type(255), as_images(floats[:999], 9, dtype)[0])
    assert as_images(np.asfortranarray(floats), 9, dtype)[0].dtype == dtype
    for other in (0.3, 1.5, -1 / 255, 1e-30, 1e9):
        floats[700, 3] = other
        rows, divisor = as_images(floats, 9, dtype)
        assert rows.dtype == dtype and divisor == 1 and rows[700, 3] == dtype.type(floats[700, 3])
    floats[700, 3] = np.nan
    with pytest.raises(neurone.InputError, match="sample 700"):
        as_images(floats, 9, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_that_begin_between_two_numbers(dtype):
    """As `np.frombuffer` gives them after a header of an odd size."""
    rows = np.random.Generator(np.random.Philox(1)).random((30, 5)).astype(dtype)
    odd = np.frombuffer(b"x" + rows.tobytes(), dtype, offset=1).reshape(30, 5)
    assert not odd.flags.aligned
    results = set()
    for kernels, images in (("notes", rows), ("fast", rows), ("notes", odd), ("fast", odd)):
        net = neurone.Network((5, 4, 3))
        neurone.fit(net, images, np.arange(30) % 3, kernels=kernels, batch_size=4, epochs=1)
        results.add((net.parameters.tobytes(), net.predict_proba(images[:20]).tobytes(), *net.predict(images[:2])))
    assert len(results) == 1

"""Inputs in SciPy's sparse formats: the same bits as the same numbers in a dense array."""

import numpy as np
import pytest

import neurone
from neurone.datasets.digits import digits

sparse = pytest.importorskip("scipy.sparse")

RNG = np.random.Generator(np.random.Philox(1))
FEW = (RNG.standard_normal((120, 400)) * (RNG.random((120, 400)) < 0.01)).astype(np.float32)
LABELS = np.arange(120) % 3


def trained(images, labels, sizes=(400, 24, 3), dtype="float32", **options):
    net = neurone.Network(sizes, dtype=dtype)
    validation = images[:30], labels[:30]
    history = neurone.fit(net, images, labels, epochs=2, learning_rate=0.3, validation=validation, **options)
    reports = [(report.cost, report.train_error, report.validation_error) for report in history]
    return net.parameters.tobytes(), net.predict_proba(images).tobytes(), reports


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix, sparse.csc_array])
@pytest.mark.parametrize("batch_size", [1, 7, 100, None])
def test_few_inputs_that_are_not_zero(make, batch_size, teams):
    """So few that a tranche's gradient is gathered row by row; also by threads, and with momentum."""
    for options in (
        {}, {"threads": 3}, {"alpha": 0.1, "threads": 2}, {"momentum": 0.9, "alpha": 0.1},
        {"momentum": 0.9, "threads": 2},
    ):  # fmt: skip
        expected = trained(FEW, LABELS, batch_size=batch_size, kernels="notes", **options)
        assert trained(make(FEW), LABELS, batch_size=batch_size, **options) == expected
        assert trained(FEW, LABELS, batch_size=batch_size, **options) == expected
    assert max(teams) == (2 if batch_size == 1 else 3)


@pytest.mark.parametrize(("sizes", "dtype"), [((784, 8, 8), "float32"), ((784, 100, 210, 10), "float64")])
@pytest.mark.parametrize("batch_size", [1, 32])
def test_bytes(sizes, dtype, batch_size):
    images, labels = digits(100)
    rows, labels = images.reshape(100, -1), labels % 8
    expected = trained(rows, labels, sizes, dtype, batch_size=batch_size)
    assert trained(sparse.csr_array(rows), labels, sizes, dtype, batch_size=batch_size) == expected


@pytest.mark.parametrize("index", [-1, 784, 10**8])
@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csc_array])
def test_indices_out_of_range(make, index):
    matrix = make((784, 784), dtype=np.float32)
    matrix.data, matrix.indices = np.ones(1, np.float32), np.array([index], np.int32)
    matrix.indptr = np.r_[0, np.ones(784, np.int32)].astype(np.int32)
    with pytest.raises(neurone.InputError, match="no sparse matrix that can be read"):
        neurone.fit(neurone.Network((784, 8, 8)), matrix, np.zeros(784, int))


def test_a_matrix_that_claims_an_order():
    matrix = sparse.csr_array(FEW)
    expected = trained(matrix, LABELS, batch_size=7)
    turned = matrix.copy()
    for first, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        turned.indices[first:end], turned.data[first:end] = (
            part[first:end][::-1].copy() for part in (matrix.indices, matrix.data)
        )
    turned.has_sorted_indices = turned.has_canonical_format = True
    assert trained(turned, LABELS, batch_size=7) == expected


def test_floats_that_are_everywhere():
    """A dense array of them would not be cut into sparse rows."""
    rows, labels = RNG.random((100, 57), np.float32), np.arange(100) % 4
    expected = trained(rows, labels, (57, 5, 4), batch_size=10)
    assert trained(sparse.csr_array(rows), labels, (57, 5, 4), batch_size=10) == expected


@pytest.mark.parametrize("kernels", ["fast", "notes"])
def test_any_csr_will_do(kernels):
    """Places in disorder, numbers in two parts, stored zeros, empty rows; and the caller's matrix stays as it is."""
    indptr, indices = np.array([0, 3, 3, 7]), np.array([2, 0, 2, 1, 3, 0, 3])
    data = np.array([1.0, 2.0, 4.0, 0.0, 1.5, 3.0, -1.5])
    matrix = sparse.csr_matrix((data.copy(), indices.copy(), indptr), shape=(3, 4))
    expected = trained(matrix.toarray(), np.arange(3), (4, 2, 3), kernels=kernels)
    assert trained(matrix, np.arange(3), (4, 2, 3), kernels=kernels) == expected
    assert np.array_equal(matrix.data, data) and np.array_equal(matrix.indices, indices)


def test_a_hundred_thousand_columns():
    """Memory in proportion to what is stored: dense, the inputs alone would take 40 GB."""
    rows, per_row = 100_000, 20
    columns = RNG.integers(0, 100_000, rows * per_row)
    matrix = sparse.csr_matrix(
        (np.ones(rows * per_row, np.float32), columns, np.arange(0, rows * per_row + 1, per_row)), (rows, 100_000)
    )
    labels = (columns[::per_row] < 50_000).astype(int)
    net = neurone.Network((100_000, 4, 2))
    neurone.fit(net, matrix, labels, batch_size=100, epochs=1, learning_rate=1.0)
    assert net.predict(matrix).shape == (rows,)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (sparse.csr_matrix(np.eye(3, 5)), r"shape \(3, 5\)"),
        (sparse.csr_matrix(np.eye(3, 4, dtype=int)), "type int64"),
        (sparse.csr_matrix(np.diag([np.inf] * 4)[:3]), "hold NaN, infinity"),
    ],
)
def test_refusals(matrix, message):
    with pytest.raises(neurone.InputError, match=message):
        neurone.fit(neurone.Network((4, 3)), matrix, [0, 1, 2])

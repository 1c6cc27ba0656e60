"""Images that another thread or process writes to while they are read: an error or any numbers, never a write outside
the arrays."""

import threading

import numpy as np
import pytest

import neurone
from neurone.datasets import arrays
from neurone.engine import samples
from neurone.kernels import groups, sparse
from neurone.kernels.arguments import Pixels

SENTINEL = 77


def changed_after_counting(monkeypatch, images):
    """Let every pixel become 255 as soon as the pixels that are not 0 have been counted."""
    count = samples.lines_of

    def lines_of(rows):
        lines = count(rows)
        images[:] = 255
        return lines

    monkeypatch.setattr(samples, "lines_of", lines_of)


@pytest.mark.parametrize("type_", [np.uint8, np.float32])
@pytest.mark.parametrize("batch_size", [1, 32])
def test_fit_says_so(batch_size, type_, monkeypatch):
    rng = np.random.Generator(np.random.Philox(6))
    images = ((rng.random((400, 60)) < 0.2) * 7).astype(type_)
    net = neurone.Network((60, 5, 3))
    before = net.parameters.copy()
    changed_after_counting(monkeypatch, images)
    with pytest.raises(neurone.InputError, match="images changed while they were read"):
        neurone.fit(net, images, np.arange(400) % 3, batch_size=batch_size, epochs=1)
    assert np.array_equal(net.parameters, before)


def test_predict_says_so(monkeypatch):
    images = np.zeros((400, 60), np.uint8)
    changed_after_counting(monkeypatch, images)
    with pytest.raises(neurone.InputError, match="images changed while they were read"):
        neurone.Network((60, 5, 3)).predict(images)


@pytest.mark.parametrize("inputs", [1, 3, 4, 64, 257, 784])
def test_nothing_is_written_outside(inputs):
    """The worst that can happen: none or half of the pixels were counted, and now none is 0."""
    images = np.full((50, inputs), 255, np.uint8)
    for counted in (0, inputs // 2, inputs):
        lines = np.arange(51) * counted
        room = int(lines[-1]) + inputs
        columns, values = (np.full(room + 4096, SENTINEL, type_) for type_ in (np.uint16, np.uint8))
        assert sparse.cut(Pixels(images), lines, columns[:room], values[:room]) == (counted == inputs)
        assert (columns[room:] == SENTINEL).all() and (values[room:] == SENTINEL).all()
        for size in (2, 3, 4):
            padded = -(-inputs // size) * size
            room = int(lines[-1]) * size + padded
            values, present = np.full(room + 4096, SENTINEL, np.uint8), np.zeros((50, 16), np.uint64)
            fits = groups.cut(Pixels(images), (0,) * size, np.empty(51, np.int64), values[:room], present)
            assert fits == (room >= 50 * padded)
            assert (values[room:] == SENTINEL).all()


def test_another_thread_refills_the_buffer():
    images, labels, stop = np.zeros((3000, 784), np.uint8), np.zeros(3000, int), threading.Event()
    net = neurone.Network((784, 4))

    def refill():
        while not stop.is_set():
            images[:1500] = 255
            images[:1500] = 0

    thread = threading.Thread(target=refill)
    thread.start()
    try:
        for _ in range(20):
            for call in (
                lambda: neurone.fit(net, images, labels, epochs=1, batch_size=1),
                lambda: neurone.fit(net, images, labels, epochs=1, batch_size=32),
                lambda: net.predict(images),
            ):
                try:
                    call()
                except neurone.InputError as error:
                    assert "images changed while they were read" in str(error)
    finally:
        stop.set()
        thread.join()


def test_labels_and_sparse_indices_are_copied_before_they_are_checked():
    """Changed after the check, they must not reach the kernels."""
    sparse_ = pytest.importorskip("scipy.sparse")
    labels = np.zeros(4, np.int64)
    checked, _ = arrays.as_labels(labels, 4, 3, "softmax", "log", np.dtype("float32"))
    labels[:] = 10**9
    assert (checked == 0).all()
    matrix = sparse_.csr_array(np.eye(4, dtype=np.float32))
    rows, _ = arrays.as_images(matrix, 4, np.dtype("float32"))
    assert not np.shares_memory(rows.lines, matrix.indptr) and not np.shares_memory(rows.columns, matrix.indices)
    matrix.indices[:] = 10**9
    assert rows.columns.tolist() == [1, 2, 3, 4]

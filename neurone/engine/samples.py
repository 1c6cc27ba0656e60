"""Samples as the kernels take them: whole, as lists of the pixels that are not 0, or as groups of those.

The choice changes the speed, and no bit.
"""

import numpy as np

from neurone.datasets.arrays import SparseRows, dense, index_type
from neurone.engine.memory import aligned
from neurone.errors import InputError
from neurone.kernels import groups, sparse
from neurone.kernels.arguments import Pixels, Samples
from neurone.kernels.simd import REGISTER_BYTES

# Above this share of pixels that are not 0, images are taken whole.
_DENSE = 0.5
# Images are grouped if at least this share of the pixels in groups is not 0, judged by this many images.
_FULL, _SHOWN = 0.6, 200
_CHANGED = "images changed while they were read: another thread or process writes to them; give a copy"


def lines_of(rows):
    """Where each image's inputs that are not 0 begin in a list of them, and where the last one's end: (P + 1,)."""
    if isinstance(rows, SparseRows):
        return rows.lines
    lines = np.empty(len(rows) + 1, np.int64)
    sparse.count(Pixels(rows), lines)
    return lines


def is_dense(rows, lines):
    """Whether so few pixels are 0 that images are better taken whole; lines: `lines_of(rows)`."""
    return not isinstance(rows, SparseRows) and lines[-1] > _DENSE * rows.size


def fills_groups(rows, size):
    """Whether few pixels are 0 in those groups of `size` neighbours that are not all 0."""
    present = dense(rows[:_SHOWN]) != 0
    padded = np.pad(present, ((0, 0), (0, -present.shape[1] % size)))
    full = padded.reshape(len(present), -1, size).any(axis=2).sum() * size
    return present.sum() >= _FULL * full


def listed(rows, divisor, dtype, lines, targets=(), scale=None, whole=None):
    """Samples whose images are whole, else lists; as they are dense, if `whole` is None. targets: labels, targets and
    factors.

    With `scale`, lists hold normalised pixels times scale: what dropout makes of those that are kept.
    """
    if is_dense(rows, lines) if whole is None else whole:
        quotients = _quotients(rows, divisor, dtype)
        images = quotients[rows] if quotients.size else rows
        return _samples(dtype, images, rows.dtype, index_type(rows.shape[1]), targets, quotients=quotients)
    if isinstance(rows, SparseRows):
        columns, values, inputs = rows.columns, rows.values, rows.inputs
    else:
        inputs = rows.shape[1]
        room = lines[-1] + inputs
        columns, values = np.empty(room, index_type(inputs)), np.empty(room, rows.dtype)
        if not sparse.cut(Pixels(rows), lines, columns, values):
            raise InputError(_CHANGED)
        values[lines[-1] :] = 0  # room that `cut` may scribble in: no garbage for the multiplication below
    if scale is not None:
        quotients = _quotients(values, divisor, dtype)
        values = (quotients[values] if quotients.size else values) * scale
    return _samples(
        dtype, np.empty((0, inputs), dtype), values.dtype, columns.dtype, targets,
        lines=lines, columns=columns, values=values, quotients=_quotients(values, divisor, dtype),
    )  # fmt: skip


def grouped(rows, divisor, dtype, lines, targets, size):
    """The same in groups of `size` pixels."""
    inputs = rows.inputs if isinstance(rows, SparseRows) else rows.shape[1]
    stored, starts = int(lines[-1] - lines[0]), np.empty(len(rows) + 1, np.int64)
    words = -(-inputs // (size * groups.BITS))
    words = -(-words * 8 // REGISTER_BYTES) * REGISTER_BYTES // 8
    present = aligned(len(rows) * words, np.dtype(np.uint64)).reshape(len(rows), words)
    if isinstance(rows, SparseRows):
        values = np.zeros(stored * size, rows.values.dtype)
        groups.regroup(lines, rows.columns, rows.values, size, starts, values, present)
    else:
        values = np.empty(stored * size + -(-inputs // size) * size, rows.dtype)
        if not groups.cut(Pixels(rows), (0,) * size, starts, values, present):
            raise InputError(_CHANGED)
    return _samples(
        dtype, np.empty((0, inputs), dtype), values.dtype, index_type(inputs), targets,
        lines=starts, values=values, quotients=_quotients(values, divisor, dtype), present=present,
    )  # fmt: skip


def none(rows, dtype, targets, scaled=False):
    """A structure without samples, of the types that `rows` would have: for compiling kernels."""
    sparse_rows = isinstance(rows, SparseRows)
    inputs, values = (rows.inputs, rows.values.dtype) if sparse_rows else (rows.shape[1], rows.dtype)
    return _samples(dtype, np.empty((0, inputs), dtype), dtype if scaled else values, index_type(inputs), targets)


def whole(rows, divisor, dtype, targets):
    """Samples as `notes.py` takes them: every pixel of every image, not yet divided."""
    images = dense(rows)
    samples = _samples(dtype, images, images.dtype, np.uint16, targets)
    samples.divisor = divisor
    return samples


def _samples(dtype, images, values_type, columns_type, targets, **given):
    """The structure, with empty arrays of the right types for what is not given: kernels are compiled for types."""
    labels, wanted, factors = targets or (np.empty(0, np.int64), np.empty((0, 0), dtype), np.empty(0, dtype))
    empty = dict(
        lines=np.empty(0, np.int64), columns=np.empty(0, columns_type), values=np.empty(0, values_type),
        quotients=np.empty(0, dtype), present=np.empty((0, 0), np.uint64),
    )  # fmt: skip
    return Samples(images, dtype.type(1), *(empty | given).values(), labels, wanted, factors)


def _quotients(values, divisor, dtype):
    """Each byte divided by `divisor`; empty if `values` are not bytes."""
    return (np.arange(256).astype(dtype) / divisor)[: 256 * (values.dtype == np.uint8)]

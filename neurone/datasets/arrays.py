"""The arrays that a caller gives to `fit` or `predict`: converted to what kernels take, or refused.

Nothing checks them again after this: with a label out of range, a kernel would silently write past an array.
"""

import math
from dataclasses import dataclass

import numpy as np

from neurone.errors import InputError
from neurone.kernels import sparse
from neurone.kernels.arguments import Pixels
from neurone.randomness import hold_out_order

# Rows of float targets for a softmax must sum to 1, up to the rounding of float32.
_SUM_TOLERANCE = 1e-5
# With fewer samples than this, floats are not tested for being bytes divided by 255.
_MANY = 1000
# Up to this many numbers are checked in the quickest way.
_FEW = 10_000
_OTHER_TYPE = "images are of type {}; give uint8 (divided by 255) or floats (taken as they are)"


@dataclass(frozen=True)
class SparseRows:
    """Samples of which only some inputs are given, the others being 0: what a SciPy matrix or array in CSR holds.

    Attributes
    ----------
    lines : ndarray
        Where each sample's inputs begin in the next two arrays, and where the last one's end: int64 (P + 1,).
    columns : ndarray
        The inputs' places, from 1 (0 is the bias neuron's), in order and each once; uint16 or uint32.
    values : ndarray
        uint8, or of the network's type.
    inputs : int
    """

    lines: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    inputs: int

    def __len__(self):
        return len(self.lines) - 1

    def __getitem__(self, part):
        first, last, _ = part.indices(len(self))
        return SparseRows(self.lines[first : last + 1], self.columns, self.values, self.inputs)


def index_type(inputs):
    """The unsigned type that can number `inputs` inputs and the bias neuron."""
    return np.uint16 if inputs < 1 << 16 else np.uint32


def dense(rows):
    """`rows` (P, inputs) with every input."""
    if not isinstance(rows, SparseRows):
        return rows
    array = np.zeros((len(rows), rows.inputs), rows.values.dtype)
    first, last = rows.lines[0], rows.lines[-1]
    samples = np.repeat(np.arange(len(rows)), np.diff(rows.lines))
    array[samples, rows.columns[first:last].astype(np.int64) - 1] = rows.values[first:last]
    return array


def as_images(images, inputs, dtype, recognise=True):
    """Samples as the kernels take them.

    Parameters
    ----------
    images : array_like
        uint8 (P, ...) whose last axes multiply to `inputs`, meant to be divided by 255; or floats of such a shape,
        taken as they are and rounded to `dtype`; or a SciPy sparse matrix or array (P, inputs) of either type.
    inputs : int
        Inputs of the network, its bias neuron not counted.
    dtype : numpy.dtype
        Width of the network.
    recognise : bool, default True
        If there are many samples, floats that are bytes divided by 255 become these bytes again.

    Returns
    -------
    rows : ndarray or SparseRows
        C-contiguous (P, inputs), uint8 or `dtype`; a view of the caller's array where that will do.
    divisor : numpy scalar of `dtype`
        255 or 1.

    Raises
    ------
    InputError
        Other types and shapes, values that are not finite in `dtype`.

    Examples
    --------
    >>> rows, divisor = as_images(np.zeros((5, 28, 28), np.uint8), 784, np.dtype("float32"))
    >>> rows.shape, divisor
    ((5, 784), np.float32(255.0))
    """
    if isinstance(images, SparseRows):
        return images, dtype.type(255 if images.values.dtype == np.uint8 else 1)
    if hasattr(images, "tocsr"):
        return _as_sparse(images, inputs, dtype)
    array = numeric("images", images)
    if array.dtype.kind != "f" and array.dtype != np.uint8:
        raise InputError(_OTHER_TYPE.format(array.dtype))
    if array.ndim != 2 or array.shape[1] != inputs:
        if array.ndim < 2 or math.prod(array.shape[1:]) != inputs:
            raise InputError(
                f"images have shape {array.shape}; the network takes (P, ...) with {inputs} pixels an image"
            )
        array = array.reshape(len(array), inputs)
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array), dtype.type(255)
    if recognise and len(array) >= _MANY and (octets := _as_bytes(array, dtype)) is not None:
        return octets, dtype.type(255)
    return _finite("images", array, dtype), dtype.type(1)


def _as_bytes(array, dtype):
    """The bytes that give these floats when divided by 255, as is usual with images; None if one is no such quotient.

    Bytes take a quarter of the memory or less, and are read faster.
    """
    if array.dtype not in (np.float32, np.float64) or not array.flags.c_contiguous:
        return None
    found = np.empty(array.shape, np.uint8)
    for first in range(0, len(array), _MANY):  # a part at a time, since rounding takes memory
        part = slice(first, first + _MANY)
        with np.errstate(over="ignore", invalid="ignore"):
            rounded = np.require(array[part], dtype, ["C", "A"])
        if not sparse.as_bytes(Pixels(rounded), dtype.type(255), found[part]):
            return None
    return found


def _as_sparse(images, inputs, dtype):
    """`as_images` for SciPy's sparse matrices and arrays, of any format."""
    if images.ndim != 2 or images.shape[1] != inputs:
        raise InputError(f"images have shape {images.shape}; the network takes (P, {inputs})")
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise InputError(_OTHER_TYPE.format(images.dtype))
    try:
        # The kernels, and SciPy itself, trust these indices: one out of range would make them write past the arrays.
        if hasattr(images, "check_format"):
            images.check_format(full_check=True)
        rows = images.tocsr()
        # A new object, which tests for itself whether it is in order: the old one may have been told a wrong answer.
        # Its indices are its own: nobody changes them after the test.
        rows = type(rows)((rows.data, rows.indices.copy(), rows.indptr.copy()), shape=rows.shape)
        rows.check_format(full_check=True)
    except ValueError as error:
        raise InputError(f"images are no sparse matrix that can be read ({error}); make it anew") from error
    if not rows.has_canonical_format or not rows.data.all():
        rows = rows.copy()
        rows.sum_duplicates()
        rows.eliminate_zeros()
    values, divisor = rows.data, dtype.type(255)
    if values.dtype != np.uint8:
        values, divisor = _finite("images", values[:, None], dtype)[:, 0], dtype.type(1)
    columns = rows.indices.astype(index_type(inputs)) + index_type(inputs)(1)
    return SparseRows(rows.indptr.astype(np.int64), columns, np.ascontiguousarray(values), inputs), divisor


def as_labels(labels, count, outputs, output, cost, dtype):
    """Labels or targets as the kernels take them: two arrays, one of them empty.

    Parameters
    ----------
    labels : array_like
        Integers (P,) or (P, 1) from 0 to `outputs` - 1, or 0 and 1 where there is one output; or targets (P, outputs),
        floats or integers 0 and 1: with a log cost from 0 to 1, and for a softmax rows that sum to 1.
    count : int
        P, the number of images.
    outputs : int
        Outputs of the network.
    output, cost : str
        The network's output function and cost.
    dtype : numpy.dtype
        Width of the network.

    Returns
    -------
    labels : ndarray
        int64 (P,) or (0,). Targets that are those of labels, a single 1 in each row and else 0, become these labels.
    targets : ndarray
        `dtype` (0, outputs) or (P, outputs).

    Raises
    ------
    InputError
        Other types, shapes and values; the message says where the first wrong value is.
    """
    array = numeric("labels", labels)
    if array.dtype.kind == "b":
        raise InputError(f"labels are of type {array.dtype}; give integers, or float targets ({count}, {outputs})")
    integers = array.dtype.kind in "iu"
    if integers and array.shape in ((count,), (count, 1)):
        # Copied before they are checked: others may write to the caller's.
        classes, array = max(outputs, 2), array.reshape(count).copy()
        outside = np.flatnonzero((array < 0) | (array >= classes))
        if outside.size:
            raise InputError(
                f"label {array[outside[0]]} at position {outside[0]}; "
                f"a network of {outputs} output{'s' * (outputs > 1)} takes labels from 0 to {classes - 1}"
            )
        return array.astype(np.int64, copy=False), np.empty((0, outputs), dtype)
    if array.shape != (count, outputs):
        if integers:
            raise InputError(
                f"labels have shape {array.shape}; {count} images take ({count},), or rows of 0 and 1 "
                f"({count}, {outputs})"
            )
        raise InputError(
            f"float targets have shape {array.shape}; {count} images and {outputs} outputs take "
            f"({count}, {outputs}); class labels must be integers"
        )
    ones = array == 1
    zeros_and_ones = (ones | (array == 0)).all(axis=1)
    if integers and not zeros_and_ones.all():
        wrong = np.flatnonzero(~zeros_and_ones)[0]
        raise InputError(f"integer targets of sample {wrong} are not 0 and 1; give other targets as floats")
    if zeros_and_ones.all() and (outputs == 1 or (ones.sum(axis=1) == 1).all()):
        return (ones[:, 0] if outputs == 1 else ones.argmax(axis=1)).astype(np.int64), np.empty((0, outputs), dtype)
    targets = _finite("targets", array, dtype)
    if cost == "poisson" and (targets < 0).any():
        wrong = np.flatnonzero((targets < 0).any(axis=1))[0]
        raise InputError(f"targets of sample {wrong} are negative; Poisson's deviance needs 0 or more")
    if cost == "log":
        outside = np.flatnonzero(((targets < 0) | (targets > 1)).any(axis=1))
        if outside.size:
            raise InputError(f"targets of sample {outside[0]} are not from 0 to 1, as the log cost needs")
        off = np.flatnonzero(np.abs(targets.sum(axis=1, dtype=np.float64) - 1) > _SUM_TOLERANCE)
        if output == "softmax" and off.size:
            total = targets[off[0]].sum(dtype=np.float64)
            raise InputError(f"targets of sample {off[0]} sum to {total:.6g}; a softmax needs rows that sum to 1")
    return np.empty(0, np.int64), targets


def as_factors(weights, count, dtype):
    """Samples' factors, `dtype` (P,); empty for None."""
    if weights is None:
        return np.empty(0, dtype)
    array = numeric("sample_weight", weights)
    if array.shape != (count,):
        raise InputError(f"sample_weight has shape {array.shape}; {count} samples take ({count},)")
    array = _finite("sample_weight", array[:, None], dtype)[:, 0]
    if not array.any():
        raise InputError("sample_weight is zero for every sample; give at least one that is not")
    if (array < 0).any():
        raise InputError(f"sample_weight of sample {np.flatnonzero(array < 0)[0]} is negative; give 0 or more")
    return array


def stratified(labels, count, seed):
    """Which samples to hold out for validation: bool (P,), `count` of them, each class in proportion to its size.

    Shares that are not whole are rounded by the largest remainder. Which samples of a class are taken is a
    function of `seed` and the set's size.

    >>> labels = np.array([0, 1] * 50 + [2] * 20)
    >>> np.bincount(labels[stratified(labels, 12, seed=0)])
    array([5, 5, 2])
    """
    if not 0 < count < labels.size:
        raise InputError(f"validation is {count}; of {labels.size} training samples, hold out at least 1, not all")
    sizes = np.bincount(labels)
    # Whole numbers, so that no rounding decides: size * count = whole * P + rest.
    taken, rest = np.divmod(sizes * count, labels.size)
    taken[np.argsort(-rest, kind="stable")[: count - taken.sum()]] += 1
    order = hold_out_order(labels.size, seed)
    held_out = np.zeros(labels.size, bool)
    for label, some in enumerate(taken):
        held_out[order[labels[order] == label][:some]] = True
    return held_out


def numeric(name, values):
    """`values` as an array of numbers; ragged lists, strings, objects and masked numbers are refused."""
    array = values if type(values) is np.ndarray else _as_array(name, values)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} are of type {array.dtype}; give numbers")
    return array


def _as_array(name, values):
    parts = values if isinstance(values, list | tuple) else (values,)
    if any(isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part) for part in parts):
        raise InputError(f"{name} have masked numbers, which a network cannot leave out; fill them, or remove the rows")
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:  # PyTorch raises all of them
        raise InputError(f"{name} do not make an array: {' '.join(str(error).split())}") from None


def _finite(name, array, dtype):
    """`array` rounded to `dtype`, C-contiguous."""
    if array.dtype == dtype and array.size <= _FEW and array.flags.c_contiguous and array.flags.aligned:
        if math.isfinite(np.vdot(array, array)):  # not finite if one number is not; takes a quarter of the time
            return array
    with np.errstate(over="ignore", invalid="ignore"):  # a float64 too large for float32 is found below
        rounded = np.require(array, dtype, ["C", "A"])
        if np.isfinite(rounded.sum()):  # takes a third of the time
            return rounded
    bad = np.flatnonzero(~np.isfinite(rounded).all(axis=1))
    if bad.size:
        raise InputError(f"{name} of sample {bad[0]} hold NaN, infinity or numbers that {dtype} cannot; remove them")
    return rounded

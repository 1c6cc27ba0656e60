"""Images as lists of their pixels that are not 0: in MNIST, one in five.

A pixel of 0 adds exactly nothing to a sum (specification section 7), so leaving it out changes no bit. There is one
exception, the sign of a zero: a sum that underflowed to -0 would become 0 at the next such pixel, and stays -0 here.
That can show in the sign of an output or a parameter that is 0. Products underflow below 1e-45, in 64 bits 1e-323.

lines      where each image's pixels begin in the two lists, and where the last one's end: (P + 1,)
columns    the pixels' places i in TabXCachee, from 1: the bias neuron is not listed
values     what `pixel` turns into TabXCachee[i]: bytes as they came, since an epoch waits for memory, or normalised
quotients  the 256 bytes normalised; empty where there are none
"""

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neurone.kernels.arguments import Image
from neurone.kernels.dropout import is_kept, key_of, key_of_layer
from neurone.kernels.elementary import like
from neurone.kernels.jit import inlined, kernel, step
from neurone.kernels.simd import load, part, prefetch, scalars_at, width
from neurone.kernels.update import correct


def _looked_up(context, builder, quotients, table, value_type, value):
    """TabXCachee[i] from what `values` holds."""
    if not isinstance(value_type, types.Integer):
        return value
    place = context.cast(builder, value, value_type, types.intp)
    (number,) = scalars_at(context, builder, quotients, table, place, place, 1)
    return number


@intrinsic
def pixel(typingctx, quotients, value):
    """TabXCachee[i]."""

    def codegen(context, builder, signature, args):
        return _looked_up(context, builder, quotients, args[0], value, args[1])

    return quotients.dtype(quotients, value), codegen


@intrinsic
def pixels(typingctx, quotients, values, t, shapes, shape):
    """TabXCachee of len(shapes) / len(shape) pixels, whose values begin at values[t]."""
    count = len(shapes) // len(shape)

    def codegen(context, builder, signature, args):
        place, one = context.cast(builder, args[2], t, types.intp), context.get_constant(types.intp, 1)
        found = scalars_at(context, builder, values, args[1], place, one, count)
        numbers = [_looked_up(context, builder, quotients, args[0], values.dtype, value) for value in found]
        return cgutils.pack_array(builder, numbers)

    return types.UniTuple(quotients.dtype, count)(quotients, values, t, shapes, shape), codegen


@kernel
def as_bytes(pixels, divisor, found):
    """Write images (P, n) as bytes into `found`; returns whether each pixel is a byte divided by `divisor`, 255.

    Divided once more, and not looked up: so it takes half the time.
    """
    images = pixels.images
    for p in range(np.uint64(images.shape[0])):
        others = np.int32(0)
        for i in range(np.uint64(images.shape[1])):
            x = like(divisor, images[p, i])
            byte = np.int32(min(max(x, like(x, 0)), like(x, 1)) * divisor + like(x, 0.5))
            found[p, i] = byte
            others |= np.int32(like(x, byte) / divisor != x)
        if others:
            return False
    return True


@kernel
def count(pixels, lines):
    """Fill `lines` (P + 1,) for images (P, n)."""
    images = pixels.images
    lines[0] = 0
    for p in range(images.shape[0]):
        others = 0
        for i in range(images.shape[1]):
            others += images[p, i] != 0
        lines[p + 1] = lines[p] + others


@kernel
def cut(pixels, lines, columns, values):
    """Fill `columns` and `values` for images (P, n), whose lists begin at `lines`; returns whether they end there too.

    They do not if somebody has written to the images since they were counted. So each image begins where `lines` says,
    and both arrays have room for n more than the pixels that are not 0: whatever is found now, nothing is written
    outside.

    Every pixel is written and, if it is 0, overwritten by the next: a branch would be mispredicted at every edge of
    every stroke, which took 5 times as long.
    """
    images = pixels.images
    as_counted = True
    for p in range(np.uint64(images.shape[0])):
        t = np.uint64(lines[p])  # unsigned, or Numba tests each index for counting from the end
        for i in range(np.uint64(images.shape[1])):
            x = images[p, i]
            columns[t] = i + np.uint64(1)
            values[t] = x
            t += np.uint64(x != 0)
        as_counted &= t == np.uint64(lines[p + np.uint64(1)])
    return as_counted


@inlined
def anticipate(samples, rows, q):
    """Prefetch the sample after the q-th: in a shuffled order, samples come from memory, 30 % of an epoch's time."""
    lines, columns, values = samples.lines, samples.columns, samples.values
    if lines.size and q + 1 < rows.size:
        row = rows[q + 1]
        for t in range(lines[row], lines[row + 1], 64 // max(columns.itemsize, values.itemsize)):
            prefetch(values, t)  # a cache line
            prefetch(columns, t)


@step
def thin(samples, span, rule, work, tranche):
    """Write the lists of a tranche anew, without the inputs that are dropped; values are scaled already.

    columns, values: (tranches under way * samples of a tranche, length of the longest list + 1); stored: how long the
    new lists are.
    """
    lines, together, longest = samples.lines, work.TabOutputs.shape[1], work.columns.shape[1]
    columns, values = part(work.columns, 0, work.columns.size), part(work.values, 0, work.values.size)
    for e in range(tranche.count):
        row, place = span.rows[tranche.q + e], tranche.turn * together + e
        key = key_of_layer(key_of(rule.seed, span.epoch, span.order[tranche.q + e]), 0)
        t = first = np.uint64(place * longest)
        for s in range(np.uint64(lines[row]), np.uint64(lines[row + 1])):
            columns[t], values[t] = samples.columns[s], samples.values[s]
            t += np.uint64(is_kept(key, np.uint64(columns[t]) - np.uint64(1), rule.inputs.threshold))
        work.stored[place] = t - first


@inlined
def image_of(samples, rows, work, tranche, e):
    """The list of a tranche's e-th sample, or what dropout has left of it."""
    if work.stored.size:
        place, longest = tranche.turn * work.TabOutputs.shape[1] + e, work.columns.shape[1]
        columns, values = part(work.columns, 0, work.columns.size), part(work.values, 0, work.values.size)
        return Image(columns, values, samples.quotients, place * longest, place * longest + work.stored[place])
    row = rows[tranche.q + e]
    return Image(samples.columns, samples.values, samples.quotients, samples.lines[row], samples.lines[row + 1])


@step
def gather(samples, span, work, layer, tranche, errors, shape):
    """The gradient of the first layer, where a tranche has only a few of very many inputs.

    errors: the layer's, as `Rows`. Only the rows of Gradient whose input is in a sample are visited; the others are 0.
    `touched` lists those of this batch, count[0] of them; seen[i] tells whether row i is listed.
    """
    Gradient, touched, count, seen = work.Gradient, work.touched, work.count, work.seen
    one, numbers = like(samples.quotients[0], 1), width(Gradient, shape)
    for b in range(layer.blocks):
        first = layer.debut + b * (layer.n + 1) * numbers
        for e in range(tranche.count):
            image = image_of(samples, span.rows, work, tranche, e)
            delta = load(errors.Tab, errors.place + b * numbers + e * errors.stride, shape)
            correct(Gradient, first, (one, delta))
            for t in range(np.uint64(image.first), np.uint64(image.last)):
                i = np.int64(image.columns[t])
                if seen[i] == 0:
                    seen[i] = 1
                    touched[count[0]] = i
                    count[0] += 1
                correct(Gradient, first + i * numbers, (pixel(image.quotients, image.values[t]), delta))

"""Distorted images: turned, stretched, slanted, shifted, and bent by a smooth random field (specification section 15).

(Simard, Steinkraus and Platt, ICDAR 2003.) All numbers are float32, whatever the network's width, and sine and cosine
are our own, so that bits depend on no library. A sample's random numbers are hashed from (seed, epoch, sample), like
the masks of `dropout.py`.

noise    (rows, 2, width + 2 reach), zeros: random numbers for the vertical and the horizontal displacement of each
         pixel, side by side, in lines with a border as wide as the smoothing reaches
halfway  (rows, 2, width): those numbers smoothed along the lines; field: and then along the columns. Lines are padded
         to whole blocks, and what stands there means nothing
page     (rows + 3, columns + 3), zeros: an image with a border of 0, two wide below and on the right

Images are lines of rows x columns pixels; (y, x) are measured from the middle.
"""

import numpy as np
from numba import types

from neurone.kernels.dropout import hashed, key_of, key_of_layer
from neurone.kernels.elementary import choose, exp, madd
from neurone.kernels.jit import kernel, overload, step
from neurone.kernels.simd import load, part, store, width, zeros

# Of the key, where dropout has the layer: no network has so many.
_PURPOSE = np.uint64(2**32)
# Where the field's random numbers begin; those before are the affine map's.
_FIELD = 8
# Registers that are smoothed at a time: as many sums.
BLOCK = (0,) * 4
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_UNIT = np.float32(2.0**-23)
# pi / 2 in two parts, of which the first has 12 bits, so that a few times it is exact; and its reciprocal.
_QUARTER_HIGH = np.float32(1.57080078125)
_QUARTER_LOW = np.float32(1.5707963267948966 - 1.57080078125)
_QUARTERS = np.float32(2 / 3.141592653589793)
# Taylor's: 1/3!, 1/5!, ... and 1/2!, 1/4!, ...; up to a quarter turn's half, the last terms are below 2^-24.
_S3, _S5, _S7, _S9 = np.float32(-1 / 6), np.float32(1 / 120), np.float32(-1 / 5040), np.float32(1 / 362880)
_C2, _C4, _C6, _C8 = np.float32(-1 / 2), np.float32(1 / 24), np.float32(-1 / 720), np.float32(1 / 40320)


@step
def sine_and_cosine(angle):
    """(sin, cos) of a float32 up to pi either way, within 1.2e-7."""
    turns = np.int32(np.floor(madd(angle, _QUARTERS, _HALF)))
    r = madd(np.float32(-turns), _QUARTER_LOW, madd(np.float32(-turns), _QUARTER_HIGH, angle))
    q = r * r
    sine = madd(r * q, madd(madd(madd(_S9, q, _S7), q, _S5), q, _S3), r)
    cosine = madd(q, madd(madd(madd(_C8, q, _C6), q, _C4), q, _C2), _ONE)
    if turns % 2:
        sine, cosine = cosine, -sine
    if turns % 4 >= 2:
        sine, cosine = -sine, -cosine
    return sine, cosine


@step
def uniform(key, t):
    """Random number t of a sample, a multiple of 2^-23 in [-1, 1)."""
    return madd(np.float32(hashed(key, t) >> np.uint32(8)), _UNIT, -_ONE)


@kernel
def gaussian(deviation, weights):
    """Write the weights of a Gaussian at -reach .. reach pixels, whose sum is 1, into `weights` (2 reach + 1,)."""
    reach = weights.size // 2
    total = _ZERO
    for place in range(weights.size):
        d = np.float32(place - reach) / deviation
        weights[place] = exp(-_HALF * (d * d))
        total += weights[place]
    for place in range(weights.size):
        weights[place] /= total


@step
def affine(key, limits, matrix):
    """Draw the map from a place of the new image to one of the old: matrix (2, 3) is written, row y first.

    limits: of rotation, in radians, scale, shear, and shift, in pixels.
    """
    rotation, scale, shear, shift = limits[0], limits[1], limits[2], limits[3]
    sine, cosine = sine_and_cosine(rotation * uniform(key, np.uint64(0)))
    down, right = madd(scale, uniform(key, np.uint64(1)), _ONE), madd(scale, uniform(key, np.uint64(2)), _ONE)
    slant = shear * uniform(key, np.uint64(3))
    # First (y, x) becomes (down y, right x + slant y), which is then turned.
    matrix[0, 0] = madd(-sine, slant, cosine * down)
    matrix[0, 1] = -sine * right
    matrix[1, 0] = madd(cosine, slant, sine * down)
    matrix[1, 1] = cosine * right
    matrix[0, 2], matrix[1, 2] = shift * uniform(key, np.uint64(4)), shift * uniform(key, np.uint64(5))


@kernel
def draw(key, columns, reach, noise):
    """Draw a sample's random numbers into the middle of the lines of `noise`."""
    rows = noise.shape[0]
    for i in range(rows):
        for axis in range(2):
            line, first = noise[i, axis, reach : reach + columns], np.uint64(_FIELD + (axis * rows + i) * columns)
            for j in range(np.uint64(columns)):
                line[j] = uniform(key, first + j)


@step
def smooth_lines(noise, weights, halfway):
    """Smooth along the lines. Each sum runs upwards over `weights`; beyond the image all is 0."""
    from_, to = part(noise, 0, noise.size), part(halfway, 0, halfway.size)
    width_of_noise, width_of_line = noise.shape[2], halfway.shape[2]
    for k in range(halfway.shape[0] * 2):
        for j in range(0, width_of_line, width(to, BLOCK)):
            s = zeros(to, BLOCK)
            for d in range(weights.size):
                s = madd(weights[d], load(from_, k * width_of_noise + j + d, BLOCK), s)
            store(to, k * width_of_line + j, s)


@step
def smooth_columns(halfway, weights, field):
    """Then from line to line, in the same way: lines beyond the image, which are 0, are left out."""
    from_, to = part(halfway, 0, halfway.size), part(field, 0, field.size)
    rows, reach, line = field.shape[0], weights.size // 2, 2 * field.shape[2]
    for i in range(rows):
        for j in range(0, line, width(to, BLOCK)):
            s = zeros(to, BLOCK)
            for d in range(max(0, reach - i), min(weights.size, reach - i + rows)):
                s = madd(weights[d], load(from_, (i + d - reach) * line + j, BLOCK), s)
            store(to, i * line + j, s)


def as_pixel(pixels, v):
    """v in the type of the pixels; bytes are rounded."""


@overload(as_pixel)
def _as_pixel(pixels, v):
    if isinstance(pixels.dtype, types.Integer):
        return lambda pixels, v: np.uint8(v + _HALF)
    return lambda pixels, v: v


@step
def enter_page(image, page):
    """An image into the middle of `page`."""
    rows, columns = page.shape[0] - 3, page.shape[1] - 3
    for i in range(rows):
        for j in range(columns):
            page[1 + i, 1 + j] = image[i * columns + j]


@kernel
def resample(page, matrix, elastic, field, found):
    """Write the new image into `found` (rows * columns,): each pixel between four of the old one's, in `page`."""
    rows, columns = page.shape[0] - 3, page.shape[1] - 3
    middle_y, middle_x = np.float32(rows - 1) * _HALF, np.float32(columns - 1) * _HALF
    lowest, rightmost = np.float32(rows + 1), np.float32(columns + 1)
    for i in range(rows):
        y = np.float32(i) - middle_y
        for j in range(columns):
            x = np.float32(j) - middle_x
            # From the corner of the page, which is one pixel further up and to the left.
            Y = madd(matrix[0, 0], y, madd(matrix[0, 1], x, matrix[0, 2])) + (middle_y + _ONE)
            X = madd(matrix[1, 0], y, madd(matrix[1, 1], x, matrix[1, 2])) + (middle_x + _ONE)
            Y, X = madd(elastic, field[i, 0, j], Y), madd(elastic, field[i, 1, j], X)
            Y = choose(Y, _ZERO, choose(lowest, Y, Y, lowest), _ZERO)
            X = choose(X, _ZERO, choose(rightmost, X, X, rightmost), _ZERO)
            a, b = np.uint64(np.int32(Y)), np.uint64(np.int32(X))
            fy, fx = Y - np.float32(a), X - np.float32(b)
            upper = madd(fx, page[a, b + 1] - page[a, b], page[a, b])
            lower = madd(fx, page[a + 1, b + 1] - page[a + 1, b], page[a + 1, b])
            found[i * columns + j] = as_pixel(found, madd(fy, lower - upper, upper))


@kernel
def distort(pixels, span, how, found):
    """Write the samples order[first:last] anew into found (samples, pixels), one after the other; see `Span`."""
    page, columns = how.page, how.page.shape[1] - 3
    for q in range(span.first, span.last):
        p = span.order[q]
        key = key_of_layer(key_of(how.seed, span.epoch, p), _PURPOSE)
        affine(key, how.limits, how.matrix)
        if how.elastic != 0:
            draw(key, columns, how.weights.size // 2, how.noise)
            smooth_lines(how.noise, how.weights, how.halfway)
            smooth_columns(how.halfway, how.weights, how.field)
        enter_page(pixels.images[span.rows[q]], page)
        resample(page, how.matrix, how.elastic, how.field, found[q - span.first])

"""Images prepared before anything is learnt of them: upright, of one width, blurred (specification section 16).

Each is one affine map, and then a smoothing, by the steps of `distortion.py`, whose arrays serve here too.
"""

import numpy as np

from neurone.kernels.distortion import as_pixel, enter_page, resample, smooth_columns, smooth_lines
from neurone.kernels.elementary import like
from neurone.kernels.jit import kernel, step

# Ink is stretched to twice its width at most: a "1" would become a blot.
_LEAST = 0.5


@step
def slant_of(page, rows, columns):
    """(slant, height) of an image: how far its ink moves to a side from line to line, and the line of its middle.

    The regression of x on y, weighed by the pixels, in 64 bits.
    """
    ink = moment = 0.0
    for i in range(rows):
        for j in range(columns):
            v = np.float64(page[1 + i, 1 + j])
            ink += v
            moment += v * i
    if not ink > 0.0:
        return 0.0, 0.0
    y, x = moment / ink, 0.0
    for i in range(rows):
        for j in range(columns):
            x += np.float64(page[1 + i, 1 + j]) * j
    x /= ink
    along = across = 0.0
    for i in range(rows):
        for j in range(columns):
            v = np.float64(page[1 + i, 1 + j])
            along += v * ((i - y) * (i - y))
            across += v * ((i - y) * (j - x))
    return (across / along if along > 0.0 else 0.0), y


@step
def map_of(page, rows, columns, how):
    """Write the map from the new image to the old one, as `distortion.affine` does, into how.matrix."""
    middle_y, middle_x = (rows - 1) / 2, (columns - 1) / 2
    slant, height = slant_of(page, rows, columns) if how.upright else (0.0, 0.0)
    factor, centre = 1.0, 0.0
    if how.width > 0.0:
        left, right = np.inf, -np.inf
        for i in range(rows):
            for j in range(columns):
                if page[1 + i, 1 + j] > 0:
                    x = j - middle_x - slant * (i - height)
                    left, right = min(left, x), max(right, x)
        if left <= right:
            factor, centre = max((right - left + 1.0) / how.width, _LEAST), (left + right) / 2
    one, matrix = like(how.matrix[0, 0], 1), how.matrix
    matrix[0, 0], matrix[0, 1], matrix[0, 2] = one, one - one, one - one
    matrix[1, 0], matrix[1, 1] = like(one, slant), like(one, factor)
    matrix[1, 2] = like(one, centre - slant * (height - middle_y))


@kernel
def prepare(pixels, how, found):
    """Write all images (P, pixels) anew into found (P, pixels)."""
    page, rows, columns = how.page, how.page.shape[0] - 3, how.page.shape[1] - 3
    reach, zero = how.weights.size // 2, like(how.matrix[0, 0], 0)
    for p in range(pixels.images.shape[0]):
        enter_page(pixels.images[p], page)
        map_of(page, rows, columns, how)
        how.field[:] = zero
        resample(page, how.matrix, zero, how.field, found[p])
        if reach:
            for i in range(rows):
                for j in range(columns):
                    how.noise[i, 0, reach + j] = found[p, i * columns + j]
            smooth_lines(how.noise, how.weights, how.halfway)
            smooth_columns(how.halfway, how.weights, how.field)
            for i in range(rows):
                for j in range(columns):
                    found[p, i * columns + j] = as_pixel(found, how.field[i, 0, j])

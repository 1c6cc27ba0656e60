"""Handwriting-like digits from a seed: what there is to learn from where no MNIST is found.

No pixel of MNIST is in here, but its preparation is: 28x28 grey bytes, strokes fitted in a 20x20 box, centre of
mass in the middle. The randomness comes from raw words of Philox, the arithmetic is elementwise +, -, *, / and
comparisons, so that a seed gives the same bytes everywhere.
"""

import operator

import numpy as np

from neurone.errors import InputError
from neurone.kernels import drawing

# Ways to write each digit. A point is xy on a 10x10 grid, y downwards; a stroke is a smooth line from its first
# point to its last, bending towards the others, and sharply at those marked "!"; a comma lifts the pen.
SHAPES = (
    ("50 20 03 06 29 69 96 93 70 40", "70 20 03 06 29 69 96 93 70 31", "40 10 04 07 29 69 96 92 60 51",
     "60 20 05 08 39 79 94 81 51 32"),
    ("50 59", "50 59", "50 59", "51 43 46 59", "51 63 66 59", "32 50! 59", "23 50! 59, 29 79"),
    ("12 20 70 84 38 09! 99", "13 20 80 73 39 09 06 37 79 97", "22 50 80 73 39 08 05 36 68 98",
     "13 30 70 84 48 09 06 37 79 98", "03 30 60 74 19! 69 98", "02 30 80 75 09! 99", "02 80! 09! 99",
     "14 30 70 64 38 09 07 47 79", "13 41 70 74 39 09 07 27 99"),
    ("12 30 80 83 44! 84 97 59 09", "02 80! 44! 94 98 49 08", "12 30 80 74 45 84 97 59 08",
     "02 40 90 63 35 25 44 85 98 59 08", "02 30 80 74 35 34 84 97 59 09", "11 50 80 73 44! 74 87 59 28",
     "11 60 80 54 34 64 87 49 18"),
    ("20 15! 85, 70 69", "20 05! 95, 70 69", "10 06 26 94, 80 69", "95 06! 70! 69", "10 05 45 82, 80 69",
     "10 05 46 82! 79", "20 06! 96, 63 59", "20 06! 96, 80 69", "20 05 35 72, 80 59", "30 06! 76, 53 49"),
    ("80 20! 14! 63 97 69 09", "80 30! 24! 64 97 59 08", "90 30 14 54 86 69 09", "20 15! 43 94 98 49 08, 20 90",
     "91 50! 34! 63 67 39 08", "90 40! 23 64 66 49 08", "90 40 04 65 78 39 08", "90 30! 14! 53 86 69 29 07",
     "20! 14! 53 86 69 29, 20 80", "80 20 14 44 66 59 18"),
    ("60 20 06 29 89 85 45 16", "70 14 09 69 96 54 07", "50 04 09 79 95 44 17", "60 30 05 18 49 78 76 54 16",
     "50 15 18 49 88 75 45 17", "30 03 07 49 98 95 64 16", "50 20 07 19 69 77 74 45 16", "60 05 09 59 87 65 35 17",
     "40 12 08 29 79 86 55 17", "50 23 17 29 69 76 54 28"),
    ("00 90! 49", "02 00! 90! 39", "00 90! 39, 25 85", "01 81 74 39", "03 10 90! 39", "02 10 90 84 49",
     "04 01! 90! 49", "00 90! 89", "03 00! 80! 59, 35 85"),
    ("81 50 10 13 86 89 19 16 83 81 60", "50 10 14 44 74 70 50, 54 14 19 59 99 94 54", "90 30 13 86 89 19 16 71",
     "80 40 11 33 75 78 49 18 25 73 80", "90 40 11 34 75 78 39 07 26 72 90", "71 30 12 44 77 49 17 36 90",
     "91 50 20 12 35 77 68 39 17 26 62 81", "70 30 11 33 55 67 58 39 28 37 53 72 70", "62 50 11 13 54 76 59 27 35 73 61 50"),
    ("81 40 00 05 55 81! 79", "71 30 02 05 45 82 88 59 28", "82 60 20 04 36 76 82 79", "80 20 04 45 80! 59",
     "71 40 11 04 35 63 81! 49", "71 40 11 04 35 63 81! 67 49 18", "90 20 04 26 90! 79", "80 30 03 15 45 80! 49",
     "71 30 12 14 54 71 79", "70 20 12 24 63 81! 59"),
)

WORDS = 64  # of randomness a digit: 32 for all of it, one for each point
BLOCK = 4096  # digits drawn at a time
SIDE, BOX = 28, 20
JITTER = 1.9
SLANT, SHEAR, TURN, WIDE, ASPECT, BEND = 0.13, 0.5, 0.25, 0.78, 0.4, 0.25
RADIUS, RADIUS_SPREAD, PRESSURE = 1.2, 1.0, 0.17


def _read(shapes):
    """Tables of all shapes: points (S, N, 2), marks (S, N), sizes (S,); the shapes of a digit, (first, number)."""
    strokes = [stroke.split() for digit in shapes for shape in digit for stroke in [shape]]
    n = max(map(len, strokes))
    points, marks = np.zeros((len(strokes), n, 2)), np.zeros((len(strokes), n), np.uint8)
    for s, tokens in enumerate(strokes):
        for k, token in enumerate(tokens):
            points[s, k] = int(token[0]) - 4.5, int(token[1]) - 4.5
            marks[s, k] = drawing.CORNER if token.endswith("!") or k == 0 or marks[s, k - 1] == drawing.END else drawing.SMOOTH
            if token.endswith(",") or k == len(tokens) - 1:
                marks[s, k] = drawing.END
    numbers = np.array([len(digit) for digit in shapes])
    return points / 4.5, marks, np.array([len(t) for t in strokes]), np.cumsum(numbers) - numbers, numbers


_POINTS, _MARKS, _SIZES, _FIRST, _NUMBER = _read(SHAPES)


def _uniform(words):
    """Words to float64 in [0, 1)."""
    return (words >> np.uint64(40)) * 2.0**-24


def _bell(words):
    """Words to float64 in (-1, 1), bell-shaped: the mean of 2 uniform numbers... """
    low, high = words & np.uint64(0xFFFFFFFF), words >> np.uint64(32)
    return (low.astype(np.float64) + high) * 2.0**-32 - 1.0


def digits(count, seed=0, first=0):
    count, seed, first = (_integer(n, v) for n, v in (("count", count), ("seed", seed), ("first", first)))
    images, labels = np.empty((count, SIDE, SIDE), np.uint8), np.empty(count, np.uint8)
    for start in range(0, count, BLOCK):
        block = slice(start, min(count, start + BLOCK))
        _draw(seed, first + start, images[block], labels[block])
    return images, labels


def _draw(seed, first, images, labels):
    count = len(images)
    philox = np.random.Philox(key=np.array([seed, 0], dtype=np.uint64), counter=first * (WORDS // 4))
    words = philox.random_raw(count * WORDS).reshape(count, WORDS)
    u, v = _uniform(words[:, :32]), _bell(words[:, :32])
    labels[:] = (u[:, 0] * 10.0).astype(np.uint8)
    shape = _FIRST[labels] + (u[:, 1] * _NUMBER[labels]).astype(np.int64)
    n = _POINTS.shape[1]
    points = _POINTS[shape]
    own = words[:, 32 : 32 + n]
    x = points[:, :, 0] + JITTER / 4.5 * _bell(own << np.uint64(32) >> np.uint64(32) | (own << np.uint64(48)))
    own = words[:, 32:32 + n]
    p = [(own >> np.uint64(s) & np.uint64(0xFFFF)) * 2.0**-16 for s in (0, 16, 32, 48)]
    x = points[:, :, 0] + JITTER / 4.5 * (p[0] + p[1] - 1.0)
    y = points[:, :, 1] + JITTER / 4.5 * (p[2] + p[3] - 1.0)
    g = v[:, :, None]
    # bends
    x, y = (x + BEND * (g[:, 2] * x * y + g[:, 3] * y * y + g[:, 4] * x * x),
            y + BEND * (g[:, 5] * x * y + g[:, 6] * x * x + g[:, 7] * y * y))
    x = x * (WIDE + ASPECT * g[:, 8])
    x = x - (SLANT + SHEAR * g[:, 9]) * y
    t = TURN * g[:, 10]
    c, s = (1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t)
    points[:, :, 0], points[:, :, 1] = c * x - s * y, s * x + c * y
    radius = RADIUS + RADIUS_SPREAD * g[:, 11]
    radii = radius * (1.0 + PRESSURE * (p[0] + p[3] - p[1] - p[2]))
    softness = 1.2 + 0.4 * v[:, 12]
    ink = 1.15 + 0.15 * v[:, 13]
    line = np.empty((n * drawing.STEPS, drawing.LINE))
    drawing.draw(points, radii, _MARKS[shape], _SIZES[shape], softness, ink, line, np.empty((BOX, BOX)), images)


def _integer(name, value):
    return operator.index(value)

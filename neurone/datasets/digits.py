"""Handwriting-like digits from a seed: the set to learn from where no MNIST is found.

They contain no pixel of MNIST, but are prepared like it: 28x28 grey bytes, strokes fitted in a 20x20 box, centre
of mass at pixel (14, 14). The randomness is raw words of Philox, the arithmetic elementwise +, -, *, /: a seed
gives the same bytes on every machine (NumPy's sums, and functions such as cos, would not).
"""

import numpy as np

from neurone import options
from neurone.floats import exactly
from neurone.kernels import drawing
from neurone.randomness import digit_words

# Ways to write each digit, equally likely. A point is xy on a 10x10 grid, y downwards. A stroke is a smooth
# line from its first point to its last, bending towards the others, with a corner at those marked "!". A
# comma lifts the pen.
SHAPES = (
    (
        "50 20 03 06 19 79 96 92 70 40",
        "60 20 03 07 29 79 96 93 80 31",
        "50 10 03 07 29 79 96 92 80 61",
        "60 30 04 08 29 69 95 91 61 42",
        "60 20 03 06 29 69 96 93 70 50",
    ),
    ("60 49", "60 49", "50 59", "61 53 46 49", "61 63 56 39", "42 60! 49", "33 60! 49, 19 69"),
    (
        "12 20 70 84 38 09! 99",
        "13 20 80 73 39 09 06 37 79 97",
        "22 50 80 73 39 08 05 36 68 98",
        "13 30 70 84 48 09 06 37 79 98",
        "03 30 60 74 19! 69 98",
        "02 30 80 75 09! 99",
        "02 80! 09! 99",
        "14 30 70 64 38 09 07 47 79",
        "13 41 70 74 39 09 07 27 99",
        "11 40 61 54 28 08 06 48 98",
    ),
    (
        "12 30 80 83 44! 84 97 59 09",
        "02 80! 44! 94 98 49 08",
        "12 30 80 74 45 84 97 59 08",
        "02 40 90 63 35 25 44 85 98 59 08",
        "02 30 80 74 35 34 84 97 59 09",
        "11 50 80 73 44! 74 87 59 28",
        "11 60 80 54 34 64 87 49 18",
        "01 40 82 44! 85 99 59 18",
        "00 70 73 34! 94 98 69 08",
    ),
    (
        "20 15! 85, 70 69",
        "20 05! 95, 70 69",
        "10 06 26 94, 80 69",
        "95 06! 70! 69",
        "10 05 45 82, 80 69",
        "10 05 46 82! 79",
        "20 06! 96, 63 59",
        "20 06! 96, 80 69",
        "20 05 35 72, 80 59",
        "30 06! 76, 53 49",
    ),
    (
        "80 20! 14! 63 97 69 09",
        "80 30! 24! 64 97 59 08",
        "90 30 14 54 86 69 09",
        "20 15! 43 94 98 49 08, 20 90",
        "91 50! 34! 63 67 39 08",
        "90 40! 23 64 66 49 08",
        "90 40 04 65 78 39 08",
        "90 30! 14! 53 86 69 29 07",
        "20! 14! 53 86 69 29, 20 80",
        "80 20 14 44 66 59 18",
        "90 30! 24! 53 66 49 08",
        "91 20! 14! 64 77 49 07",
    ),
    (
        "60 20 06 29 89 85 45 16",
        "70 14 09 69 96 54 07",
        "50 04 09 79 95 44 17",
        "60 30 05 18 49 78 76 54 16",
        "50 15 18 49 88 75 45 17",
        "30 03 07 49 98 95 64 16",
        "50 20 07 19 69 77 74 45 16",
        "60 05 09 59 87 65 35 17",
        "40 12 08 29 79 86 55 17",
        "50 23 17 29 69 76 54 28",
        "50 20 06 29 89 86 55 17",
        "60 14 08 39 88 85 56 28",
        "30 15 09 59 87 65 27",
        "40 03 08 59 96 74 27",
    ),
    (
        "00 90! 49",
        "02 00! 90! 39",
        "00 90! 39, 25 85",
        "01 81 74 39",
        "03 10 90! 39",
        "02 10 90 84 49",
        "04 01! 90! 49",
        "00 90! 89",
        "03 00! 80! 59, 35 85",
    ),
    (
        "81 60 20 13 86 79 09 16 83 91 60",
        "60 20 14 44 74 80 60, 54 14 09 49 89 84 54",
        "90 40 13 76 79 09 16 71",
        "80 40 11 33 75 78 49 18 25 73 80",
        "90 40 11 34 75 78 39 07 26 72 90",
        "71 30 12 44 77 49 17 36 90",
        "91 50 20 12 35 77 68 39 17 26 62 81",
        "70 30 11 33 55 67 58 39 28 37 53 72 70",
        "62 50 11 13 54 76 59 27 35 73 61 50",
        "91 60 31 23 55 67 48 19 07 26 72 81",
    ),
    (
        "81 40 00 05 55 81! 79",
        "71 30 02 05 45 82 88 59 28",
        "82 60 20 04 36 76 82 79",
        "80 20 04 45 80! 59",
        "71 40 11 04 35 63 81! 49",
        "71 40 11 04 35 63 81! 67 49 18",
        "90 20 04 26 90! 79",
        "80 30 03 15 45 80! 49",
        "71 30 12 14 54 71 79",
        "70 20 12 24 63 81! 59",
    ),
)

IMAGE, BOX = 28, 20  # pixels along the side of an image, and of the box that the strokes fill
PARTS, POINTS = 4, 16  # a digit's random words: a row for the whole digit, and three rows for up to 16 points
BLOCK = 1024  # digits drawn at a time: their points stay in the cache

# How much the handwriting varies, tuned on how well a network trained on the digits reads MNIST's training set.
# Lengths in half-grids, then in pixels. JITTER, BEND, TURN, PRESSURE and every SPREAD multiply a bell-shaped number
# between -1 and 1.
JITTER = 0.44  # of every control point
BEND = 0.25  # of the whole: every quadratic term
WIDTH, WIDTH_SPREAD = 0.78, 0.4  # of the digit, its height being 1
SLANT, SLANT_SPREAD = 0.13, 0.5
TURN = 0.25  # tangent of half the angle
RADIUS, RADIUS_SPREAD, PRESSURE = 1.2, 1.0, 0.34  # of the pen; and how much it varies along a stroke
SOFTNESS, SOFTNESS_SPREAD = 1.2, 0.4  # of the edge
INK, INK_SPREAD = 1.15, 0.15  # above 1, edges saturate


@exactly
def digits(count, seed=0, first=0):
    """Draw handwriting-like digits: `count` of them from an endless sequence that `seed` defines.

    Digit `i` of the sequence depends on `(seed, i)` alone: `digits(10)` begins `digits(20)`, and a test set can
    start where the training set ends. All ten digits are equally likely, in no order.

    Parameters
    ----------
    count : int
        How many, at least 1.
    seed : int
        Below 2**64.
    first : int
        Number of the first digit drawn, from 0, below 2**64.

    Returns
    -------
    images : numpy.ndarray of uint8, shape (count, 28, 28)
        Light ink (up to 255) on a dark ground (0).
    labels : numpy.ndarray of uint8, shape (count,)
        0 to 9.

    Raises
    ------
    InputError
        An argument is not an integer, or out of its range.

    Examples
    --------
    >>> images, labels = digits(6000, seed=1)
    >>> images.shape, images.dtype, labels.shape
    ((6000, 28, 28), dtype('uint8'), (6000,))
    >>> test_images, test_labels = digits(1000, seed=1, first=6000)
    """
    count, seed = options.integer("count", count), options.seed(seed)
    first = options.integer("first", first, 0, 2**64 - 1)
    images, labels = np.empty((count, IMAGE, IMAGE), np.uint8), np.empty(count, np.uint8)
    for start in range(0, count, BLOCK):
        block = slice(start, start + BLOCK)
        _write(seed, first + start, images[block], labels[block])
    return images, labels


def _read(shapes):
    """Tables of the shapes of all digits: points (S, POINTS, 2) in [-1, 1], marks (S, POINTS), sizes (S,)."""
    tokens = [shape.split() for ways in shapes for shape in ways]
    points, marks = np.zeros((len(tokens), POINTS, 2)), np.zeros((len(tokens), POINTS), np.uint8)
    for s, shape in enumerate(tokens):
        for k, token in enumerate(shape):
            points[s, k] = (int(token[0]) - 4.5) / 4.5, (int(token[1]) - 4.5) / 4.5
            if k + 1 == len(shape) or token.endswith(","):
                marks[s, k] = drawing.END
            elif k == 0 or token.endswith("!") or shape[k - 1].endswith(","):
                marks[s, k] = drawing.CORNER
    return points, marks, np.array([len(shape) for shape in tokens])


_POINTS, _MARKS, _SIZES = _read(SHAPES)
_WAYS = np.array([len(ways) for ways in SHAPES])
_FIRST = np.cumsum(_WAYS) - _WAYS  # shape of each digit's first way


def _uniform(words):
    """Words as float64 in [0, 1)."""
    return (words >> np.uint64(11)) * 2.0**-53


def _bell(words):
    """Words as float64 in [-1, 1), bell-shaped: the sum of their halves, a triangle."""
    return ((words >> np.uint64(32)) + (words & np.uint64(0xFFFFFFFF))) * 2.0**-32 - 1.0


def _write(seed, first, images, labels):
    """Write the digits from number `first` on into `images` and `labels`."""
    count = len(images)
    words = digit_words(count * PARTS * POINTS, seed, first * PARTS * POINTS).reshape(count, PARTS, POINTS)
    labels[:] = _uniform(words[:, 0, 0]) * 10.0
    way = _FIRST[labels] + (_uniform(words[:, 0, 1]) * _WAYS[labels]).astype(np.int64)
    whole, (stray_x, stray_y, press) = _bell(words[:, 0, 2:]).T, _bell(words[:, 1:]).transpose(1, 0, 2)
    width, slant, turn, radius, softness, ink = whole[:6]
    bend = BEND * whole[6:12, :, None]

    x, y = _POINTS[way, :, 0] + JITTER * stray_x, _POINTS[way, :, 1] + JITTER * stray_y
    xx, xy, yy = x * x, x * y, y * y
    x, y = x + bend[0] * xx + bend[1] * xy + bend[2] * yy, y + bend[3] * xx + bend[4] * xy + bend[5] * yy
    x = x * (WIDTH + WIDTH_SPREAD * width)[:, None] - y * (SLANT + SLANT_SPREAD * slant)[:, None]
    turn = TURN * turn[:, None]
    cosine, sine = (1.0 - turn * turn) / (1.0 + turn * turn), 2.0 * turn / (1.0 + turn * turn)
    points = np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=2)
    radii = (RADIUS + RADIUS_SPREAD * radius)[:, None] * (1.0 + PRESSURE * press)

    softness, ink = SOFTNESS + SOFTNESS_SPREAD * softness, INK + INK_SPREAD * ink
    line, box = np.empty((POINTS * drawing.STEPS, drawing.LINE)), np.empty((BOX, BOX))
    drawing.draw(points, radii, _MARKS[way], _SIZES[way], softness, ink, line, box, images)

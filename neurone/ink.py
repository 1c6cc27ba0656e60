"""Ink on paper: what of a picture was written. Needs the extra `images` (scipy).

The steps and their constants are those of the specification, section 17. Lengths are shares of the picture's longer
side; darkness goes from 0 to 255.
"""

import numpy as np
from scipy import ndimage

# Ink below this part of the strongest counts as paper: scans and photographs are never quite white. Measured on MNIST's
# digits with noise, shading or JPEG's traces: with paper judged by the picture's edge alone, 5 times more were wrong.
_FAINTEST = 0.2
# Parts are told apart where the ink is at least this strong: shades between two strokes do not join them.
_CERTAIN = 0.35
_STROKE = 0.4  # what is dark over less than this is no paper
_SPECK = 0.02  # a part of less than this share of the largest part's ink is a speck
_FRAMED = 0.05  # a part around others of at least this share of its ink is a frame
_BORDER = 0.08  # a part's faint borders reach so far
_SPAN = 0.85  # a ruled line runs over so much of the picture
_BENT = 0.01  # and leaves the straight by so much
_THICK = 0.04  # and is no thicker than this
_SLOPES = np.linspace(-0.2, 0.2, 21)  # and rises by one of these for each pixel to the right
_ROUNDS = 4
_SQUARE = np.ones((3, 3), bool)  # pixels that touch at a corner belong together


def find(grey):
    """How much ink is where.

    Parameters
    ----------
    grey : ndarray, float64, (rows, columns)
        Of any range; ink may be darker or lighter than the paper.

    Returns
    -------
    ink : ndarray, float64, (rows, columns)
        0 to 255; 0 on paper, and on what touches the edge, surrounds, spans or speckles the rest. All 0 if there is
        no ink.
    parts : ndarray, bool, (rows, columns)
        Where the ink is certain.

    Examples
    --------
    >>> grey = np.full((40, 40), 200.0)
    >>> grey[10:30, 18:22] = 50  # a stroke
    >>> grey[:, 0] = 80  # the table beside the paper
    >>> ink, parts = find(grey)
    >>> int(parts.sum()), round(ink[15, 20]), round(ink[:, 0].max())
    (80, 255, 0)
    """
    span = np.ptp(grey)
    if span == 0:
        return np.zeros_like(grey), np.zeros(grey.shape, bool)
    grey = (grey - grey.min()) * (255 / span)
    dark = _darkness(255 - grey if _light_on_dark(grey) else grey)
    parts, rest = _written(dark)
    around = ndimage.binary_dilation(parts, _SQUARE, max(1, _size(dark, _BORDER) // 2), mask=rest > 0)
    ink = np.where(parts | around, dark, 0)
    strongest = ink.max()
    if strongest > 0:
        ink = np.where(ink < _FAINTEST * strongest, 0, ink) * (255 / strongest)
    return ink, parts


def _size(grey, share):
    """A share of the longer side in pixels, odd."""
    return 2 * int(max(grey.shape) * share / 2) + 1


def _light_on_dark(grey):
    """Whether the darker pixels, where shades differ, are the paper.

    It has more of them, its places are wider, and it has more of the picture's edge. The number alone mistakes one of
    four digits that fill their picture; the widest place, paper beside a dark table; the edge, frames.
    """
    size = _size(grey, _STROKE)
    least = ndimage.minimum_filter(grey, size, mode="nearest")
    most = ndimage.maximum_filter(grey, size, mode="nearest")
    contrast = most - least
    shown, low = contrast > contrast.max() / 2, grey < (most + least) / 2
    darker, lighter = (side.sum() * _thickest(side) ** 2 for side in (shown & low, shown & ~low))
    edge = np.concatenate([low[0], low[-1], low[:, 0], low[:, -1]]).mean()
    return darker * np.clip((edge + 0.02) / (1.02 - edge), 1 / 3, 3) > lighter


def _darkness(grey):
    """How much darker than the paper around it each pixel is, at least 0."""
    dark = _below(grey)
    for _ in range(2):
        grey = grey - _surface(grey, dark > dark.max() * _CERTAIN)
        dark = _below(grey)
    return dark


def _below(grey):
    dark = ndimage.grey_closing(grey, _size(grey, _STROKE), mode="nearest") - grey
    # The closing lies on the lightest grains of the paper.
    return (dark - np.median(dark)).clip(0)


def _surface(grey, ink):
    """The light that falls on the paper: a parabola of both coordinates through what is no ink, by least squares."""
    y, x = (np.linspace(-1, 1, n) for n in grey.shape)
    y, x = np.meshgrid(y, x, indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])
    paper = terms[:, ~ink]
    # Of few pixels, in few rows or columns, not all terms can be told apart.
    found = np.linalg.lstsq(paper @ paper.T, paper @ grey[~ink], rcond=1e-9)[0]
    return np.tensordot(found, terms, 1)


def _written(dark):
    """Where the digit's parts are, and the darkness of what is neither a frame, a line nor a part at the edge."""
    rest, parts = dark, None
    for _ in range(_ROUNDS):  # what is taken away may have been the darkest
        before, mask = parts, rest > _CERTAIN * rest.max()
        unframed = mask & ~_frames(mask, rest)
        parts = _inside(unframed & ~_ruled(unframed), rest)
        if not parts.any():  # the line was a stroke of a digit that fills the picture
            parts = _inside(unframed, rest)
        if not parts.any():
            parts = _largest(mask, rest)
        rest = np.where(mask & ~parts, 0, rest)
        if before is not None and np.array_equal(before, parts):
            break
    return parts, rest


def _labelled(mask, dark):
    """The parts by number, and the ink of each, 0 for number 0."""
    labels, count = ndimage.label(mask, _SQUARE)
    ink = ndimage.sum_labels(dark, labels, np.arange(count + 1))
    ink[0] = 0
    return labels, ink


def _frames(mask, dark):
    """Parts around others."""
    labels, ink = _labelled(mask, dark)
    found = np.zeros_like(mask)
    for number in np.flatnonzero(ink > _SPECK * ink.max()):
        part = labels == number
        within = np.unique(labels[ndimage.binary_fill_holes(part) & ~part])
        if ink[within].max(initial=0) >= _FRAMED * ink[number]:
            found |= part
    return found


def _ruled(mask):
    """Straight thin lines over the picture, along rows and columns, but not what crosses them."""
    rows = _lines(mask)
    return rows | _lines((mask & ~rows).T).T


def _lines(mask):
    height, width = mask.shape
    bent, columns = _size(mask, _BENT), np.arange(width)
    offsets = np.rint(np.outer(_SLOPES, columns - width // 2)).astype(np.int32)
    beyond = offsets.max() + 1
    places = np.arange(height, dtype=np.int32)[:, None] + offsets[:, None]  # (slopes, lines, columns): a line's row

    def covered(mask, places):
        near = np.pad(ndimage.maximum_filter1d(mask, bent, axis=0), ((beyond, beyond), (0, 0)))
        return near[places + beyond, columns].mean(axis=-1)

    found, left, shares = np.zeros_like(mask), mask.copy(), covered(mask, places)
    for which in np.argsort(-shares, axis=None, kind="stable")[: (shares >= _SPAN).sum()]:
        place = places.reshape(-1, width)[which]
        if covered(left, place) >= _SPAN:  # it is not a neighbour of one that was seen
            line, touching = _line(mask & ~found, place, bent // 2)
            found |= line
            left &= ~touching
    return found


def _line(mask, place, reach):
    """The pixels of the line near row `place` (columns) of each column, none if it is not ruled; and all runs there."""
    height, width = mask.shape
    rows = np.arange(height)[:, None]
    above = np.maximum.accumulate(np.where(mask, -1, rows))  # the nearest paper
    below = np.minimum.accumulate(np.where(mask, height, rows)[::-1])[::-1]
    touching = mask & (above < place + reach) & (below > place - reach)
    met = np.flatnonzero(touching.any(axis=0))
    runs = below - above - 1
    thickness = np.median(np.where(touching, runs, 0).max(axis=0)[met])
    line = touching & (runs <= 2 * thickness)
    far = _size(mask, _BENT)
    across = met[0] < far and met[-1] >= width - far
    ruled = thickness <= _THICK * max(height, width) and (across or thickness < _thickest(mask & ~line) / 2)
    return line & ruled, touching


def _thickest(mask):
    return 2 * ndimage.distance_transform_cdt(mask).max(initial=0)


def _inside(mask, dark):
    """The parts that do not touch the edge, specks left out; none where only specks are there."""
    labels, ink = _labelled(mask, dark)
    inside = ink.copy()
    inside[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = 0
    if inside.max() < _SPECK * ink.max():
        return np.zeros_like(mask)
    return (inside >= _SPECK * max(inside.max(), 1e-300))[labels]


def _largest(mask, dark):
    labels, ink = _labelled(mask, dark)
    return mask & (labels == ink.argmax())

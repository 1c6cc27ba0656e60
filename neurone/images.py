"""Pictures of digits, prepared as MNIST's were. Needs the extra `images` (Pillow, scipy)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from neurone.datasets.decoding import decoded
from neurone.errors import ExtraError
from neurone.files import refusal

SIDE = 28
_BOX = 20
_LONGEST = 400  # pixels of a side; larger pictures are reduced first: a digit is to have 20
# In `side_by_side`: how many times larger what the network was given, and how many of these in a row.
_ENLARGED, _ABREAST = 7, 5


class Digit(NamedTuple):
    """A digit of a picture.

    Attributes
    ----------
    image : ndarray
        uint8 (28, 28), made like the training images.
    place : tuple of int
        Left, top, right and bottom in the picture's pixels, right and bottom not included.
    """

    image: np.ndarray
    place: tuple


@dataclass(frozen=True)
class Picture:
    """A picture, and the ink on it.

    Attributes
    ----------
    shown : PIL.Image.Image
        The picture, upright, reduced to `_LONGEST` pixels.
    size : tuple of int
        Its width and height before that.
    ink : ndarray
        How much ink, 0 to 255, float64 (rows, columns).
    parts : ndarray
        Where ink is certain, the number of its digit, from 1 in reading order, or -1 for a dot; else 0. int64 (rows,
        columns).
    """

    shown: object
    size: tuple
    ink: np.ndarray
    parts: np.ndarray

    def whole(self):
        """All ink as one digit, dots left out."""
        return self._digit(np.where(self._owners() > 0, self.ink, 0))

    def digits(self):
        """The digits, in reading order: lines from the top, each from the left."""
        owners = self._owners()
        each = (np.where(owners == number, self.ink, 0) for number in range(1, self.parts.max() + 1))
        return [self._digit(ink) for ink in each]

    def _owners(self):
        """For each pixel the number of the nearest digit or dot."""
        from neurone.grouping import nearest

        return nearest(self.parts)

    def _digit(self, ink):
        rows, columns = _extent(ink)
        wide, high = (old / new for old, new in zip(self.size, self.ink.shape[::-1], strict=True))
        place = columns.start * wide, rows.start * high, columns.stop * wide, rows.stop * high
        fitted = _fitted(ink[rows, columns])
        # A thin stroke in a large picture is faint once it shares its pixels with paper; MNIST's ink is not.
        return Digit(_centred(fitted * (255 / fitted.max())), tuple(round(edge) for edge in place))


def prepare(path):
    """A picture, made like the training images.

    As MNIST's authors describe (LeCun, Cortes, Burges): ink light on dark, cropped to the ink, fitted in
    20 x 20 keeping its proportions, placed in 28 x 28 with the centre of mass of its ink at pixel (14, 14).

    Parameters
    ----------
    path : path-like
        A file that Pillow reads. Specification section 17 says what is taken for ink: paper and ink may be of any
        colour, and the light uneven. Transparent parts are paper.

    Returns
    -------
    ndarray
        uint8 (28, 28).

    Raises
    ------
    InputError
        The file is missing, no picture, damaged or too large, or holds no ink.
    ExtraError
        Pillow or scipy is not installed.

    Examples
    --------
    >>> prepare("seven.jpg").shape  # doctest: +SKIP
    (28, 28)
    """
    return read(path).whole().image


def read(path):
    """The `Picture` in a file, its ink found; `prepare` says what is read and what is refused."""
    picture, size = decoded(path, lambda upright: (_reduced(_opaque(upright)), upright.size))
    try:
        from neurone import ink
        from neurone.grouping import grouped
    except ImportError:
        raise ExtraError(
            "finding ink on pictures needs scipy: pip install scipy, or this package with its extra 'images'"
        ) from None
    shades = np.asarray(picture, np.float64)
    if not np.isfinite(shades).all():
        raise refusal(path, "holds NaN or infinity; give a PNG or JPEG")
    found, parts = ink.find(_one_shade(shades))
    if not found.any():
        raise refusal(path, "the picture is of one colour; give one with a digit on it")
    return Picture(picture, size, found, grouped(parts))


def side_by_side(pictures, found):
    """A picture of pictures (list of Picture), the places of their digits (list of lists of Digit), and what was made.

    Returns
    -------
    PIL.Image.Image
        A row for each picture.
    """
    from PIL import Image, ImageDraw

    rows = []
    for picture, digits in zip(pictures, found, strict=True):
        shown = picture.shown
        if shown.mode == "F":  # of a range of its own
            shades = np.asarray(shown)
            shown = Image.fromarray(((shades - shades.min()) * (255 / np.ptp(shades))).astype(np.uint8))
        side = SIDE * _ENLARGED
        step = side + 4
        wide, high = min(len(digits), _ABREAST), -(-len(digits) // _ABREAST)
        row = Image.new("RGB", (_LONGEST + wide * step, max(shown.height + 4, high * step)), "grey")
        row.paste(shown)
        for number, digit in enumerate(digits):
            left, top, right, bottom = (round(edge * shown.width / picture.size[0]) for edge in digit.place)
            ImageDraw.Draw(row).rectangle((left - 1, top - 1, right, bottom), outline="red")
            given = Image.fromarray(digit.image).resize((side, side), Image.Resampling.NEAREST)
            row.paste(given, (_LONGEST + 4 + number % _ABREAST * step, number // _ABREAST * step))
        rows.append(row)
    whole = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)), "grey")
    for number, row in enumerate(rows):
        whole.paste(row, (0, sum(each.height for each in rows[:number])))
    return whole


def _opaque(picture):
    """The picture in one of the modes F (any range), L and RGB."""
    from PIL import Image

    if picture.mode.startswith(("I", "F")):  # of 16 bits and more, which Pillow's own conversion would clip
        return Image.fromarray(np.asarray(picture, np.float32))
    if "transparency" in picture.info or picture.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
        colour = picture.convert("RGBA")
        grey, alpha = np.asarray(colour.convert("L"), np.float32), np.asarray(colour.getchannel("A"), np.float32)
        # Paper of the shade that differs most from the ink, so that ink of any colour is seen.
        paper = "white" if (grey * alpha).sum(dtype=np.float64) < 127.5 * alpha.sum(dtype=np.float64) else "black"
        return Image.alpha_composite(Image.new("RGBA", colour.size, paper), colour).convert("RGB")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


def _reduced(picture):
    from PIL import Image

    scale = _LONGEST / max(picture.size)
    if scale >= 1:
        return picture
    return picture.resize(tuple(max(1, round(n * scale)) for n in picture.size), Image.Resampling.BOX)


def _one_shade(shades):
    """Of a coloured picture (rows, columns, 3) the mixture of colours that changes most from pixel to pixel.

    That is how ink differs from paper, in colour or in lightness: red ink on green paper may be of one grey. Light that
    changes slowly over the paper counts little, and would count most if the pixels themselves were compared.
    """
    if shades.ndim == 2:
        return shades
    steps = np.concatenate([np.diff(shades, axis=axis).reshape(-1, 3) for axis in (0, 1)])
    _, directions = np.linalg.eigh(steps.T @ steps)
    mixture = directions[:, -1]
    if np.ptp(mixture) < 1e-6:  # a grey picture stays as it is
        return shades[..., 0]
    return shades @ (mixture if mixture.sum() > 0 else -mixture)  # either sign is an eigenvector's


def _extent(ink):
    return tuple(slice(found[0], found[-1] + 1) for found in (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0)))


def _fitted(ink):
    """The ink in a box whose longer side is 20."""
    from PIL import Image

    rows, columns = ink.shape
    scale = _BOX / max(rows, columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    # The mean of what falls on a pixel: strokes thinner than a pixel get their share of grey.
    filter_ = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(ink.astype(np.float32)).resize(size, filter_))


def _centred(ink):
    """The box in 28 x 28, moved by whole pixels until the centre of mass of its ink is nearest to pixel (14, 14).

    That is where MNIST's is: half a pixel from the middle of the image, measured on its 10,000 test images.
    """
    image = np.zeros((SIDE, SIDE), np.uint8)
    ink = ink.astype(np.float64)  # sums of 32-bit numbers are exact in 64, whatever their order
    place = []
    for axis, extent in enumerate(ink.shape):
        mass = (ink.sum(axis=1 - axis) * np.arange(extent)).sum() / ink.sum()
        place.append(min(max(round(SIDE / 2 - mass), 0), SIDE - extent))
    row, column = place
    image[row : row + ink.shape[0], column : column + ink.shape[1]] = np.rint(ink)
    return image

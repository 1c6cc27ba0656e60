"""Pictures of digits, prepared as MNIST's were. Needs the extra `images` (Pillow)."""

import errno
import logging
import warnings

import numpy as np

from neurone.errors import ExtraError
from neurone.files import reading, refusal

SIDE = 28
_BOX = 20
_MOST_PIXELS = 25_000_000  # 32 bytes of memory each, while they are prepared
# Ink below this part of the strongest counts as paper: scans and photographs are never quite white. Measured on MNIST's
# digits with noise, shading or JPEG's traces: with paper judged by the picture's edge alone, 5 times more were wrong.
_FAINTEST = 0.2
# Without a handler Python prints what Pillow logs of a damaged picture.
_NOWHERE = logging.NullHandler()


def prepare(path):
    """A picture, made like the training images.

    As MNIST's authors describe (LeCun, Cortes, Burges): ink light on dark, cropped to the ink, fitted in
    20 x 20 keeping its proportions, placed in 28 x 28 with the centre of mass of its ink at pixel (14, 14).

    Parameters
    ----------
    path : path-like
        A file that Pillow reads. The colour of the picture's edge is taken for paper: dark ink on light paper
        is inverted. Transparent parts are paper.

    Returns
    -------
    ndarray
        uint8 (28, 28).

    Raises
    ------
    InputError
        The file is missing, no picture, damaged or too large, or holds no ink.
    ExtraError
        Pillow is not installed.
    """
    ink = _ink(_read(path))
    if ink.max(initial=0) == 0:
        raise refusal(path, "the picture is of one colour; give one with a digit on it")
    fitted = _fitted(_cropped(ink))
    # A thin stroke in a large picture is faint once it shares its pixels with paper; MNIST's ink is not.
    return _centred(fitted * (255 / fitted.max()))


def _read(path):
    """The picture in grey, finite, float64 (rows, columns)."""
    try:
        from PIL import Image
    except ImportError:
        raise ExtraError(
            "reading pictures needs Pillow: pip install Pillow, or this package with its extra 'images'"
        ) from None
    with reading(path) as file:
        if not file.peek(1):
            raise refusal(path, "is empty where a picture was expected; give a PNG or JPEG")
        try:
            grey = _decoded(file)
        except Image.DecompressionBombError as error:
            raise refusal(path, f"too large a picture ({error}); crop it to the digit") from None
        except Image.UnidentifiedImageError:
            raise refusal(path, "is no picture that Pillow knows; give a PNG or JPEG") from None
        # A damaged picture makes Pillow's readers raise anything: RuntimeError, NotImplementedError, AttributeError,
        # struct.error, SyntaxError, ... (test_damaged_pictures_of_every_format).
        except Exception as error:
            # The disk's errors have a number; Pillow's have none, or that of a wrong place in the file.
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise
            raise refusal(path, f"cannot be read as a picture ({error or repr(error)}); give a PNG or JPEG") from None
    if not np.isfinite(grey).all():
        raise refusal(path, "holds NaN or infinity; give a PNG or JPEG")
    return grey


def _decoded(file):
    """The picture in the open `file` in grey, whatever Pillow would warn of."""
    from PIL import Image

    logging.getLogger("PIL").addHandler(_NOWHERE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as errors they would refuse what can be read
        with Image.open(file) as picture:
            _check_size(picture)
            picture.load()
            _check_size(picture)  # an icon's is known only now
            return _grey(picture)


def _check_size(picture):
    from PIL import Image

    if picture.width * picture.height > _MOST_PIXELS:
        raise Image.DecompressionBombError(f"{picture.width} x {picture.height}")


def _grey(picture):
    """The picture in grey of any range, float64 (rows, columns): `_ink` uses differences only."""
    if picture.mode.startswith(("I", "F")):  # of 16 bits and more, which Pillow's own conversion would clip
        return np.asarray(picture, np.float64)
    if "transparency" in picture.info or picture.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
        colour = picture.convert("RGBA")
        grey, alpha = np.asarray(colour.convert("L"), np.float64), np.asarray(colour.getchannel("A")) / 255
        # Paper of the shade that differs most from the ink, so that ink of any colour is seen.
        paper = 255 if (grey * alpha).sum() < 127.5 * alpha.sum() else 0
        return grey * alpha + paper * (1 - alpha)
    return np.asarray(picture.convert("L"), np.float64)


def _ink(grey):
    """How much ink, 0 to 255: the distance from the colour of the edge, faint shades taken away."""
    paper = np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
    ink = (grey - paper if grey.mean() > paper else paper - grey).clip(0)
    strongest = ink.max(initial=0)
    if strongest == 0:
        return ink
    return np.where(ink < _FAINTEST * strongest, 0, ink) * (255 / strongest)


def _cropped(ink):
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


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
    place = []
    for axis, extent in enumerate(ink.shape):
        mass = (ink.sum(axis=1 - axis) * np.arange(extent)).sum() / ink.sum()
        place.append(min(max(round(SIDE / 2 - mass), 0), SIDE - extent))
    row, column = place
    image[row : row + ink.shape[0], column : column + ink.shape[1]] = np.rint(ink)
    return image

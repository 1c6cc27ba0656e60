"""Files of pictures, by Pillow (the extra `images`)."""

import errno
import logging
import warnings

from neurone.errors import ExtraError, InputError
from neurone.files import reading, refusal

_MOST_PIXELS = 25_000_000  # 16 bytes of memory each, while they are read
# Without a handler Python prints what Pillow logs of a damaged picture.
_NOWHERE = logging.NullHandler()


def decoded(path, use):
    """What `use` makes of the picture in a file: a PIL.Image.Image, read, turned as EXIF says.

    Raises
    ------
    InputError
        The file is missing, empty, damaged, no picture, or of more than 25 million pixels.
    ExtraError
        Pillow is not installed.
    """
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
            return _decoded(file, use)
        except InputError:
            raise
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


def _decoded(file, use):
    from PIL import Image, ImageOps

    logging.getLogger("PIL").addHandler(_NOWHERE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as errors they would refuse what can be read
        with Image.open(file) as picture:
            _check_size(picture)
            picture.load()
            _check_size(picture)  # an icon's is known only now
            return use(ImageOps.exif_transpose(picture))


def _check_size(picture):
    from PIL import Image

    if picture.width * picture.height > _MOST_PIXELS:
        raise Image.DecompressionBombError(f"{picture.width} x {picture.height}")

"""How a network's images are prepared, in training and in every prediction: as the user asks for it."""

from dataclasses import asdict, dataclass

import numpy as np

from neurone import options
from neurone.engine.distortion import NARROWEST, arrays_for
from neurone.errors import InputError
from neurone.kernels import preparation
from neurone.kernels.arguments import Pixels
from neurone.kernels.arguments import Preparation as Arrays

# Pixels: wider images are too large for a network.
_MOST = 1e4


@dataclass(frozen=True)
class Preparation:
    """How a network prepares its images, before it learns or answers (specification section 16).

    It is a setting of a `Network`, which remembers it in its file.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of an image.
    upright : bool, default False
        Slant the image back, so that its ink leans to neither side.
    width : float, default 0.0
        Stretch it sideways, to twice its width at most, and move it, so that its ink takes so many columns in the
        middle; 0 leaves it as it is.
    blur : float, default 0.0
        Smooth it by a Gaussian of this deviation, in pixels; 0 leaves it as it is.

    Examples
    --------
    >>> Preparation((28, 28), upright=True).checked().settings()
    {'shape': [28, 28], 'upright': True, 'width': 0.0, 'blur': 0.0}
    """

    shape: tuple
    upright: bool = False
    width: float = 0.0
    blur: float = 0.0

    def checked(self):
        """The same as plain numbers; raises `InputError` for what makes no sense."""
        if not isinstance(self.shape, tuple | list) or len(self.shape) != 2:
            raise InputError(f"shape is {options.described(self.shape)}; give (rows, columns)")
        shape = tuple(options.integer("shape", size) for size in self.shape)
        numbers = {}
        for name in ("width", "blur"):
            numbers[name] = options.not_negative(name, getattr(self, name))
            if numbers[name] and not NARROWEST <= numbers[name] <= _MOST:
                raise InputError(f"{name} is {numbers[name]:g}; give 0, or {NARROWEST:g} to {_MOST:g} pixels")
        return Preparation(shape, options.flag("upright", self.upright), **numbers)

    def settings(self):
        """Plain strings, numbers and lists."""
        return asdict(self) | {"shape": list(self.shape)}

    def apply(self, rows):
        """The images (P, pixels), prepared: of the same type, bytes rounded to bytes."""
        arrays = Arrays(self.upright, self.width, *arrays_for(self.shape, self.blur))
        found = np.empty_like(rows)
        preparation.prepare(Pixels(rows), arrays, found)
        return found

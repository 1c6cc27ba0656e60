"""Images that are distorted anew in every epoch: as the user asks for it, and as `windows.py` reads them."""

import math
from dataclasses import asdict, dataclass

import numpy as np

from neurone import options
from neurone.engine.mapped import MappedRows
from neurone.engine.threads import team
from neurone.errors import InputError
from neurone.kernels import distortion, jit
from neurone.kernels.arguments import Distortion as Arrays
from neurone.kernels.arguments import Pixels, Span
from neurone.kernels.simd import REGISTER_BYTES

# A Gaussian is cut off at three deviations, where it is below a hundredth of its height.
_DEVIATIONS = 3
# Pixels and deviations, so that places stay finite and lines short.
_MOST = 1e6
_WIDEST = 1000.0
NARROWEST = 1e-3  # pixels of a Gaussian; below 1e-22 its exponents would be 0 / 0 in 32 bits


@dataclass(frozen=True)
class Distortion:
    """How each image is distorted in each epoch, by chance, for `neurone.fit` (Simard, Steinkraus and Platt, 2003).

    Each of the first four is a limit: the number itself is uniform between it and its negative. The defaults suit
    digits of 28 x 28 pixels. With 0, a distortion is left out.

    Parameters
    ----------
    rotation : float, default 12.0
        In degrees, up to 180.
    scale : float, default 0.12
        Of the height, and of the width, apart from each other: 0.12 is from 12 % smaller to 12 % larger. Below 1.
    shear : float, default 0.12
        Slant: how far a line moves sideways for each line that it is above or below the middle.
    shift : float, default 1.0
        Up or down, and to a side, in pixels.
    elastic : float, default 34.0
        Of the elastic distortion: each pixel is moved by this many pixels times a mean of random numbers between -1 and
        1 around it.
    width : float, default 5.0
        The mean's weights are a Gaussian of this deviation, in pixels.
    shape : (int, int), optional
        Rows and columns of an image, where samples come as plain rows of pixels.

    Examples
    --------
    >>> Distortion(rotation=8.0, elastic=0.0).checked().rotation
    8.0
    """

    rotation: float = 12.0
    scale: float = 0.12
    shear: float = 0.12
    shift: float = 1.0
    elastic: float = 34.0
    width: float = 5.0
    shape: tuple | None = None

    def checked(self):
        """The same as plain numbers; raises `InputError` for what makes no sense."""
        numbers = {name: value for name, value in asdict(self).items() if name != "shape"}
        for name, most in (
            ("rotation", 180.0), ("scale", 1.0), ("shear", _MOST), ("shift", _MOST), ("elastic", _MOST),
            ("width", _WIDEST),
        ):  # fmt: skip
            numbers[name] = options.not_negative(name, numbers[name])
            if numbers[name] > most or (name == "scale" and numbers[name] == most):
                below = "below " * (name == "scale")
                raise InputError(f"{name} is {numbers[name]}; give a number from 0 to {below}{most:g}")
        if numbers["elastic"] and numbers["width"] < NARROWEST:
            raise InputError(
                f"width is {numbers['width']:g}, and the random field of the elastic distortion needs {NARROWEST:g} "
                "pixels or more"
            )
        shape = self.shape
        if shape is not None:
            if not isinstance(shape, tuple | list) or len(shape) != 2:
                raise InputError(f"shape is {options.described(shape)}; give (rows, columns)")
            shape = tuple(options.integer("shape", size) for size in shape)
        return Distortion(**numbers, shape=shape)

    def for_images(self, shape, inputs):
        """The same for images of this shape, (rows, columns) or (pixels,), and a network of so many inputs."""
        shape = tuple(shape) if len(shape) > 1 else self.shape or tuple(shape)
        if len(shape) != 2:
            raise InputError(
                f"images have shape (P, {', '.join(map(str, shape))}), and distortions need rows and columns; give "
                "(P, rows, columns), or Distortion(shape=(rows, columns))"
            )
        if self.shape is not None and self.shape != shape:
            raise InputError(f"shape is {self.shape}, and the images' is {shape}; leave it out, or give other images")
        if math.prod(shape) != inputs:  # the kernel would write past its arrays
            raise InputError(
                f"shape is {shape}, and the network has {inputs} inputs; give the images' rows and columns"
            )
        return Distortion(**asdict(self) | {"shape": shape})

    def arrays(self, seed):
        """The kernels' structure, for one thread."""
        limits = np.array([math.radians(self.rotation), self.scale, self.shear, self.shift], np.float32)
        arrays = arrays_for(self.shape, self.width if self.elastic else 0.0)
        return Arrays(np.uint64(seed), limits, np.float32(self.elastic), *arrays)


def arrays_for(shape, deviation):
    """weights, noise, halfway, field, page and matrix, as the kernels take them, for images of a shape."""
    real, (rows, columns) = np.float32, shape
    lanes = len(distortion.BLOCK) * REGISTER_BYTES // np.dtype(real).itemsize
    reach = math.ceil(_DEVIATIONS * deviation)
    weights, wide = np.ones(2 * reach + 1, real), -(-columns // lanes) * lanes
    if reach:
        distortion.gaussian(real(deviation), weights)
    sizes = (rows, 2, wide + 2 * reach), (rows, 2, wide), (rows, 2, wide), (rows + 3, columns + 3), (2, 3)
    return weights, *(np.zeros(size, real) for size in sizes)


class Distorted:
    """What `Windows` reads: distorted images, each made anew for every epoch.

    Parameters
    ----------
    rows : ndarray or MappedRows
    seed : int
    distortion : Distortion
        For images of its `shape`.
    """

    def __init__(self, rows, seed, distortion):
        self._rows, self._seed, self._distortion, self._hows = rows, seed, distortion, []

    def read(self, samples, epoch, threads):
        rows, places = self._rows, samples
        if isinstance(rows, MappedRows):
            rows, places = rows.read(samples), np.arange(len(samples))
        found = np.empty((len(samples), rows.shape[1]), rows.dtype)
        borders = [len(samples) * member // threads for member in range(threads + 1)]
        while len(self._hows) < threads:
            self._hows.append(self._distortion.arrays(self._seed))

        def work(member):
            begin, end = borders[member : member + 2]
            share = Span(samples, begin, end, epoch, places)
            distortion.distort(Pixels(rows), share, self._hows[member], found[begin:end])

        team(work, threads, np.zeros((1 + threads, 16), np.int64))
        return found

    def compile(self):
        nothing, rows = Span(np.arange(0), 0, 0, 0, np.arange(0)), self._rows[:1]
        jit.prepare(distortion.distort, Pixels(rows), nothing, self._distortion.arrays(self._seed), rows[:0].copy())

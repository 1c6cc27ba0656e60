"""Images that are distorted anew in every epoch, as the user asks for it, and as the learners get them: a window of the
epoch at a time, while they train on the one before."""

import math
from dataclasses import asdict, dataclass

import numpy as np

from neurone import options
from neurone.engine.threads import team
from neurone.errors import InputError
from neurone.kernels import distortion, jit
from neurone.kernels.arguments import Distortion as Arrays
from neurone.kernels.arguments import Pixels, Span
from neurone.kernels.simd import REGISTER_BYTES
from neurone.system import cores

# Samples of a window: enough to make beginning a thread worth it, few enough that the first window of an epoch, which
# nothing is trained on meanwhile, takes some 20 ms.
WINDOW = 2048
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


class Unchanged:
    """The samples of every call, which are the same ones."""

    def __init__(self, samples):
        self.samples = samples

    def limit(self, _):
        """Where a call that begins at a place of the order must end."""
        return np.inf

    def take(self, span, _):
        """The samples of a span; `span.rows` tells where their images stand."""
        return self.samples

    def ahead(self, _, __):
        """What another thread may do while this span is trained on, or None."""

    def compile(self):
        pass


class Distorted:
    """The samples of a window of the epoch, distorted.

    Parameters
    ----------
    problem : Problem
    cut : callable
        Makes the kernels' `Samples` of rows.
    """

    def __init__(self, problem, cut):
        self._rows, self._cut, self._distortion = problem.rows, cut, problem.distortion
        self._seed, self._places = problem.seed, np.arange(len(problem.rows)) % WINDOW
        self._hows, self._now, self._next = [], (None, None), (None, None)
        self.samples = cut(self._rows[:1])  # for the types

    def limit(self, first):
        return first - first % WINDOW + WINDOW

    def take(self, span, threads):
        """The samples of a span, which lies in one window; up to `threads` threads make it, if nobody has."""
        place = self._place(span)
        if self._now[0] != place:
            ready = self._next if self._next[0] == place else (place, self._make(span, place, threads))
            self._now, self._next = ready, (None, None)
        span.rows = self._places
        return self._now[1]

    def ahead(self, span, busy):
        """What another thread may do while `busy` ones train on this span: make the next window of the epoch."""
        epoch, window = self._place(span)
        if busy >= cores() or self._next[0] is not None or (window + 1) * WINDOW >= len(self._rows):
            return None

        def make():
            place = epoch, window + 1
            self._next = place, self._make(span, place, 1)

        return make

    def compile(self):
        nothing = Span(np.arange(0), 0, 0, 0, np.arange(0))
        jit.prepare(distortion.distort, Pixels(self._rows), nothing, self._arrays(0), self._rows[:0].copy())

    def _place(self, span):
        return span.epoch, span.first // WINDOW

    def _arrays(self, number):
        while len(self._hows) <= number:
            self._hows.append(self._distortion.arrays(self._seed))
        return self._hows[number]

    def _make(self, span, place, threads):
        epoch, window = place
        first, last = window * WINDOW, min((window + 1) * WINDOW, len(self._rows))
        found = np.empty((last - first, self._rows.shape[1]), self._rows.dtype)
        borders = [first + (last - first) * member // threads for member in range(threads + 1)]
        hows = [self._arrays(member) for member in range(threads)]

        def work(member):
            begin, end = borders[member : member + 2]
            share = Span(span.order, begin, end, epoch, span.order)
            distortion.distort(Pixels(self._rows), share, hows[member], found[begin - first : end - first])

        team(work, threads, np.zeros((1 + threads, 16), np.int64))
        return self._cut(found)

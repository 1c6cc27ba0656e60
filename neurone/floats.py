"""The thread's floating-point state: the arithmetic needs subnormal numbers and rounding to nearest.

Another package may have changed it: `torch.set_flush_denormal(True)`, or a library compiled with `-ffast-math`, which
does so as it is loaded. Networks would train to other bits, without a word.
"""

import ctypes
import functools
import sys
from contextlib import contextmanager

from neurone.errors import NeuroneError

_SMALLEST_NORMAL, _HALF, _ONE, _LITTLE = sys.float_info.min, 0.5, 1.0, 1e-300


def are_exact():
    """Whether this thread keeps subnormal numbers and rounds to nearest, in either width."""
    return _SMALLEST_NORMAL * _HALF > 0 and _ONE + _LITTLE == _ONE == _ONE - _LITTLE and -_ONE - _LITTLE == -_ONE


def exactly(function):
    """`function`, computing as the specification says whatever its thread's state; threads begun in it do too.

    >>> exactly(are_exact)()
    True
    """

    @functools.wraps(function)
    def call(*args, **kwargs):
        if are_exact():
            return function(*args, **kwargs)
        with _default_state():
            return function(*args, **kwargs)

    return call


@contextmanager
def _default_state():
    """The state that a program starts with, within the block."""
    try:
        library, before = ctypes.CDLL(None), ctypes.create_string_buffer(256)  # more than any system's fenv_t
        library.fegetenv(before)
        library.fesetenv(_default(library))
    except (AttributeError, TypeError):  # no such library on Windows
        pass
    if not are_exact():
        raise NeuroneError(
            "this thread's processor flushes subnormal numbers to 0, or does not round to nearest: a package has "
            "switched that on; switch it off, as by torch.set_flush_denormal(False)"
        )
    try:
        yield
    finally:
        library.fesetenv(before)


def _default(library):
    """C's FE_DFL_ENV."""
    if sys.platform == "darwin":
        return ctypes.byref(ctypes.c_char.in_dll(library, "_FE_DFL_ENV"))
    return ctypes.c_void_p(-1)

"""The compiled loops. `kernel` compiles one; `step`, one that only others call; `inlined`, a short one; `view`, a part
of an array.

Numba's own cache looks at the file of the function alone: edit `exp` in `elementary.py` and a caller in
`notes.py` would go on running the old one, with wrong bits. So the cache lies in a folder named by a hash
of every file here and of `constants.py`, whose codes are compiled in (`tests/test_cache.py`).
"""

import hashlib
import os
import time
import warnings
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from numba import config, njit
from numba.core import event
from numba.core.registry import CPUDispatcher

from neurone import constants
from neurone.files import user_cache


def _cache_folder():
    """A folder for the compiled kernels that only this user can write to, or None with a warning."""
    digest = hashlib.sha256()
    for source in [*sorted(Path(__file__).parent.glob("*.py")), Path(constants.__file__)]:
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    folder = user_cache() / f"kernels-{digest.hexdigest()[:16]}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        # Compiled kernels are read back as pickles: whoever can write here can run code as this user.
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            raise PermissionError(f"{folder} can be written by other users")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"{folder} cannot be written")
    except OSError as error:
        warnings.warn(f"kernels are compiled anew in every process: no cache folder ({error})", stacklevel=2)
        return None
    return str(folder)


_FOLDER = _cache_folder()


class _Clock(event.Listener):
    """Seconds spent compiling, by this process: steps within their kernels counted once."""

    def __init__(self):
        self.seconds, self._depth, self._begin = 0.0, 0, 0.0

    @property
    def active(self):
        return self._depth > 0

    def on_start(self, _):
        if self._depth == 0:
            self._begin = time.perf_counter()
        self._depth += 1

    def on_end(self, _):
        self._depth -= 1
        if self._depth == 0:
            self.seconds += time.perf_counter() - self._begin


compiling = _Clock()
event.register("numba:compile", compiling)


def kernel(function):
    """Compile `function` with Numba: no Python objects, no exceptions, the interpreter's lock released."""
    saved = config.CACHE_DIR
    try:
        if _FOLDER is not None:
            config.CACHE_DIR = _FOLDER
        dispatcher = njit(cache=_FOLDER is not None, error_model="numpy", nogil=True, _nrt=False)(function)
    finally:
        config.CACHE_DIR = saved
    if _FOLDER is not None:
        _forgive(dispatcher._cache)
    return dispatcher


class _Step(CPUDispatcher):
    def __call__(self, *arguments):
        raise TypeError(f"{self.py_func.__name__} is a step of other kernels; only they can call it")


def step(function, inline=False):
    """Compile `function`, which only kernels call: nothing is made for Python to call, and nothing kept on disk.

    That took a quarter of the time to compile. To call one from Python would end the process, so it is refused.
    """
    dispatcher = njit(
        error_model="numpy", nogil=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=inline
    )(function)  # fmt: skip
    dispatcher.__class__ = _Step
    return dispatcher


def inlined(function):
    """As `step`, written out where it is called, once, for every sample: to hand over thirty arguments takes as long as
    some of them, 3 % of an epoch. All steps so took a tenth longer to compile, and were no faster."""
    return step(function, inline=True)


def view(function):
    """Write `function`, which returns a part of an array, out where a kernel calls it.

    Kernels do not count an array's users (`_nrt`): they allocate none, and each count is a locked instruction, which
    took a tenth of the time. So an array cannot be returned.
    """
    return njit(error_model="numpy", inline="always")(function)


def _forgive(cache):
    """Make a damaged cache, or one on a full disk, a warning and a compilation: Numba would raise."""
    load, save = cache.load_overload, cache.save_overload

    def load_or_compile(*arguments):
        try:
            return load(*arguments)
        except Exception as error:  # what was cut short is unpickled: that can raise anything
            _warn_once(f"a compiled kernel in {_FOLDER} is damaged and made anew ({error!r})")
            with suppress(OSError):
                cache.flush()
            return None

    def save_if_possible(*arguments):
        try:
            save(*arguments)
        except OSError as error:
            _warn_once(f"compiled kernels cannot be kept in {_FOLDER} ({error})")

    cache.load_overload, cache.save_overload = load_or_compile, save_if_possible


@lru_cache
def _warn_once(message):
    warnings.warn(message, stacklevel=2)

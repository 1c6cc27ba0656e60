"""Where compiled kernels are kept: a folder of this user's, named by a hash of all their sources.

Numba's own cache looks at the file of the function alone: edit `exp` in `elementary.py` and a caller in `notes.py`
would go on running the old one, with wrong bits. So the folder's name is a hash of every file here and of
`constants.py`, whose codes are compiled in (`tests/test_cache.py`).
"""

import hashlib
import os
import warnings
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

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


FOLDER = _cache_folder()


def forgive(cache):
    """Make a damaged cache, or one on a full disk, a warning and a compilation: Numba would raise."""
    load, save = cache.load_overload, cache.save_overload

    def load_or_compile(*arguments):
        try:
            return load(*arguments)
        except Exception as error:  # what was cut short is unpickled: that can raise anything
            _warn_once(f"a compiled kernel in {FOLDER} is damaged and made anew ({error!r})")
            with suppress(OSError):
                cache.flush()
            return None

    def save_if_possible(*arguments):
        try:
            save(*arguments)
        except OSError as error:
            _warn_once(f"compiled kernels cannot be kept in {FOLDER} ({error})")

    cache.load_overload, cache.save_overload = load_or_compile, save_if_possible


@lru_cache
def _warn_once(message):
    warnings.warn(message, stacklevel=2)

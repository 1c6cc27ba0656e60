"""The compiled loops. `kernel` is the one way to compile one.

Numba's own cache looks at the file of the function alone: edit `exp` in `elementary.py` and a caller in
`notes.py` would go on running the old one, with wrong bits. So the cache lies in a folder named by a hash
of every file here and of `constants.py`, whose codes are compiled in (`tests/test_cache.py`).
"""

import hashlib
import os
import warnings
from pathlib import Path

from numba import config, njit

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


def kernel(function):
    """Compile `function` with Numba: no Python objects, no exceptions, the interpreter's lock released."""
    saved = config.CACHE_DIR
    try:
        if _FOLDER is not None:
            config.CACHE_DIR = _FOLDER
        return njit(cache=_FOLDER is not None, error_model="numpy", nogil=True)(function)
    finally:
        config.CACHE_DIR = saved

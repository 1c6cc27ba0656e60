"""Where compiled kernels are kept: a folder of this user's, named by a hash of all their sources.

Numba's own cache looks at the file of the function alone: edit `exp` in `elementary.py` and a caller in `notes.py`
would go on running the old one, with wrong bits. So the folder's name is a hash of every file here and of
`constants.py`, whose codes are compiled in (`tests/test_cache.py`).

Numba also lists a function's entries in an index, which two processes that compile two kinds of one kernel would both
read and both replace: an entry would be lost, or two would share a file. Here an entry is a file of its own, named by
a hash of what it was compiled for.
"""

import hashlib
import os
import pickle
import sys
import time
import warnings
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import numba
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from neurone import constants, system
from neurone.files import lock_of, replacing, user_cache

# Seconds to wait for another process to compile a kernel, several times what it takes. One that takes longer may have
# been stopped by Ctrl-Z.
_PATIENCE = 60


def _cache_folder():
    """A folder for the compiled kernels that only this user can write to, or None with a warning."""
    digest = hashlib.sha256()
    for source in [*sorted(Path(__file__).parent.glob("*.py")), Path(constants.__file__)]:
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    folder = user_cache().absolute() / f"kernels-{digest.hexdigest()[:16]}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        # Compiled kernels are read back as pickles: whoever can write here can run code as this user.
        if status.st_uid != system.user_id() or status.st_mode & 0o022:
            raise PermissionError(f"{folder} can be written by other users")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"{folder} cannot be written")
    except OSError as error:
        warnings.warn(f"kernels are compiled anew in every process: no cache folder ({error})", stacklevel=2)
        return None
    return folder


FOLDER = _cache_folder()


class Entries(NullCache):
    """What `FOLDER` has of one kernel: an entry for each signature, that is a tuple of Numba's types.

    `context` is Numba's target context. A damaged entry, or a full disk, is a warning and a compilation.
    """

    def __init__(self, function):
        self._function = f"{function.__module__}.{function.__qualname__}"

    def load_overload(self, signature, context):
        """The kernel compiled for `signature`, or None.

        Numba's own cache gets ready to compile first (`context.refresh`), which takes 0.2 seconds.
        """
        path, name = self._entry(signature, context)
        try:
            content = path.read_bytes()
            if content[:32] != _checksum(name, content[32:]):
                raise ValueError("its checksum is wrong")
            return CompileResult._rebuild(context, *pickle.loads(content[32:]))
        except FileNotFoundError:
            return None
        except Exception as error:  # what Numba unpickles and links can raise anything
            _warn_once(f"a compiled kernel in {FOLDER} is damaged and made anew ({error!r})")
            with suppress(OSError):
                path.unlink()
            return None

    def save_overload(self, signature, result):
        """Keep a kernel, unless addresses of this process are compiled in."""
        if result.library.has_dynamic_globals:
            return
        path, name = self._entry(signature, result.target_context)
        payload = dumps(result._reduce())
        try:
            with replacing(path) as file:
                file.write(_checksum(name, payload) + payload)
        except OSError as error:
            _warn_once(f"compiled kernels cannot be kept in {FOLDER} ({error.strerror})")

    @contextmanager
    def claimed(self, signature, context, pause):
        """Claim a kernel, to compile it: another who claims it waits, calling `pause` between looks.

        The system ends a claim with its process. Where nothing can be locked, everyone compiles alone.
        """
        path, _ = self._entry(signature, context)
        with ExitStack() as stack:
            with suppress(OSError):
                # Never removed: another could wait for a lock on a file that has no name any more.
                file = stack.enter_context(open(lock_of(path), "ab"))
                until = time.monotonic() + _PATIENCE
                while not system.lock(file) and time.monotonic() < until:
                    pause()
            yield

    def _entry(self, signature, context):
        """The path of an entry, and all that it depends on but for the sources."""
        name = repr((
            self._function, str(signature), context.codegen().magic_tuple(),
            numba.__version__, sys.implementation.cache_tag,
        ))  # fmt: skip
        digest = hashlib.sha256(name.encode()).hexdigest()[:32]
        return FOLDER / f"{self._function.removeprefix('neurone.kernels.')}-{digest}.nbc", name


def _checksum(name, payload):
    """Of an entry's name too: in the place of another it is damaged."""
    return hashlib.sha256(name.encode() + payload).digest()


@lru_cache
def _warn_once(message):
    warnings.warn(message, stacklevel=2)

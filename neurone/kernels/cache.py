"""Where compiled kernels are kept: a folder of this user's, named by a hash of all their sources.

Numba's own cache looks at the file of the function alone: edit `exp` in `elementary.py` and a caller in `notes.py`
would go on running the old one, with wrong bits. So the folder's name is a hash of every module here and of
`constants.py` and `system.py`, whose numbers are compiled in (`tests/test_cache.py`).

Numba also lists a function's entries in an index, which two processes that compile two kinds of one kernel would both
read and both replace: an entry would be lost, or two would share a file. Here an entry is a file of its own, named by
a hash of what it was compiled for.
"""

import hashlib
import os
import pickle
import pkgutil
import sys
import time
import warnings
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from importlib.util import find_spec
from types import CodeType

import numba
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from neurone import constants, system
from neurone.errors import InputError
from neurone.files import lock_of, replacing
from neurone.usercache import check_private, make, read_private, user_cache

# Seconds to wait for another process to compile a kernel, several times what it takes. One that takes longer may have
# been stopped by Ctrl-Z.
_PATIENCE = 60


def _cache_folder():
    """A folder for the compiled kernels that only this user can write to, or None with a warning."""
    digest = hashlib.sha256()
    try:
        for name, content in _sources():
            digest.update(f"{name} {len(content)} ".encode() + content)
        folder = user_cache(private=True) / f"kernels-{digest.hexdigest()[:16]}"
        make(folder)
        check_private(folder)
    except Exception as error:  # a loader that is not Python's own can raise anything
        warnings.warn(f"kernels are compiled anew in every process: no cache folder ({error})", stacklevel=2)
        return None
    return folder


def _sources():
    """The name and the content of every module that is compiled, or whose numbers are compiled in."""
    kernels = "neurone.kernels"
    below = [f"{kernels}.{each.name}" for each in pkgutil.iter_modules(sys.modules[kernels].__path__)]
    for name in [constants.__name__, system.__name__, kernels, *sorted(below)]:
        spec = find_spec(name)
        try:
            yield name, spec.loader.get_data(spec.origin)  # of a folder or a zip archive; the source, or what it became
        except (AttributeError, OSError):  # a frozen program has only the latter, and not as a file
            yield name, repr(_parts(spec.loader.get_code(name))).encode()


def _parts(code):
    """All that decides what a code object does, but not where its file lies."""
    if isinstance(code, frozenset):
        return sorted(map(repr, code))
    if not isinstance(code, CodeType):
        return code
    numbers = code.co_flags, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
    names = code.co_name, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return numbers, names, code.co_code, code.co_exceptiontable, [_parts(each) for each in code.co_consts]


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
        if not _is_private():
            return None
        try:
            content = read_private(path)
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
        if result.library.has_dynamic_globals or not _is_private():
            return
        path, name = self._entry(signature, result.target_context)
        payload = dumps(result._reduce())
        try:
            with replacing(path) as file:
                system.for_this_user_alone(file)
                file.write(_checksum(name, payload) + payload)
        except (OSError, InputError) as error:  # the latter where something else, or another's, is in the way
            _warn_not_kept(error)

    @contextmanager
    def claimed(self, signature, context, pause):
        """Claim a kernel, to compile it: another who claims it waits, calling `pause` between looks.

        The system ends a claim with its process. Where nothing can be locked, everyone compiles alone.
        """
        path, _ = self._entry(signature, context)
        with ExitStack() as stack:
            with suppress(OSError):
                # Never removed: another could wait for a lock on a file that has no name any more.
                number = system.open_plainly(lock_of(path), os.O_RDWR | os.O_CREAT, 0o600)
                file = stack.enter_context(open(number, "rb+", 0))
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


def _is_private():
    """Whether `FOLDER` is still safe from others: permissions can change after it was made."""
    try:
        check_private(FOLDER)
    except OSError as error:
        _warn_not_kept(error)
        return False
    return True


def _warn_not_kept(error):
    _warn_once(f"compiled kernels cannot be kept in {FOLDER} ({getattr(error, 'strerror', None) or error})")


@lru_cache
def _warn_once(message):
    warnings.warn(message, stacklevel=2)

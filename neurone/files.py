"""Files that are at any moment the whole old one or the whole new one."""

import errno
import os
import re
import secrets
import stat
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from neurone import system
from neurone.errors import InputError

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def shown(path):
    """`path` as messages print it: on one line and without control characters, whatever the file's name."""
    text = str(path)
    return text if text and text.isprintable() else repr(text)


def refusal(path, what):
    """An `InputError` about `path`, for the caller to raise."""
    return InputError(f"{shown(path)}: {what}")


def _stat(path):
    try:
        return os.stat(path)
    except ValueError as error:  # a zero byte, or what the system's encoding does not have
        raise refusal(path, f"is no name of a file ({error}); name another") from None


class Target:
    """The file to write that a path leads to. Links are followed here, once: one that is turned later changes nothing.

    Given to `replacing` or `locked` in place of the path, it holds for a whole run. Messages name it as it was given.

    Raises
    ------
    InputError
        If there is something that is not to be replaced: anything but a regular file (renaming over /dev/null would
        remove it), or the file into which this process prints.
    """

    def __init__(self, path):
        self._given = os.fsdecode(path)
        try:
            status = _stat(self._given)
        except FileNotFoundError:
            status = None
        self.path = Path(os.path.realpath(self._given))
        if os.path.basename(self._given) in ("", os.curdir, os.pardir) or os.path.isdir(self._given):
            raise refusal(path, "is a folder where a file was expected; name a file in it")
        if status is None:
            return
        # A link of /proc/self/fd leads to a file even where its text names none.
        if not stat.S_ISREG(status.st_mode) or not self.path.exists() or not self.path.samefile(self._given):
            raise refusal(path, "is not a regular file; name another")
        for number in (1, 2):
            with suppress(OSError):  # closed
                if os.path.samestat(status, os.fstat(number)):
                    raise refusal(path, "is where standard output or standard error goes; name another file")

    def __fspath__(self):
        return str(self.path)

    def __str__(self):
        return self._given

    def check(self):
        """Refuse what has come to the file's place meanwhile; a link there is replaced, not followed."""
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(mode := self.path.lstat().st_mode) and not stat.S_ISLNK(mode):
                raise refusal(self, "is not a regular file any more; name another")


def _writable(path):
    """A new `Target`, refused if there is a read-only file."""
    target = Target(path)
    if target.path.exists() and not os.access(target, os.W_OK):
        raise refusal(path, "is read-only; name another file, or make it writable")
    return target


@contextmanager
def reading(path):
    """`path` open for reading bytes; any error of the system, then or later, becomes an `InputError`."""
    try:
        mode = _stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise refusal(path, "is a folder where a file was expected; name the file itself")
        if not stat.S_ISREG(mode):  # opening a pipe would wait for ever
            raise refusal(path, "is not a regular file; copy its content to one")
        with open(path, "rb") as file:
            yield file
    except OSError as error:
        raise refusal(path, f"cannot be read ({error.strerror or error}); check its name and permissions") from error


def _temporary(target):
    """A new file beside `target`, open for writing bytes and locked as long as it is; and its path.

    The lock tells the files of running processes from those that killed ones have left, which are removed here. Without
    locks in the file system, both stay.
    """
    beside = re.compile(re.escape(f".{target.name}.") + r"[0-9a-f]{16}\.tmp")
    with suppress(OSError):
        for name in filter(beside.fullmatch, os.listdir(target.parent)):
            with suppress(OSError):
                system.remove_abandoned(target.with_name(name))
    while True:
        path = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
        file, mine = open(path, "xb"), True
        with suppress(OSError):
            mine = system.lock(file)
        if mine and os.fstat(file.fileno()).st_nlink:  # else another process found it before it was locked
            return file, path
        file.close()


@contextmanager
def replacing(path):
    """Open a file for writing bytes that takes the place of `path` when the block ends without an error.

    The bytes are on the disk before the name is: written, flushed, synced, renamed, the folder synced.
    Permissions are as the umask says, which `tempfile` would narrow. A link's target is replaced, and nothing but a
    regular file: see `Target`.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "notes.txt"
    >>> with replacing(path) as file:
    ...     _ = file.write(b"X_0 = 1")
    >>> path.read_bytes()
    b'X_0 = 1'
    """
    target = path if isinstance(path, Target) else _writable(path)
    try:
        file, temporary = _temporary(target.path)
        try:
            with file:
                yield file
                file.flush()
                system.sync(file)
                target.check()
                system.put_in_place(file, target.path)
        except BaseException:  # Ctrl-C too leaves nothing behind
            temporary.unlink(missing_ok=True)
            raise
        system.sync_folder(target.path.parent)
    except OSError as error:
        # A full disk's names no file, others the temporary one, which nobody knows.
        if error.errno in _DISK_ERRORS or f".{target.path.name}." in str(error.filename):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def lock_of(path):
    """The file that is locked in place of `path`, since `path` itself is replaced again and again."""
    target = path.path if isinstance(path, Target) else Path(os.path.realpath(path))
    return target.with_name(f".{target.name}.lock")


@contextmanager
def locked(path):
    """Hold `path` alone: other processes are refused, and the lock ends with this one.

    Gives a function to call before each write: it refuses when the lock's file has been removed, since another process
    may then hold `path` too.
    """
    beside = lock_of(path)
    try:
        file = _lock(beside)
    except OSError as error:
        raise refusal(path, f"cannot be locked by {shown(beside)} ({error.strerror}); name a file elsewhere") from None
    if file is None:
        raise refusal(path, "is in use by another training; wait for its end, or name another file")

    def check():
        if not _is(file, beside):
            raise refusal(path, f"is not held alone any more: {shown(beside)} was removed; train once at a time")

    with file:
        try:
            yield check
        finally:
            if _is(file, beside):
                system.remove(file, beside)


def _lock(path):
    """Open and lock the file `path`, which is made if there is none; None where another process holds it."""
    while True:
        # Opening a pipe of that name would wait, and a link could point to anything.
        with ExitStack() as stack:
            file = stack.enter_context(open(system.open_plainly(path, os.O_RDWR | os.O_CREAT), "rb+", 0))
            try:
                if not system.lock(file):
                    return None
            except BaseException:  # the file system has no locks: nobody holds it
                with suppress(OSError):
                    system.remove(file, path)
                raise
            if _is(file, path):
                stack.pop_all()
                return file
            # Else its holder removed it as it ended.


def _is(file, path):
    return os.path.exists(path) and os.path.samestat(os.fstat(file.fileno()), os.stat(path))


def check_writable(name, path):
    """The `Target` of `path`, the value of option `name`; refused if it cannot be written: before hours of training.

    Leaves nothing behind.
    """
    try:
        target = _writable(path)
        file, temporary = _temporary(target.path)
        system.remove(file, temporary)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except OSError as error:
        raise InputError(
            f"{name}: {shown(path)} cannot be written ({error.strerror}); name a file in a writable folder"
        ) from None
    return target

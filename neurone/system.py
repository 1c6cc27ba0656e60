"""All that differs between Linux, macOS and Windows, behind one face.

Python has no `fcntl` on Windows, no users' numbers and no flags against links and pipes. There a file cannot be renamed
or removed while it is open, a folder cannot be opened, and what is locked in a file, nobody else can read.
"""

import ctypes
import errno
import os
import sys
import time
from contextlib import suppress

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
try:
    import msvcrt
except ImportError:
    msvcrt = None

# The byte that stands for a whole file on Windows: far behind the content, which others may read.
_LOCKED = 0x7FFFFFF0
# Seconds after which nobody on Windows is still about to rename a file that he has closed.
_ABANDONED = 600


# The number of the core that the calling thread is on. Only Linux tells.
current_core = getattr(ctypes.CDLL(None), "sched_getcpu", None) if hasattr(os, "sched_setaffinity") else None


def cores():
    """How many cores this process may use, by its affinity."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def sleeping():
    """The address of a C function that sleeps, and what to call it with: 10 microseconds, or on Windows a millisecond.

    >>> address, nap = sleeping()
    >>> ctypes.CFUNCTYPE(None, ctypes.c_uint32)(address)(nap)
    """
    if sys.platform == "win32":
        function, nap = ctypes.windll.kernel32.Sleep, 1
    else:
        function, nap = ctypes.CDLL(None).usleep, 10
    return ctypes.cast(function, ctypes.c_void_p).value, nap


def user_id():
    """The number of the user as whom this process makes files; None on Windows."""
    return os.geteuid() if hasattr(os, "geteuid") else None


def open_plainly(path, flags, mode=0o666):
    """`os.open` for bytes, which follows no link at the end of `path` and waits for no pipe."""
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)
    return os.open(path, flags, mode)


def lock(file):
    """Lock an open file for as long as it is open: False where another process, or another opening of it, has.

    The system ends a lock with its process. `OSError` where the file system has no locks.
    """
    if fcntl:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
    if not msvcrt:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    number = file.fileno()
    before = os.lseek(number, 0, os.SEEK_CUR)
    try:
        os.lseek(number, _LOCKED, os.SEEK_SET)
        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
    except PermissionError:
        return False
    finally:
        os.lseek(number, before, os.SEEK_SET)
    return True


def for_this_user_alone(file):
    """Let nobody else read or write the open file, whatever the umask."""
    if hasattr(os, "fchmod"):
        os.fchmod(file.fileno(), 0o600)


def sync(file):
    """Return when the open file, flushed, is on the disk. On macOS `os.fsync` leaves it in the disk's own memory."""
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        with suppress(OSError):  # not every file system has it
            fcntl.fcntl(file, full)
            return
    os.fsync(file.fileno())


def sync_folder(path):
    """Return when the names in a folder are on the disk, where the system can be asked for that."""
    if not fcntl:
        return
    try:
        folder = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder that may be written, but not listed
        return
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # a file system that cannot
            raise
    finally:
        os.close(folder)


def put_in_place(file, path):
    """Give the open file `file`, written and synced, the name `path`, and with it the place of what was there.

    It keeps its lock until then; but on Windows it is closed first, and another process may have `path` open for a
    moment.
    """
    if not fcntl:
        file.close()
        for pause in (0.01, 0.1, 1):
            with suppress(PermissionError):
                return os.replace(file.name, path)
            time.sleep(pause)
    os.replace(file.name, path)


def remove(file, path):
    """Remove the open file `file`, named `path`, before its lock ends; on Windows, where another may hold it, after."""
    if fcntl:
        os.unlink(path)
    file.close()
    if not fcntl:
        with suppress(FileNotFoundError, PermissionError):
            os.unlink(path)


def remove_abandoned(path):
    """Remove a file that its process held locked and open, if that process has died; else `OSError`, or nothing."""
    if not fcntl:
        if time.time() - os.stat(path).st_mtime > _ABANDONED:
            os.unlink(path)
        return
    with open(open_plainly(path, os.O_RDONLY), "rb", 0) as left:
        if lock(left):
            os.unlink(path)

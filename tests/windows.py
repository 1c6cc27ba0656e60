"""`imitate` makes this process as Windows is, for what is imported after it: without the modules and functions that
Windows does not have, and with the refusals of its files. Only where there is /proc, since they must be told apart."""

import ctypes
import errno
import fcntl
import os
import stat
import subprocess
import sys
import types

# What looks at the system when it is imported, and would be confused.
import numba.np.linalg
import numpy as np
import scipy.linalg

assert np and numba and scipy and subprocess

_real = types.SimpleNamespace(**{
    name: getattr(os, name) for name in ("open", "stat", "lstat", "fstat", "replace", "unlink", "lseek")
})  # fmt: skip


def _is_open(path):
    """Whether this process has the file open."""
    try:
        found = _real.stat(path)
    except OSError:
        return False
    for number in os.listdir("/proc/self/fd"):
        try:
            if os.path.samestat(_real.fstat(int(number)), found):
                return True
        except OSError:
            pass
    return False


def _refusing(function):
    def refuse(*paths, **more):
        for path in paths:
            if _is_open(path):
                raise PermissionError(errno.EACCES, "The process cannot access the file", str(path))
        return function(*paths, **more)

    return refuse


def _open(path, flags, *more, **others):
    if os.path.isdir(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))
    return _real.open(path, flags, *more, **others)


def _without_rights(function):
    """No user's number, and mode bits that tell nothing."""

    def status(*arguments, **more):
        found = list(function(*arguments, **more))
        found[0] = stat.S_IFMT(found[0]) | (0o777 if stat.S_ISDIR(found[0]) else 0o666)
        found[4] = found[5] = 0
        return os.stat_result(found)

    return status


def _locking(number, mode, count):
    """A region of a file, which nobody else may read. Only one far behind the content is harmless."""
    assert (mode, count) == (2, 1) and _real.lseek(number, 0, os.SEEK_CUR) > 1 << 30
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PermissionError(errno.EACCES, "Permission denied") from None


def _cdll(name, *more, load=ctypes.CDLL):
    if name is None:
        raise TypeError("argument of type 'NoneType' is not iterable")
    return load(name, *more)


def imitate():
    """From now on, until the process ends."""
    usleep = ctypes.CDLL(None).usleep
    ctypes.CDLL = _cdll
    ctypes.windll = types.SimpleNamespace(kernel32=types.SimpleNamespace(Sleep=usleep))
    sys.modules["fcntl"] = sys.modules["resource"] = sys.modules["pwd"] = sys.modules["grp"] = None
    sys.modules["msvcrt"] = types.SimpleNamespace(locking=_locking, LK_NBLCK=2)
    for name in (
        "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "O_CLOEXEC", "fork", "register_at_fork", "fchmod", "fchown",
        "getuid", "geteuid", "getgid", "getegid", "sched_getaffinity", "sched_setaffinity",
        "sched_yield", "statvfs", "uname",
    ):  # fmt: skip
        delattr(os, name)
    os.O_BINARY = 0
    os.open, os.replace, os.rename = _open, _refusing(os.replace), _refusing(os.rename)
    os.unlink = os.remove = _refusing(os.unlink)
    os.stat, os.lstat, os.fstat = map(_without_rights, (os.stat, os.lstat, os.fstat))
    sys.platform = "win32"

"""The user's folder for what can be made again, and what makes one safe to run code from.

Compiled kernels are read back as pickles: whoever can write them runs code as this user. So they are kept, and read,
only where nobody but this user and root can put anything, and none of the folders above can be put in another's place:
the rule by which `ssh` trusts its own files.
"""

import os
import re
import secrets
import stat
import tempfile
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from neurone import system

_OWN = re.compile("neurone-[0-9a-f]{16}")
_WRITTEN_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def user_cache(private=False):
    """Folder for what can be made again: `$NEURONE_CACHE`, else `neurone` in the user's cache folder.

    Where that cannot be written (nor trusted, if it has to be `private`), it is a folder of this user's own among the
    temporary ones; and within `$NEURONE_CACHE`, if that is for all users, as those are.
    """
    named = os.environ.get("NEURONE_CACHE")
    if named:
        folder = _absolute(named)
        return _own(folder) if private and _is_for_all(folder) else folder
    with suppress(RuntimeError, OSError):  # a user without a home, or with one that does not exist
        folder = _absolute(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "neurone")
        make(folder)
        if private:
            check_private(folder)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    return _own(_absolute(tempfile.gettempdir()))


@lru_cache
def _absolute(path):
    """Where a path led to when it was first asked for: the current folder, or a link, may change."""
    return Path(os.path.realpath(path))


def _is_for_all(folder):
    return system.user_id() is not None and folder.is_dir() and bool(folder.stat().st_mode & stat.S_ISVTX)


def _own(shared):
    """This user's folder in `shared`, where others write too.

    Its name is random, so that nobody can be there first; it is found again by its owner and its mode.
    """
    user = system.user_id()
    for name in sorted(filter(_OWN.fullmatch, os.listdir(shared))):
        with suppress(FileNotFoundError):
            status = os.lstat(shared / name)
            mine = stat.S_ISDIR(status.st_mode) and status.st_uid == user and status.st_mode & 0o777 == 0o700
            if mine or user is None:
                return shared / name
    folder = shared / f"neurone-{secrets.token_hex(8)}"
    make(folder)
    return folder


def make(folder):
    """Make a folder, and those above it that are missing, for this user alone, whatever the umask."""
    try:
        try:
            os.mkdir(folder, 0o700)
        except FileNotFoundError:
            if folder.parent == folder:
                raise
            make(folder.parent)
            os.mkdir(folder, 0o700)
    except OSError:  # a file system that cannot be written may say so of a folder that exists, too
        if not folder.is_dir():
            raise
    else:
        if os.lstat(folder).st_mode & 0o700 != 0o700:
            os.chmod(folder, 0o700)


def check_private(folder):
    """Raise `OSError` unless `folder`, an absolute path without links, is safe from other users up to the root.

    Each folder on the way belongs to this user or to root, and others cannot write there, or only, as among the
    temporary ones, add what is their own. On Windows, which grants rights otherwise, the folders of a user are private.
    """
    user = system.user_id()
    if user is None:
        return
    for each in (folder, *folder.parents):
        status = os.lstat(each)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(f"{each} is not a folder")
        if status.st_uid not in (user, 0):
            raise PermissionError(f"{each} belongs to another user")
        if status.st_mode & _WRITTEN_BY_OTHERS and (each == folder or not status.st_mode & stat.S_ISVTX):
            raise PermissionError(f"{each} can be written by other users")


def read_private(path):
    """The bytes of a file in a private folder; `OSError` unless it is a regular one that others cannot write."""
    user = system.user_id()
    with open(system.open_plainly(path, os.O_RDONLY), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise PermissionError("it is not a regular file")
        if user is not None and (status.st_uid not in (user, 0) or status.st_mode & _WRITTEN_BY_OTHERS):
            raise PermissionError("it can be written by other users")
        return file.read()

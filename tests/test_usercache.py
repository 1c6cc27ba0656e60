"""The folder for what can be made again: where it is, and when it is safe to run code from."""

import os
import stat
from pathlib import Path

import pytest

from neurone import usercache
from neurone.usercache import check_private, make, read_private, user_cache

root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files to others")


@pytest.fixture(autouse=True)
def no_cache_named(monkeypatch):
    monkeypatch.delenv("NEURONE_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """The folder for temporary files, where all users can write."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    monkeypatch.setattr(usercache.tempfile, "gettempdir", lambda: str(folder))
    return folder


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def test_it_is_the_named_one_then_that_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert user_cache() == tmp_path / "home" / ".cache" / "neurone"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert user_cache() == tmp_path / "xdg" / "neurone"
    monkeypatch.setenv("NEURONE_CACHE", str(tmp_path / "named"))
    assert user_cache() == tmp_path / "named"


def test_a_relative_one_stays_where_it_was_first(tmp_path, monkeypatch):
    usercache._absolute.cache_clear()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("NEURONE_CACHE", "relative")
    monkeypatch.chdir(tmp_path)
    assert user_cache() == tmp_path / "relative"
    monkeypatch.chdir("elsewhere")
    assert user_cache() == tmp_path / "relative"
    usercache._absolute.cache_clear()


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nowhere", None])
def test_without_a_home_it_is_a_folder_of_a_random_name_that_is_found_again(shared, monkeypatch, home):
    if home is None:
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError))
    else:
        monkeypatch.setenv("HOME", home)
    folder = user_cache(private=True)
    assert folder.parent == shared and usercache._OWN.fullmatch(folder.name) and mode(folder) == 0o700
    assert user_cache(private=True) == user_cache() == folder


def test_a_home_that_others_can_write_is_for_data_only(shared, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    here = tmp_path / "home" / ".cache" / "neurone"
    assert user_cache(private=True) == here
    here.parent.chmod(0o775)
    assert user_cache() == here
    assert user_cache(private=True).parent == shared


def test_in_a_named_folder_that_is_for_all_users_it_is_a_folder_of_its_own(shared, monkeypatch):
    monkeypatch.setenv("NEURONE_CACHE", str(shared))
    assert user_cache() == shared
    folder = user_cache(private=True)
    assert folder.parent == shared and user_cache(private=True) == folder


@root
@pytest.mark.parametrize("trick", ["link", "mode", "owner", "file"])
def test_what_others_have_put_there_is_passed_over(shared, tmp_path, monkeypatch, trick):
    monkeypatch.setenv("HOME", "/dev/null")
    bait = shared / ("neurone-" + "0" * 16)
    if trick == "link":
        (tmp_path / "aim").mkdir(mode=0o700)
        bait.symlink_to(tmp_path / "aim")
    elif trick == "file":
        bait.write_text("")
        bait.chmod(0o700)
    else:
        bait.mkdir(mode=0o700)
        bait.chmod(0o770 if trick == "mode" else 0o700)
        os.chown(bait, 12345 if trick == "owner" else -1, -1)
    folder = user_cache(private=True)
    assert folder.parent == shared and folder != bait and user_cache(private=True) == folder


def test_folders_are_made_for_this_user_alone_whatever_the_umask(tmp_path):
    for umask in (0, 0o777):
        before = os.umask(umask)
        try:
            make(tmp_path / f"{umask}" / "b" / "c")
        finally:
            os.umask(before)
        for each in ("", "b", "b/c"):
            assert mode(tmp_path / f"{umask}" / each) == 0o700
    make(tmp_path)
    assert mode(tmp_path) == 0o700


def test_every_folder_up_to_the_root_is_looked_at(tmp_path):
    inner = tmp_path / "a" / "b" / "c"
    make(inner)
    check_private(inner)
    for folder in (inner, inner.parent, inner.parent.parent):
        for bits in (0o720, 0o702):
            folder.chmod(bits)
            with pytest.raises(PermissionError, match=rf"{folder} can be written by other users"):
                check_private(inner)
        folder.chmod(0o1777)  # others can only add what is theirs
        if folder == inner:
            with pytest.raises(PermissionError):
                check_private(inner)
        else:
            check_private(inner)
        folder.chmod(0o700)
    os.rename(inner.parent, tmp_path / "moved")
    inner.parent.symlink_to(tmp_path / "moved")
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        check_private(inner)


@root
@pytest.mark.parametrize("which", ["a", "a/b"])
def test_nor_may_one_belong_to_another_user(tmp_path, which):
    make(tmp_path / "a" / "b")
    os.chown(tmp_path / which, 12345, 12345)
    with pytest.raises(PermissionError, match=f"{tmp_path / which} belongs to another user"):
        check_private(tmp_path / "a" / "b")


def test_a_file_is_read_if_nobody_else_can_have_written_it(tmp_path):
    path = tmp_path / "entry"
    path.write_bytes(b"bytes")
    path.chmod(0o644)
    assert read_private(path) == b"bytes"
    for bits in (0o664, 0o646):
        path.chmod(bits)
        with pytest.raises(PermissionError, match="can be written"):
            read_private(path)
    path.chmod(0o600)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError):
        read_private(tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PermissionError, match="not a regular file"):
        read_private(tmp_path / "pipe")  # without waiting for a writer
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
        with pytest.raises(PermissionError, match="can be written"):
            read_private(path)

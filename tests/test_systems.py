"""What differs between systems, and the ways in which a Python package is installed: the bits are the same everywhere.

Windows and macOS are imitated (`windows.py`): what they lack is taken away, what they refuse is refused.
"""

import errno
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import neurone
from neurone import system

PACKAGE = Path(neurone.__file__).parent
TESTS = str(Path(__file__).parent)
# The bits of a training, whether anything was compiled for it, and where that is kept. The kernels of batches and of
# threads take three times as long to compile, so only the test of Windows, where threads sleep otherwise, has them.
TRAINS = """
import numpy as np
import neurone
from neurone.kernels import cache
from neurone.kernels.jit import compiling

for batch_size in (1,):
    network = neurone.Network((3, 5, 2))
    neurone.fit(network, np.eye(3), np.array([0, 1, 1]), batch_size=batch_size, epochs=2, threads=2, kernels="notes")
    print(bytes(network.parameters).hex())
print(compiling.seconds > 0)
print(cache.FOLDER)
"""


@pytest.fixture(scope="session")
def right():
    """The bits of TRAINS."""
    bits = []
    for batch_size in (1, 4):
        network = neurone.Network((3, 5, 2))
        neurone.fit(network, np.eye(3), np.array([0, 1, 1]), batch_size=batch_size, epochs=2, kernels="notes")
        bits.append(bytes(network.parameters).hex())
    return bits


def python(code, cache, *options, first=TESTS, user=None, **environment):
    """What a new process says; `first` is where it looks for modules first."""
    path = os.pathsep.join([str(first), *filter(None, sys.path)])
    who = () if user is None else (*AS_ANOTHER, f"--reuid={user}")
    variables = {name: value for name, value in os.environ.items() if name not in ("NEURONE_CACHE", "XDG_CACHE_HOME")}
    variables |= {"PYTHONPATH": path} | ({"NEURONE_CACHE": str(cache)} if cache else {}) | environment
    return subprocess.run(
        [*who, sys.executable, *options, "-c", code],
        capture_output=True, text=True, env=variables, cwd=TESTS, timeout=300,
    )  # fmt: skip


def trained(right, cache, *options, begin="", code=TRAINS, **more):
    """Whether TRAINS, which gives the right bits and complains of nothing, compiled; and where its cache is."""
    done = python(begin + code, cache, *options, **more)
    assert done.stderr == ""
    *bits, compiled, folder = done.stdout.split()
    assert bits == right[: len(bits)] != []
    return compiled == "True", folder


def test_windows(right, tmp_path):
    """Kernels are kept; files are replaced, and locked, though Windows has its own way of doing either."""
    for compiled in (True, False):
        code = TRAINS.replace("(1,)", "(1, 4)").replace('"notes"', '"fast"')
        assert trained(right, tmp_path, begin="import windows; windows.imitate()", code=code)[0] == compiled
    code = """
import windows

windows.imitate()
import neurone
from neurone.files import locked, replacing
for content in (b"old", b"new"):
    with replacing(f"{FOLDER}/file") as file:
        file.write(content)
with locked(f"{FOLDER}/file"):
    try:
        with locked(f"{FOLDER}/file"):
            pass
    except neurone.InputError as error:
        print(error)
"""
    work = tmp_path / "work"
    work.mkdir()
    done = python(f"FOLDER = {str(work)!r}\n" + code, tmp_path)
    assert done.stderr == "" and "is in use by another training" in done.stdout
    assert [path.name for path in work.iterdir()] == ["file"] and (work / "file").read_bytes() == b"new"


def test_what_a_killed_process_has_left_is_removed_on_windows_too(tmp_path):
    left = [tmp_path / f".file.{number:016x}.tmp" for number in range(2)]
    for path in left:
        path.write_bytes(b"")
    os.utime(left[0], (1, 1))
    code = "import windows; windows.imitate(); from neurone.files import replacing\n"
    code += f"with replacing({str(tmp_path / 'file')!r}): pass"
    assert python(code, tmp_path / "cache").stderr == ""
    # Another may have closed the young one only to rename it.
    assert not left[0].exists() and left[1].exists()


def test_a_lock_on_windows_is_far_from_the_content(monkeypatch, tmp_path):
    calls = []

    def locking(number, mode, count):
        calls.append((os.lseek(number, 0, os.SEEK_CUR), mode, count))
        if len(calls) > 1:
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(system, "fcntl", None)
    monkeypatch.setattr(system, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    with open(tmp_path / "file", "wb+") as file:
        file.write(b"ab")
        file.flush()
        assert system.lock(file) and not system.lock(file)
        file.write(b"c")
    assert (tmp_path / "file").read_bytes() == b"abc"
    assert calls == [(0x7FFFFFF0, 2, 1)] * 2
    monkeypatch.setattr(system, "msvcrt", None)
    with open(tmp_path / "file") as file, pytest.raises(OSError, match="locks"):
        system.lock(file)


def test_a_file_that_another_process_reads_is_replaced_when_windows_allows_it(monkeypatch, tmp_path):
    refusals = [PermissionError, PermissionError]

    def replace(old, new, really=os.replace):
        if refusals:
            raise refusals.pop()
        really(old, new)

    monkeypatch.setattr(system, "fcntl", None)
    monkeypatch.setattr(system.os, "replace", replace)
    with open(tmp_path / "new", "wb") as file:
        file.write(b"new")
        system.put_in_place(file, tmp_path / "old")
        assert file.closed
    assert (tmp_path / "old").read_bytes() == b"new"


@pytest.mark.parametrize("refused", [False, True])
def test_on_macos_the_disk_itself_is_synced(monkeypatch, tmp_path, refused):
    asked = []

    def full(file, what):
        asked.append(what)
        if refused:
            raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(system, "fcntl", SimpleNamespace(F_FULLFSYNC=51, fcntl=full))
    monkeypatch.setattr(system.os, "fsync", lambda _: asked.append("fsync"))
    with open(tmp_path / "file", "wb") as file:
        system.sync(file)
    assert asked == [51, "fsync"] if refused else asked == [51]


def test_a_file_system_that_cannot_sync_a_folder_is_no_error(monkeypatch, tmp_path):
    def fail(_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(system.os, "fsync", fail)
    code = errno.EINVAL
    system.sync_folder(tmp_path)
    code = errno.EIO
    with pytest.raises(OSError):
        system.sync_folder(tmp_path)


def test_numba_disabled_for_others_is_not_disabled_here(right, tmp_path):
    """People set the variable to look into their own functions, which stay as they are."""
    check = "import numba; f = lambda: 0; assert numba.njit(f) is f\n"
    done = python(check + TRAINS + check, tmp_path, NUMBA_DISABLE_JIT="1")
    assert done.stderr == "" and done.stdout.split()[0] == right[0]
    assert not trained(right, tmp_path)[0]


def test_warnings_as_errors(run, small_set, tmp_path):
    """What any package warns of, as soon as it is imported, would end the command."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "neurone.train", "--data", small_set, "--hidden", "5", "--epochs", "1"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


# As a program that PyInstaller has made: modules without files, whose loader has their code alone.
FROZEN = """
import importlib.abc, importlib.machinery, sys

class Loader(importlib.abc.InspectLoader):
    def get_source(self, name):
        return None
    def get_code(self, name):
        return PATHS.find_spec(name).loader.get_code(name)
    def is_package(self, name):
        return PATHS.find_spec(name).submodule_search_locations is not None

class Paths:
    def find_spec(self, name):
        path = None
        for part in range(1, 1 + name.count(".")):
            parent = ".".join(name.split(".")[:part])
            path = importlib.machinery.PathFinder.find_spec(parent, path).submodule_search_locations
        return importlib.machinery.PathFinder.find_spec(name, path)

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] != "neurone":
            return None
        package = LOADER.is_package(name)
        spec = importlib.machinery.ModuleSpec(name, LOADER, origin="/nowhere/" + name, is_package=package)
        if package:
            spec.submodule_search_locations = PATHS.find_spec(name).submodule_search_locations
        return spec

PATHS, LOADER = Paths(), Loader()
sys.meta_path.insert(0, Finder())
"""


def copied(folder, edited=False):
    """A copy of the package's sources in `folder`, perhaps with another `exp`."""
    shutil.copytree(PACKAGE, folder / "neurone", ignore=shutil.ignore_patterns("__pycache__"))
    if edited:
        path = folder / "neurone" / "kernels" / "elementary.py"
        text = path.read_text()
        assert text.count("_ONE + e)") == 1
        path.write_text(text.replace("_ONE + e)", "_ONE + e + e)"))
    return folder


def zipped(folder, edited=False):
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as file:
        for path in copied(folder, edited).rglob("*.py"):
            file.write(path, path.relative_to(folder))
    return archive


def without_sources(folder, edited=False):
    compiled = "import compileall, sys; sys.exit(not compileall.compile_dir(sys.argv[1], legacy=True, quiet=1))"
    subprocess.run([sys.executable, "-c", compiled, copied(folder, edited)], check=True)
    for path in folder.rglob("*.py"):
        path.unlink()
    return folder


@pytest.mark.parametrize("make", [zipped, without_sources, copied])
def test_without_files_of_sources_kernels_are_kept_all_the_same(right, tmp_path, make):
    """In a zip archive, as .pyc alone, or frozen."""
    begin = FROZEN if make is copied else ""
    package = make(tmp_path / "package")
    check = f"assert getattr(neurone, '__file__', {str(package)!r}).startswith({str(package)!r})\n"
    found = [trained(right, tmp_path, begin=begin + "import neurone\n" + check, first=package) for _ in range(2)]
    assert [compiled for compiled, _ in found] == [True, False] and found[0][1] == found[1][1] != "None"


@pytest.mark.parametrize("make", [zipped, without_sources, copied])
def test_without_files_of_sources_other_code_has_another_folder_too(tmp_path, make):
    code = (FROZEN if make is copied else "") + "from neurone.kernels import cache; print(cache.FOLDER)"
    folders = [python(code, tmp_path, first=make(tmp_path / str(edited), edited)).stdout for edited in (False, True)]
    assert folders[0] != folders[1] and "kernels-" in folders[0] and "kernels-" in folders[1]


def test_where_code_cannot_be_read_at_all_there_is_no_cache_and_one_warning(tmp_path):
    code = FROZEN + "Loader.get_code, real = None, Loader.get_code\nLoader.exec_module = lambda self, module: exec("
    code += "real(self, module.__name__), module.__dict__)\nfrom neurone.kernels import cache; print(cache.FOLDER)"
    done = python(code, tmp_path, first=TESTS)
    assert done.stdout == "None\n" and done.stderr.count("UserWarning") == 1 and "compiled anew" in done.stderr


# Another user, who can read everything, since Python may lie in root's home, and write what is his own.
_READS = "+dac_read_search"
AS_ANOTHER = ("setpriv", "--clear-groups", f"--inh-caps={_READS}", f"--ambient-caps={_READS}")
another = pytest.mark.skipif(
    not shutil.which("setpriv")
    or subprocess.run([*AS_ANOTHER, "--reuid=12345", "true"], capture_output=True).returncode,
    reason="only root can be another user",
)


@another
def test_two_users_on_one_machine_have_a_cache_each(right, tmp_path):
    """Neither has a home, nor may write where the package lies; and the second finds what the first has left."""
    tmp_path.chmod(0o1777)
    package, folders = copied(tmp_path / "package"), []
    for user in ("12345", "12346"):
        found = [
            trained(right, None, first=package, user=user, HOME="/nonexistent", TMPDIR=str(tmp_path)) for _ in range(2)
        ]
        assert [compiled for compiled, _ in found] == [True, False] and found[0][1] == found[1][1]
        folders.append(Path(found[0][1]))
    assert folders[0] != folders[1] and all(folder.parent.parent == tmp_path for folder in folders)
    assert not list(package.rglob("__pycache__"))


@another
def test_a_cache_that_root_has_filled_is_for_all_to_read(right, tmp_path):
    """As in the image of a container. What another one has filled is not touched."""
    folder = Path(trained(right, tmp_path)[1])
    folder.chmod(0o755)
    for path in folder.glob("*.nbc"):
        path.chmod(0o644)
    assert trained(right, tmp_path, user="12345") == (False, str(folder))
    for path in folder.glob("*.nbc"):
        os.chown(path, 12346, -1)
    done = python(TRAINS, tmp_path, user="12345")
    assert done.stdout.split()[:2] == [right[0], "True"], done.stderr
    assert "can be written by other users" in done.stderr

"""Where compiled kernels are kept: a folder of their sources' hash, the user's own, or none with a warning."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import neurone
from neurone.kernels import online

CODE = """
import numpy as np
from neurone.kernels import cache, elementary
print(cache.FOLDER, elementary.exp32(np.float32(1)))
"""


def imported(cache, package=None, code=CODE):
    """Import the package, perhaps another copy of it, with this cache folder; one kernel is called."""
    environment = os.environ | {"NEURONE_CACHE": str(cache)}
    if package is not None:
        environment["PYTHONPATH"] = str(package)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=package, check=True
    )


def test_compiled_kernels_are_kept_and_found_again(tmp_path):
    first = imported(tmp_path)
    folder = Path(first.stdout.split()[0])
    assert folder.parent == tmp_path and folder.stat().st_mode & 0o777 == 0o700
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb*")}
    assert kept
    assert imported(tmp_path).stdout == first.stdout
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb*")} == kept


@pytest.mark.parametrize(
    ("file", "old", "new", "same"),
    [
        ("kernels/elementary.py", "_ONE + e)", "_ONE + e + e)", False),
        # Kernels of before would take the new code of softmax for the identity.
        ("constants.py", "RELU, IDENTITY, SOFTMAX = range(5)", "RELU, SOFTMAX, IDENTITY = range(5)", True),
    ],
)
def test_an_edited_callee_is_compiled_anew(tmp_path, file, old, new, same):
    """The trap: `predict` in notes.py calls `exp` in elementary.py, and Numba watches notes.py alone."""
    source = Path(neurone.__file__).parent
    copy = tmp_path / "copy" / "neurone"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "import neurone; net = neurone.Network((1, 2)); net.parameters[:] = [0, 0, 1, 0];"
        "print(neurone.__file__, *net.predict_proba([[1.0]])[0])"
    )
    before = imported(tmp_path / "cache", copy.parent, code).stdout.split()
    assert before[0].startswith(str(copy)) and float(before[1]) == pytest.approx(0.731, abs=1e-3)
    text = (copy / file).read_text()
    assert text.count(old) == 1
    (copy / file).write_text(text.replace(old, new))
    after = imported(tmp_path / "cache", copy.parent, code).stdout.split()
    assert (after[1] == before[1]) == same


@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_a_damaged_cache_is_one_warning_and_mended(tmp_path, ending):
    """Cut short, as a power cut leaves it."""
    expected = imported(tmp_path).stdout
    for path in Path(expected.split()[0]).rglob(f"*{ending}"):
        path.write_bytes(path.read_bytes()[:50])
    done = imported(tmp_path)
    assert done.stdout == expected and done.stderr.count("UserWarning") == 1 and "damaged" in done.stderr
    assert imported(tmp_path).stderr == ""


def test_a_full_cache_is_one_warning(tmp_path):
    """Where not even 4 KiB more can be written to a file."""
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n" + CODE
    code = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + code
    done = imported(tmp_path, code=code)
    assert done.stdout.split()[1] == "2.7182817459106445"
    assert done.stderr.count("UserWarning") == 1 and "cannot be kept" in done.stderr


def test_no_folder_is_one_warning_and_no_crash(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = imported(blocked)
    assert done.stdout.split() == ["None", "2.7182817459106445"]
    assert done.stderr.count("UserWarning") == 1 and str(blocked) in done.stderr


def test_a_folder_open_to_others_is_not_trusted(tmp_path):
    """What lies in it is unpickled: others could run code as this user."""
    folder = Path(imported(tmp_path).stdout.split()[0])
    folder.chmod(0o777)
    done = imported(tmp_path)
    assert done.stdout.split()[0] == "None" and "can be written by other users" in done.stderr


def test_seconds_of_compiling_are_counted_where_something_is_compiled(tmp_path):
    code = CODE + "from neurone.kernels.jit import compiling; print(compiling.seconds > 0)"
    assert [imported(tmp_path, code=code).stdout.split()[-1] for _ in range(2)] == ["True", "False"]


def test_a_step_of_a_kernel_cannot_be_called_from_python():
    with pytest.raises(TypeError, match="forward_sparse is a step of other kernels"):
        online.forward_sparse(1, 2)

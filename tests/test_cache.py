"""Where compiled kernels are kept: a folder of their sources' hash, the user's own, or none with a warning. And that
only one process, and one thread of it, compiles a kernel that several want."""

import ast
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import TypingError

import neurone
from neurone.kernels import cache, online
from neurone.kernels.jit import kernel

CODE = """
import numpy as np
from neurone.kernels import cache, scalars
print(cache.FOLDER, scalars.exp32(np.float32(1)))
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
        ("constants.py", "RELU, IDENTITY, SOFTMAX, EXP", "RELU, SOFTMAX, IDENTITY, EXP", True),
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


def cut_short(path):
    """As a power cut leaves it."""
    path.write_bytes(path.read_bytes()[:50])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


def confuse_with_another(path):
    another = next(other for other in sorted(path.parent.glob("*.nbc")) if other != path)
    path.write_bytes(another.read_bytes())


@pytest.mark.parametrize("damage", [cut_short, flip_a_bit, confuse_with_another])
def test_a_damaged_cache_is_one_warning_and_mended(tmp_path, damage):
    code = CODE + "scalars.tanh32(np.float32(1))"
    expected = imported(tmp_path, code=code).stdout
    damage(next(Path(expected.split()[0]).glob("scalars.exp32-*.nbc")))
    done = imported(tmp_path, code=code)
    assert done.stdout == expected and done.stderr.count("UserWarning") == 1 and "damaged" in done.stderr
    assert imported(tmp_path, code=code).stderr == ""


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


def test_a_folder_that_is_opened_to_others_later_is_not_trusted_any_more(tmp_path):
    imported(tmp_path)
    opened = "import os, pathlib; os.chmod(cache.FOLDER.parent, 0o777); print"
    done = imported(tmp_path, code=CODE.replace("print", opened))
    assert done.stdout.split()[1] == "2.7182817459106445"
    assert done.stderr.count("UserWarning") == 1 and "can be written by other users" in done.stderr


def open_to_others(path):
    path.chmod(0o666)


def closed(path):
    path.chmod(0)


def linked(path):
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


def a_pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [open_to_others, closed, linked, a_pipe])
def test_an_entry_that_others_may_have_written_or_that_cannot_be_read_is_one_warning(tmp_path, change):
    entry = next(Path(imported(tmp_path).stdout.split()[0]).glob("*.nbc"))
    if change is closed and os.geteuid() == 0:
        pytest.skip("root reads everything")
    change(entry)
    done = imported(tmp_path)
    assert done.stdout.split()[1] == "2.7182817459106445"
    assert done.stderr.count("UserWarning") == 1 and "made anew" in done.stderr
    assert imported(tmp_path).stderr == "" and stat.S_IMODE(entry.lstat().st_mode) == 0o600


@pytest.mark.parametrize("umask", ["0", "0o77", "0o777"])
def test_kernels_are_kept_whatever_the_umask(tmp_path, umask):
    code = (
        f"import os; os.umask({umask})\n{CODE}from neurone.kernels.jit import compiling; print(compiling.seconds > 0)"
    )
    found = [imported(tmp_path / "new" / "cache", code=code) for _ in range(2)]
    assert [(done.stdout.split()[-1], done.stderr) for done in found] == [("True", ""), ("False", "")]


def test_the_folder_is_named_by_all_that_is_compiled_in():
    """What the kernels take from modules elsewhere: but for that of the cache, which compiles nothing."""
    elsewhere = set()
    for path in Path(cache.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())) if path.name != "cache.py" else ():
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            elsewhere |= {name for name in names if name.split(".")[0] == "neurone"}
    hashed = [name for name, _ in cache._sources()]
    assert {name for name in elsewhere if name != "neurone"} <= set(hashed)
    kernels = {f"neurone.kernels.{path.stem}" for path in Path(cache.__file__).parent.glob("*.py")}
    assert kernels - {"neurone.kernels.__init__"} <= set(hashed) and len(hashed) == len(set(hashed))


def test_a_folder_that_is_gone_is_one_warning(tmp_path):
    code = CODE.replace("print", "import shutil; shutil.rmtree(cache.FOLDER); print")
    done = imported(tmp_path, code=code)
    assert done.stdout.split()[1] == "2.7182817459106445"
    assert done.stderr.count("UserWarning") == 1 and "cannot be kept" in done.stderr


def test_seconds_of_compiling_are_counted_where_something_is_compiled(tmp_path):
    code = CODE + "from neurone.kernels.jit import compiling; print(compiling.seconds > 0)"
    assert [imported(tmp_path, code=code).stdout.split()[-1] for _ in range(2)] == ["True", "False"]


def test_a_step_of_a_kernel_cannot_be_called_from_python():
    with pytest.raises(TypeError, match="forward_sparse is a step of other kernels"):
        online.forward_sparse(1, 2)


# How the processes below begin. `compiled` counts the functions that the process has begun to compile, and `acts[n]` is
# called as it begins with the n-th.
COUNTING = """
import os, signal, sys, threading
import numpy as np
from numba.core import event
from neurone.kernels import cache, scalars, jit
from neurone.constants import TANH
from neurone.kernels.jit import compile_in_background, compiling, prepare, ready

compiled, acts, x = 0, {}, np.float32(1)
signal.alarm(120)  # rather than wait for ever

class Counting(event.Listener):
    def on_start(self, event):
        global compiled
        compiled += 1
        acts.pop(compiled, int)()
    def on_end(self, event):
        pass

event.register("numba:compile", Counting())

def say(word):
    print(word, flush=True)

def hear():
    return sys.stdin.readline()
"""


def counted(cache, code):
    """The words that `code` prints after COUNTING, in a process that ends well and complains of nothing."""
    done = imported(cache, code=COUNTING + code)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.fixture
def start(tmp_path):
    """Start a process of `code` after COUNTING, to be talked with; all have one cache."""
    processes = []

    def start(code):
        process = subprocess.Popen(
            [sys.executable, "-c", COUNTING + code], text=True, env=os.environ | {"NEURONE_CACHE": str(tmp_path)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def hear(process):
    return process.stdout.readline().strip()


def say(process, word=""):
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


# Compiles exp32, and stops in the middle of it until it hears how to go on.
COMPILES = """
def stop():
    say("compiling")
    if hear() == "interrupt\\n":
        os.kill(os.getpid(), signal.SIGINT)

acts[2] = stop
try:
    scalars.exp32(x)
except KeyboardInterrupt:
    pass
say("over")
hear()
"""
# Wants exp32, and says when it has to wait.
WAITS = """
def pause(pause=jit._pause):
    if not waited:
        say("waiting")
    waited.append(1)
    pause()

waited, jit._pause = [], pause
say(f"{scalars.exp32(x)} {compiled > 0}")
"""


@pytest.mark.parametrize("end", ["finish", "interrupt", "kill"])
def test_of_two_processes_one_compiles_and_the_other_waits(start, interruptible, end):
    """And goes on alone where the first was interrupted, though it lives on, or has died."""
    first = start(COMPILES)
    assert hear(first) == "compiling"
    second = start(WAITS)
    assert hear(second) == "waiting"
    if end == "kill":
        first.kill()
    else:
        say(first, end)
        assert hear(first) == "over"
    assert hear(second) == f"2.7182817459106445 {end != 'finish'}"


def test_another_kernel_is_not_waited_for(start, tmp_path):
    """Not even one that calls the same steps."""
    assert hear(start(COMPILES)) == "compiling"
    assert counted(tmp_path, "print(scalars.tanh32(x), compiled > 0)") == ["0.7615941762924194", "True"]


def test_who_waits_holds_nobody_up_and_can_be_interrupted(start, interruptible, tmp_path):
    """One thread waits for another process; the main thread compiles something else, then waits too, for Ctrl-C."""
    assert hear(start(COMPILES)) == "compiling"
    second = start("""
thread = compile_in_background(prepare, scalars.exp32, x)
say(f"{scalars.tanh32(x)} {thread.done()}")

def pause(pause=jit._pause):
    if threading.current_thread() is threading.main_thread():
        assert not compiling.active
        os.kill(os.getpid(), signal.SIGINT)
    pause()

jit._pause = pause
try:
    scalars.exp32(x)
except KeyboardInterrupt:
    say("interrupted")
""")
    assert hear(second) == "0.7615941762924194 False"
    assert hear(second) == "interrupted"
    assert second.wait() == 0  # the thread was told to stop


NO_LOCKS = """
def lock(file):
    raise OSError(37, "No locks available")

cache.system.lock = lock
"""


@pytest.mark.parametrize("code", [NO_LOCKS, "cache._PATIENCE = 0"])
def test_who_cannot_lock_or_has_waited_too_long_compiles(start, tmp_path, code):
    assert hear(start(COMPILES)) == "compiling"
    assert counted(tmp_path, f"{code}\nprint(scalars.exp32(x), compiled > 0)") == ["2.7182817459106445", "True"]


# Compiles one kind of power32, and stops before its entry gets its name, and after.
WRITES = """
def replace(*names, replace=os.replace):
    for word in ("writing", "written"):
        say(word)
        hear()
        if word == "writing":
            replace(*names)

os.replace = replace
say(scalars.power32(np.KIND(1)))
"""


@pytest.mark.parametrize("order", ["aabb", "abab", "abba", "bbaa", "baba", "baab"])
def test_two_kinds_of_one_kernel_are_kept_whatever_the_order(start, tmp_path, order):
    """Two processes fill an empty cache at the same moment; what they do to it goes on in every order."""
    processes = {name: start(WRITES.replace("KIND", kind)) for name, kind in (("a", "int32"), ("b", "int64"))}
    assert [hear(process) for process in processes.values()] == ["writing"] * 2
    for name in order:
        say(processes[name])
        assert hear(processes[name]) in ("written", "2.0")
    assert [process.wait() for process in processes.values()] == [0, 0]
    code = "print(*[scalars.power32(kind(1)) for kind in (np.int32, np.int64)], compiled)"
    assert counted(tmp_path, code) == ["2.0", "2.0", "0"]


def test_what_is_ready_is_loaded_and_what_is_not_is_not_compiled(tmp_path):
    code = "print(ready(scalars.exp32, x), compiled, prepare(scalars.exp32, x), ready(scalars.exp32, x))"
    assert counted(tmp_path, code) == ["False", "0", "None", "True"]
    code = "print(ready(scalars.exp32, x), scalars.exp32(x), compiled, compiling.seconds)"
    assert counted(tmp_path, code) == ["True", "2.7182817459106445", "0", "0.0"]


def test_loading_does_not_get_numba_ready_to_compile(tmp_path):
    """It takes 0.2 seconds, ten times as long as to load the kernels of a training."""
    code = "scalars.exp32(x); print('numba.np.linalg' in sys.modules)"
    assert [counted(tmp_path, code) for _ in range(2)] == [["True"], ["False"]]


def test_while_another_thread_compiles(tmp_path):
    """Nothing that would have to be loaded is ready, and the main thread is not said to compile, nor charged for it."""
    code = """
scalars.exp32(x)
scalars.exp32.overloads.clear()
begun, go_on, seconds = threading.Event(), threading.Event(), compiling.seconds
acts[compiled + 1] = lambda: (begun.set(), go_on.wait())
thread = compile_in_background(prepare, scalars.tanh32, x)
begun.wait()
print(ready(scalars.exp32, x), thread.done(), compiling.active)
go_on.set()
print(thread.result(), thread.done(), ready(scalars.exp32, x), compiling.seconds == seconds)
"""
    assert counted(tmp_path, code) == ["False", "False", "False", "None", "True", "True", "True"]


def test_a_thread_that_compiles_leaves_the_warnings_of_python_alone(tmp_path):
    """In our functions and in Numba's own: what it changes there changes for all threads."""
    code = """
import warnings

class Spy(warnings.catch_warnings):
    def __enter__(self):
        caught.append(threading.current_thread())
        return super().__enter__()

@jit.kernel
def total(x, y):
    return sum((x, y))

scalars.exp32(x)
caught, warnings.catch_warnings = [], Spy
compile_in_background(prepare, scalars.activate, TANH, x, x).result()
compile_in_background(prepare, total, 1, 2).result()
print(len(caught), compiled > 5)
total(1.0, 2.0)
print(set(caught) == {threading.main_thread()})
"""
    assert counted(tmp_path, code) == ["0", "True", "True"]


@pytest.mark.parametrize("step", [1, 3, 5, 7])
def test_a_thread_stopped_at_any_step_leaves_the_compiler_sound(tmp_path, step):
    code = f"""
acts[{step}] = lambda: threading.current_thread().stop()
thread = compile_in_background(prepare, scalars.activate, TANH, x, x)
try:
    thread.result()
except jit.Stopped:
    print(compiled, scalars.activate(TANH, x, x))
"""
    assert counted(tmp_path, code) == [str(step), "0.7615941762924194"]


def test_a_fit_in_a_thread_that_was_stopped_gives_the_same_bits(tmp_path):
    code = """
import neurone

def fit():
    network = neurone.Network((3, 5, 2))
    neurone.fit(network, np.eye(3), np.array([0, 1, 1]), epochs=2)
    return network.parameters

acts[40] = lambda: threading.current_thread().stop()
thread = compile_in_background(fit)
try:
    thread.result()
except jit.Stopped:
    print(bytes(fit()).hex())
"""
    network = neurone.Network((3, 5, 2))
    neurone.fit(network, np.eye(3), np.array([0, 1, 1]), epochs=2, kernels="notes")
    assert counted(tmp_path, code) == [bytes(network.parameters).hex()]


def test_what_is_raised_in_a_thread_is_kept_for_who_asks(tmp_path):
    code = """
thread = compile_in_background(prepare, scalars.exp32, "text")
thread.join()
try:
    thread.result()
except Exception as error:
    print(type(error).__name__)
"""
    assert counted(tmp_path, code) == ["TypingError"]


@pytest.mark.parametrize("step", [1, 20, 40])
def test_a_process_that_ends_while_a_thread_compiles_is_silent(tmp_path, step):
    """And the thread ends first: LLVM would crash now and then as the process is taken down around it."""
    code = f"""
import neurone
begun = threading.Event()
acts[{step}] = begun.set
network = neurone.Network((3, 5, 2))
thread = compile_in_background(neurone.fit, network, np.eye(3), np.array([0, 1, 1]))
begun.wait()
print(thread.done())
"""
    last = "import atexit; atexit.register(lambda: print(thread.done()))\n"
    done = imported(tmp_path, code=last + COUNTING + code)
    assert (done.stdout.split(), done.stderr) == (["False", "True"], "")


def test_a_child_of_a_process_in_which_a_thread_compiles_can_compile(tmp_path):
    code = """
begun = threading.Event()
acts[2] = begun.set
thread = compile_in_background(prepare, scalars.exp32, x)
begun.wait()
child = os.fork()
if child == 0:
    signal.alarm(60)
    scalars.tanh32(x)
else:
    print(os.waitpid(child, 0)[1], thread.done())
"""
    assert counted(tmp_path, code) == ["0", "True"]


def test_a_kernel_cannot_return_an_array():
    with pytest.raises(TypingError, match="same returns an array"):
        kernel(same)(np.zeros(3))


def same(x):
    return x

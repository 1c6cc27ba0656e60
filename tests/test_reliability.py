"""What a machine or a user can do to a training: kills, signals, full disks, failing writes, other trainings."""

import errno
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import neurone
from neurone import container, files
from neurone.files import locked, replacing

KILLS = Path(__file__).with_name("kills.py")
OPTIONS = ["--hidden", "5", "--learning-rate", "0.3"]


def command(small_set, *options):
    return [sys.executable, "-m", "neurone.train", "--data", str(small_set), *OPTIONS, *map(str, options)]


def finished(history):
    """SHA-256 of the parameters at a run's end."""
    end = json.loads(Path(history).read_text().splitlines()[-1])
    assert end["event"] == "end"
    return end["parameters_sha256"]


@pytest.fixture
def reference(call, small_set, tmp_path):
    """SHA-256 of the parameters after a number of undisturbed epochs."""

    def reference(epochs, *options):
        done = call("train", "--data", small_set, *OPTIONS, *options, "--epochs", epochs, "--history", "reference")
        assert done.returncode == 0, done.stderr
        sha256 = finished(tmp_path / "reference")
        (tmp_path / "reference").unlink()
        return sha256

    return reference


def kills(count, *options):
    done = subprocess.run([sys.executable, KILLS, str(count), *options], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_kills(torture, tried):
    """Four at a time in torture, since they wait for the disk."""
    with ThreadPoolExecutor(4) as pool:
        seeds = range(20 if torture else 1)
        results = list(pool.map(lambda seed: kills(250 if torture else 10, "--seed", str(seed)), seeds))
    for result in results:
        tried["kills"] += result.pop("kills")
        assert result.pop("runs") > 0 and result.pop("within") > 15
        assert not any(result.values()), results


def test_a_program_that_writes_in_place_loses_checkpoints(torture):
    """The mutant: `test_kills` can fail."""
    if not torture:
        pytest.skip("only with --torture: it takes a minute, and tests a test")
    assert kills(30, "--in-place")["lost"] > 0


class _Fault:
    """Makes the n-th of the writes, syncs and renames fail, and every write after it: a disk that is full stays so."""

    def __init__(self, monkeypatch):
        self.count, self.failing, self.error, self.short = 0, None, errno.EIO, False
        for module, name in ((os, "fsync"), (os, "replace")):
            monkeypatch.setattr(module, name, self._failing(getattr(module, name)))
        monkeypatch.setattr(files, "open", self._open, raising=False)

    def step(self):
        self.count += 1
        if self.failing is not None and self.count >= self.failing:
            raise OSError(self.error, os.strerror(self.error))

    def _failing(self, function):
        def fail_or_do(*arguments):
            self.step()
            return function(*arguments)

        return fail_or_do

    def _open(self, path, mode, *buffering):
        fault = self

        class Disk(io.FileIO):
            def write(self, data):
                if fault.short and fault.count + 1 == fault.failing and len(data) > 1:
                    fault.count += 1
                    return super().write(memoryview(data).cast("B")[: len(data) // 2])
                fault.step()
                return super().write(data)

        return io.BufferedWriter(Disk(path, mode)) if mode == "xb" else open(path, mode, *buffering)


@pytest.mark.parametrize("kind", ["ENOSPC", "EIO", "short"])
def test_every_write_sync_and_rename_failing(call, small_set, tmp_path, monkeypatch, reference, kind, tried):
    """A run of two epochs is resumed for four and saves its network. One fault tears nothing and loses nothing."""
    expected = reference(4)
    run = ["train", "--data", small_set, *OPTIONS, "--checkpoint", "run", "--save", "net", "--history", "history"]
    assert call(*run, "--epochs", 2).returncode == 0
    before = tmp_path.with_name(tmp_path.name + "-before")
    shutil.copytree(tmp_path, before)
    old = {name: (before / name).read_bytes() for name in ("run", "net")}
    fault = _Fault(monkeypatch)
    fault.error, fault.short = getattr(errno, kind, errno.ENOSPC), kind == "short"
    assert call(*run, "--epochs", 4, "--resume").returncode == 0
    steps, new = fault.count, (tmp_path / "net").read_bytes()
    assert steps > 15
    for failing in range(1, steps + 1):
        shutil.rmtree(tmp_path)
        shutil.copytree(before, tmp_path)
        os.chdir(tmp_path)
        fault.count, fault.failing = 0, failing
        done = call(*run, "--epochs", 4, "--resume")
        fault.failing = None
        assert done.returncode == 1 and done.stderr.count("\n") == 1, (failing, done)
        _, arrays = container.read(tmp_path / "run", "checkpoint")
        assert 2 <= len(arrays["history"]) <= 4
        assert (tmp_path / "net").read_bytes() in (old["net"], new)
        assert {path.name for path in tmp_path.iterdir()} == {path.name for path in before.iterdir()}
        again = call(*run, "--epochs", 4, "--resume")
        assert again.returncode == 0 and finished(tmp_path / "history") == expected
        tried["faults"] += 1
    shutil.rmtree(before)


def test_a_limit_on_the_size_of_files(small_set, tmp_path, reference):
    """ulimit -f: the system ends a process that writes beyond it, unless it ignores the signal, as Python does."""
    expected = reference(3)
    run = command(small_set, "--checkpoint", "run", "--resume")
    subprocess.run([*run, "--epochs", "1"], cwd=tmp_path, check=True, capture_output=True)
    old = (tmp_path / "run").read_bytes()
    limit = len(old) - 100

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run([*run, "--epochs", "3"], cwd=tmp_path, capture_output=True, text=True, preexec_fn=limited)
    assert done.returncode == 1 and done.stderr == "neurone.train: [Errno 27] File too large: 'run'\n"
    assert (tmp_path / "run").read_bytes() == old and not list(tmp_path.glob(".run*"))
    subprocess.run([*run, "--epochs", "3", "--history", "h"], cwd=tmp_path, check=True, capture_output=True)
    assert finished(tmp_path / "h") == expected


def test_a_small_full_disk(small_set, tmp_path, reference):
    """A file system of 64 KiB, mounted where nobody else sees it, and filled."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=64k none {disk} && cd {disk} && "
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rm", "sh", "-c", mount + "true"]).returncode:
        pytest.skip("no file system can be mounted here")
    expected = reference(3, "--hidden", 100)
    run = " ".join(command(small_set, "--checkpoint run --resume --hidden 100"))
    script = (
        f"{mount} {run} --epochs 1 >/dev/null || exit 9; cp run before; head -c 65536 /dev/zero >filler 2>/dev/null; "
        f"{run} --epochs 3 >/dev/null; echo code $?; cmp run before && ls -A; rm filler before; "
        f"{run} --epochs 3 --history history >/dev/null; tail -n 1 history"
    )
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True)
    assert done.stderr == "neurone.train: [Errno 28] No space left on device: 'run'\n", done
    *lines, end = done.stdout.splitlines()
    assert lines == ["code 1", "before", "filler", "run"]
    assert json.loads(end)["parameters_sha256"] == expected


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("kernels", ["fast", "notes"])
def test_a_signal_keeps_the_state(small_set, tmp_path, interruptible, reference, kernels, number, code):
    """The command that is printed goes on, to the same bits."""
    epochs = 300
    run = command(small_set, "--epochs", epochs, "--kernels", kernels, "--checkpoint", "r n", "--history", "history")
    with subprocess.Popen(run, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            while not process.stdout.readline().startswith("epoch   3"):
                assert process.poll() is None
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    kept, *more = errors.splitlines()
    assert process.returncode == code and more == ["neurone.train: interrupted"][: code == 130]
    _, arrays = container.read(tmp_path / "r n", "checkpoint")
    assert 3 <= len(arrays["history"]) < epochs
    printed = kept.partition(": kept; go on with: python")[2]
    assert printed.endswith("--checkpoint 'r n' --history history --resume")
    done = subprocess.run(f"'{sys.executable}'{printed}", shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "going on from r n: epochs done" in done.stdout
    assert finished(tmp_path / "history") == reference(epochs)
    assert [json.loads(line)["event"] for line in (tmp_path / "history").read_text().splitlines()] == [
        "epoch"
    ] * epochs + ["end"]


@pytest.mark.parametrize("kernels", ["fast", "notes"])
def test_a_signal_within_a_kernel_call_waits_for_its_end(small_set, tmp_path, interruptible, reference, kernels):
    """Parameters and place would not belong together. The first epoch is a single call, which the signal meets."""
    code = (
        "import os, signal, sys; from neurone import train; from neurone.engine import tuning\n"
        f"learner = tuning.LEARNERS[{kernels!r}]; work = learner.train\n"
        "def train_and_signal(self, span, *rest):\n"
        "    work(self, span, *rest)\n"
        "    if span.last: os.kill(os.getpid(), signal.SIGINT)\n"
        "learner.train = train_and_signal\n"
        "sys.exit(train.run('train', train.main))"
    )
    options = command(small_set, "--epochs", 4, "--checkpoint", "run", "--kernels", kernels)
    done = subprocess.run([sys.executable, "-c", code, *options[3:]], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 130, done.stderr
    settings, arrays = container.read(tmp_path / "run", "checkpoint")
    assert settings["sample"] == 60 and len(arrays["history"]) == 0
    again = subprocess.run([*options, "--resume", "--history", "h"], cwd=tmp_path, capture_output=True, text=True)
    assert again.returncode == 0 and finished(tmp_path / "h") == reference(4)


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_signal_while_kernels_compile_is_not_lost(small_set, tmp_path, interruptible, command):
    """Kernels for predicting the test set, at the end: LLVM's callbacks drop what Python raises in them."""
    code = (
        "import os, signal, sys\n"
        "from importlib import import_module; from numba.core import event\n"
        "class Signal(event.Listener):\n"
        "    def on_start(self, event):\n"
        "        if 'predict' in str(event.data): os.kill(os.getpid(), signal.SIGTERM)\n"
        "    def on_end(self, event): pass\n"
        "module = import_module('neurone.' + sys.argv.pop(1))\n"
        "event.register('numba:compile', Signal())\n"
        "sys.exit(module.run(module.__name__, module.main))"
    )
    neurone.Network((20, 5, 3)).save(tmp_path / "net")
    options = {"train": [*OPTIONS, "--epochs", "1", "--checkpoint", "run"], "evaluate": ["net"]}[command]
    environment = os.environ | {"NEURONE_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code, command, "--data", small_set, *options],
        cwd=tmp_path, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert done.returncode == 143 and "ignored" not in done.stderr, done
    assert ("kept; go on with" in done.stderr) == (command == "train")


def test_a_second_signal_ends_at_once(small_set, tmp_path, interruptible):
    """Even where the checkpoint cannot be finished: here writing it takes for ever."""
    code = (
        "import sys, time; from neurone import train; from neurone.training import checkpoint\n"
        "def save(*_): print('writing', flush=True); time.sleep(1000)\n"
        "checkpoint.save = save\n"
        "sys.exit(train.run('train', train.main))"
    )
    run = [sys.executable, "-c", code, *command(small_set, "--epochs", 10**6, "--checkpoint", "run")[3:]]
    with subprocess.Popen(run, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            for _ in range(2):  # at the first epoch's end, and again for the signal
                while process.stdout.readline() != "writing\n":
                    assert process.poll() is None
                process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == -signal.SIGTERM
        finally:
            process.kill()


# No epoch but the first is an improvement: patience runs out in the third, lowers the rate, and runs out again.
RULES = "--momentum", 0.9, "--alpha", 0.01, "--schedule", "adaptive", "--patience", 1, "--tol", 100, "--validation", 9


@pytest.mark.parametrize("rules", [(), RULES], ids=["plain", "rules"])
def test_resume_without_a_file_and_after_the_end(call, small_set, tmp_path, reference, rules):
    run = ["train", "--data", small_set, *OPTIONS, *rules]
    run += ["--epochs", 3, "--checkpoint", "run", "--history", "history"]
    first = call(*run, "--resume", "--save", "net")
    assert first.returncode == 0 and "going on" not in first.stdout
    history, net = (tmp_path / "history").read_text(), (tmp_path / "net").read_bytes()
    assert finished(tmp_path / "history") == reference(3, *rules)
    for name in ("history", "net"):
        (tmp_path / name).write_text("torn")
    again = call(*run, "--resume", "--save", "net", "--kernels", "notes", "--threads", 2)
    assert again.returncode == 0 and "going on from run: epochs done 3, samples 0" in again.stdout
    assert again.stdout.splitlines()[-6:] == first.stdout.splitlines()[-6:]
    assert (tmp_path / "history").read_text() == history and (tmp_path / "net").read_bytes() == net
    more = call(*run, "--resume", "--epochs", 5)
    assert more.returncode == 0 and finished(tmp_path / "history") == reference(5, *rules)
    assert {path.name for path in tmp_path.iterdir()} == {"small-set", "run", "history", "net"}


def test_more_epochs_after_patience_are_none(call, small_set, tmp_path):
    run = ["train", "--data", small_set, *OPTIONS, *RULES, "--schedule", "constant", "--checkpoint", "run"]
    run += ["--history", "history", "--resume"]
    first = call(*run, "--epochs", 8)
    assert first.returncode == 0 and "ended by patience after epoch 3; the best parameters are those of" in first.stdout
    history = (tmp_path / "history").read_text()
    again = call(*run, "--epochs", 9)
    assert again.returncode == 0 and again.stdout.splitlines()[-7:] == first.stdout.splitlines()[-7:]
    assert (tmp_path / "history").read_text() == history


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--resume", "--epochs", 2], "epochs is 2, and was 3"),
        (["--resume", "--seed", 1], "seed is 1, and was 0"),
        (["--resume", "--hidden", 6], "sizes is [20, 6, 3], and was [20, 5, 3]"),
        (["--resume", "--validation", 9], "validation is 9, and was None"),
        (["--resume", "--momentum", 0.5], "momentum is 0.5, and was 0.0"),
        (["--resume", "--no-nesterov"], "nesterovs_momentum is False, and was True"),
        (["--resume", "--alpha", 0.5], "alpha is 0.5, and was 0.0"),
        (["--resume", "--schedule", "invscaling"], "schedule is 'invscaling', and was 'constant'"),
        (["--resume", "--power-t", 1], "power_t is 1.0, and was 0.5"),
        (["--resume", "--patience", 3], "patience is 3, and was None"),
        (["--resume", "--tol", 1], "tol is 1.0, and was 0.0001"),
        ([], "run exists; go on from it with --resume, remove it, or name another"),
        (["--resume", "--history", "run"], "--history and --checkpoint are one file"),
        (["--resume", "--save", ".run.lock"], "--save and the lock of --checkpoint are one file"),
        (["--resume", "--checkpoint-every", 0], "--checkpoint-every is 0.0; give a number above 0"),
    ],
)
def test_refusals(call, small_set, tmp_path, options, message):
    run = ["train", "--data", small_set, *OPTIONS, "--checkpoint", "run", "--epochs", 3]
    assert call(*run).returncode == 0
    content = (tmp_path / "run").read_bytes()
    done = call(*run, *options)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1 and not done.stdout
    assert (tmp_path / "run").read_bytes() == content
    assert {path.name for path in tmp_path.iterdir()} == {"small-set", "run"}


def test_other_data_are_refused(call, small_set, tmp_path):
    run = ["train", "--data", small_set, *OPTIONS, "--checkpoint", "run"]
    assert call(*run).returncode == 0
    labels = bytearray((small_set / "t10k-labels-idx1-ubyte").read_bytes())
    labels[-1] = (labels[-1] + 1) % 3
    (small_set / "t10k-labels-idx1-ubyte").write_bytes(labels)
    done = call(*run, "--resume")
    assert done.returncode == 2 and "it was made with other data" in done.stderr


@pytest.mark.parametrize("option", ["--resume", "--checkpoint-every=5"])
def test_options_that_need_a_checkpoint(call, small_set, option):
    done = call("train", "--data", small_set, option)
    assert done.returncode == 2 and "name it with --checkpoint FILE" in done.stderr


def test_divergence_keeps_the_last_finite_state(call, small_set, tmp_path):
    """With a rate that is ten times as large in every epoch."""
    run = ["train", "--data", small_set, "--hidden", 5, "--checkpoint", "run", "--learning-rate", 1e-3, "--decay", 10]
    linear = ["--activation", "identity", "--output", "identity", "--cost", "quadratic", "--epochs", 30]
    done = call(*run, *linear)
    assert done.returncode == 3 and done.stderr.count("\n") == 1
    assert "run holds the last state kept before" in done.stderr
    _, arrays = container.read(tmp_path / "run", "checkpoint")  # which refuses what is not finite
    assert 1 <= len(arrays["history"]) < 30
    assert call(*run, *linear, "--resume").stderr == done.stderr


def test_a_closed_output_and_a_full_history(small_set, tmp_path, reference):
    expected = reference(30)
    run = command(small_set, "--epochs", 30, "--checkpoint", "run", "--resume")
    with subprocess.Popen(run, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not process.stdout.readline().startswith("epoch"):  # before it, nothing was kept
            assert process.poll() is None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.wait() == 1
    container.read(tmp_path / "run", "checkpoint")

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    full = subprocess.run(
        [*run, "--history", "h"], cwd=tmp_path, capture_output=True, text=True, preexec_fn=limited
    )  # fmt: skip
    assert full.returncode == 1 and full.stderr == "neurone.train: [Errno 27] File too large: 'h'\n"
    assert subprocess.run([*run, "--history", "h"], cwd=tmp_path, capture_output=True).returncode == 0
    assert finished(tmp_path / "h") == expected


def test_two_trainings_never_write_one_checkpoint(call, small_set, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "run")
    with locked(link):
        done = call("train", "--data", small_set, *OPTIONS, "--checkpoint", "run")
    assert done.returncode == 2 and "in use by another training" in done.stderr
    assert not (tmp_path / ".run.lock").exists() and not (tmp_path / "run").exists()
    with locked(tmp_path / "run") as check:
        check()
        (tmp_path / ".run.lock").unlink()
        with locked(tmp_path / "run") as second:
            second()
            with pytest.raises(neurone.InputError, match=r"\.run\.lock was removed"):
                check()
    (tmp_path / ".run.lock").mkdir()
    done = call("train", "--data", small_set, *OPTIONS, "--checkpoint", "run")
    assert done.returncode == 2 and "run: cannot be locked by" in done.stderr
    (tmp_path / ".run.lock").rmdir()
    (tmp_path / ".run.lock").touch()  # left by one that was killed
    assert call("train", "--data", small_set, *OPTIONS, "--checkpoint", "run").returncode == 0
    assert not (tmp_path / ".run.lock").exists()


def test_a_link_that_is_turned_changes_nothing(tmp_path):
    """Who holds a target writes where the link led when it was locked."""
    link, target = tmp_path / "link", None
    link.symlink_to("a")
    target = files.Target(link)
    with locked(target) as check:
        link.unlink()
        link.symlink_to("b")
        check()
        with replacing(target) as file:
            file.write(b"state")
    assert {path.name for path in tmp_path.iterdir()} == {"link", "a"} and str(target) == str(link)


@pytest.mark.parametrize("second_start", [1, 2])
def test_outputs_beside_the_data(call, small_set, tmp_path, second_start):
    """They are no part of the set, neither at the first start nor at the next."""
    names = {"--checkpoint": "run", "--save": "net.npz", "--history": "h"}
    run = ["train", "--data", small_set, *OPTIONS, "--epochs", 1, "--resume"]
    run += [word for name, file in names.items() for word in (name, small_set / file)]
    for _ in range(second_start):
        done = call(*run)
        assert done.returncode == 0, done.stderr
    (small_set / "SHA256SUMS").write_text("")
    done = call("train", "--data", small_set, "--save", small_set / "SHA256SUMS")
    assert done.returncode == 2


def test_no_lock_stays_where_nothing_was_locked(tmp_path, monkeypatch):
    def no_locks(file):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(files.system, "lock", no_locks)
    with pytest.raises(neurone.InputError, match="cannot be locked"), locked(tmp_path / "run"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_listed():
    """Nobody may write there, and so the folder cannot be synced. (Nobody may not enter pytest's own folders.)"""
    if os.geteuid():
        pytest.skip("needs the superuser, to become nobody")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o333)
        child = os.fork()
        if not child:
            try:
                os.setgroups([])
                os.setuid(65534)
                with replacing(folder / "run") as file:
                    file.write(b"state")
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0 and (folder / "run").read_bytes() == b"state"


def test_two_trainings_never_write_one_history(call, small_set, tmp_path):
    with open(tmp_path / "h", "a") as file:
        file.write("another's\n")
        file.flush()
        assert files.system.lock(file)
        done = call("train", "--data", small_set, *OPTIONS, "--epochs", 1, "--history", "h")
    assert done.returncode == 2 and "in use by another training" in done.stderr
    assert (tmp_path / "h").read_text() == "another's\n"


def test_what_a_killed_run_left_is_removed(tmp_path):
    """But not what a running one writes, nor anybody else's."""
    left, other = tmp_path / ".net.0123456789abcdef.tmp", tmp_path / ".net.tmp"
    for path in (left, other):
        path.touch()
    with replacing(tmp_path / "net") as running:
        assert not left.exists()
        with replacing(tmp_path / "net") as second:
            second.write(b"second")
        running.write(b"running")
    assert (tmp_path / "net").read_bytes() == b"running"
    assert {path.name for path in tmp_path.iterdir()} == {"net", ".net.tmp"}


def test_eight_at_once(small_set, tmp_path, reference):
    """Each with its own checkpoint, and two threads where there are two cores; half of them are killed and go on."""
    batches = "--batch-size", 60, "--hidden", 25000
    expected = reference(60, *batches)
    runs = [
        command(small_set, "--epochs", 60, *batches, "--threads", 2, "--checkpoint", f"run-{number}",
                "--checkpoint-every", 0.01, "--history", f"history-{number}", "--resume")
        for number in range(8)
    ]  # fmt: skip
    quiet = dict(cwd=tmp_path, stdout=subprocess.DEVNULL)
    processes = [subprocess.Popen(run, **quiet) for run in runs]
    for number in range(0, 8, 2):
        while not (tmp_path / f"run-{number}").exists() and processes[number].poll() is None:
            time.sleep(0.01)
        processes[number].kill()
        processes[number].wait()
        processes[number] = subprocess.Popen(runs[number], **quiet)
    assert [process.wait() for process in processes] == [0] * 8
    assert {finished(tmp_path / f"history-{number}") for number in range(8)} == {expected}

"""The commands from outside: what they print, write and exit with."""

import gzip
import hashlib
import importlib.util
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time

import numpy as np
import pytest

import neurone
import neurone.commands
from neurone.datasets.arrays import stratified
from neurone.datasets.digits import digits
from neurone.datasets.idx import write_idx
from neurone.datasets.mnist import load_folder
from neurone.formats import save_c, save_onnx


def refused(done, *parts):
    """The command exited with 2, one line on standard error that has all parts in it, and did no work."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    for part in parts:
        assert str(part) in done.stderr


def test_train_end_to_end(run, small_set, tmp_path):
    done = run(
        "train", "--data", small_set, "--hidden", 6, 5, "--epochs", 30, "--validation", 9, "--learning-rate", 0.3,
        "--decay", 0.99, "--save", "net.npz", "--history", "history.jsonl",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    # Printed only if this kind of network is new to the cache.
    lines = [line for line in done.stdout.splitlines() if not line.startswith("kernels compiled in")]
    assert lines[0] == f"small-set ({small_set}): 60 training and 30 test images of 5 x 4, 3 classes"
    assert lines[1].startswith("20-6-5-3: logistic hidden, softmax output, log cost, float32, 179 parameters")
    assert [line.split()[:2] for line in lines[2:32]] == [["epoch", f"{epoch}/30"] for epoch in range(1, 31)]
    assert lines[-1] == "test error 0.00 % (0 of 30)"
    assert [line.split("|")[1].split() for line in lines[-4:-1]] == [
        ["10", "0", "0"],
        ["0", "10", "0"],
        ["0", "0", "10"],
    ]

    *epochs, end = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert len(epochs) == 30
    decayed = 1.0
    for number, epoch in enumerate(epochs):
        assert list(epoch) == [
            "event", "epoch", "cost", "train_error", "validation_error", "validation_cost", "learning_rate", "seconds",
        ]  # fmt: skip
        assert (epoch["event"], epoch["epoch"]) == ("epoch", number)
        assert epoch["learning_rate"] == 0.3 * decayed
        decayed *= 0.99
    assert epochs[-1]["cost"] < epochs[0]["cost"] and epochs[-1]["validation_error"] == 0
    assert list(end) == ["event", "test_error", "seconds", "parameters_sha256"]
    assert (end["event"], end["test_error"]) == ("end", 0)

    net = neurone.load(tmp_path / "net.npz")
    assert hashlib.sha256(net.parameters.tobytes()).hexdigest() == end["parameters_sha256"]
    assert net.sizes == (20, 6, 5, 3)

    scored = run("evaluate", "net.npz", "--data", small_set)
    assert scored.returncode == 0 and scored.stdout.splitlines() == [lines[0], *lines[-6:]]


def test_train_does_what_fit_does(call, small_set, tmp_path):
    """The same options, the same bits."""
    call(
        "train", "--data", small_set, "--hidden", 4, "--activation", "tanh", "--output", "logistic", "--cost",
        "quadratic", "--slope", 2, "--init", "notes", "--dtype", "float64", "--epochs", 3, "--batch-size", 7,
        "--learning-rate", 0.7, "--decay", 0.5, "--reduction", "sum", "--seed", 9, "--threads", 2, "--save", "net.npz",
    )  # fmt: skip
    data = load_folder(small_set)
    net = neurone.Network(
        (20, 4, 3), activation="tanh", output="logistic", cost="quadratic",
        slope=2.0, init="notes", dtype="float64", seed=9,
    )  # fmt: skip
    neurone.fit(
        net, data.train_images, data.train_labels,
        epochs=3, batch_size=7, learning_rate=0.7, decay=0.5, reduction="sum", seed=9,
    )  # fmt: skip
    saved = neurone.load(tmp_path / "net.npz")
    assert saved.settings() == net.settings() and np.array_equal(saved.parameters, net.parameters)


def test_a_saved_network_is_trained_further(call, small_set, tmp_path):
    """With its own shape and functions; the checkpoint knows where it began."""
    data = load_folder(small_set)
    net = neurone.Network((20, 4, 3), activation="relu", dtype="float64", seed=3)
    net.save(tmp_path / "start")
    run = ["train", "--data", small_set, "--from", "start", "--epochs", 2, "--decay", 1, "--save", "net"]
    done = call(*run, "--checkpoint", "state")
    assert done.returncode == 0 and "20-4-3: relu hidden" in done.stdout, done.stderr
    neurone.fit(net, data.train_images, data.train_labels, epochs=2, learning_rate=0.05)
    assert np.array_equal(neurone.load(tmp_path / "net").parameters, net.parameters)
    neurone.Network((20, 4, 3), activation="relu", dtype="float64", seed=4).save(tmp_path / "start")
    neurone.Network((20, 4, 2)).save(tmp_path / "other")
    for options, message in (
        (["--checkpoint", "state", "--resume"], "state: no checkpoint of this training: it began with another network"),
        (["--hidden", 4], "--hidden and --from are given"),
        (["--dtype", "float64"], "--dtype and --from are given"),
        (["--from", "other"], "--from: other has 20 inputs and 2 outputs, and the data set takes 20 and 3"),
        (["--from", "missing"], "missing: cannot be read"),
    ):
        done = call(*run, *options)
        assert done.returncode == 2 and done.stderr.startswith(f"neurone.train: {message}"), done.stderr


def test_patience_ends_the_training(call, small_set, tmp_path):
    """A line says so, and the best parameters are scored and saved; likewise if the epochs end first."""
    run = ["train", "--data", small_set, "--hidden", 5, "--learning-rate", 0.5, "--decay", 1, "--validation", 12,
           "--momentum", 0.9, "--patience", 3, "--save", "net", "--history", "history"]  # fmt: skip
    data = load_folder(small_set)
    held_out = stratified(data.train_labels, 12, 0)
    for count in (40, 3):
        done = call(*run, "--epochs", count)
        assert done.returncode == 0, done.stderr
        *epochs, end = [json.loads(line) for line in (tmp_path / "history").read_text().splitlines()]
        errors = [epoch["validation_error"] for epoch in epochs]
        told = f"the best parameters are those of epoch {1 + errors.index(min(errors))}"
        assert min(errors) < errors[-1] and len(epochs) == (6 if count == 40 else 3)
        if count == 40:
            told = f"ended by patience after epoch 6; {told}"
        assert told in done.stdout.splitlines()
        net = neurone.load(tmp_path / "net")
        assert hashlib.sha256(net.parameters.tobytes()).hexdigest() == end["parameters_sha256"]
        wrong = net.predict(data.train_images[held_out]) != data.train_labels[held_out]
        assert 100 * wrong.mean() == pytest.approx(min(errors))
        wrong = net.predict(data.test_images) != data.test_labels
        assert end["event"] == "end" and end["test_error"] == pytest.approx(100 * wrong.mean())


def test_no_hidden_layer_and_the_whole_set(call, small_set):
    done = call("train", "--data", small_set, "--hidden", "--batch-size", "all", "--epochs", 1)
    assert done.returncode == 0 and "20-3: softmax output" in done.stdout


def test_without_a_set_the_embedded_digits_are_used(run):
    done = run("train", "--epochs", 1)
    assert done.returncode == 0
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("embedded digits (drawn, since no data set was found): 60000 training and 10000 test")
    assert float(last.split()[2]) < 50


def test_the_set_is_found_where_the_environment_says(run, small_set):
    done = run("train", "--epochs", 0, "--hidden", 5, NEURONE_DATA=str(small_set))
    assert done.returncode == 0 and done.stdout.startswith("small-set")
    refused(run("train", NEURONE_DATA="/missing/folder"), "/missing/folder")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--learning-rate", "0"], ["--learning-rate is 0"]),
        (["--learning-rate=-1"], ["--learning-rate is -1"]),
        (["--learning-rate", "nan"], ["--learning-rate is nan"]),
        (["--learning-rate", "fast"], ["--learning-rate", "fast"]),
        (["--learning-rate", "1e-60"], ["--learning-rate is", "float32"]),
        (["--decay", "0"], ["--decay is 0"]),
        (["--momentum", "1"], ["--momentum is 1.0"]),
        (["--alpha=-1"], ["--alpha is -1.0"]),
        (["--schedule", "step"], ["--schedule", "step", "adaptive"]),
        (["--schedule", "adaptive"], ["--schedule is 'adaptive'", "give patience too"]),
        (["--power-t", "nan"], ["--power-t is nan"]),
        (["--patience", "0"], ["--patience is 0"]),
        (["--patience", "1.5"], ["--patience", "1.5"]),
        (["--tol=-1"], ["--tol is -1.0"]),
        (["--batch-size", "0"], ["--batch-size is 0"]),
        (["--batch-size", "some"], ["--batch-size", "some"]),
        (["--hidden", "0"], ["--hidden is 0"]),
        (["--hidden", "2.5"], ["--hidden", "2.5"]),
        (["--hidden", "1000000000"], ["parameters"]),
        (["--epochs=-1"], ["--epochs is -1"]),
        (["--threads", "0"], ["--threads is 0"]),
        (["--seed=-1"], ["--seed is -1"]),
        (["--slope", "0"], ["--slope is 0"]),
        (["--cost", "quadratic"], ["cost", "softmax"]),
        (["--activation", "sigmoid"], ["--activation", "sigmoid", "logistic"]),
        (["--kernels", "none"], ["--kernels", "none"]),
        (["--validation", "0"], ["--validation is 0"]),
        (["--validation", "60"], ["--validation is 60"]),
        (["--epoch", "3"], ["--epoch"]),  # no abbreviations: a later option could make one ambiguous
        (["surplus"], ["surplus"]),
        (["--save", "one", "--history", "./one"], ["--save and --history are one file"]),
        (["--decay", "1e120", "--epochs", "9"], ["--decay is 1e+120"]),
        (["--save", "missing/net.npz"], ["--save", "missing/net.npz"]),
        (["--save", "."], ["--save"]),
        (["--history", "/dev/null/x"], ["--history", "/dev/null/x"]),
        (["--data", "missing"], ["missing"]),
    ],
)
def test_bad_options(call, small_set, tmp_path, options, parts):
    arguments = [] if "--data" in options else ["--data", small_set]
    before = sorted(tmp_path.iterdir())
    refused(call("train", *arguments, "--epochs", 1, *options), *parts, "neurone.train: ")
    assert sorted(tmp_path.iterdir()) == before


def test_nothing_is_written_when_the_data_are_bad(call, small_set, tmp_path):
    images = small_set / "t10k-images-idx3-ubyte.gz"
    images.write_bytes(images.read_bytes()[:-9])
    (tmp_path / "history.jsonl").write_text("an older one\n")
    refused(call("train", "--data", small_set, "--save", "n.npz", "--history", "history.jsonl"), images)
    assert (tmp_path / "history.jsonl").read_text() == "an older one\n"
    assert not (tmp_path / "n.npz").exists()


def test_divergence_exits_with_3(call, small_set, tmp_path):
    done = call(
        "train", "--data", small_set, "--activation", "relu", "--output", "identity", "--cost", "quadratic",
        "--learning-rate", 1000, "--save", "net.npz", "--hidden", 5,
    )  # fmt: skip
    assert done.returncode == 3
    assert "diverged in epoch 1" in done.stderr and "learning rate 1000" in done.stderr
    assert done.stderr.count("\n") == 1 and not (tmp_path / "net.npz").exists()


def test_evaluate_refuses_what_does_not_fit(call, small_set, tmp_path):
    neurone.Network((16, 3)).save(tmp_path / "other.npz")
    refused(call("evaluate", "other.npz", "--data", small_set), "other.npz", "16 inputs", "20 pixels")
    refused(call("evaluate", "missing.npz", "--data", small_set), "missing.npz")
    (tmp_path / "bad.npz").write_bytes(b"\x80\x04K\x01.")
    refused(call("evaluate", "bad.npz", "--data", small_set), "bad.npz", "pickle")


def test_labels_beyond_the_outputs_cannot_be_scored(call, small_set, tmp_path):
    neurone.Network((20, 2)).save(tmp_path / "two.npz")
    refused(call("evaluate", "two.npz", "--data", small_set), "two.npz", "2 outputs", "up to 2")


@pytest.mark.parametrize("option", ["--save", "--history"])
def test_no_output_passes_for_a_part_of_the_data(call, small_set, option):
    done = call("train", "--data", small_set, "--hidden", 5, option, small_set / "train-images-idx3-ubyte")
    assert done.returncode == 2 and "would pass for a part of the data set" in done.stderr


@pytest.mark.parametrize("option", ["--save", "--history"])
def test_no_file_of_the_data_is_overwritten(call, small_set, tmp_path, option):
    labels = small_set / "train-labels-idx1-ubyte"
    before = labels.read_bytes()
    (tmp_path / "link").hardlink_to(labels)
    for path in (labels, tmp_path / "link"):
        refused(call("train", "--data", small_set, option, path), option, path, "data set")
    assert labels.read_bytes() == before


def test_pipes_are_refused_not_waited_for(call, small_set, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    neurone.Network((784, 10)).save(tmp_path / "net.npz")
    refused(call("evaluate", "pipe", "--data", small_set), "pipe", "not a regular file")
    refused(call("predict", "net.npz", "pipe"), "pipe", "not a regular file")


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_closed_streams_are_no_traceback(small_set, closed, tmp_path):
    number = {"stdout": 1, "stderr": 2}[closed]
    command = (
        f"exec {sys.executable} -m neurone.train --data '{small_set}' --hidden 5 --epochs 1 --save net.npz {number}>&-"
    )
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert neurone.load(tmp_path / "net.npz").sizes == (20, 5, 3)


def test_a_signal_that_python_drops_is_raised_again():
    """In a callback of LLVM, as Numba loads a kernel, an exception goes no further."""
    code = (
        "import signal, os, neurone.commands as c\n"
        "def main(argv):\n"
        "    try: os.kill(os.getpid(), signal.SIGINT)\n"
        "    except KeyboardInterrupt: pass\n"
        "    c.check_stopped()\n"
        "raise SystemExit(c.run('train', main))"
    )
    done = subprocess.run(
        [sys.executable, "-c", "import signal; signal.signal(2, signal.default_int_handler)\n" + code],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (130, "neurone.train: interrupted\n")


@pytest.mark.parametrize(("error", "code"), [(UserWarning("a\nb"), 1), (RuntimeError("can't start new thread"), 1)])
def test_warnings_and_missing_threads_are_one_line(capsys, error, code):
    def main(argv):
        raise error

    assert neurone.commands.run("train", main) == code
    assert capsys.readouterr().err.count("\n") == 1


def test_an_interruption_while_modules_load(interruptible):
    """The signal comes as soon as Python imports NumPy."""
    code = (
        "import os, runpy, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'numpy': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "sys.argv[:], sys.orig_argv[:] = ['-m'], ['python', '-m', 'neurone.train']\n"
        "import neurone"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "neurone.train: interrupted\n")


def test_labels_beyond_the_outputs_are_refused(call, small_set):
    write_idx(small_set / "t10k-labels-idx1-ubyte", np.full(30, 3, np.uint8))
    refused(call("train", "--data", small_set), "t10k-labels-idx1-ubyte")


def test_a_closed_pipe_is_no_traceback(small_set):
    command = [sys.executable, "-m", "neurone.train", "--data", str(small_set), "--hidden", "5", "--epochs", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1


def test_a_full_disk_is_one_line(run, small_set):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "neurone.train", "--data", str(small_set), "--hidden", "5", "--epochs", "1"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "No space left" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interruptions(small_set, tmp_path, interruptible, number, code):
    history = tmp_path / "history.jsonl"
    command = [
        sys.executable, "-m", "neurone.train", "--data", str(small_set), "--hidden", "5", "--epochs", "10000000",
        "--history", str(history), "--save", str(tmp_path / "net.npz"),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 120
            while not (history.exists() and history.stat().st_size) and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, err) == (code, "neurone.train: interrupted\n" if code == 130 else "")
    assert not (tmp_path / "net.npz").exists()


def test_progress_bar_on_a_terminal(small_set, tmp_path):
    """A bar on standard error, and whole lines on standard output."""
    pytest.importorskip("tqdm")
    inner, outer = pty.openpty()
    command = [sys.executable, "-m", "neurone.train", "--data", str(small_set), "--hidden", "5", "--epochs", "3"]
    termios.tcsetwinsize(outer, (25, 100))
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=outer, cwd=tmp_path, text=True, timeout=300)
    drawn = os.read(inner, 65536)  # before the other end is closed, which would lose it
    os.close(outer)
    os.close(inner)
    assert b"images" in drawn and b"%|" in drawn
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()[2:5]] == ["epoch"] * 3


def test_predict_reads_pictures(call, tmp_path):
    """Embedded digits as someone might scan them: large, dark on light paper, anywhere in the picture."""
    image = pytest.importorskip("PIL.Image")
    net = neurone.Network((784, 100, 10))
    neurone.fit(net, *digits(20_000), learning_rate=0.05, epochs=1)
    net.save(tmp_path / "net.npz")
    drawn, labels = digits(20, first=20_000)
    names = [f"{number}.png" for number in range(19)] + ["19.jpg"]
    for name, digit in zip(names, drawn, strict=True):
        page = np.full((300, 200), 230, np.uint8)
        page[90:230, 30:170] -= np.asarray(image.fromarray(digit).resize((140, 140))) // 4 * 3
        image.fromarray(page).save(tmp_path / name)
    done = call("predict", "net.npz", *names)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == [f"{name}:" for name in names]
    assert all(0.1 <= float(line[2].strip("()")) <= 1 for line in lines)
    answers = np.array([int(line[1]) for line in lines])
    # What the network reads in the digits themselves, except for one or two doubtful ones.
    assert (answers == net.predict(drawn)).sum() >= 18 and (answers == labels).sum() >= 14

    (tmp_path / "text.png").write_text("no picture")
    refused(call("predict", "net.npz", "0.png", "text.png"), "text.png")
    refused(call("predict", "net.npz", "missing.png"), "missing.png")
    neurone.Network((20, 3)).save(tmp_path / "small.npz")
    refused(call("predict", "small.npz", "0.png"), "small.npz", "28 x 28")


def test_export(call, tmp_path):
    """The files are those that the functions write."""
    net = neurone.Network((20, 5, 3), seed=4)
    net.save("net.npz")
    save_c(net, "a.c")
    save_c(net, "a8.c", int8=True)
    kinds = [(["c"], "a.c"), (["c", "--int8"], "a8.c")]
    if importlib.util.find_spec("onnx"):
        save_onnx(net, "a.onnx")
        kinds.append((["onnx"], "a.onnx"))
    for kind, name in kinds:
        done = call("export", "net.npz", "--format", *kind, "--output", "written")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert (tmp_path / "written").read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["net.npz", "--format", "c"], ["--output"]),
        (["net.npz", "--output", "out"], ["--format"]),
        (["net.npz", "--format", "java", "--output", "out"], ["--format", "java", "onnx"]),
        (["net.npz", "--format", "onnx", "--int8", "--output", "out"], ["--int8", "--format c"]),
        (["net.npz", "--format", "c", "--output", "."], ["--output"]),
        (["net.npz", "--format", "c", "--output", "missing/out"], ["--output", "missing/out"]),
        (["net.npz", "--format", "c", "--output", "net.npz"], ["--output", "net.npz is the network itself"]),
        (["net.npz", "--format", "c", "--output", "link"], ["--output", "link is the network itself"]),
        (["missing.npz", "--format", "c", "--output", "out"], ["missing.npz"]),
        (["bad.npz", "--format", "c", "--output", "out"], ["bad.npz", "pickle"]),
        (["huge.npz", "--format", "c", "--output", "out"], ["out: not written", "infinity"]),
        (["huge.npz", "--format", "c", "--int8", "--output", "out"], ["layer 1 may exceed float32"]),
    ],
)
def test_export_refuses(call, tmp_path, options, parts):
    neurone.Network((20, 3)).save("net.npz")
    (tmp_path / "link").symlink_to("net.npz")
    (tmp_path / "bad.npz").write_bytes(b"\x80\x04K\x01.")
    huge = neurone.Network((20, 3), output="identity", cost="quadratic")
    huge.parameters[:] = 3e38
    huge.save("huge.npz")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    refused(call("export", *options), *parts, "neurone.export: ")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_export_without_onnx(call, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    neurone.Network((20, 3)).save("net.npz")
    refused(call("export", "net.npz", "--format", "onnx", "--output", "out"), "needs onnx", "'export'")
    assert not (tmp_path / "out").exists()


def _damaged(folder, damage):
    """Do one thing to one file of a good set; returns the file's name."""
    images, labels = folder / "train-images-idx3-ubyte.gz", folder / "train-labels-idx1-ubyte"
    raw = gzip.decompress(images.read_bytes())
    packed = images.read_bytes()

    def header(*shape):
        return b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in shape)

    change = {
        "missing": lambda: labels.unlink(),
        "a folder": lambda: (images.unlink(), images.mkdir()),
        "not gzip": lambda: images.write_bytes(b"<!DOCTYPE html>"),
        "truncated gzip": lambda: images.write_bytes(packed[:-20]),
        "bad CRC": lambda: images.write_bytes(packed[:-8] + b"\0\0\0\0" + packed[-4:]),
        "trailing bytes": lambda: images.write_bytes(packed + b"\0"),
        "concatenated": lambda: images.write_bytes(packed + packed),
        "bomb": lambda: images.write_bytes(gzip.compress(raw + bytes(10**7))),
        "wrong magic": lambda: images.write_bytes(gzip.compress(b"\1" + raw[1:])),
        "wrong type": lambda: images.write_bytes(gzip.compress(raw[:2] + b"\x0d" + raw[3:])),
        "dimensions": lambda: images.write_bytes(gzip.compress(raw[:3] + b"\x02" + raw[4:])),
        "overflow": lambda: images.write_bytes(gzip.compress(header(2**32 - 1, 2**32 - 1, 2**32 - 1))),
        "no images": lambda: images.write_bytes(gzip.compress(header(0, 5, 4))),
        "counts": lambda: write_idx(labels, np.zeros(59, np.uint8)),
        "labels beyond": lambda: write_idx(labels, np.zeros(60, np.uint8)),
        "sums": lambda: (folder / "SHA256SUMS").write_text(f"{'0' * 64}  {images.name}\n{'0' * 64}  {labels.name}\n"),
    }
    change[damage]()
    names = {"missing": "train labels", "a folder": "train images", "labels beyond": "t10k-labels"}
    return (names | {"sums": "SHA256SUMS"}).get(damage, "train-images")


@pytest.mark.parametrize(
    "damage",
    [
        "missing", "a folder", "not gzip", "truncated gzip", "bad CRC", "trailing bytes", "concatenated", "bomb",
        "wrong magic", "wrong type", "dimensions", "overflow", "no images", "counts", "labels beyond", "sums",
    ],
)  # fmt: skip
def test_damaged_sets(call, small_set, tmp_path, damage):
    name = _damaged(small_set, damage)
    before = sorted(tmp_path.iterdir())
    refused(call("train", "--data", small_set, "--save", "net.npz", "--history", "history.jsonl"), small_set, name)
    assert sorted(tmp_path.iterdir()) == before


def test_swapped_files(call, small_set):
    images, labels = small_set / "train-images-idx3-ubyte.gz", small_set / "train-labels-idx1-ubyte"
    images.rename(small_set / "aside")
    labels.rename(images)
    (small_set / "aside").rename(labels)
    refused(call("train", "--data", small_set), "holds labels where images were expected", images)


def test_a_folder_called_mnist_is_not_mnist(call, small_set):
    renamed = small_set.rename(small_set.parent / "MNIST")
    done = call("train", "--data", renamed, "--hidden", 5, "--epochs", 0)
    assert done.stdout.startswith("MNIST, but not the original, (")

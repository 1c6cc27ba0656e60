"""The commands from outside: what they print, write and exit with."""

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import neurone
from neurone.datasets.idx import write_idx
from neurone.datasets.mnist import load_folder


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
    lines = done.stdout.splitlines()
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
    for number, epoch in enumerate(epochs):
        assert list(epoch) == [
            "event", "epoch", "cost", "train_error", "validation_error", "learning_rate", "seconds",
        ]  # fmt: skip
        assert (epoch["event"], epoch["epoch"]) == ("epoch", number)
        assert epoch["learning_rate"] == 0.3 * 0.99**number
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


def test_no_hidden_layer_and_the_whole_set(call, small_set):
    done = call("train", "--data", small_set, "--hidden", "--batch-size", "all", "--epochs", 1)
    assert done.returncode == 0 and "20-3: softmax output" in done.stdout


def test_without_a_set_the_embedded_digits_are_used(run):
    done = run("train", "--epochs", 1, "--hidden", 16)
    assert done.returncode == 0
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("embedded digits (no data set found): 60000 training and 10000 test images")
    assert float(last.split()[2]) < 50


def test_the_set_is_found_where_the_environment_says(run, small_set):
    done = run("train", "--epochs", 0, NEURONE_DATA=str(small_set))
    assert done.returncode == 0 and done.stdout.startswith("small-set")
    refused(run("train", NEURONE_DATA="/missing/folder"), "/missing/folder")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--learning-rate", "0"], ["learning_rate is 0"]),
        (["--learning-rate=-1"], ["learning_rate is -1"]),
        (["--learning-rate", "nan"], ["learning_rate is nan"]),
        (["--learning-rate", "fast"], ["--learning-rate", "fast"]),
        (["--learning-rate", "1e-60"], ["learning_rate", "float32"]),
        (["--decay", "0"], ["decay is 0"]),
        (["--batch-size", "0"], ["batch_size is 0"]),
        (["--batch-size", "some"], ["--batch-size", "some"]),
        (["--hidden", "0"], ["size of a layer is 0"]),
        (["--hidden", "2.5"], ["--hidden", "2.5"]),
        (["--hidden", "1000000000"], ["parameters"]),
        (["--epochs=-1"], ["epochs is -1"]),
        (["--threads", "0"], ["threads is 0"]),
        (["--seed=-1"], ["seed is -1"]),
        (["--slope", "0"], ["slope is 0"]),
        (["--cost", "quadratic"], ["cost", "softmax"]),
        (["--activation", "sigmoid"], ["--activation", "sigmoid", "logistic"]),
        (["--kernels", "none"], ["--kernels", "none"]),
        (["--validation", "0"], ["validation"]),
        (["--validation", "60"], ["validation is 60"]),
        (["--epoch", "3"], ["--epoch"]),  # no abbreviations: a later option could make one ambiguous
        (["surplus"], ["surplus"]),
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
        "--learning-rate", 1000, "--save", "net.npz",
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


def test_fewer_outputs_than_classes_can_still_be_scored(call, small_set, tmp_path):
    """A network of two classes is wrong on the third; no index error."""
    neurone.Network((20, 2)).save(tmp_path / "two.npz")
    done = call("evaluate", "two.npz", "--data", small_set)
    assert done.returncode == 0 and "of 30)" in done.stdout


def test_labels_beyond_the_outputs_are_refused(call, small_set):
    write_idx(small_set / "t10k-labels-idx1-ubyte", np.full(30, 3, np.uint8))
    refused(call("train", "--data", small_set), "t10k-labels-idx1-ubyte")


def test_a_closed_pipe_is_no_traceback(small_set):
    command = [sys.executable, "-m", "neurone.train", "--data", str(small_set), "--epochs", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1


def test_a_full_disk_is_one_line(run, small_set):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "neurone.train", "--data", str(small_set), "--epochs", "1"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "No space left" in done.stderr


def test_interrupt_exits_with_130(small_set, tmp_path):
    history = tmp_path / "history.jsonl"
    command = [
        sys.executable, "-m", "neurone.train", "--data", str(small_set), "--epochs", "10000000",
        "--history", str(history),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while not (history.exists() and history.stat().st_size) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "neurone.train: interrupted\n"
        assert process.wait() == 130


def test_predict_reads_pictures(call, tmp_path):
    image = pytest.importorskip("PIL.Image")
    net = neurone.Network((784, 10))
    net.save(tmp_path / "net.npz")
    pixels = np.zeros((60, 40), np.uint8)
    pixels[10:50, 15:25] = 200
    image.fromarray(pixels).save(tmp_path / "one.png")
    image.fromarray(255 - pixels).save(tmp_path / "two.jpg", quality=100)
    done = call("predict", "net.npz", "one.png", "two.jpg")
    assert done.returncode == 0
    (first, answer, output), (second, *_) = (line.split() for line in done.stdout.splitlines())
    assert (first, second) == ("one.png:", "two.jpg:")
    assert 0 <= int(answer) <= 9 and 0.1 <= float(output.strip("()")) <= 1

    (tmp_path / "text.png").write_text("no picture")
    refused(call("predict", "net.npz", "one.png", "text.png"), "text.png")
    refused(call("predict", "net.npz", "missing.png"), "missing.png")
    neurone.Network((20, 3)).save(tmp_path / "small.npz")
    refused(call("predict", "small.npz", "one.png"), "small.npz", "28 x 28")


def test_a_gzip_bomb_among_the_files(call, small_set):
    path = small_set / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(bytes(10_000_000)))
    refused(call("train", "--data", small_set), path)

"""Networks that answer together: from Python, in files, and in the commands."""

import itertools
import json
import signal
import subprocess
import sys

import numpy as np
import pytest

import neurone
from neurone import container

IMAGES = np.random.Generator(np.random.Philox(3)).random((50, 6))


def networks(count=3, **settings):
    return [neurone.Network((6, 5, 4), seed=seed, **settings) for seed in range(count)]


def test_outputs_are_means():
    members = networks()
    committee = neurone.Committee(members)
    outputs = committee.predict_proba(IMAGES)
    expected = np.zeros((50, 4))
    for member in members:
        expected += member.predict_proba(IMAGES)
    assert np.array_equal(outputs, (expected / 3).astype(np.float32))
    assert np.array_equal(committee.predict(IMAGES), outputs.argmax(axis=1))
    assert not np.array_equal(committee.predict(IMAGES), members[0].predict(IMAGES))
    assert np.array_equal(neurone.Committee(members[:1]).predict_proba(IMAGES), members[0].predict_proba(IMAGES))


def test_one_output_and_both_widths():
    members = [neurone.Network((6, 1), output="logistic", dtype=dtype) for dtype in ("float32", "float64")]
    committee = neurone.Committee(members)
    outputs = committee.predict_proba(IMAGES)
    assert outputs.dtype == np.float64 and outputs.shape == (50, 1)
    assert np.array_equal(committee.predict(IMAGES), (outputs[:, 0] >= 0.5).astype(int))


def test_a_file_holds_all_of_it(tmp_path):
    members = [*networks(2), neurone.Network((6, 4), dtype="float64")]
    neurone.Committee(members).save(tmp_path / "all.npz")
    found = neurone.load(tmp_path / "all.npz")
    assert [each.settings() for each in found.networks] == [each.settings() for each in members]
    assert all(np.array_equal(a.parameters, b.parameters) for a, b in zip(found.networks, members, strict=True))
    found.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "all.npz").read_bytes()


def test_what_does_not_go_together_is_refused():
    for others, message in (
        ([], "networks are none"),
        ([3], "networks hold 3"),
        ([*networks(), neurone.Network((6, 3))], "networks of 6 inputs and 3 outputs"),
        ([*networks(), neurone.Network((6, 4), output="logistic")], r"\(logistic\), and of 6 and 4 \(softmax\)"),
    ):
        with pytest.raises(neurone.InputError, match=message):
            neurone.Committee(others)


def test_files_that_are_no_committee_are_refused(tmp_path):
    member = networks(1)[0]
    settings, parameters = member.settings(), member.parameters
    for number, (found, arrays) in enumerate(
        (
            ({"networks": []}, {}),
            ({"networks": [settings]}, {"parameters": parameters}),
            ({"networks": [settings, settings]}, {"parameters_0": parameters}),
            ({"networks": 1}, {"parameters_0": parameters}),
            ({"networks": [settings], "more": 1}, {"parameters_0": parameters}),
            ({"networks": [settings | {"seed": "1"}]}, {"parameters_0": parameters}),
        )
    ):
        path = tmp_path / f"{number}.npz"
        container.write(path, "committee", found, arrays)
        with pytest.raises(neurone.InputError, match=r"not a network \("):
            neurone.load(path)


def test_parameters_that_are_not_finite_are_not_saved(tmp_path):
    members = networks()
    members[1].parameters[0] = np.nan
    with pytest.raises(neurone.InputError, match="NaN or infinity"):
        neurone.Committee(members).save(tmp_path / "all.npz")
    assert not (tmp_path / "all.npz").exists()


def test_the_commands_take_several_files(call, small_set, tmp_path):
    for seed in range(3):
        options = "--data", small_set, "--hidden", 4, "--epochs", 2, "--seed", seed
        assert call("train", *options, "--save", f"{seed}.npz").returncode == 0
    several = [neurone.load(tmp_path / f"{seed}.npz") for seed in range(3)]
    neurone.Committee(several[:2]).save(tmp_path / "two.npz")
    apart = call("evaluate", "0.npz", "1.npz", "2.npz", "--data", small_set)
    joined = call("evaluate", "two.npz", "2.npz", "--data", small_set)
    assert apart.returncode == 0 and apart.stdout == joined.stdout
    alone = call("evaluate", "2.npz", "--data", small_set)
    assert alone.stdout != apart.stdout
    refused = call("train", "--from", "two.npz", "--data", small_set)
    assert refused.returncode == 2 and "a committee of 2; name the file of a single network" in refused.stderr


def test_predict_takes_networks_before_pictures(call, tmp_path):
    image = pytest.importorskip("PIL.Image")
    picture = np.zeros((28, 28), np.uint8)
    picture[6:22, 12:16] = 255
    image.fromarray(picture).save(tmp_path / "one.png")
    for seed in range(2):
        neurone.Network((784, 10), seed=seed).save(tmp_path / f"{seed}.npz")
    told = {files: call("predict", *files, "one.png").stdout for files in (("0.npz",), ("1.npz",), ("0.npz", "1.npz"))}
    assert len(set(told.values())) == 3
    assert call("predict", "0.npz", "1.npz").stderr.count("only networks") == 1


def test_training_a_committee(run, small_set, tmp_path):
    """Each network is that of its own seed."""
    options = ("--data", small_set, "--hidden", 4, "--epochs", 3, "--batch-size", 4)
    for seed in (5, 6, 7):
        assert run("train", *options, "--seed", seed, "--save", f"{seed}.npz").returncode == 0
    done = run("train", *options, "--seed", 5, "--committee", 3, "--save", "all.npz", "--history", "h.jsonl",
               "--checkpoint", "run.state")  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = neurone.load(tmp_path / "all.npz")
    for network, seed in zip(found.networks, (5, 6, 7), strict=True):
        assert np.array_equal(network.parameters, neurone.load(tmp_path / f"{seed}.npz").parameters)
    lines = [json.loads(line) for line in (tmp_path / "h.jsonl").read_text().splitlines()]
    assert [(line["network"], line["event"]) for line in lines[:-1]] == list(
        itertools.chain(*([(number, "epoch")] * 3 + [(number, "end")] for number in (1, 2, 3)))
    )
    evaluated = run("evaluate", "all.npz", "--data", small_set)
    assert done.stdout.splitlines()[-1] == evaluated.stdout.splitlines()[-1]
    assert lines[-1]["event"] == "end" and f"test error {lines[-1]['test_error']:.2f} %" in evaluated.stdout
    again = run("train", *options, "--seed", 5, "--committee", 3, "--save", "again.npz", "--checkpoint", "run.state",
                "--resume")  # fmt: skip
    assert again.returncode == 0 and (tmp_path / "again.npz").read_bytes() == (tmp_path / "all.npz").read_bytes()
    assert not list(tmp_path.glob("*.npz.*")) and not list(tmp_path.glob("h.jsonl.*"))


def test_a_committee_that_is_stopped_goes_on(small_set, tmp_path, interruptible):
    """A signal to the command ends its processes, which keep where they were."""
    command = [sys.executable, "-m", "neurone.train", "--data", str(small_set), "--hidden", "4", "--epochs", "300"]
    command += ["--committee", "2"]
    kept = [*command, "--save", "all.npz", "--checkpoint", "run.state"]
    with subprocess.Popen(kept, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if "epoch" in line and "/300" in line:
                break
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
    assert process.returncode == 143
    states = sorted(tmp_path.glob("run.state.?"))
    assert states and not (tmp_path / "all.npz").exists()
    assert min(len(container.read(state, "checkpoint")[1]["history"]) for state in states) < 300
    for options, save in (([*kept, "--resume"], "all.npz"), ([*command, "--save", "whole.npz"], "whole.npz")):
        subprocess.run(options, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
        assert len(neurone.load(tmp_path / save).networks) == 2
    assert (tmp_path / "all.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_a_member_that_fails_ends_the_committee(run, small_set):
    options = ("--data", small_set, "--hidden", 4, "--epochs", 3, "--output", "identity", "--cost", "quadratic")
    done = run("train", *options, "--learning-rate", 1e30, "--committee", 2, "--save", "all.npz")
    assert done.returncode == 3 and "diverged" in done.stderr and len(done.stderr.splitlines()) == 1
    for wrong in (0, -1, "many"):
        assert run("train", "--committee", wrong).returncode == 2

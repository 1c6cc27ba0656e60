"""`python -m neurone`: the list of commands, their help, and what is said to those who misspell."""

import re
import shlex
import subprocess
import sys

import pytest

from neurone import __main__
from neurone.commands import COMMANDS


def test_list(run, monkeypatch, capsys):
    done = subprocess.run([sys.executable, "-m", "neurone"], capture_output=True, text=True)
    assert done.returncode == 0 and "usage: python -m neurone COMMAND" in done.stdout
    assert re.findall(r"^  (\w+)  +\w", done.stdout, re.MULTILINE)[: len(COMMANDS)] == list(COMMANDS)
    monkeypatch.setattr(sys, "argv", ["/usr/bin/neurone"])
    assert __main__._main([]) == 0 and "usage: neurone COMMAND" in capsys.readouterr().out
    assert __main__._main(["--version"]) == 0


def test_a_command_by_its_name(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["neurone"])
    assert __main__._main(["evaluate", "no.npz"]) == 2
    assert "no.npz" in capsys.readouterr().err


@pytest.mark.parametrize(("wrong", "meant"), [("trian", "did you mean train?"), ("zzz", "there are train, evaluate")])
def test_no_command(wrong, meant, capsys):
    assert __main__._main([wrong]) == 2
    assert capsys.readouterr().err.startswith(f"neurone: {wrong!r} is no command; {meant}")


@pytest.mark.parametrize("command", COMMANDS)
def test_examples(command, run):
    """Each help ends with three, whose options exist; nothing has a colour where there is no terminal."""
    text = run(command, "--help").stdout
    assert "\033" not in text
    options, examples = text.split("\nexamples:\n")
    lines = examples.strip().splitlines()
    assert len(lines) == 3
    for line in lines:
        *_, name = shlex.split(line)[:3]
        assert name == f"neurone.{command}"
        for option in re.findall(r"--[a-z-]+", line):
            assert re.search(rf"{option}\b", options)


def test_the_usual_comes_first(run):
    text = run("train", "--help").stdout
    subjects = re.findall(r"^(\w.*):$", text, re.MULTILINE)
    assert subjects[:5] == ["options", "data", "network", "training", "output"]
    assert text.index("--hidden") < text.index("--slope") and text.index("--epochs") < text.index("--reduction")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("--epoch", 3), "did you mean --epochs?"),
        (("--learning_rate=3",), "did you mean --learning-rate?"),
        (("--lr", 3), "did you mean --learning-rate?"),
        (("--activation", "relus"), "did you mean relu?"),
        (("--recipe", "simard"), "did you mean simard-2003?"),
    ],
)
def test_the_nearest_option(arguments, meant, call):
    done = call("train", *arguments)
    assert done.returncode == 2 and meant in done.stderr and len(done.stderr.splitlines()) == 1


def test_nothing_near(call):
    assert "did you mean" not in call("train", "--zzz").stderr

"""Options and fixtures for all tests."""

import importlib
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).resolve().parent.parent
# Before neurone is imported: compiled kernels stay inside the project, not in the user's cache.
os.environ["NEURONE_CACHE"] = str(PROJECT / ".cache")

from random_fits import parts_for_all  # noqa: E402

import neurone.commands  # noqa: E402
from neurone.datasets.idx import write_idx  # noqa: E402
from neurone.datasets.mnist import load_folder  # noqa: E402
from neurone.engine import learners, plan, windows  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--torture", action="store_true", help="hours: every float32, thousands of kills and inputs")


@pytest.fixture
def torture(request):
    return request.config.getoption("--torture")


_TRIED = Counter()


@pytest.fixture
def tried():
    """Counts of what was tried, by name, for the end of the report."""
    return _TRIED


def pytest_terminal_summary(terminalreporter):
    for name, count in sorted(_TRIED.items()):
        terminalreporter.write_line(f"{name}: {count}")


@pytest.fixture
def teams(monkeypatch, gathered):
    """As many threads as are asked for, however little work there is, if the first layer has a register for each."""
    monkeypatch.setattr(plan, "_WORK_OF_A_TRANCHE", 1)
    monkeypatch.setattr(learners, "parts", parts_for_all)
    return gathered


@pytest.fixture
def gathered(monkeypatch):
    """How many threads each call's team had, as if there were eight cores, and however short an epoch."""
    monkeypatch.setattr(learners, "cores", lambda: 8)
    monkeypatch.setattr(windows, "cores", lambda: 8)
    monkeypatch.setattr(plan, "_WORK_OF_AN_EPOCH", 1)
    sizes, gather = [], learners.team

    def team(work, threads, meeting):
        sizes.append(threads)
        gather(work, threads, meeting)

    monkeypatch.setattr(learners, "team", team)
    return sizes


@pytest.fixture
def run(tmp_path):
    """Run `python -m neurone.<command>` in an empty folder; no data set is found unless the test names one."""

    def run(command, *arguments, **environment):
        variables = {name: value for name, value in os.environ.items() if name != "NEURONE_DATA"}
        return subprocess.run(
            [sys.executable, "-m", f"neurone.{command}", *map(str, arguments)],
            capture_output=True, text=True, cwd=tmp_path, env=variables | environment, timeout=300,
        )  # fmt: skip

    return run


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Like `run`, in this process: a second less for each of the many bad inputs."""

    def call(command, *arguments):
        main = importlib.import_module(f"neurone.{command}").main
        capsys.readouterr()
        code = neurone.commands.run(command, main, [str(argument) for argument in arguments])
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    monkeypatch.delenv("NEURONE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return call


@pytest.fixture
def interruptible():
    """A shell's background jobs ignore Ctrl-C, and so would their children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def small_set(tmp_path):
    """A folder of four IDX files: 5 x 4 images of 3 classes that a network can learn; 60 to train, 30 to test."""
    rng = np.random.Generator(np.random.Philox(7))
    patterns = rng.integers(0, 256, (3, 5, 4))
    folder = tmp_path / "small-set"
    folder.mkdir()
    for part, count in (("train", 60), ("t10k", 30)):
        labels = np.arange(count) % 3
        images = np.clip(patterns[labels] + rng.integers(-40, 41, (count, 5, 4)), 0, 255)
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", images.astype(np.uint8))
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels.astype(np.uint8))
    return folder


@pytest.fixture(scope="session")
def mnist():
    """Real MNIST, from $NEURONE_DATA."""
    if not os.environ.get("NEURONE_DATA"):
        pytest.skip("NEURONE_DATA is not set: no MNIST")
    data = load_folder(os.environ["NEURONE_DATA"])
    assert data.name == "MNIST"
    return data


@pytest.fixture(scope="session")
def chromium():
    """A headless browser. Where there is none, its tests are left out, but not in continuous integration."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium; on Debian: apt install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])  # a root user has no sandbox
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Open a file as a page of a width in pixels. What it reports on its console or asks of the network is an error."""
    pages, wrong = [], []

    def opened(path, width=1400, **settings):
        context = chromium.new_context(viewport={"width": width, "height": 900}, **settings)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if request.url.startswith("http") else None)
        page.goto(Path(path).resolve().as_uri())
        pages.append(context)
        return page

    yield opened
    for context in pages:
        context.close()
    assert not wrong

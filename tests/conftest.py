"""Options and fixtures for all tests."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).resolve().parent.parent
# Before neurone is imported: compiled kernels stay inside the project, not in the user's cache.
os.environ["NEURONE_CACHE"] = str(PROJECT / ".cache")

MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def pytest_addoption(parser):
    parser.addoption("--torture", action="store_true", help="every float32 there is, instead of one in 101")


@pytest.fixture
def torture(request):
    return request.config.getoption("--torture")


@pytest.fixture
def run(tmp_path):
    """Run `python -m neurone.<command>` in an empty folder; no data set is found unless the test names one."""

    def run(command, *arguments, **environment):
        variables = {name: value for name, value in os.environ.items() if name != "NEURONE_DATA"}
        # The fetched sets are looked for below the cache folder: another one for them than the kernels' would
        # compile everything anew, so the tests' own cache holds no sets.
        return subprocess.run(
            [sys.executable, "-m", f"neurone.{command}", *map(str, arguments)],
            capture_output=True, text=True, cwd=tmp_path, env=variables | environment, timeout=300,
        )  # fmt: skip

    return run


@pytest.fixture
def small_set(tmp_path):
    """A folder of four IDX files: 5 x 4 images of 3 classes that a network can learn; 60 to train, 30 to test."""
    from neurone.datasets.idx import write_idx

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
    from neurone.datasets.mnist import load_folder

    data = load_folder(os.environ["NEURONE_DATA"])
    assert data.name == "MNIST"
    return data

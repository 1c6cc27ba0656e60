"""Some random trainings with guard pages; `make torture` has ten thousand."""

import signal
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def test_random_fits(torture, tried):
    """In a process of their own, which a kernel would end by going past its arrays."""
    command = [sys.executable, FOLDER / "random_fits.py", "10000" if torture else "100", "--seed", "5"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    tried["random trainings to the bits of notes, with guard pages"] += int(done.stdout.split()[0])


def test_the_guards_bite():
    """One number past the end of an array that a learner works in."""
    code = (
        "import numpy as np, random_fits; from neurone.engine import learners\n"
        "from numpy.lib.stride_tricks import as_strided\n"
        "with random_fits.guards(): array = learners.aligned(5, np.dtype(np.float32))\n"
        "longer = as_strided(array, (6,)); print(array.sum(), flush=True); longer[5]"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("0.0\n", -signal.SIGSEGV)

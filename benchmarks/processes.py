"""Processes of the benchmarks: how many threads one may use, and how to start one. Imported before NumPy; Linux only."""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
# OpenBLAS and PyTorch read this as they are imported.
THREADS = int(os.environ.setdefault("OMP_NUM_THREADS", "1"))


def pin():
    """Keep this process to as many cores as it may use threads: JAX reads no variable."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])


def python(*arguments, threads=1, **variables):
    """Run this Python on `arguments`, with so many threads, and return what it printed."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)} | variables
    return subprocess.run(
        [sys.executable, *map(str, arguments)], check=True, env=environment, stdout=subprocess.PIPE, text=True
    ).stdout

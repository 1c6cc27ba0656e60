"""How many threads a process may use, and how to start another: imported before NumPy. For Linux."""

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
    """Run this Python on `arguments`, with `threads` threads, and return what it printed."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)} | variables
    command = [sys.executable, *map(str, arguments)]
    process = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if process.returncode:
        raise SystemExit(f"{process.stdout}\n{' '.join(command)} failed")
    return process.stdout

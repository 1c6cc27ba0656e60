"""Compiles a C file of this folder, with the options for the fastest code."""

import ctypes
import subprocess
import tempfile
from functools import cache

from processes import FOLDER

FLAGS = ("-O3", "-march=native", "-ffast-math")


@cache
def compiled(name):
    """The library made of the C file `name`."""
    with tempfile.TemporaryDirectory() as folder:
        library = f"{folder}/{name}.so"
        subprocess.run(
            ["gcc", "-std=gnu99", *FLAGS, "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", FOLDER / name, "-o",
             library, "-lm"],
            check=True,
        )  # fmt: skip
        return ctypes.CDLL(library)


def address(array):
    return ctypes.c_void_p(array.ctypes.data)

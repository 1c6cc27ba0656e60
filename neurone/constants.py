"""Names and places that several floors share."""

import os
from pathlib import Path


def user_cache():
    """Folder for what can be made again: `$NEURONE_CACHE`, else `neurone` in the user's cache folder."""
    if os.environ.get("NEURONE_CACHE"):
        return Path(os.environ["NEURONE_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "neurone"

# Codes for the kernels: a function passed as an argument would miss Numba's cache in every process.
LOGISTIC, TANH, RELU, IDENTITY, SOFTMAX = range(5)
QUADRATIC, HALF_QUADRATIC, LOG = range(3)

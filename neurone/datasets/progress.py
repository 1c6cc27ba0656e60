"""How far a long reading is."""

import sys
from contextlib import nullcontext


def progress(name, total, unit):
    """A bar to update, in a `with`; None without tqdm, or where nobody watches standard error."""
    if sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ImportError:
            pass
        else:
            return tqdm(desc=name, total=total, unit=unit, unit_scale=True)
    return nullcontext()

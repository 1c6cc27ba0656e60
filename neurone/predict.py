"""`python -m neurone.predict`: read digits from image files with a saved network."""

import os
import sys
from contextlib import contextmanager

import numpy as np

from neurone.commands import Parser, load_together, run
from neurone.errors import InputError
from neurone.files import shown
from neurone.images import SIDE, prepare


def main(argv=None):
    parser = Parser(
        "predict",
        "Read digits from image files: a line each, the digit and its output. Of several networks, which come first, "
        "the mean of their outputs.",
    )
    parser.add_argument("network", metavar="FILE.npz", help="written by python -m neurone.train --save")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="PNG, or any format that Pillow reads")
    args = parser.parse_args(argv)
    networks = [args.network]
    while args.images and args.images[0].endswith(".npz"):
        networks.append(args.images.pop(0))
    if not args.images:
        raise InputError("no picture is named, only networks; name one")
    network = load_together(networks)
    if network.sizes[0] != SIDE * SIDE:
        raise InputError(
            f"{shown(args.network)} takes {network.sizes[0]} inputs, pictures are made {SIDE} x {SIDE} as MNIST's are; "
            "train a network on such images"
        )
    with _libraries_silent():
        images = np.stack([prepare(path) for path in args.images])
    for path, answer, outputs in zip(args.images, network.predict(images), network.predict_proba(images), strict=True):
        print(f"{shown(path)}: {answer} ({outputs[min(answer, len(outputs) - 1)]:.3f})")


@contextmanager
def _libraries_silent():
    """Drop what C libraries write to standard error, as libtiff does of a damaged picture besides its error."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


if __name__ == "__main__":
    sys.exit(run("predict", main))

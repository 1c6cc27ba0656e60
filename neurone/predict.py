"""`python -m neurone.predict`: read digits from image files with a saved network."""

import os
import sys
from contextlib import contextmanager

import numpy as np

from neurone.answers import class_name
from neurone.commands import Parser, load_together, run
from neurone.errors import InputError
from neurone.files import check_writable, replacing, shown
from neurone.images import SIDE, read, side_by_side


def main(argv=None):
    parser = Parser(
        "predict",
        "Read digits from pictures: a line each, the digit and its output. Of several networks, which come first, the "
        "mean of their outputs.",
    )
    parser.add_argument("network", metavar="FILE.npz", help="written by python -m neurone.train --save")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="PNG, or any format that Pillow reads")
    parser.add_argument("--several", action="store_true", help="all digits of a picture, in reading order, with places")
    parser.add_argument("--show", metavar="OUT.png", help="write what the network was given beside each picture")
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
    if args.show is not None:
        check_writable("--show", args.show)
    with _libraries_silent():
        pictures = [read(path) for path in args.images]
    found = [picture.digits() if args.several else [picture.whole()] for picture in pictures]
    images = np.stack([digit.image for digits in found for digit in digits])
    answers = zip(network.predict(images), network.predict_proba(images), network.unlike(images), strict=True)
    for path, picture, digits in zip(args.images, pictures, found, strict=True):
        for digit in digits:
            answer, outputs, unlike = next(answers)
            line = f"{class_name(network, answer)} ({outputs[min(answer, len(outputs) - 1)]:.3f})"
            if args.several:
                line += f" at {','.join(map(str, digit.place))}: {' '.join(f'{output:.3f}' for output in outputs)}"
            print(f"{shown(path)}: {line}{', unlike the training images' if unlike else ''}")
        count = picture.parts.max()
        if count > 1 and not args.several:
            print(f"neurone.predict: {shown(path)} seems to hold {count} digits; --several reads each", file=sys.stderr)
    if args.show is not None:
        with replacing(args.show) as file:
            side_by_side(pictures, found).save(file, "PNG")


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

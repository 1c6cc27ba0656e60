"""`python -m neurone.convert`: a set of any form as a folder of IDX files, which loads at once and needs no Pillow."""

import shlex
import sys
from pathlib import Path

import numpy as np

from neurone import options
from neurone.commands import Parser, describe, run
from neurone.datasets import pictures
from neurone.datasets.idx import digest, write_idx
from neurone.datasets.mnist import CLASSES, idx_files, load_set
from neurone.datasets.sums import SUMS, write_sums
from neurone.errors import InputError
from neurone.files import refusal, replacing, shown

_TYPES = {"uint8": "ubyte", "int32": "int", "float32": "float", "float64": "double"}


def main(argv=None):
    parser = Parser("convert", "Write a data set as a folder of IDX files with SHA256SUMS.")
    parser.add_argument("source", metavar="SOURCE", help="what python -m neurone.train takes as --data")
    parser.add_argument("folder", metavar="FOLDER", help="where to write; made if need be")
    parser.add_argument("--size", type=int, metavar="N", help="of folders of pictures: make all of N x N pixels")
    parser.add_argument("--split", metavar="NAME", help="of EMNIST")
    args = parser.parse_args(argv)
    source, folder = Path(args.source), Path(args.folder)
    if args.size is None:
        data = load_set(source, args.split)
    else:
        size = options.integer("size", args.size, 1, 1024)
        data = pictures.load(source, size) if source.is_dir() else None
        if data is None:
            raise InputError(f"--size: {shown(source)} is no folder of pictures by class; leave it out")
    print(describe(data))
    convert(data, folder)
    print(f"{shown(folder)} is complete: python -m neurone.train --data {shlex.quote(str(folder))}")


def convert(data, folder):
    """Write a `DataSet` as four plain IDX files, which load faster than gzipped ones and can be mapped into memory.

    `SHA256SUMS` has their sums, `classes.txt` the classes' names, if they have any. A folder that holds a part of a set
    already is refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = [name for names in idx_files(folder).values() for name in names]
    there += [name for name in (SUMS, CLASSES) if (folder / name).exists()]
    if there:
        raise refusal(folder, f"holds {', '.join(map(shown, there))} already; name another folder")
    sums = {}
    for part, named in (("train", "train"), ("test", "t10k")):
        for kind in ("images", "labels"):
            array = getattr(data, f"{part}_{kind}")
            if array.dtype == np.int64:  # more than 256 classes; IDX has no wider integers than 32 bits
                array = array.astype(np.int32)
            name = f"{named}-{kind}-idx{array.ndim}-{_TYPES[array.dtype.name]}"
            write_idx(folder / name, array)
            sums[name] = digest(array)
    if data.classes is not None:
        with replacing(folder / CLASSES) as file:
            file.write("".join(f"{name}\n" for name in data.classes).encode())
    write_sums(folder, sums)


if __name__ == "__main__":
    sys.exit(run("convert", main))

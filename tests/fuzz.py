"""Feed damaged files to the readers, guided by coverage: python tests/fuzz.py idx|gzip|model|checkpoint COUNT.

The outcome must be the documented error, or a load that is written as the same file again. Prints one JSON object.
`tests/test_fuzz.py` gives the same checks a few thousand files that hypothesis makes.
"""

import argparse
import json
import os
import shutil
import struct
import sys
import tempfile
import zlib
from contextlib import ExitStack
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parent.parent
# Before neurone is imported, which makes the folder.
os.environ.setdefault("NEURONE_CACHE", str(PROJECT / ".cache"))

READERS = ["container", "training.checkpoint", "network", "files", "datasets.idx"]
with ExitStack() as stack:
    if __name__ == "__main__":
        import atheris

        stack.enter_context(atheris.instrument_imports(include=[f"neurone.{name}" for name in READERS]))
    import neurone
    from neurone import container
    from neurone.datasets.idx import open_idx, write_idx
    from neurone.training import checkpoint
    from neurone.training.reports import Position, Report
    from neurone.training.rules import Course

SIZES, SAMPLES = (3, 4, 2), 20
ASKED = neurone.Network(SIZES).settings() | {
    "learning_rate": 0.1, "decay": 0.9, "schedule": "adaptive", "patience": 1, "monitor": None, "max_seconds": None,
    "optimizer": "sgd", "momentum": 0.9, "batch_size": 5, "epochs": 4, "reduction": "mean", "validation": 6,
    "data": "0",
}  # fmt: skip
_REPORTS = [Report(epoch, 0.5 - epoch / 8, 10.0, 12.5, 0.1, 0.25, validation_cost=0.75) for epoch in range(2)]


def position(epochs=0, *place, memory=1, **course):
    """The position of a run of `ASKED` after `epochs` epochs, of which the first was the best."""
    size = neurone.Network(SIZES).parameters.size
    reports = (_REPORTS * 3)[:epochs]
    if epochs:
        course = {"best": 12.5, "rounds": max(epochs - 1, 0), "parameters": np.arange(size, dtype=np.float32)} | course
    memory = np.full((memory, size), 0.25, np.float32)
    return Position(reports, *place, memory=memory, method="momentum", course=Course(**course))


def good_files(folder):
    """For each reader, valid files' contents."""
    folder = Path(folder)
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    names = {"idx": "images", "gzip": "images.gz"}
    files = {kind: [_content(folder / name, lambda path: write_idx(path, images))] for kind, name in names.items()}
    files["model"] = [
        _content(folder / "model", neurone.Network(SIZES, dtype=dtype).save) for dtype in ("float32", "float64")
    ]
    positions = position(), position(2, 15, 3.5, 4, 0.5), position(3)
    files["checkpoint"] = [_content(folder / "state", lambda path, at=at: _save(path, at)) for at in positions]
    return files


def _content(path, write):
    write(path)
    return path.read_bytes()


def _save(path, place, end=None):
    checkpoint.save(path, ASKED, place, neurone.Network(SIZES).parameters, end)


def sealed(data):
    """`data` as the settings of a model or checkpoint file in which every length and check sum is right."""
    text, _, rest = data.partition(b"\0")
    members = [("settings", f"|S{len(text)}", (), text)]
    try:
        shapes = [(str(name), str(type_), tuple(shape)) for name, type_, shape in json.loads(text)["arrays"]]
        lengths = [container._length(type_, shape) for _, type_, shape in shapes]
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        shapes, lengths = [], []
    if all(0 <= length < 1 << 16 for length in lengths):
        for shape, length in zip(shapes, lengths, strict=True):
            members.append((*shape, rest[:length].ljust(length, b"\0")))
            rest = rest[length:]
        arrays = [data for *_, data in members[1:]]
        sha256 = json.dumps(container._sha256(arrays)).encode()
        text = text.replace(b'"SHA"', sha256)
        members[0] = ("settings", f"|S{len(text)}", (), text)
    file, heads = b"", []
    for name, type_, shape, part in members:
        try:
            header = container._npy_header(type_, shape)
            name = f"{name}.npy".encode()
        except (UnicodeEncodeError, struct.error):
            return data
        head = (name, header, len(header) + len(part), zlib.crc32(part, zlib.crc32(header)))
        heads.append((head, len(file)))
        try:
            file += container._local(head) + part
        except struct.error:
            return data
    return file + container._directory(heads, len(file))


def unsealed(content):
    """The data from which `sealed` makes `content`."""
    settings, *_ = content[content.index(b'{"format"') :].split(b"PK\3\4", 1)
    head = json.loads(settings)
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        _, arrays = container.read(file.name, head["format"].removeprefix("neurone "))
    text = settings.replace(json.dumps(head["sha256"]).encode(), b'"SHA"')
    return text + b"\0" + b"".join(array.tobytes() for array in arrays.values())


def check(kind, path):
    """Read the file `path`. True if it loads, and soundly; anything but `InputError` is a finding."""
    content = path.read_bytes()
    again = path.with_name("again")
    try:
        if kind in ("idx", "gzip"):
            array = open_idx(path, 3).read()
        elif kind == "model":
            net = neurone.load(path)
        else:
            net = neurone.Network(SIZES)
            place, end = checkpoint.load(path, ASKED, net, SAMPLES)
    except neurone.InputError as error:
        assert str(error).isprintable(), error
        return False
    if kind in ("idx", "gzip"):
        write_idx(again, array)
        content = zlib.decompress(content, 31) if content[:2] == b"\x1f\x8b" else content
    elif kind == "model":
        net.save(again)
    else:
        found = json.loads(content[content.index(b'{"format"') : content.index(b"PK\3\4", 4)])["settings"]["asked"]
        checkpoint.save(again, ASKED | {"epochs": found["epochs"]}, place, net.parameters, end)
    assert again.read_bytes() == content
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["idx", "gzip", "model", "checkpoint"])
    parser.add_argument("count", type=int)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seeds = folder / "seeds"
        seeds.mkdir()
        for number, content in enumerate(good_files(folder)[args.kind]):
            (seeds / f"{number}-plain").write_bytes(b"\0" + content)
            if args.kind in ("model", "checkpoint"):
                (seeds / f"{number}-sealed").write_bytes(b"\1" + unsealed(content))
        tried = {"kind": args.kind, "inputs": 0, "loaded": 0}

        def one(data):
            content = sealed(data[1:]) if data[:1] == b"\1" and args.kind in ("model", "checkpoint") else data[1:]
            path = folder / "file"
            path.write_bytes(content)
            tried["inputs"] += 1
            tried["loaded"] += check(args.kind, path)
            if tried["inputs"] == args.count:
                print(json.dumps(tried), flush=True)
                shutil.rmtree(folder)
                os._exit(0)  # the fuzzer would go on

        options = ["-seed=1", "-max_len=4096", "-rss_limit_mb=2048", "-timeout=20"]
        atheris.Setup([sys.argv[0], *options, str(seeds)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

"""`python -m neurone.compile`: fill the cache of compiled kernels ahead, so that no later process waits for them."""

import sys

import numpy as np

from neurone import options
from neurone.commands import Parser, add_data, batch_size, load_set, run
from neurone.datasets.arrays import SparseRows
from neurone.datasets.digits import digits
from neurone.engine.distortion import Distortion
from neurone.kernels import cache
from neurone.kernels.jit import compiling
from neurone.network import Network
from neurone.training.fit import iterate
from neurone.training.rules import Rules

# Enough samples to need every kernel that a large set needs.
_SAMPLES = 1000


def main(argv=None):
    parser = Parser(
        "compile",
        "Compile kernels ahead, into $NEURONE_CACHE or else the user's cache: those that serve every network (but not "
        "--kernels notes); with --hidden also those tuned for the network that train makes with the same options.",
    )
    add = parser.add_argument
    add("--dtype", nargs="+", choices=options.DTYPES, default=list(options.DTYPES), help="widths (default: both)")
    add("--hidden", nargs="*", type=int, metavar="N", help="neurons of each hidden layer of a network to tune for")
    add_data(add)
    add("--batch-size", type=batch_size, default=1, metavar="N|all", help="its batches (default: 1)")
    add("--threads", type=int, default=1, metavar="N", help="its threads (default: 1)")
    args = parser.parse_args(argv)
    if args.hidden is not None:
        args.hidden = [options.integer("hidden", neurons) for neurons in args.hidden]
    digits(1)
    for dtype in args.dtype:
        for rows in _rows_of_every_kind(np.dtype(dtype)):
            _compile_generic(rows, dtype)
            print(f"{dtype}, {_described(rows)}: {compiling.seconds:.0f} s so far", flush=True)
        if args.hidden is not None:
            _compile_tuned(args, dtype)
            print(f"{dtype}, tuned: {compiling.seconds:.0f} s so far", flush=True)
    print(f"compiled kernels are in {cache.FOLDER}" if cache.FOLDER else "no cache folder: nothing is kept")


def _rows_of_every_kind(dtype):
    """Samples of every kind that has kernels of its own: by their type, and with few inputs or many."""
    rng = np.random.Generator(np.random.Philox(0))
    values = rng.integers(1, 256, (_SAMPLES, 40)).astype(np.uint8)
    images = values * (rng.random((_SAMPLES, 5)) < 0.2).repeat(8, axis=1)  # strokes, which go in groups of pixels
    yield images
    yield images / np.float32(7)
    yield images / np.float64(7)
    lines = 8 * np.arange(_SAMPLES + 1)
    for inputs, type_ in ((40, np.uint16), (70_000, np.uint32)):
        columns = (8 * rng.integers(0, inputs // 8, (_SAMPLES, 1)) + np.arange(1, 9)).astype(type_).reshape(-1)
        yield SparseRows(lines, columns, values[:, :8].reshape(-1), inputs)
        yield SparseRows(lines, columns, values[:, :8].reshape(-1) / dtype.type(7), inputs)


def _described(rows):
    if isinstance(rows, SparseRows):
        return f"sparse {rows.values.dtype} of {'many' if rows.inputs > _SAMPLES else 'few'} inputs"
    return str(rows.dtype)


def _compile_generic(rows, dtype):
    """One sample at a time, batches, distortions, and predictions of one row and of many."""
    inputs = rows.inputs if isinstance(rows, SparseRows) else rows.shape[1]
    network = Network((inputs, 8, 3), dtype=dtype)
    if not isinstance(rows, SparseRows):
        _training(network, rows, np.arange(len(rows)) % 3, 1, distortion=Distortion(shape=(5, 8)))
    for size in (1, 32):
        for _ in _training(network, rows, np.arange(len(rows)) % 3, size):
            pass
    network.predict(rows[:1])
    network.predict(rows)


def _compile_tuned(args, dtype):
    data = load_set(args.data, args.split)
    network = Network((data.train_images[0].size, *args.hidden, data.outputs), dtype=dtype)
    _training(network, data.train_images, data.train_labels, args.batch_size, "first", args.threads)


def _training(network, images, labels, size, tuning="off", threads=1, distortion=None):
    """An epoch of training, whose kernels are ready before it begins."""
    return iterate(
        network, images, labels, rules=Rules(0.1), batch_size=size, epochs=1, reduction="mean", shuffle=False, seed=0,
        kernels="fast", threads=threads, tuning=tuning, validation=None, progress=None, distortion=distortion,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(run("compile", main))

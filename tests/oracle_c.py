"""The C program of `golden/neurone.c` as a Python function, and its stored results.

    python tests/oracle_c.py        writes golden/dumps.json anew, with this machine's gcc and C library

The dumps are what machines without gcc compare with. A case's numbers are made from a seed by raw Philox
words, the one part of NumPy's randomness that is promised never to change.
"""

import functools
import itertools
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parent / "golden"
DUMPS = GOLDEN / "dumps.json"

ACTIVATIONS = ("logistic", "tanh", "relu", "identity")
OUTPUTS = (
    ("softmax", "log"),
    ("logistic", "log"),
    *itertools.product(("logistic", "tanh", "identity"), ("quadratic", "half-quadratic")),
)
# In the order of neurone.c's enumerations.
_FUNCTIONS = (*ACTIVATIONS, "softmax", "exp")
_COSTS = ("quadratic", "half-quadratic", "log", "poisson")
_OPTIMISERS = ("sgd", "adam", "rprop")
_PLAIN = dict(
    optimizer="sgd", momentum=0.0, nesterovs_momentum=True, alpha=0.0, weight_decay=0.0, beta_1=0.9, beta_2=0.999,
    epsilon=1e-8, clip_norm=0.0, max_norm=0.0, input_dropout=0.0, dropout=0.0,
)  # fmt: skip


@dataclass
class Case:
    """One training: the network, the data (uint8 or float images, int64 or float targets), the schedule."""

    sizes: tuple
    activation: str
    output: str
    cost: str
    dtype: str
    slope: float
    parameters: np.ndarray
    images: np.ndarray
    targets: np.ndarray
    mean: bool
    batch_size: int
    rate: float
    decay: float
    orders: list  # one array of indices an epoch
    optimizer: dict = field(default_factory=dict)  # `neurone.fit`'s options of the optimiser
    factors: np.ndarray | None = None
    proportions: bool = False  # what the factors are
    seed: int = 20  # of the masks of dropout

    def __str__(self):
        return (
            f"{self.dtype} {self.sizes} {self.activation} {self.output} {self.cost}, slope {self.slope}, "
            f"{self.images.dtype} images, {self.targets.dtype} targets, mean {self.mean}, "
            f"{len(self.images)} samples by {self.batch_size}"
            + (f", {self.optimizer}" if self.optimizer else "")
            + ("" if self.factors is None else ", proportions" if self.proportions else ", factors")
        )


@dataclass
class Result:
    """Parameters and outputs are of the network's width, the costs and penalties float64."""

    parameters: np.ndarray
    costs: np.ndarray
    outputs: np.ndarray
    penalties: np.ndarray | None = None


def uniform(seed, stream, shape, low, high):
    """Float64 numbers in [low, high), from raw words."""
    words = np.random.Philox(key=[seed, stream]).random_raw(int(np.prod(shape)))
    return low + (high - low) * ((words >> np.uint64(11)) * 2.0**-53).reshape(shape)


def make_case(
    seed,
    sizes,
    activation,
    output,
    cost,
    dtype,
    *,
    slope=0.8,
    reach=1.0,
    samples=7,
    pixels=True,
    labels=True,
    mean=True,
    batch_size=3,
    rate=0.1,
    decay=0.75,
    orders=None,
    optimizer=None,
    factors=False,
    proportions=False,
):
    """A case whose numbers are drawn from `seed`; `reach` is that of the parameters."""
    count = sum((n + 1) * m for n, m in itertools.pairwise(sizes))
    images = uniform(seed, 0, (samples, sizes[0]), -1, 1)
    if pixels:  # about half of them 0: images have margins
        images = np.floor(np.maximum(images, 0) * 256).astype(np.uint8)
    outputs = sizes[-1]
    if labels:
        targets = uniform(seed, 1, (samples,), 0, max(outputs, 2)).astype(np.int64)
    elif output == "softmax":  # eighths, some of them 0, whose sum is exactly 1
        cuts = np.sort(uniform(seed, 1, (samples, outputs - 1), 0, 9).astype(np.int64))
        targets = np.diff(cuts, prepend=0, append=8) / 8
    else:
        targets = uniform(seed, 1, (samples, outputs), 0, 1)
    return Case(
        sizes=tuple(sizes),
        activation=activation,
        output=output,
        cost=cost,
        dtype=dtype,
        slope=slope,
        parameters=uniform(seed, 2, (count,), -reach, reach).astype(dtype),
        images=images,
        targets=targets,
        mean=mean,
        batch_size=batch_size,
        rate=rate,
        decay=decay,
        orders=[np.arange(samples)] * 2 if orders is None else orders,
        optimizer=optimizer or {},
        factors=uniform(seed, 3, (samples,), 0, 2) if factors or proportions else None,
        proportions=proportions,
    )


def have_gcc():
    return shutil.which("gcc") is not None


@functools.cache
def _program(dtype):
    """The compiled program, and the temporary folder it lies in for as long as this process lives."""
    folder = tempfile.TemporaryDirectory(prefix="neurone-golden-")
    program = Path(folder.name) / "neurone"
    width = {"float32": 32, "float64": 64}[dtype]
    options = ["-O2", "-std=c99", "-ffp-contract=off", f"-DWIDTH={width}"]
    subprocess.run(["gcc", *options, GOLDEN / "neurone.c", "-o", program, "-lm"], check=True)
    return program, folder


def _encode(case):
    """The bytes of a case, in the order that neurone.c gives at its head."""
    pixels, labels = case.images.dtype == np.uint8, case.targets.dtype == np.int64
    epochs = len(case.orders)
    integers, reals, chosen = np.int64, np.float64, _PLAIN | case.optimizer
    parts = [
        (integers, [len(case.sizes) - 1, *case.sizes]),
        (integers, [_FUNCTIONS.index(case.activation), _FUNCTIONS.index(case.output)]),
        (integers, [_COSTS.index(case.cost)]),
        (integers, [case.mean, len(case.images), case.batch_size, epochs, pixels, labels]),
        (reals, [case.slope, case.rate, case.decay]),
        (integers, [_OPTIMISERS.index(chosen["optimizer"]), chosen["nesterovs_momentum"]]),
        (reals, [chosen[name] for name in ("momentum", "alpha", "weight_decay", "beta_1", "beta_2", "epsilon")]),
        (reals, [chosen[name] for name in ("clip_norm", "max_norm", "input_dropout", "dropout")]),
        (np.uint64, [case.seed]),
        (integers, [0 if case.factors is None else 2 if case.proportions else 1]),
        (integers, case.orders),
        (reals, case.parameters),
        (integers if pixels else reals, case.images),
        (integers if labels else reals, case.targets),
        (reals, [] if case.factors is None else case.factors),
    ]
    return b"".join(np.asarray(values).astype(kind).tobytes() for kind, values in parts)


def run(cases):
    """The results of the C program for cases of one width, as one process."""
    (dtype,) = {case.dtype for case in cases}
    program, _ = _program(dtype)
    with tempfile.TemporaryDirectory() as folder:
        source, destination = Path(folder) / "cases", Path(folder) / "results"
        source.write_bytes(b"".join(map(_encode, cases)))
        subprocess.run([program, source, destination], check=True)
        numbers = np.fromfile(destination)
    results = []
    for case in cases:
        shape = (len(case.images), case.sizes[-1])
        ends = np.cumsum([case.parameters.size, len(case.orders), len(case.orders), shape[0] * shape[1]])
        parameters, costs, penalties, outputs, numbers = np.split(numbers, ends)
        # A float32 went through float64 unchanged.
        results.append(Result(parameters.astype(dtype), costs, outputs.astype(dtype).reshape(shape), penalties))
    assert numbers.size == 0
    return results


def dumped_cases(dtype):
    """The cases whose results are stored: every hidden activation with every output and cost."""
    cases = []
    for seed, (activation, (output, cost)) in enumerate(itertools.product(ACTIVATIONS, OUTPUTS)):
        pixels, labels, mean = (seed + seed // 8) % 2 == 0, seed % 3 > 0, seed % 5 > 0
        # Without a bound on any output, the total gradient's steps grow without end.
        rate = 0.02 if output == "identity" else 0.5
        options = {"pixels": pixels, "labels": labels, "mean": mean, "rate": rate}
        cases.append(make_case(seed, (5, 3, 3), activation, output, cost, dtype, **options))
    return cases


def write_dumps():
    """Each result as the hexadecimal bytes, little-endian, of its three arrays."""
    lines = {}
    for dtype in ("float32", "float64"):
        cases = dumped_cases(dtype)
        for number, (case, result) in enumerate(zip(cases, run(cases), strict=True)):
            arrays = [result.parameters, result.costs, result.outputs]
            name = f"{number} {case}"
            lines[name] = [a.astype(a.dtype.newbyteorder("<")).tobytes().hex() for a in arrays]
    DUMPS.write_text(json.dumps(lines, indent=0) + "\n")


def read_dumps(dtype):
    """[(case, stored result)] of one width."""
    stored = json.loads(DUMPS.read_text())
    pairs = []
    for number, case in enumerate(dumped_cases(dtype)):
        width = np.dtype(dtype).newbyteorder("<")
        parameters, costs, outputs = map(bytes.fromhex, stored[f"{number} {case}"])
        result = Result(
            np.frombuffer(parameters, width).astype(dtype),
            np.frombuffer(costs, "<f8").astype(np.float64),
            np.frombuffer(outputs, width).astype(dtype).reshape(len(case.images), case.sizes[-1]),
        )
        pairs.append((case, result))
    return pairs


if __name__ == "__main__":
    write_dumps()

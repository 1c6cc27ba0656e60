"""What is measured: the one table that drives all competitors, and its data."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from neurone.commands import load_set
from neurone.layout import parameter_count

NETWORKS = ((784, 100, 10), (784, 800, 10), (784, 300, 100, 10), (50, 100, 5))
BATCHES = (1, 32, 128, 1000, None)  # None: the whole set
TABULAR_SAMPLES = 100_000

# How many samples one round takes, at batch 1 and at larger ones: with the smallest network, a fraction of a second.
# The time of a sample is compared. A round over the whole set is whole, unless a program's work for a sample does not
# depend on the batch.
SAMPLES = {
    "fast": (60_000, 60_000),
    "notes": (2_000, 2_000),
    "NumPy": (2_000, 30_000),
    "C": (5_000, 5_000),
    "scikit-learn": (1_000, 10_000),
    "PyTorch": (1_000, 15_000),
    "JAX": (2_000, 20_000),
}
_SAMPLE_BY_SAMPLE = ("notes", "C")
_SMALLEST = 80_000  # parameters


@dataclass(frozen=True)
class Workload:
    sizes: tuple
    batch: int | None

    @property
    def name(self):
        return f"{'-'.join(map(str, self.sizes))}, {'whole set' if self.batch is None else f'batch {self.batch}'}"

    def samples(self, competitor):
        """How many samples a round of `competitor` takes: whole batches."""
        available = len(training_set(self.sizes)[0])
        if self.batch is None and competitor not in _SAMPLE_BY_SAMPLE:
            return available
        count = SAMPLES[competitor][self.batch != 1]
        batch = self.batch or 1
        count = max(count * _SMALLEST // max(parameter_count(self.sizes), _SMALLEST), batch)
        return min(count, available) // batch * batch

    def rounds(self):
        """How many epochs are timed; their median counts."""
        return 5 if self.batch is not None else 3


WORKLOADS = [Workload(sizes, batch) for sizes in NETWORKS for batch in BATCHES]


@cache
def images():
    """MNIST where it is found, else the embedded digits."""
    return load_set(None)


@cache
def _tabular():
    """Normal numbers, and for each row one of five classes whose borders are bent."""
    rng = np.random.Generator(np.random.Philox(1))
    rows = rng.standard_normal((TABULAR_SAMPLES, 50), np.float32)
    bends, classes = (rng.standard_normal(shape, np.float32) for shape in ((50, 20), (20, 5)))
    return rows, (np.tanh(rows @ bends) @ classes).argmax(axis=1)


def training_set(sizes):
    """Inputs and labels for a network of these sizes: uint8 images, or float32 rows."""
    if sizes[0] != 784:
        return _tabular()
    return images().train_images, images().train_labels

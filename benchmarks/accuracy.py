"""Time to 98 % of MNIST's test images, as a whole process, import and compilation included.

    python benchmarks/accuracy.py              the table
    python benchmarks/accuracy.py grid NAME    how the settings of a competitor were chosen

Every program has one hidden layer of rectified linear neurons or the like, and stops after the first epoch that answers
98 % of the test images right; all read the same arrays from files. Their settings are those that took the least
processor time to 98 % of 10,000 held-out training images, over three seeds; every grid was tried to its end, and a
setting given up when it was far behind. No test image had a part in the choice. (`partial_fit` of scikit-learn has no
rate that decays from epoch to epoch.)
"""

import itertools
import math
import os
import statistics
import sys
import tempfile
import time
from importlib.util import find_spec

from processes import THREADS, pin, python

GOAL = 0.98
EPOCHS = 15  # a program that needs more is given up
SEEDS = (0, 1, 2)

# What was tried: every combination. Rates are for batches of 32, and grow as the square root of the batch.
GRIDS = {
    "neurone": {
        "activation": ("relu",),
        "hidden": (150, 200, 300),
        "batch": (1, 8),
        "rate": (0.15, 0.3),
        "decay": (0.7, 0.85),
    },
    "PyTorch": {
        "optimizer": ("Adam", "SGD"),
        "hidden": (200, 300),
        "batch": (64, 128, 256),
        "rate": {"Adam": (0.0014, 0.0028), "SGD": (0.06, 0.12)},
        "decay": (0.7,),
    },
    "scikit-learn": {
        "optimizer": ("adam", "sgd"),
        "hidden": (200, 300),
        "batch": (64, 128, 256),
        "rate": {"adam": (0.0014, 0.0028), "sgd": (0.06, 0.12)},
    },
}
# What was chosen.
SETTINGS = {
    "neurone": {"activation": "relu", "hidden": 200, "batch": 1, "rate": 0.15, "decay": 0.7},
    "PyTorch": {"optimizer": "SGD", "hidden": 300, "batch": 128, "rate": 0.12, "decay": 0.7},
    "scikit-learn": {"optimizer": "sgd", "hidden": 300, "batch": 128, "rate": 0.06},
}
_ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
_MODULES = {"neurone": "neurone", "PyTorch": "torch", "scikit-learn": "sklearn"}


def scaled(rate, batch):
    return rate * (batch / 32) ** 0.5


def neurone_accuracies(train, test, seed, activation, hidden, batch, rate, decay):
    """Yield the share of test images answered right after each epoch, as the next two functions do."""
    import neurone
    from neurone.training.fit import iterate
    from neurone.training.rules import Rules

    network = neurone.Network((784, hidden, 10), activation=activation, seed=seed)
    reports = iterate(
        network, *train, rules=Rules(scaled(rate, batch), decay), batch_size=batch, epochs=EPOCHS,
        reduction="mean", shuffle=True, seed=seed, kernels="fast", threads=THREADS, validation=test, progress=None,
    )  # fmt: skip
    for report in reports:
        yield 1 - report.validation_error / 100


def _floats(images):
    return images.reshape(len(images), -1).astype("float32") / 255


def pytorch_accuracies(train, test, seed, optimizer, hidden, batch, rate, decay):
    import torch

    torch.manual_seed(seed)
    (x, y), (test_x, test_y) = (
        (torch.from_numpy(_floats(images)), torch.from_numpy(labels.astype("int64")))
        for images, labels in (train, test)
    )
    model = torch.nn.Sequential(torch.nn.Linear(784, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10))
    momentum = {"momentum": 0.9, "nesterov": True} if optimizer == "SGD" else {}
    descent = getattr(torch.optim, optimizer)(model.parameters(), lr=scaled(rate, batch), **momentum)
    schedule = torch.optim.lr_scheduler.ExponentialLR(descent, decay)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(batch):
            descent.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            descent.step()
        schedule.step()
        with torch.inference_mode():
            yield (model(test_x).argmax(dim=1) == test_y).float().mean().item()


def sklearn_accuracies(train, test, seed, optimizer, hidden, batch, rate):
    from sklearn.neural_network import MLPClassifier

    (x, y), (test_x, test_y) = ((_floats(images), labels) for images, labels in (train, test))
    model = MLPClassifier(
        hidden, solver=optimizer, alpha=0, batch_size=batch, learning_rate_init=scaled(rate, batch), random_state=seed
    )
    for _ in range(EPOCHS):
        model.partial_fit(x, y, classes=range(10))
        yield (model.predict(test_x) == test_y).mean()


PROGRAMS = {"neurone": neurone_accuracies, "PyTorch": pytorch_accuracies, "scikit-learn": sklearn_accuracies}


def reached(accuracies, deadline=math.inf):
    """The number of epochs to the goal; None if it is not reached, or not in time."""
    for epochs, accuracy in enumerate(accuracies, 1):
        if time.process_time() > deadline:
            return None
        if accuracy >= GOAL:
            return epochs
    return None


def write(folder, data):
    import numpy as np

    for name, array in zip(_ARRAYS, itertools.chain(*data), strict=True):
        np.save(f"{folder}/{name}.npy", array)


def read(folder):
    """((images, labels), (images, labels)): to train on, and to test."""
    import numpy as np

    arrays = [np.load(f"{folder}/{name}.npy") for name in _ARRAYS]
    return arrays[:2], arrays[2:]


def mnist():
    """The four arrays, or None where MNIST is not found."""
    from neurone.datasets.mnist import find_set

    data = find_set()
    if data is None or data.name != "MNIST":
        return None
    return (data.train_images, data.train_labels), (data.test_images, data.test_labels)


def time_of(name, folder, seed, threads, **variables):
    """Seconds of a process, and its epochs."""
    begin = time.perf_counter()
    epochs = python(__file__, "child", name, folder, seed, threads=threads, **variables)
    return time.perf_counter() - begin, int(epochs)


def table():
    """The table in Markdown, and what its numbers are."""
    data = mnist()
    if data is None:
        return "MNIST was not found: set NEURONE_DATA."
    threads = [count for count in (1, 2) if count <= os.cpu_count()]
    with tempfile.TemporaryDirectory() as folder:
        write(folder, data)
        lines = ["| | epochs | " + " | ".join(f"{count} thread{'s'[: count > 1]}" for count in threads) + " |"]
        lines.append("|---" * (2 + len(threads)) + "|")
        ours = {}
        rows = [("neurone", True), ("neurone", False), ("PyTorch", True), ("scikit-learn", True)]
        for name, cached in rows:
            if find_spec(_MODULES[name]) is None:
                lines.append(f"| {name}: not installed" + " |" * (2 + len(threads)))
                continue
            cells, epochs = [], []
            for count in threads:
                if cached:
                    if name == "neurone":
                        time_of(name, folder, 0, count)  # fills the cache
                    runs = [time_of(name, folder, seed, count) for seed in SEEDS]
                else:
                    with tempfile.TemporaryDirectory() as empty:
                        runs = [time_of(name, folder, SEEDS[0], count, NEURONE_CACHE=empty)]
                seconds = statistics.median(run[0] for run in runs)
                ours.setdefault(count, seconds)
                cells.append(f"{seconds / ours[count]:.1f}")
                epochs += [str(run[1]) for run in runs if count == 1]
            label = name if cached else f"{name}, nothing compiled yet"
            lines.append(f"| {label} | {', '.join(epochs)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def grid(name):
    """Try all of a competitor's grid, and print each setting that takes less processor time than all before. Slow."""
    from neurone.datasets.arrays import stratified

    (images, labels), _ = mnist()
    held_out = stratified(labels, 10_000, 0)
    train, validation = (images[~held_out], labels[~held_out]), (images[held_out], labels[held_out])
    best = math.inf
    for setting in settings(GRIDS[name]):
        if name == "neurone":
            next(PROGRAMS[name](train, validation, 0, **setting))  # compiles
        begin, epochs = time.process_time(), []
        for seed in SEEDS:
            # Given up when it is behind the best by half a seed's time.
            deadline = begin + best * min(1, (seed + 1.5) / len(SEEDS))
            epochs.append(reached(PROGRAMS[name](train, validation, seed, **setting), deadline))
            if epochs[-1] is None:
                break
        else:
            best = time.process_time() - begin
            print(f"{best / len(SEEDS):5.2f} s  epochs {epochs}  {setting}", flush=True)


def settings(options):
    """Every combination; the rates may depend on the optimizer."""
    rates = options["rate"]
    others = {name: values for name, values in options.items() if name != "rate"}
    for values in itertools.product(*others.values()):
        setting = dict(zip(others, values, strict=True))
        for rate in rates[setting["optimizer"]] if isinstance(rates, dict) else rates:
            yield setting | {"rate": rate}


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        pin()
        _, _, name, folder, seed = sys.argv
        print(reached(PROGRAMS[name](*read(folder), int(seed), **SETTINGS[name])) or sys.exit(f"{name} failed"))
    elif sys.argv[1:2] == ["grid"]:
        pin()
        grid(sys.argv[2])
    else:
        print(table())

"""MLPClassifier, MLPRegressor and our estimators, with the same arguments: python benchmarks/estimators.py.

With scikit-learn's defaults (Adam, 100 neurons, batches of 200, until the loss stands still or 200 epochs are over),
and by SGD with its momentum. MNIST comes in 64 bits, as `fetch_openml` gives it, divided by 255, and in 32, in which
`MLPClassifier` then computes; ours always computes in 32. On text: which of the installed packages a docstring is from,
by TF-IDF of its words. Each is trained once for each `random_state`, alternating, after a fit that compiles and checks
that both learn the same. The table has the median of the ratios of seconds, and the mean scores on held-out samples.
Then what Adam costs against plain SGD, and how the time of an epoch of plain SGD grows with what a sparse matrix
stores. Prints Markdown tables.
"""

import ast
import importlib.util
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

import neurone
from neurone.commands import load_set
from neurone.sklearn import NeuroneClassifier, NeuroneRegressor

PACKAGES = ("numpy", "scipy", "sklearn", "numba", "pandas", "matplotlib")
SOLVERS = {"Adam": {}, "SGD, momentum": {"solver": "sgd", "learning_rate_init": 0.05}}


def images(count, dtype):
    """MNIST's, as floats; `count` of them to train on."""
    data = load_set(None)
    inputs = np.concatenate([data.train_images, data.test_images]).reshape(-1, 784) / dtype(255)
    labels = np.concatenate([data.train_labels, data.test_labels])
    return train_test_split(inputs, labels, random_state=0, train_size=count, test_size=10_000)


def table(load):
    """One of scikit-learn's, standardised."""
    X, y = load(return_X_y=True)
    y = y if load is not load_diabetes else y / y.std()
    return train_test_split(StandardScaler().fit_transform(X), y, random_state=0, test_size=0.3)


def docstrings():
    texts, labels = [], []
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None:
            continue
        for path in sorted(Path(spec.origin).parent.rglob("*.py")):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(path.read_bytes())
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and (text := ast.get_docstring(node)):
                    texts.append(text)
                    labels.append(name)
    features = TfidfVectorizer().fit_transform(texts).astype(np.float32)
    return train_test_split(features, labels, random_state=0, test_size=0.3)


def compare(name, split, solver, seeds, kinds=(MLPClassifier, NeuroneClassifier), **options):
    train, test, labels, answers = split
    options |= SOLVERS[solver]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Compiling and caching are no part of training. Few epochs, in which rounding has made no difference yet.
        first = [kind(random_state=0, **options | {"max_iter": 2}).fit(train, labels) for kind in kinds]
        assert abs(first[0].loss_ / first[1].loss_ - 1) < 1e-3, [model.loss_ for model in first]
        ratios, scores = [], {kind: [] for kind in kinds}
        for seed in range(1, seeds + 1):
            seconds = []
            for kind in kinds:
                begin = time.perf_counter()
                estimator = kind(random_state=seed, **options).fit(train, labels)
                seconds.append(time.perf_counter() - begin)
                scores[kind].append(estimator.score(test, answers))
            ratios.append(seconds[0] / seconds[1])
    found = " | ".join(f"{np.mean(each):.4f} ± {np.std(each):.4f}" for each in scores.values())
    samples, features = train.shape
    row = [name, train.dtype, f"{samples:,}", f"{features:,}", solver, f"{statistics.median(ratios):.1f}", found]
    print(f"| {' | '.join(map(str, row))} |", flush=True)


def cost_of_adam(inputs, labels):
    """Seconds of an epoch of 100 neurons in batches of 200, over those of plain SGD: the median of turns."""
    reports, networks, (_, labels) = {}, {}, np.unique(labels, return_inverse=True)
    for optimizer in ("sgd", "adam"):
        sizes = inputs.shape[1], 100, 1 + labels.max()
        reports[optimizer], networks[optimizer] = [], neurone.Network(sizes, activation="relu")
    for _ in range(7):
        for optimizer, net in networks.items():
            reports[optimizer] += neurone.fit(
                net, inputs, labels, optimizer=optimizer, batch_size=200, epochs=1, learning_rate=1e-3
            )
    pairs = zip(reports["adam"][1:], reports["sgd"][1:], strict=True)
    return statistics.median(adam.seconds / sgd.seconds for adam, sgd in pairs)


def epoch_of_sparse(columns, stored):
    """Median seconds of an epoch: 20,000 samples, each with about `stored` features that are not 0, spread evenly."""
    samples, rng = 20_000, np.random.Generator(np.random.Philox(0))
    places = rng.integers(0, columns, samples * stored), np.arange(samples + 1) * stored
    matrix = csr_matrix((rng.random(samples * stored, np.float32), *places), (samples, columns))
    matrix.sum_duplicates()
    seconds = []
    plain = dict(solver="sgd", momentum=0.0, alpha=0.0, batch_size=1, learning_rate_init=0.005)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these labels cannot be learnt
        NeuroneClassifier((50,), max_iter=6, random_state=0, **plain).fit(
            matrix, rng.integers(0, 4, samples), callback=lambda report: seconds.append(report.seconds)
        )
    return statistics.median(seconds[1:])


def main():
    columns = ["", "width", "samples", "features", "solver", "times as fast", "score, scikit-learn", "ours"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    sets = {"iris": load_iris, "breast cancer": load_breast_cancer, "digits": load_digits}
    text = docstrings()
    for solver in SOLVERS:
        for name, load in sets.items():
            compare(name, table(load), solver, 5)
        compare("diabetes", table(load_diabetes), solver, 5, (MLPRegressor, NeuroneRegressor), max_iter=100)
        for dtype in (np.float64, np.float32):
            compare("MNIST", images(21_000, dtype), solver, 3)
        compare("MNIST", images(60_000, np.float64), solver, 3, max_iter=10)
        compare("text", text, solver, 3, max_iter=5)
    print("\nAn epoch of Adam in batches of 200, over one of plain SGD:\n")
    print(f"- MNIST: {cost_of_adam(*images(21_000, np.float32)[::2]):.2f}")
    print(
        f"- text, {text[0].shape[1]:,} columns, {text[0].nnz / text[0].shape[0]:.0f} of them stored a sample: ", end=""
    )
    print(f"{cost_of_adam(*text[::2]):.1f}")
    print("\n| features | not 0 in a sample | time |\n|---|---|---|")
    first = epoch_of_sparse(10_000, 50)
    for columns in (10_000, 100_000):
        for stored in (50, 100, 200):
            print(f"| {columns:,} | {stored} | {epoch_of_sparse(columns, stored) / first:.1f} |", flush=True)


if __name__ == "__main__":
    main()

"""MLPClassifier and NeuroneClassifier on two examples, with the same arguments: python benchmarks/estimators.py.

The first is scikit-learn's "Visualization of MLP weights on MNIST": 40 hidden neurons, 8 epochs, 30 % of the 70,000
images to train on. The second reads text: which of the installed packages a docstring is from, by TF-IDF of its words.
Each is trained once for each `random_state`, alternating. The table has the ratio of the median seconds, and the mean
accuracies on held-out samples. Then how the time of an epoch grows with what a sparse matrix stores. Prints Markdown
tables.
"""

import ast
import importlib.util
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from neurone.commands import load_set
from neurone.sklearn import NeuroneClassifier

SEEDS = 10
PACKAGES = ("numpy", "scipy", "sklearn", "numba", "pandas", "matplotlib")


def images(dtype):
    data = load_set(None)
    inputs = np.concatenate([data.train_images, data.test_images]).reshape(-1, 784) / dtype(255)
    labels = np.concatenate([data.train_labels, data.test_labels])
    return train_test_split(inputs, labels, random_state=0, test_size=0.7)


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


def compare(name, split, **options):
    train, test, labels, answers = split
    seconds, scores = ({MLPClassifier: [], NeuroneClassifier: []} for _ in range(2))
    # Compiling and caching are no part of training: one epoch before the clock starts.
    NeuroneClassifier(**options | {"max_iter": 1}).fit(train, labels)
    for seed in range(1, SEEDS + 1):
        for kind, times in seconds.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                begin = time.perf_counter()
                estimator = kind(random_state=seed, **options).fit(train, labels)
                times.append(time.perf_counter() - begin)
            scores[kind].append(estimator.score(test, answers))
    theirs, ours = (statistics.median(times) for times in seconds.values())
    accuracies = " | ".join(f"{100 * np.mean(found):.2f} % ± {100 * np.std(found):.2f}" for found in scores.values())
    samples, features = train.shape
    print(f"| {name} | {samples:,} | {features:,} | {theirs / ours:.1f} | {accuracies} |", flush=True)


def epoch_of_sparse(columns, stored):
    """Median seconds of an epoch: 20,000 samples, each with about `stored` features that are not 0, spread evenly."""
    samples, rng = 20_000, np.random.Generator(np.random.Philox(0))
    places = rng.integers(0, columns, samples * stored), np.arange(samples + 1) * stored
    matrix = csr_matrix((rng.random(samples * stored, np.float32), *places), (samples, columns))
    matrix.sum_duplicates()
    seconds = []
    NeuroneClassifier((50,), max_iter=6, random_state=0).fit(
        matrix, rng.integers(0, 4, samples), callback=lambda report: seconds.append(report.seconds)
    )
    return statistics.median(seconds[1:])


if __name__ == "__main__":
    columns = ["", "samples", "features", "times as fast", "accuracy, MLPClassifier", "NeuroneClassifier"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    mnist = dict(hidden_layer_sizes=(40,), max_iter=8, alpha=1e-4, solver="sgd", learning_rate_init=0.2)
    compare("MNIST, float64", images(np.float64), **mnist)
    compare("MNIST, float32", images(np.float32), **mnist)
    compare("text", docstrings(), hidden_layer_sizes=(50,), max_iter=20, solver="sgd", learning_rate_init=0.1)
    print("\n| features | not 0 in a sample | time |\n|---|---|---|")
    first = epoch_of_sparse(10_000, 50)
    for columns in (10_000, 100_000):
        for stored in (50, 100, 200):
            print(f"| {columns:,} | {stored} | {epoch_of_sparse(columns, stored) / first:.1f} |", flush=True)

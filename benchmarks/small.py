"""Small data: a fit, and predictions of a few rows: python benchmarks/small.py.

iris, digits and breast cancer, standardised. `NeuroneClassifier` is compared with `MLPClassifier`, both with the same
arguments and the defaults of the latter: 100 hidden neurons, relu, batches of 200; 50 epochs of plain SGD.
`neurone.Network`, with logistic neurons, is compared with NumPy, as its users write it (`competitors.py`). Before the
clock starts, both are checked to learn or answer the same; they take turns. Prints a Markdown table of ratios.
"""

import time
import warnings
from functools import partial

import numpy as np
from competitors import Neurone, NumPy
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import neurone
from neurone.sklearn import NeuroneClassifier

SETS = {"iris": load_iris, "digits": load_digits, "breast cancer": load_breast_cancer}
ROWS = 1, 16, 100, 1000
EPOCHS, BATCH, HIDDEN, ROUNDS = 50, 200, 100, 15
# With the generic kernels, which so little work always uses.
GENERIC = partial(Neurone, tuning="off")


def ratio(theirs, ours, repeats=1):
    """How many times as long theirs take as ours: the median of rounds, in each of which both are called."""
    ratios = []
    for _ in range(ROUNDS):
        seconds = []
        for call in (theirs, ours):
            begin = time.perf_counter()
            for _ in range(repeats):
                call()
            seconds.append(time.perf_counter() - begin)
        ratios.append(seconds[0] / seconds[1])
    return np.median(ratios)


def estimators(X, y):
    """The ratio of fits, and of predictions of some rows."""
    options = dict(
        hidden_layer_sizes=(HIDDEN,), solver="sgd", momentum=0.0, alpha=0.0, batch_size=min(BATCH, len(X)),
        learning_rate_init=0.1, max_iter=EPOCHS, tol=0.0, n_iter_no_change=EPOCHS, random_state=0,
    )  # fmt: skip
    theirs, ours = MLPClassifier(**options), NeuroneClassifier(**options)
    scores = [model.fit(X, y).score(X, y) for model in (theirs, ours)]
    assert min(scores) > 0.9 and abs(scores[0] - scores[1]) < 0.03, scores
    yield ratio(lambda: theirs.fit(X, y), lambda: ours.fit(X, y))
    for count in ROWS:
        rows = np.resize(X, (count, X.shape[1]))
        yield ratio(partial(theirs.predict, rows), partial(ours.predict, rows), 1 + 2000 // count)


def networks(X, y):
    """The same for NumPy and `neurone.Network`."""
    X, sizes = X.astype(np.float32), (X.shape[1], HIDDEN, len(np.unique(y)))
    theirs, ours = (program(neurone.Network(sizes), X, y, min(BATCH, len(X))) for program in (NumPy, GENERIC))
    for program in (theirs, ours):
        program.epoch()
    assert np.allclose(theirs.parameters(), ours.parameters(), atol=1e-5)
    yield ratio(theirs.epoch, ours.epoch, EPOCHS)
    for count in ROWS:
        rows = np.resize(X, (count, X.shape[1]))
        theirs, ours = (program(theirs.network, rows, y[:1].repeat(count), count) for program in (NumPy, GENERIC))
        assert np.array_equal(theirs.predict(), ours.predict())
        yield ratio(theirs.predict, ours.predict, 1 + 2000 // count)


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"| | over | fit | {' | '.join(f'predict {count:,}' for count in ROWS)} |")
    print("|---" * (3 + len(ROWS)) + "|")
    for name, load in SETS.items():
        X, y = load(return_X_y=True)
        X = StandardScaler().fit_transform(X)
        for peer, measure in (("MLPClassifier", estimators), ("NumPy", networks)):
            print(f"| {name} | {peer} | {' | '.join(f'{value:.1f}' for value in measure(X, y))} |", flush=True)


if __name__ == "__main__":
    main()

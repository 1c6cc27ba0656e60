"""What a first process costs, with nothing compiled, and a later one: python benchmarks/cold.py.

CPU seconds of whole processes, medians of `ROUNDS`, each cold one with an empty folder for kernels. Prints a Markdown
table. (These are no ratios: they are compared with each other, and with those of the version before.)
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile

ROUNDS = 5
IRIS = """
import warnings
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from neurone.sklearn import NeuroneClassifier
warnings.simplefilter("ignore", ConvergenceWarning)
X, y = load_iris(return_X_y=True)
for size in (10, 20, 50, 100):
    NeuroneClassifier((size,), max_iter=20, random_state=0, learning_rate_init=0.02).fit(X, y)
"""
GRID = """
import warnings
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from neurone.sklearn import NeuroneClassifier
warnings.simplefilter("ignore", ConvergenceWarning)
grid = dict(hidden_layer_sizes=[(5,), (10,), (20,), (50,), (100,), (30, 20)], activation=["relu", "tanh"],
            learning_rate_init=[0.01, 0.02])
GridSearchCV(NeuroneClassifier(max_iter=20, random_state=0), grid, cv=3, n_jobs=2).fit(*load_iris(return_X_y=True))
"""
PROGRAMS = {
    "`import neurone`": ("-c", "import neurone"),
    "`train --epochs 1`": ("-m", "neurone.train", "--epochs", "1"),
    "`train --epochs 1 --batch-size 32`": ("-m", "neurone.train", "--epochs", "1", "--batch-size", "32"),
    "iris, four hidden sizes, with scikit-learn": ("-c", IRIS),
    "`GridSearchCV` of 24 points, `n_jobs=2`": ("-c", GRID),
}


def cpu_seconds(arguments, cache):
    """User and system seconds of a process and those that it starts; on the embedded digits."""
    environment = {name: value for name, value in os.environ.items() if name != "NEURONE_DATA"}
    with tempfile.TemporaryDirectory() as empty:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *arguments], env=environment | {"NEURONE_CACHE": cache}, cwd=empty, check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    print("| | nothing compiled | compiled before |\n|---|---|---|")
    for name, arguments in PROGRAMS.items():
        seconds = {"cold": [], "warm": []}
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as cache:
                for state in seconds:
                    seconds[state].append(cpu_seconds(arguments, cache))
        print(f"| {name} | {' | '.join(f'{statistics.median(some):.1f}' for some in seconds.values())} |", flush=True)


if __name__ == "__main__":
    main()

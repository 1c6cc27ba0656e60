"""scikit-learn's own tests of `MLPClassifier` and `MLPRegressor`, with our estimators in their place.

    python tests/mlp_of_scikit_learn.py

The file is taken from the installed scikit-learn, changed in a temporary folder, and run there. Exits with 1 where
other tests fail than those that cannot pass.
"""

import sys
import tempfile
from pathlib import Path

import pytest
import sklearn.neural_network

_IMPORT = "from sklearn.neural_network import MLPClassifier, MLPRegressor\n"
_OURS = """from neurone.sklearn import NeuroneClassifier as MLPClassifier
from neurone.sklearn import NeuroneRegressor as MLPRegressor
"""
# It asks for a fixture of scikit-learn's own conftest.
_CONFTEST = """import pytest


@pytest.fixture
def global_random_seed():
    return 42
"""
# Tests that cannot pass, and why.
EXPECTED = {
    "test_fit": "sets the weights and private arrays of gradients",
    "test_gradient": "calls the private _loss_grad_lbfgs",
    "test_learning_rate_warmstart": "reads the private _optimizer",
    "test_adaptive_learning_rate": "reads the private _optimizer",
    "test_n_iter_no_change": "reads the private _no_improvement_count",
    "test_n_iter_no_change_inf": "reads the private _no_improvement_count",
    "test_mlp_param_dtypes[NeuroneClassifier-float64]": "our width is float32 unless dtype says otherwise",
    "test_mlp_param_dtypes[NeuroneRegressor-float64]": "our width is float32 unless dtype says otherwise",
}


def source():
    """The path of scikit-learn's tests; it may be missing where a system's package leaves tests out."""
    return Path(sklearn.neural_network.__file__).parent / "tests" / "test_mlp.py"


class _Outcomes:
    """A pytest plugin that remembers which tests passed and which did not."""

    def __init__(self):
        self.passed, self.failed = [], []

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.failed:
            (self.passed if report.passed else self.failed).append(report.nodeid.partition("::")[2])


def run():
    """Run all; returns the names of the tests that passed, and of those that failed."""
    text = source().read_text()
    if _IMPORT not in text:
        raise SystemExit(f"{source()} does not import what is to be replaced: {_IMPORT.strip()}")
    outcomes = _Outcomes()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "conftest.py").write_text(_CONFTEST)
        Path(folder, "test_mlp.py").write_text(text.replace(_IMPORT, _OURS))
        options = ["-q", "-p", "no:cacheprovider", "--rootdir", folder, "-W", "ignore", "--tb=line"]
        pytest.main([*options, str(Path(folder, "test_mlp.py"))], plugins=[outcomes])
    return outcomes.passed, outcomes.failed


if __name__ == "__main__":
    passed, failed = run()
    for name in failed:
        print(f"{name}: {EXPECTED.get(name, 'NOT EXPECTED to fail')}")
    unexpected = set(failed) ^ set(EXPECTED)
    print(f"{len(passed)} passed, {len(failed)} failed, {len(unexpected)} of them otherwise than expected")
    sys.exit(bool(unexpected))

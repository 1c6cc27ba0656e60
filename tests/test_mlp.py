"""The estimators against `MLPClassifier` and `MLPRegressor`: the same start, orders, weights, losses and ends."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_multilabel_classification
from sklearn.neural_network import MLPClassifier, MLPRegressor

from neurone.sklearn import NeuroneClassifier, NeuroneRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::neurone.LearningWarning"),
]

PAIRS = {"classes": (MLPClassifier, NeuroneClassifier), "numbers": (MLPRegressor, NeuroneRegressor)}


def _standardised(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def _data():
    iris, cancer, diabetes = (load(return_X_y=True) for load in (load_iris, load_breast_cancer, load_diabetes))
    several = make_multilabel_classification(200, 10, random_state=0)
    sizes = _standardised(diabetes[0]), diabetes[1] / 100
    return {
        "iris": ("classes", iris[0], np.array(["setosa", "versicolor", "virginica"])[iris[1]]),
        "cancer": ("classes", _standardised(cancer[0]), cancer[1]),
        "several": ("classes", _standardised(several[0]), several[1]),
        "diabetes": ("numbers", *sizes),
        "two": ("numbers", sizes[0], np.c_[sizes[1], -sizes[1] / 2]),
    }


DATA = _data()


def fitted(data, weights=False, **options):
    """Their model and ours, fitted to the same data from the same random state."""
    kind, X, y = DATA[data]
    factors = np.random.RandomState(1).rand(len(X)) + 0.1 if weights else None
    theirs, ours = PAIRS[kind]
    theirs = theirs(random_state=3, **options).fit(X, y, sample_weight=factors)
    ours = ours(random_state=3, dtype="float64", **options).fit(X, y, sample_weight=factors)
    return theirs, ours, X


def distance(ours, theirs):
    """Of all weights and biases: |a - b| / (1e-3 + |b|), at most."""
    pairs = zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True)
    return max(np.max(np.abs(a - b) / (1e-3 + np.abs(b))) for a, b in pairs)


def assert_same(theirs, ours, X, tolerance):
    """Sums are rounded in other orders, so to a tolerance; what is counted is the same."""
    assert distance(ours, theirs) < tolerance
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=tolerance)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("loss_", "best_loss_", "best_validation_score_"):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert (a is None) == (b is None) and (a is None or a == pytest.approx(b, rel=tolerance)), name
    assert (ours.validation_scores_ is None) == (theirs.validation_scores_ is None)
    if ours.validation_scores_ is not None:
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=tolerance)
    a, b = ours.predict(X), theirs.predict(X)
    if a.dtype.kind == "f":
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    else:
        assert np.array_equal(a, b)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=tolerance)


SETTINGS = [
    {}, dict(activation="logistic", alpha=1.0), dict(activation="tanh", hidden_layer_sizes=(20, 10), batch_size=32),
    dict(activation="identity", hidden_layer_sizes=()), dict(weights=True, batch_size=50),
    dict(early_stopping=True), dict(early_stopping=True, weights=True, validation_fraction=0.3), dict(shuffle=False),
]  # fmt: skip
OF_SGD = [
    dict(learning_rate="invscaling", learning_rate_init=0.1, power_t=0.3), dict(momentum=0.0),
    dict(nesterovs_momentum=False, momentum=0.5), dict(learning_rate="adaptive", learning_rate_init=0.2, tol=1e-2),
]  # fmt: skip
OF_ADAM = [dict(beta_1=0.7, beta_2=0.9, epsilon=1e-4)]


def _spread(settings):
    """Each setting with two of the sets, so that each set has settings of all kinds."""
    names = list(DATA)
    return [(names[(number + more) % 5], options) for number, options in enumerate(settings) for more in (0, 2)]


@pytest.mark.parametrize(("data", "options"), _spread([*SETTINGS, *OF_SGD]), ids=str)
def test_ten_epochs_of_sgd(data, options):
    assert_same(*fitted(data, solver="sgd", max_iter=10, **options), 1e-9)


@pytest.mark.parametrize(("data", "options"), _spread([{}, *SETTINGS, *OF_ADAM]), ids=str)
def test_ten_epochs_of_adam(data, options):
    assert_same(*fitted(data, max_iter=10, **options), 1e-9)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_losses_of_the_regressor(loss, solver):
    theirs, ours, X = fitted("diabetes", loss=loss, solver=solver, max_iter=10)
    assert distance(ours, theirs) < 1e-9 and ours.loss_ == pytest.approx(theirs.loss_, rel=1e-9)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)


@pytest.mark.parametrize(
    ("data", "options"),
    _spread([{}, dict(solver="sgd"), dict(early_stopping=True), dict(alpha=1.0), dict(batch_size=64)]), ids=str,
)  # fmt: skip
def test_whole_fits(data, options):
    """All epochs until the training has converged, or 200."""
    assert_same(*fitted(data, **options), 1e-6)


@pytest.mark.parametrize("data", DATA)
def test_lbfgs_finds_the_same_optimum(data):
    """With a penalty that leaves one optimum, the loss is the same to 1e-4, though each has a path of its own."""
    theirs, ours, X = fitted(data, solver="lbfgs", hidden_layer_sizes=(), alpha=10.0, max_iter=2000, tol=1e-7)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-4)
    if DATA[data][0] == "numbers":
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-3)
    else:
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_warm_starts(solver, early_stopping):
    """Each `fit` begins with a new optimiser and anew with the order; counts, curves and the best go on."""
    X, y = DATA["cancer"][1:]
    models = [
        make(solver=solver, max_iter=4, warm_start=True, early_stopping=early_stopping, random_state=5, **more)
        for make, more in ((MLPClassifier, {}), (NeuroneClassifier, {"dtype": "float64"}))
    ]
    for _ in range(3):
        for model in models:
            model.fit(X, y)
        assert_same(*models, X, 1e-9)


@pytest.mark.parametrize("options", [{}, dict(solver="sgd", learning_rate="invscaling")], ids=str)
def test_partial_fit(options):
    """It goes on with the optimiser, and begins anew with the order; a random state that is shared goes on."""
    X, y = DATA["cancer"][1:]
    for number, draws in enumerate((5, np.random.RandomState)):
        models = [
            make(batch_size=64, **options | more | {"random_state": draws if number == 0 else draws(7)})
            for make, more in ((MLPClassifier, {}), (NeuroneClassifier, {"dtype": "float64"}))
        ]
        for part in (slice(0, 200), slice(200, 500), slice(0, 569)):
            for model in models:
                model.partial_fit(X[part], y[part], classes=[0, 1])
            assert_same(*models, X, 1e-9)


def test_float32_is_as_good():
    """Accuracies over seeds, on data held out, within their scatter."""
    X, y = DATA["cancer"][1:]
    scores = {
        make: [make(random_state=seed, max_iter=30).fit(X[:400], y[:400]).score(X[400:], y[400:]) for seed in range(5)]
        for make in (MLPClassifier, NeuroneClassifier)
    }
    theirs, ours = scores.values()
    assert abs(np.mean(theirs) - np.mean(ours)) < 0.01

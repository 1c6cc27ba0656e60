"""The estimators: scikit-learn's own checks, and what MLPClassifier does."""

import pickle
import subprocess
import sys

import mlp_of_scikit_learn
import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import neurone
import neurone.sklearn as estimators
from neurone.sklearn import NeuroneClassifier, NeuroneRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::neurone.LearningWarning"),
]

# Sums of repeated samples, and of samples times their weights, are rounded otherwise: 1e-7 asks for float64.
_ROUNDING = {
    "check_sample_weight_equivalence_on_dense_data": "float32 rounds sums of repeated samples otherwise",
    "check_sample_weight_equivalence_on_sparse_data": "float32 rounds sums of repeated samples otherwise",
}


@parametrize_with_checks(
    [
        NeuroneClassifier(dtype="float64"),
        NeuroneRegressor(dtype="float64"),
        NeuroneClassifier((8, 8), "tanh", solver="sgd", alpha=0.01, max_iter=50, dtype="float64"),
        NeuroneRegressor(hidden_layer_sizes=(8,), solver="lbfgs", max_iter=50, dtype="float64"),
        NeuroneClassifier(max_iter=50),
        NeuroneRegressor(),
    ],
    expected_failed_checks=lambda estimator: _ROUNDING if estimator.dtype == "float32" else {},
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


RNG = np.random.Generator(np.random.Philox(1))
INPUTS = RNG.standard_normal((200, 6)).astype(np.float32)
LABELS = np.array(["left", "right", "up"])[np.abs(INPUTS[:, :3]).argmax(axis=1)]


def test_in_pipelines_and_searches():
    pipeline = make_pipeline(
        StandardScaler(), NeuroneClassifier((8,), max_iter=60, learning_rate_init=0.01, random_state=0)
    )
    search = GridSearchCV(pipeline, {"neuroneclassifier__activation": ["relu", "tanh"]}, cv=3).fit(INPUTS, LABELS)
    assert search.best_score_ > 0.5
    assert (
        cross_val_score(
            NeuroneRegressor("squared_error", (8,), solver="lbfgs", random_state=0), INPUTS, INPUTS[:, 0], cv=3
        ).mean()
        > 0.8
    )


def test_the_same_bits_every_time_and_after_pickling():
    first = NeuroneClassifier((8,), max_iter=5, random_state=3).fit(INPUTS, LABELS)
    for again in (clone(first).fit(INPUTS, LABELS), pickle.loads(pickle.dumps(first))):
        assert again.network_.parameters.tobytes() == first.network_.parameters.tobytes()
        assert np.array_equal(again.predict_proba(INPUTS), first.predict_proba(INPUTS))


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
def test_sparse_inputs_give_the_bits_of_dense_ones(make):
    few = INPUTS * (INPUTS > 1)
    for options in ({}, dict(solver="sgd", batch_size=20), dict(solver="sgd", alpha=0, momentum=0, batch_size=1)):
        dense = NeuroneClassifier((8,), max_iter=5, random_state=3, **options).fit(few, LABELS)
        sparse_ = clone(dense).fit(make(few), LABELS)
        assert dense.network_.parameters.tobytes() == sparse_.network_.parameters.tobytes()
        assert np.array_equal(dense.predict_proba(few), sparse_.predict_proba(make(few)))


def test_two_classes_have_one_output_and_several_labels_one_each():
    options = dict(solver="lbfgs", random_state=0)
    two = NeuroneClassifier((8,), **options).fit(INPUTS, INPUTS[:, 0] > 0)
    assert (two.n_outputs_, two.out_activation_, two.classes_.tolist()) == (1, "logistic", [False, True])
    assert two.predict_proba(INPUTS).shape == (200, 2) and two.score(INPUTS, INPUTS[:, 0] > 0) > 0.95
    answers = (INPUTS[:, :3] > 0).astype(int)
    several = NeuroneClassifier((8,), **options).fit(INPUTS, answers)
    assert (several.n_outputs_, several.out_activation_) == (3, "logistic")
    assert several.predict(INPUTS).shape == (200, 3) and (several.predict(INPUTS) == answers).mean() > 0.95


def test_hidden_outputs():
    for activation, function in (("relu", lambda s: np.maximum(s, 0)), ("tanh", np.tanh), ("identity", lambda s: s)):
        net = NeuroneClassifier((8, 5), activation, max_iter=3, random_state=0).fit(INPUTS, LABELS)
        outputs = INPUTS
        for layer in range(2):
            outputs = function(outputs @ net.coefs_[layer] + net.intercepts_[layer])
            np.testing.assert_allclose(net.hidden_outputs(INPUTS, layer), outputs, rtol=0, atol=1e-5)
        assert np.array_equal(net.hidden_outputs(INPUTS), net.hidden_outputs(INPUTS, 1))
        with pytest.raises(ValueError, match="layer is 2"):
            net.hidden_outputs(INPUTS, 2)


def test_initialize_partial_fit_and_warm_start():
    net = NeuroneClassifier((8,), shuffle=False, random_state=0)
    whole = clone(net).set_params(max_iter=3).fit(INPUTS, LABELS)
    net.initialize(INPUTS, LABELS)
    assert net.loss_curve_ == [] and net.predict(INPUTS).shape == (200,)
    for _ in range(3):
        net.partial_fit(INPUTS, LABELS)
    assert net.network_.parameters.tobytes() == whole.network_.parameters.tobytes()
    assert net.loss_curve_ == whole.loss_curve_ and (net.n_iter_, net.t_, whole.n_iter_) == (1, 600, 3)
    parts = NeuroneClassifier((8,), random_state=0).partial_fit(INPUTS[:5], LABELS[:5], classes=["down", *set(LABELS)])
    assert parts.classes_.tolist() == ["down", "left", "right", "up"]
    with pytest.raises(ValueError, match="was made for"):
        parts.partial_fit(INPUTS[:1], ["else"])


def test_validation_early_stopping_and_callbacks(capsys):
    reports = []
    held_out = INPUTS[150:], LABELS[150:]
    net = NeuroneClassifier((8,), alpha=0, max_iter=4, verbose=True, random_state=0)
    net.fit(INPUTS[:150], LABELS[:150], validation=held_out, callback=reports.append)
    assert [report.cost for report in reports] == net.loss_curve_
    assert net.validation_scores_[-1] == net.score(*held_out) and len(net.validation_scores_) == 4
    assert len(capsys.readouterr().out.splitlines()) == 8
    by_name = clone(net).fit(INPUTS[:150], LABELS[:150], X_val=held_out[0], y_val=held_out[1])
    assert by_name.validation_scores_ == net.validation_scores_
    stopped = NeuroneClassifier((8,), early_stopping=True, n_iter_no_change=3, learning_rate_init=0.02, random_state=0)
    stopped.fit(INPUTS[:150], LABELS[:150], validation=held_out)
    assert stopped.n_iter_ < 200 and stopped.score(*held_out) == max(stopped.validation_scores_)


def test_a_pipeline_scales_the_validation_set_too():
    with config_context(enable_metadata_routing=True):
        net = NeuroneClassifier((8,), max_iter=3, random_state=0).set_fit_request(X_val=True, y_val=True)
        pipeline = Pipeline([("scale", StandardScaler()), ("net", net)], transform_input=["X_val"])
        inputs = 1000 * INPUTS + 5
        pipeline.fit(inputs[:150], LABELS[:150], X_val=inputs[150:], y_val=LABELS[150:])
    assert pipeline["net"].validation_scores_[-1] == pipeline.score(inputs[150:], LABELS[150:])


@pytest.mark.parametrize("early_stopping", [False, True])
def test_tables_are_told_apart_by_their_names_once(early_stopping):
    """Checking the held-out part again after every epoch, without its names, would be a warning, here an error."""
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(INPUTS, columns=list("abcdef"))
    net = NeuroneClassifier((8,), max_iter=2, early_stopping=early_stopping, random_state=0)
    net.fit(table, LABELS, validation=None if early_stopping else (table, LABELS))
    assert len(net.validation_scores_) == 2 and net.predict(table).shape == (200,)
    with pytest.raises(ValueError, match="feature names"):
        net.predict(table[list("bacdef")])


def test_weights_of_samples_and_classes():
    few = np.flatnonzero(LABELS != "up")
    factors = np.where(LABELS == "up", 0, 1.0)
    options = dict(hidden_layer_sizes=(8,), max_iter=60, learning_rate_init=0.02, random_state=0)
    by_sample = NeuroneClassifier(**options).fit(INPUTS, LABELS, factors)
    by_class = NeuroneClassifier(class_weight={"left": 1, "right": 1, "up": 0}, **options).fit(INPUTS, LABELS)
    assert by_sample.network_.parameters.tobytes() == by_class.network_.parameters.tobytes()
    assert "up" not in by_sample.predict(INPUTS) and by_sample.score(INPUTS[few], LABELS[few]) > 0.8


def _bits(estimator):
    return estimator.network_.parameters.tobytes()


def test_factors_of_samples_and_classes_multiply():
    factors, by_class = RNG.random(200), {"left": 1, "right": 2, "up": 0.5}
    options = dict(hidden_layer_sizes=(8,), max_iter=3, random_state=0)
    both = NeuroneClassifier(class_weight=by_class, **options).fit(INPUTS, LABELS, factors)
    product = NeuroneClassifier(**options).fit(INPUTS, LABELS, factors * [by_class[label] for label in LABELS])
    assert _bits(both) == _bits(product)


def test_factors_stay_with_their_samples_in_early_stopping():
    factors = np.where(LABELS == "up", 0, 1.0)
    net = NeuroneClassifier((8,), learning_rate_init=0.02, early_stopping=True, random_state=0)
    net.fit(INPUTS, LABELS, factors)
    assert "up" not in net.predict(INPUTS)


def test_factors_of_classes_in_parts():
    factors, classes = {"left": 1, "right": 2, "up": 0.5}, ["left", "right", "up"]
    by_class = NeuroneClassifier((8,), class_weight=factors, random_state=0)
    by_sample = NeuroneClassifier((8,), random_state=0)
    for label, factor in factors.items():  # a part that lacks the others
        part = INPUTS[LABELS == label], LABELS[LABELS == label]
        by_class.partial_fit(*part, classes=classes)
        by_sample.partial_fit(*part, np.full(len(part[1]), factor), classes=classes)
    assert _bits(by_class) == _bits(by_sample)
    with pytest.raises(ValueError, match="partial_fit sees only a part"):
        NeuroneClassifier(class_weight="balanced").partial_fit(INPUTS, LABELS, classes=classes)


def test_a_factor_common_to_all_samples_changes_nothing():
    """A power of 2, with which nothing is rounded otherwise; without the penalty, which the weights divide too."""
    factors = RNG.random(200)
    first, second = (
        NeuroneClassifier((8,), max_iter=5, alpha=0, batch_size=32, random_state=0).fit(INPUTS, LABELS, scale * factors)
        for scale in (1, 1024)
    )
    assert _bits(first) == _bits(second) and first.loss_curve_ == second.loss_curve_


def test_a_new_network_has_nothing_from_the_old():
    fresh = NeuroneClassifier((8,), random_state=0).initialize(INPUTS, LABELS).partial_fit(INPUTS, LABELS)
    used = clone(fresh).partial_fit(INPUTS, LABELS, classes=fresh.classes_)
    used.initialize(INPUTS, LABELS).partial_fit(INPUTS, LABELS)
    assert _bits(used) == _bits(fresh)


def test_threads_reach_the_kernels(monkeypatch):
    asked = []

    def iterate(*arguments, **options):
        asked.append(options["threads"])
        return neurone.training.fit.iterate(*arguments, **options)

    monkeypatch.setattr(estimators, "iterate", iterate)
    NeuroneClassifier((8,), max_iter=1, threads=2).fit(INPUTS, LABELS)
    assert asked == [2]


def test_an_interrupted_fit_keeps_what_it_trained():
    def stop(report):
        if report.epoch == 4:
            raise KeyboardInterrupt

    net = NeuroneClassifier((8,), early_stopping=True, random_state=0)
    with pytest.warns(UserWarning, match="interrupted"):  # as MLPClassifier
        net.fit(INPUTS[:150], LABELS[:150], validation=(INPUTS[150:], LABELS[150:]), callback=stop)
    assert len(net.loss_curve_) == net.n_iter_ == 5 and net.loss_ == net.loss_curve_[-1]
    assert net.score(INPUTS[150:], LABELS[150:]) == net.best_validation_score_ == max(net.validation_scores_)


def test_a_failed_first_fit_leaves_no_network():
    net = NeuroneClassifier((-1,), max_iter=1)
    with pytest.raises(ValueError, match="layer is -1"):
        net.fit(INPUTS, LABELS)
    for call in (net.predict, net.hidden_outputs):
        with pytest.raises(NotFittedError):
            call(INPUTS)


@pytest.mark.parametrize("options", [{}, dict(solver="sgd")])
def test_partial_fit_goes_on_with_the_optimiser(options):
    options |= dict(shuffle=False, random_state=0)
    three = NeuroneClassifier((8,), max_iter=3, **options).fit(INPUTS, LABELS)
    parts = NeuroneClassifier((8,), max_iter=2, **options).fit(INPUTS, LABELS).partial_fit(INPUTS, LABELS)
    assert parts.network_.parameters.tobytes() == three.network_.parameters.tobytes()


def test_what_overflows_is_an_error_of_values():
    with pytest.raises(ValueError, match="non-finite parameter weights") as caught:
        NeuroneRegressor(solver="sgd", learning_rate_init=1e3, random_state=0).fit(100 * INPUTS, INPUTS[:, 0])
    assert isinstance(caught.value, neurone.DivergenceError)


def test_a_batch_larger_than_the_data_is_clipped_with_a_warning():
    whole = NeuroneClassifier((8,), max_iter=2, random_state=0, batch_size=200).fit(INPUTS, LABELS)
    with pytest.warns(UserWarning, match="clipped"):
        clipped = clone(whole).set_params(batch_size=201).fit(INPUTS, LABELS)
    assert _bits(clipped) == _bits(whole)


def test_bytes_are_numbers_and_the_warning_names_the_division():
    images, labels = neurone.datasets.digits.digits(500)
    with pytest.warns(neurone.LearningWarning, match="255"):
        NeuroneClassifier((10,), max_iter=2, random_state=0).fit(images.reshape(500, 784), labels)


def test_scikit_learns_own_tests():
    if not mlp_of_scikit_learn.source().exists():
        pytest.skip("scikit-learn is installed without its tests")
    done = subprocess.run([sys.executable, mlp_of_scikit_learn.__file__], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_refusals():
    with pytest.raises(ValueError, match="solver is 'newton'; choose one of lbfgs, sgd, adam"):
        NeuroneClassifier(solver="newton").fit(INPUTS, LABELS)
    with pytest.raises(ValueError, match="loss is 'absolute'"):
        NeuroneRegressor("absolute").fit(INPUTS, INPUTS[:, 0])
    with pytest.raises(ValueError, match="targets of sample 1 are negative"):
        NeuroneRegressor("poisson", dtype="float64").fit([[1.0], [2]], [0.0, -1])
    assert not hasattr(NeuroneClassifier(solver="lbfgs"), "partial_fit")
    with pytest.raises(ValueError, match="classes are not given"):
        NeuroneClassifier().partial_fit(INPUTS, LABELS)
    with pytest.raises(ValueError, match="only one of X_val and y_val"):
        NeuroneClassifier().fit(INPUTS, LABELS, X_val=INPUTS)
    with pytest.raises(ValueError, match="beyond float32"):
        NeuroneClassifier().fit(1e300 * INPUTS.astype(np.float64), LABELS)
    with pytest.raises(ValueError, match="activation is 'swish'"):
        NeuroneClassifier(activation="swish").fit(INPUTS, LABELS)
    with pytest.raises(ValueError, match="max_iter is -1"):
        NeuroneClassifier(max_iter=-1).fit(INPUTS, LABELS)
    with pytest.raises(ValueError, match="learning_rate_init is 0"):
        NeuroneClassifier(learning_rate_init=0).fit(INPUTS, LABELS)
    for name, value in {
        "tol": "much", "power_t": float("nan"), "n_iter_no_change": -1, "shuffle": "no", "nesterovs_momentum": "no",
        "early_stopping": "no", "warm_start": 0, "dtype": "float16", "learning_rate": "optimal",
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=f"^{name} is "):
            NeuroneClassifier(**{name: value}).fit(INPUTS, LABELS)
    for fraction in ("half", 0, 1, 1.5, None):
        with pytest.raises(ValueError, match="validation_fraction is"):
            NeuroneClassifier(early_stopping=True, validation_fraction=fraction).fit(INPUTS, LABELS)
    with pytest.raises(ValueError, match="callback is 3"):
        NeuroneClassifier().fit(INPUTS, LABELS, callback=3)
    with pytest.raises(ValueError, match=r"sample_weight\.shape"):
        NeuroneClassifier(class_weight="balanced").fit(INPUTS, LABELS, [1, 2, 3])
    with pytest.raises(ValueError, match="y holds the classes"):
        NeuroneClassifier().fit(INPUTS, LABELS, validation=(INPUTS, ["else"] * 200))
    several = NeuroneClassifier((8,), max_iter=1).fit(INPUTS, INPUTS[:, :3] > 0)
    with pytest.raises(ValueError, match="2 labels a sample, and the network has 3"):
        several.partial_fit(INPUTS, INPUTS[:, :2] > 0)
    numbers = NeuroneRegressor((8,), max_iter=1).fit(INPUTS, INPUTS[:, :2])
    with pytest.raises(ValueError, match=r"shape \(200,\), and the network 2 outputs"):
        numbers.partial_fit(INPUTS, INPUTS[:, 0])
    with pytest.raises(ValueError, match="validation is no pair"):
        NeuroneClassifier((8,)).fit(INPUTS, LABELS, validation=INPUTS)
    with pytest.raises(ValueError, match="no hidden layer"):
        NeuroneClassifier((), max_iter=1).fit(INPUTS, LABELS).hidden_outputs(INPUTS)
    warm = NeuroneClassifier((8,), max_iter=1, warm_start=True).fit(INPUTS, LABELS)
    with pytest.raises(ValueError, match="is expecting"):
        warm.fit(INPUTS[:, 1:], LABELS)
    with pytest.raises(ValueError, match="the network asked for"):
        clone(warm).fit(INPUTS, LABELS).set_params(activation="tanh").fit(INPUTS, LABELS)
    with pytest.raises(ValueError, match="classes are"):
        warm.partial_fit(INPUTS, LABELS, classes=["left", "right"])
    assert warm.predict(INPUTS).shape == LABELS.shape

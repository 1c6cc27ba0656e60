"""The estimators: scikit-learn's own checks, and what MLPClassifier does."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from neurone.sklearn import NeuroneClassifier, NeuroneRegressor

# With mini-batches, a sample twice is not a sample of weight 2: they come in other batches. MLPClassifier marks both.
_WEIGHTS = {
    "check_sample_weight_equivalence_on_dense_data": "batches of a repeated sample are other batches",
    "check_sample_weight_equivalence_on_sparse_data": "batches of a repeated sample are other batches",
}


@parametrize_with_checks(
    [
        NeuroneClassifier((8,), random_state=0),
        NeuroneClassifier((8, 8), "tanh", momentum=0.9, alpha=0.01, random_state=0),
        NeuroneClassifier((8,), batch_size=1, early_stopping=True, validation_fraction=0.4, random_state=0),
        NeuroneRegressor((8,), learning_rate_init=0.01, random_state=0),
        NeuroneRegressor((8,), "tanh", momentum=0.5, nesterovs_momentum=False, learning_rate_init=0.01, random_state=0),
    ],
    expected_failed_checks=lambda _: _WEIGHTS,
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


RNG = np.random.Generator(np.random.Philox(1))
INPUTS = RNG.standard_normal((200, 6)).astype(np.float32)
LABELS = np.array(["left", "right", "up"])[np.abs(INPUTS[:, :3]).argmax(axis=1)]


def test_in_pipelines_and_searches():
    pipeline = make_pipeline(StandardScaler(), NeuroneClassifier((8,), max_iter=20, random_state=0))
    search = GridSearchCV(pipeline, {"neuroneclassifier__activation": ["relu", "tanh"]}, cv=3).fit(INPUTS, LABELS)
    assert search.best_score_ > 0.5
    assert cross_val_score(NeuroneRegressor((8,), random_state=0), INPUTS, INPUTS[:, 0], cv=3).mean() > 0.8


def test_the_same_bits_every_time_and_after_pickling():
    first = NeuroneClassifier((8,), max_iter=5, random_state=3).fit(INPUTS, LABELS)
    for again in (clone(first).fit(INPUTS, LABELS), pickle.loads(pickle.dumps(first))):
        assert again.network_.parameters.tobytes() == first.network_.parameters.tobytes()
        assert np.array_equal(again.predict_proba(INPUTS), first.predict_proba(INPUTS))


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
def test_sparse_inputs_give_the_bits_of_dense_ones(make):
    few = INPUTS * (RNG.random(INPUTS.shape) < 0.4)
    dense, sparse_ = (NeuroneClassifier((8,), max_iter=5, random_state=3).fit(X, LABELS) for X in (few, make(few)))
    assert dense.network_.parameters.tobytes() == sparse_.network_.parameters.tobytes()
    assert np.array_equal(dense.predict_proba(few), sparse_.predict_proba(make(few)))


def test_two_classes_have_one_output_and_several_labels_one_each():
    two = NeuroneClassifier((8,), random_state=0).fit(INPUTS, INPUTS[:, 0] > 0)
    assert (two.n_outputs_, two.out_activation_, two.classes_.tolist()) == (1, "logistic", [False, True])
    assert two.predict_proba(INPUTS).shape == (200, 2) and two.score(INPUTS, INPUTS[:, 0] > 0) > 0.95
    answers = (INPUTS[:, :3] > 0).astype(int)
    several = NeuroneClassifier((8,), random_state=0).fit(INPUTS, answers)
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
    net = NeuroneClassifier((8,), momentum=0.9, learning_rate_init=0.02, shuffle=False, random_state=0)
    whole = clone(net).set_params(max_iter=3).fit(INPUTS, LABELS)
    net.initialize(INPUTS, LABELS)
    assert net.loss_curve_ == [] and net.predict(INPUTS).shape == (200,)
    for _ in range(3):
        net.partial_fit(INPUTS, LABELS)
    assert net.network_.parameters.tobytes() == whole.network_.parameters.tobytes()
    assert net.loss_curve_ == whole.loss_curve_ and net.n_iter_ == 3
    parts = NeuroneClassifier((8,), random_state=0).partial_fit(INPUTS[:5], LABELS[:5], classes=["down", *set(LABELS)])
    assert parts.classes_.tolist() == ["down", "left", "right", "up"]
    with pytest.raises(ValueError, match="was made for"):
        parts.partial_fit(INPUTS[:1], ["else"])
    warm = NeuroneClassifier((8,), max_iter=2, warm_start=True, shuffle=False, random_state=0)
    four = clone(warm).set_params(max_iter=4).fit(INPUTS, LABELS)
    warm.fit(INPUTS, LABELS).fit(INPUTS, LABELS)
    assert warm.network_.parameters.tobytes() == four.network_.parameters.tobytes()


def test_validation_early_stopping_and_callbacks(capsys):
    reports = []
    held_out = INPUTS[150:], LABELS[150:]
    net = NeuroneClassifier((8,), max_iter=4, verbose=True, random_state=0)
    net.fit(INPUTS[:150], LABELS[:150], validation=held_out, callback=reports.append)
    assert [report.cost for report in reports] == net.loss_curve_
    assert net.validation_curve_[-1] == net.score(*held_out) and len(net.validation_curve_) == 4
    assert len(capsys.readouterr().out.splitlines()) == 4
    stopped = NeuroneClassifier((8,), early_stopping=True, n_iter_no_change=3, random_state=0)
    stopped.fit(INPUTS[:150], LABELS[:150], validation=held_out)
    assert stopped.n_iter_ < 200 and stopped.score(*held_out) == max(stopped.validation_curve_)


def test_weights_of_samples_and_classes():
    few = np.flatnonzero(LABELS != "up")
    factors = np.where(LABELS == "up", 0, 1.0)
    options = dict(hidden_layer_sizes=(8,), max_iter=30, random_state=0)
    by_sample = NeuroneClassifier(**options).fit(INPUTS, LABELS, factors)
    by_class = NeuroneClassifier(class_weight={"left": 1, "right": 1, "up": 0}, **options).fit(INPUTS, LABELS)
    assert by_sample.network_.parameters.tobytes() == by_class.network_.parameters.tobytes()
    assert "up" not in by_sample.predict(INPUTS) and by_sample.score(INPUTS[few], LABELS[few]) > 0.8


def test_partial_fit_takes_the_momentum_on():
    options = dict(momentum=0.9, shuffle=False, random_state=0)
    three = NeuroneClassifier((8,), max_iter=3, **options).fit(INPUTS, LABELS)
    parts = NeuroneClassifier((8,), max_iter=2, **options).fit(INPUTS, LABELS).partial_fit(INPUTS, LABELS)
    assert parts.network_.parameters.tobytes() == three.network_.parameters.tobytes()


@pytest.mark.parametrize(("momentum", "batch_size"), [(0.0, 20), (0.9, 200)])
def test_the_batches_of_auto(momentum, batch_size):
    inputs, labels = np.tile(INPUTS, (2, 1)), np.tile(LABELS, 2)
    auto = NeuroneClassifier((8,), momentum=momentum, max_iter=2, random_state=0).fit(inputs, labels)
    given = clone(auto).set_params(batch_size=batch_size).fit(inputs, labels)
    assert auto.network_.parameters.tobytes() == given.network_.parameters.tobytes()


def test_refusals():
    with pytest.raises(ValueError, match="'sgd' is the one there is"):
        NeuroneClassifier(solver="adam").fit(INPUTS, LABELS)
    with pytest.raises(ValueError, match="activation is 'swish'"):
        NeuroneClassifier(activation="swish").fit(INPUTS, LABELS)
    with pytest.raises(ValueError, match="max_iter is -1"):
        NeuroneClassifier(max_iter=-1).fit(INPUTS, LABELS)
    with pytest.raises(ValueError, match="learning_rate_init is 0"):
        NeuroneClassifier(learning_rate_init=0).fit(INPUTS, LABELS)
    with pytest.raises(ValueError, match="validation is no pair"):
        NeuroneClassifier((8,)).fit(INPUTS, LABELS, validation=INPUTS)
    with pytest.raises(ValueError, match="no hidden layer"):
        NeuroneClassifier((), max_iter=1).fit(INPUTS, LABELS).hidden_outputs(INPUTS)
    warm = NeuroneClassifier((8,), max_iter=1, warm_start=True).fit(INPUTS, LABELS)
    with pytest.raises(ValueError, match="is expecting"):
        warm.fit(INPUTS[:, 1:], LABELS)
    assert warm.predict(INPUTS).shape == LABELS.shape

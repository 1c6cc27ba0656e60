"""The estimators: scikit-learn's own checks, and what MLPClassifier does."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import neurone
import neurone.sklearn as estimators
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
    """Of "auto" batches as well, which are single samples where nothing but the samples moves the weights."""
    few = INPUTS * (INPUTS > 1)
    options = dict(max_iter=5, random_state=3)
    for auto, explicit in (
        ({}, dict(batch_size=1, learning_rate_init=0.1 / 20)),
        (dict(batch_size=20), dict(batch_size=20)),
        (dict(alpha=0.01), dict(alpha=0.01, batch_size=20)),
        (dict(momentum=0.5), dict(momentum=0.5, batch_size=200)),
    ):
        dense = NeuroneClassifier((8,), **options, **explicit).fit(few, LABELS)
        sparse_ = NeuroneClassifier((8,), **options, **auto).fit(make(few), LABELS)
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


@pytest.mark.parametrize("early_stopping", [False, True])
def test_tables_are_told_apart_by_their_names_once(early_stopping):
    """A warning, here an error, if the held-out part were checked again after every epoch, without its names."""
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(INPUTS, columns=list("abcdef"))
    net = NeuroneClassifier((8,), max_iter=2, early_stopping=early_stopping, random_state=0)
    net.fit(table, LABELS, validation=None if early_stopping else (table, LABELS))
    assert len(net.validation_curve_) == 2 and net.predict(table).shape == (200,)
    with pytest.raises(ValueError, match="feature names"):
        net.predict(table[list("bacdef")])


def test_weights_of_samples_and_classes():
    few = np.flatnonzero(LABELS != "up")
    factors = np.where(LABELS == "up", 0, 1.0)
    options = dict(hidden_layer_sizes=(8,), max_iter=30, random_state=0)
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
    net = NeuroneClassifier((8,), max_iter=30, early_stopping=True, random_state=0).fit(INPUTS, LABELS, factors)
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
        NeuroneClassifier(class_weight="balanced").partial_fit(INPUTS, LABELS)


def test_every_call_of_partial_fit_has_another_order():
    net = NeuroneClassifier((8,), random_state=0).initialize(INPUTS, LABELS)
    by_hand, labels = neurone.Network((6, 8, 3), activation="relu", output="softmax", cost="log"), np.unique(LABELS)
    by_hand.parameters = net.network_.parameters.copy()
    for call in range(2):
        net.partial_fit(INPUTS, LABELS)
        seed = net.network_.seed + call
        neurone.fit(by_hand, INPUTS, np.searchsorted(labels, LABELS), batch_size=20, epochs=1, seed=seed)
    assert _bits(net) == by_hand.parameters.tobytes()


def test_a_new_network_has_no_momentum_from_the_old():
    fresh = NeuroneClassifier((8,), momentum=0.9, random_state=0).initialize(INPUTS, LABELS).partial_fit(INPUTS, LABELS)
    used = clone(fresh).partial_fit(INPUTS, LABELS).initialize(INPUTS, LABELS).partial_fit(INPUTS, LABELS)
    assert _bits(used) == _bits(fresh)


def test_the_best_weights_begin_without_the_momentum_of_the_last():
    net = NeuroneClassifier((8,), momentum=0.9, early_stopping=True, max_iter=20, batch_size=20, random_state=0)
    net.fit(INPUTS, LABELS)
    by_hand = neurone.Network((6, 8, 3), activation="relu", output="softmax", cost="log")
    by_hand.parameters = net.network_.parameters.copy()
    net.set_params(early_stopping=False).partial_fit(INPUTS, LABELS)
    seed, labels = net.network_.seed + 20, np.unique(LABELS, return_inverse=True)[1]
    neurone.fit(by_hand, INPUTS, labels, momentum=0.9, batch_size=20, epochs=1, seed=seed)
    assert _bits(net) == by_hand.parameters.tobytes()


def _constant(**options):
    """Trains on what holds nothing: the answer is the larger class, and the loss is soon as low as it gets."""
    return NeuroneClassifier((), "identity", batch_size=200, random_state=1, **options)


NOTHING, SOME = np.zeros((200, 2)), np.repeat([0, 1], [120, 80])


@pytest.mark.parametrize("seed", range(5))
def test_the_held_out_part_has_every_class_by_its_share(seed):
    net = _constant(early_stopping=True, max_iter=1).set_params(random_state=seed).fit(NOTHING, SOME)
    assert net.validation_curve_ == [0.6] and net.best_validation_score_ == 0.6
    alone = np.r_[SOME[1:], 2]  # a class of one sample: nothing to share out
    _constant(early_stopping=True, max_iter=1).fit(NOTHING, alone)


class _FromZero(MLPClassifier):
    def _init_coef(self, fan_in, fan_out, dtype):
        return np.zeros((fan_in, fan_out), dtype), np.zeros(fan_out, dtype)


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize(("tol", "n_iter_no_change"), [(1e-9, 3), (1e-6, 3), (1e-3, 2), (1.0, 4)])
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_losses_rates_and_end_are_those_of_mlpclassifier(learning_rate, tol, n_iter_no_change):
    options = dict(learning_rate=learning_rate, tol=tol, n_iter_no_change=n_iter_no_change, max_iter=150)
    options |= dict(learning_rate_init=1.0, power_t=0.3, shuffle=False)
    theirs = _FromZero((), "identity", solver="sgd", momentum=0, alpha=0, batch_size=200, **options).fit(NOTHING, SOME)
    ours = _constant(dtype="float64", **options).fit(NOTHING, SOME)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-12)
    assert (ours.n_iter_, ours.t_) == (theirs.n_iter_, theirs.t_)
    assert ours.loss_ == ours.loss_curve_[-1] and ours.best_loss_ == min(ours.loss_curve_)
    parts = _constant(dtype="float64", **options)
    for _ in range(ours.n_iter_):
        parts.partial_fit(NOTHING, SOME)
    assert parts.loss_curve_ == ours.loss_curve_


def test_the_best_loss_is_the_least():
    net = NeuroneClassifier((8,), learning_rate_init=3.0, max_iter=20, random_state=0).fit(INPUTS, LABELS)
    assert net.loss_curve_ != sorted(net.loss_curve_, reverse=True) and net.best_loss_ == min(net.loss_curve_)


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
    with pytest.raises(KeyboardInterrupt):
        net.fit(INPUTS[:150], LABELS[:150], validation=(INPUTS[150:], LABELS[150:]), callback=stop)
    assert len(net.loss_curve_) == net.n_iter_ == 5 and net.loss_ == net.loss_curve_[-1]
    assert net.score(INPUTS[150:], LABELS[150:]) == net.best_validation_score_ == max(net.validation_curve_)


def test_a_failed_fit_leaves_no_network():
    net = NeuroneClassifier((8,), max_iter=1).fit(INPUTS, LABELS)
    with pytest.raises(ValueError, match="layer is -1"):
        net.set_params(hidden_layer_sizes=(-1,)).fit(INPUTS, LABELS)
    for call in (net.predict, net.hidden_outputs):
        with pytest.raises(NotFittedError):
            call(INPUTS)


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
    with pytest.raises(ValueError, match="'sgd' is the only one"):
        NeuroneClassifier(solver="adam").fit(INPUTS, LABELS)
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
    with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\)"):
        NeuroneClassifier(class_weight="balanced").fit(INPUTS, LABELS, [1, 2, 3])
    with pytest.raises(ValueError, match="y holds the classes"):
        NeuroneClassifier().fit(INPUTS, LABELS, validation=(INPUTS, ["else"] * 200))
    several = NeuroneClassifier((8,), max_iter=1, warm_start=True).fit(INPUTS, INPUTS[:, :3] > 0)
    with pytest.raises(ValueError, match="2 labels a sample, and the network has 3"):
        several.fit(INPUTS, INPUTS[:, :2] > 0)
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

"""What is refused leaves everything as it was, and is said before anything is written past an array."""

import numpy as np
import pytest

import neurone
from neurone import Distortion, Preparation

sklearn = pytest.importorskip("sklearn")
from sklearn.datasets import load_digits  # noqa: E402

from neurone.formats import from_sklearn  # noqa: E402
from neurone.sklearn import NeuroneClassifier, NeuroneRegressor  # noqa: E402

RNG = np.random.Generator(np.random.Philox(4))
IMAGES, LABELS = RNG.random((40, 8, 8), np.float32), RNG.integers(0, 3, 40)


@pytest.mark.parametrize("shape", [(28, 28), (100, 100), (8, 7), (7, 9)])
def test_distortions_of_another_shape(shape):
    """They wrote past the images, or left some of them as memory was."""
    flat = IMAGES.reshape(40, 64)
    with pytest.raises(neurone.InputError, match="64 inputs"):
        neurone.fit(neurone.Network((64, 3)), flat, LABELS, distortion=Distortion(shape=shape), kernels="notes")
    with pytest.raises(neurone.InputError, match="64 inputs"):
        NeuroneClassifier(max_iter=2, distortion=Distortion(shape=shape)).fit(flat, LABELS)


def test_ragged_images_with_distortions():
    with pytest.raises(neurone.InputError, match="images do not make an array"):
        neurone.fit(neurone.Network((3, 2)), [[1, 2, 3], [1]], [0, 1], distortion=Distortion())


@pytest.mark.parametrize("narrow", [1e-50, 1e-4])
def test_widths_too_small_for_a_gaussian(narrow):
    with pytest.raises(neurone.InputError, match=r"needs 0\.001 pixels"):
        Distortion(width=narrow).checked()
    for name in ("blur", "width"):
        with pytest.raises(neurone.InputError, match=r"give 0, or 0\.001"):
            Preparation((8, 8), **{name: narrow}).checked()


def test_preparations_of_another_shape():
    net = neurone.Network((64, 3), preparation=Preparation((4, 16), upright=True))
    with pytest.raises(neurone.InputError, match=r"images are of \(8, 8\)"):
        net.predict(IMAGES)
    assert net.predict(IMAGES.reshape(40, 4, 16, 1)).shape == net.predict(IMAGES.reshape(40, 64)).shape == (40,)


def test_float_targets_have_no_error_to_watch():
    targets = np.eye(3)[LABELS] * 0.8 + 0.2 / 3
    with pytest.raises(neurone.InputError, match="have none; try the cost"):
        neurone.fit(
            neurone.Network((64, 3)),
            IMAGES,
            LABELS,
            validation=(IMAGES, targets),
            monitor="validation_error",
            patience=1,
        )


def test_networks_and_positions_that_are_not_finite():
    net = neurone.Network((64, 3))
    position = neurone.Position(last=np.full(net.parameters.size, np.nan, np.float32))
    with pytest.raises(neurone.InputError, match="as after a divergence"):
        neurone.fit(net, IMAGES, LABELS, position=position)
    net.parameters[3] = np.inf
    with pytest.raises(neurone.InputError, match="as after a divergence"):
        neurone.fit(net, IMAGES, LABELS)


def test_what_makes_no_network():
    for networks in (None, neurone.Network((2, 2)), 3):
        with pytest.raises(neurone.InputError, match="give a list"):
            neurone.Committee(networks)
    with pytest.raises(neurone.InputError, match="preparation is"):
        neurone.Network((64, 3), preparation={"shape": [8, 8], "sharpen": 1})
    assert neurone.Network((2, 2), dtype=neurone.Network((2, 2)).dtype).dtype == np.float32


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:400] / 16, y[:400]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_refused_fit_leaves_what_was_fitted(digits):
    X, y = digits
    model = NeuroneClassifier((10,), max_iter=3, random_state=0).fit(X, y)
    before, losses = model.predict(X), list(model.loss_curve_)
    for arguments, options in (
        (dict(X=X * np.nan, y=y), {}),
        (dict(X=X, y=y, sample_weight=np.ones(3)), {}),
        (dict(X=X[:, :5], y=y % 2), {"activation": "none"}),
        (dict(X=X[:9], y=y[:9]), {"early_stopping": True}),
    ):
        model.set_params(**options)
        with pytest.raises(ValueError):
            model.fit(**arguments)
        model.set_params(activation="relu", early_stopping=False)
        assert np.array_equal(model.predict(X), before) and model.loss_curve_ == losses


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_score_is_no_loss_to_beat(digits):
    """A warm start without early stopping ended after `n_iter_no_change` epochs: no loss was below minus a score."""
    X, y = digits
    model = NeuroneClassifier((20,), random_state=0, max_iter=15, early_stopping=True, warm_start=True).fit(X, y)
    model.set_params(early_stopping=False, max_iter=25).fit(X, y)
    assert model.n_iter_ == 25 and model.best_loss_ == min(model.loss_curve_[-25:])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimators_say_what_they_cannot(digits):
    X, y = digits
    for options in (dict(callback=print), dict(X_val=X, y_val=y)):
        with pytest.raises(neurone.InputError, match="lbfgs"):
            NeuroneClassifier((5,), solver="lbfgs").fit(X, y, **options)
    with pytest.raises(neurone.InputError, match="2 validation samples"):
        NeuroneRegressor(hidden_layer_sizes=(5,), early_stopping=True).fit(X, y, X_val=X[:1], y_val=y[:1])
    with pytest.raises(neurone.InputError, match="class_weight gives"):
        NeuroneClassifier((5,), class_weight={0: -2.0}).fit(X, y)
    NeuroneClassifier((5,), validation_fraction=0.0, max_iter=1).fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_poisson_of_scikit_learn(digits):
    from sklearn.neural_network import MLPRegressor

    X, y = digits
    model = MLPRegressor(hidden_layer_sizes=(5,), loss="poisson", max_iter=3, random_state=0).fit(X, y)
    np.testing.assert_allclose(from_sklearn(model).predict_proba(X)[:, 0], model.predict(X), rtol=1e-9)


def test_a_committee_that_fails_leaves_nothing(small_set, call, tmp_path):
    train = ("train", "--data", small_set, "--hidden", "--epochs", "1", "--kernels", "notes", "--save", "c.npz")
    late = call(*train, "--committee", "2", "--seed", 2**64 - 1)
    assert late.returncode == 2 and not list(tmp_path.glob("c.npz*"))
    (tmp_path / "c.npz.2").write_text("mine")
    taken = call(*train, "--committee", "2")
    assert taken.returncode == 2 and "c.npz.2 is there" in taken.stderr
    assert (tmp_path / "c.npz.2").read_text() == "mine" and not (tmp_path / "c.npz.1").exists()
    assert call(*train, "--member", "1").returncode == 2


@pytest.mark.parametrize("options", [["--distort", "rotation=3", "rotation=4"], ["--prepare", "upright", "upright"]])
def test_settings_given_twice(small_set, call, options):
    result = call("train", "--data", small_set, "--epochs", "1", "--kernels", "notes", *options)
    assert result.returncode == 2 and "twice" in result.stderr

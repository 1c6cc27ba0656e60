"""The public face of a network: options, initial weights, predictions, files."""

import math
import weakref

import numpy as np
import pytest

import neurone
from neurone.layout import parameter_offsets, state_offsets

# Every option different from its default.
UNUSUAL = dict(
    activation="tanh", output="logistic", cost="half-quadratic",
    slope=2.5, dtype="float64", init="notes", seed=2**64 - 1,
)  # fmt: skip


def test_layout_of_a_network_by_hand():
    assert parameter_offsets((2, 3, 1)).tolist() == [0, 9, 13]
    assert state_offsets((2, 3, 1)).tolist() == [1, 4, 7, 8]
    assert state_offsets((2, 1)).tolist() == [1, 3, 4]


def test_layers_are_views_of_one_array():
    net = neurone.Network((2, 3, 1), output="logistic")
    assert net.parameters.shape == (13,) and net.parameters.flags.c_contiguous and net.parameters.flags.writeable
    net.parameters[:] = np.arange(13)
    assert net.layer(0).tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert net.layer(1).tolist() == [[9], [10], [11], [12]]
    net.layer(1)[0] = -1
    assert net.parameters[9] == -1
    with pytest.raises(neurone.InputError, match="layer is 2"):
        net.layer(2)


def test_parameters_are_assigned_in_place():
    net = neurone.Network((2, 3, 1), output="logistic")
    array, view = net.parameters, net.layer(0)
    net.parameters = np.arange(13, dtype=">f8")
    assert net.parameters is array and array.dtype == np.float32 and view[2, 2] == 8
    with pytest.raises(neurone.InputError, match=r"shape \(12,\)"):
        net.parameters = np.zeros(12)


def test_large_layers_are_drawn_in_parts(monkeypatch):
    whole = neurone.Network((30, 20, 10)).parameters
    monkeypatch.setattr(neurone.network, "_DRAWN_AT_A_TIME", 8)
    assert np.array_equal(neurone.Network((30, 20, 10)).parameters, whole)


def test_glorot_weights():
    net = neurone.Network((300, 200, 10))
    for layer, (n, m) in enumerate([(300, 200), (200, 10)]):
        weights = net.layer(layer)[1:]
        limit = math.sqrt(6 / (n + m))
        assert not net.layer(layer)[0].any()
        assert np.abs(weights).max() <= limit
        # Mean and variance of a uniform law, within five standard errors.
        assert abs(weights.mean()) < 5 * limit / math.sqrt(3 * n * m)
        assert abs(weights.var() / (limit**2 / 3) - 1) < 5 * math.sqrt(0.8 / (n * m))


def test_the_notes_weights():
    net = neurone.Network((300, 200, 10), init="notes")
    assert -0.5 <= net.parameters.min() < -0.499 and 0.499 < net.parameters.max() < 0.5
    assert net.layer(0)[0].any()


def test_initial_weights_depend_on_the_seed_alone():
    first, again = neurone.Network((9, 5, 3), seed=1), neurone.Network((9, 5, 3), seed=1)
    assert np.array_equal(first.parameters, again.parameters)
    assert not np.array_equal(first.parameters, neurone.Network((9, 5, 3), seed=2).parameters)
    wide = neurone.Network((9, 5, 3), seed=1, dtype="float64")
    assert np.array_equal(first.parameters, wide.parameters.astype(np.float32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(sizes=(784,)), "at least the inputs and the outputs"),
        (dict(sizes=784), "layers' sizes"),
        (dict(sizes=(784, 0, 10)), "size of a layer is 0"),
        (dict(sizes=(784, 10.0)), "size of a layer is 10.0"),
        (dict(sizes=(784, True)), "size of a layer is True"),
        (dict(sizes=(10**9, 10**9)), "parameters"),
        (dict(sizes=(784, 1)), "softmax of one output"),
        (dict(activation="sigmoid"), "activation is 'sigmoid'; choose one of logistic, tanh"),
        (dict(activation=["tanh"]), "activation is"),
        (dict(output="softmax", cost="quadratic"), "does not go with output 'softmax'; choose cost log"),
        (dict(output="tanh"), "choose cost quadratic or half-quadratic"),
        (dict(output="identity"), "choose cost quadratic or half-quadratic"),
        (dict(output="relu"), "output is 'relu'"),
        (dict(slope=0), "slope is 0"),
        (dict(slope=math.nan), "slope is nan"),
        (dict(slope=10**400), "float32 rounds to inf"),
        (dict(slope=1e-60), "float32 rounds to 0.0"),
        (dict(dtype="float16"), "dtype is 'float16'"),
        (dict(init="zeros"), "init is 'zeros'"),
        (dict(seed=-1), "seed is -1"),
        (dict(seed=2**64), "seed is"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(neurone.InputError, match=message):
        neurone.Network(**{"sizes": (784, 10)} | options)


def test_predictions_by_hand():
    """2-1-2 with identity activations, bias rows and all, in numbers that are exact."""
    net = neurone.Network((2, 1, 2), activation="identity", output="identity", cost="quadratic")
    net.parameters[:] = [1, 2, 3, 10, 20, 30, 40]
    images = np.array([[0.5, 0.25], [0, 0]])
    hidden = 1 + 2 * images[:, 0] + 3 * images[:, 1]
    expected = np.stack([10 + 30 * hidden, 20 + 40 * hidden], axis=1)
    assert net.predict_proba(images).tolist() == expected.tolist()
    assert net.predict_proba(images).dtype == np.float32
    assert net.predict(images).tolist() == [1, 1]


def test_bytes_are_divided_by_255():
    net = neurone.Network((4, 3))
    images = np.random.Generator(np.random.Philox(1)).integers(0, 256, (5, 2, 2)).astype(np.uint8)
    floats = images.reshape(5, 4).astype(np.float32) / np.float32(255)
    assert np.array_equal(net.predict_proba(images), net.predict_proba(floats))


def test_one_output_answers_1_from_a_half():
    net = neurone.Network((1, 1), output="identity", cost="quadratic", dtype="float64")
    net.parameters[:] = [0, 1]
    assert net.predict([[0.5 - 1e-9], [0.5], [7.0]]).tolist() == [0, 1, 1]


def test_ties_go_to_the_first():
    net = neurone.Network((1, 3))
    net.parameters[:] = 0
    assert net.predict([[1.0]]).tolist() == [0]


def test_softmax_does_not_overflow():
    net = neurone.Network((1, 2), dtype="float32")
    net.parameters[:] = [0, 0, 1e30, -1e30]
    assert net.predict_proba([[1.0]]).tolist() == [[1.0, 0.0]]


def test_no_images_give_no_predictions():
    net = neurone.Network((4, 3))
    assert net.predict_proba(np.zeros((0, 2, 2), np.uint8)).shape == (0, 3)


def test_round_trip_keeps_every_setting(tmp_path):
    net = neurone.Network((4, 5, 3), **UNUSUAL)
    images = np.random.Generator(np.random.Philox(1)).random((10, 4))
    neurone.fit(net, images, np.arange(10) % 3, epochs=1)
    net.save(tmp_path / "net.npz")
    loaded = neurone.load(tmp_path / "net.npz")
    assert loaded.settings() == net.settings()
    default = neurone.Network((4, 5, 3)).settings()
    assert all(net.settings()[name] != default[name] for name in default if name != "sizes")
    assert np.array_equal(loaded.parameters, net.parameters)
    assert np.array_equal(loaded.predict_proba(images), net.predict_proba(images))
    neurone.fit(loaded, images, np.arange(10) % 3, epochs=1)  # and it can be trained on
    assert not np.array_equal(loaded.parameters, net.parameters)


def test_networks_that_are_not_finite_are_not_saved(tmp_path):
    net = neurone.Network((4, 3))
    net.parameters[3] = np.nan
    with pytest.raises(neurone.InputError, match="NaN"):
        net.save(tmp_path / "net.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "arrays"),
    [
        (dict(sizes=[60000, 30000]), {}),
        (dict(sizes="43"), {}),
        (dict(sizes=[4, -3]), {}),
        (dict(sizes=[4, 2.5]), {}),
        (dict(sizes=None), {}),
        (dict(colour="red"), {}),
        (dict(seed=1.0), {}),
        (dict(slope=10**400), {}),
        (dict(cost="quadratic"), {}),
        (dict(dtype="float64"), {}),
        ({}, {"extra": np.zeros(3)}),
        ({}, {"parameters": np.zeros((5, 3), np.float32)}),
        ({}, {"parameters": np.zeros(16, np.float32)}),
    ],
)
def test_settings_that_make_no_network(tmp_path, change, arrays):
    """Well-formed files whose contents make no sense."""
    net = neurone.Network((4, 3))
    path = tmp_path / "net.npz"
    contents = {"parameters": net.parameters} | arrays
    neurone.container.write(path, "model", net.settings() | change, contents)
    with pytest.raises(neurone.InputError, match="not a network"):
        neurone.load(path)
    neurone.container.write(path, "model", net.settings(), {"parameters": net.parameters})
    neurone.load(path)


def test_repr_makes_the_network_again():
    net = neurone.Network((4, 5, 3), **UNUSUAL)
    again = eval(repr(net), {"Network": neurone.Network})
    assert again.settings() == net.settings() and np.array_equal(again.parameters, net.parameters)


@pytest.mark.parametrize("count", [1, 2, 3, 31, 2496, 2497, 2498, 4993])
@pytest.mark.parametrize("threads", [2, 3, 7])
def test_predictions_by_threads(count, threads, monkeypatch):
    """The same outputs, also where the last stretch has fewer images than threads."""
    monkeypatch.setattr("neurone.engine.predictor.cores", lambda: 8)
    monkeypatch.setattr("neurone.engine.predictor._WORK_OF_A_THREAD", 1)
    monkeypatch.setattr("neurone.engine.predictor.samples_per_call", lambda _: 1248)
    images = np.random.Generator(np.random.Philox(2)).integers(0, 256, (count, 20)).astype(np.uint8)
    net = neurone.Network((20, 9, 3), init="notes")
    assert np.array_equal(net.predict_proba(images, threads), net.predict_proba(images))


def test_a_prediction_keeps_no_array_of_the_caller():
    net = neurone.Network((20, 9, 3))
    for count in (1, 50):
        images = np.zeros((count, 20), np.float32)
        gone = weakref.ref(images)
        net.predict(images)
        del images
        assert gone() is None

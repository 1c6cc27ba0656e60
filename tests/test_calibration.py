"""How sure networks say they are, and which images they know."""

import numpy as np
import pytest

import neurone
from neurone.calibration import temperature
from neurone.formats import save_c


@pytest.fixture(scope="module")
def sets():
    """Five overlapping classes of 30 inputs, few to train on: what is learnt by heart is believed too firmly."""
    rng = np.random.Generator(np.random.Philox(3))
    centres = rng.normal(0, 0.4, (5, 30))
    made = []
    for count in (200, 2000, 2000):
        labels = rng.integers(0, 5, count)
        made.append((centres[labels] + rng.normal(0, 1, (count, 30)), labels))
    return made


@pytest.fixture(scope="module")
def network(sets):
    net = neurone.Network((30, 20, 5), activation="tanh", dtype="float64")
    neurone.fit(net, *sets[0], learning_rate=0.1, epochs=60, kernels="notes")
    return net


def copy(network):
    again = neurone.Network(**network.settings())
    again.parameters = network.parameters
    return again


def log_cost(network, images, labels):
    return -np.log(network.predict_proba(images)[np.arange(len(labels)), labels]).mean()


def test_outputs_are_as_sure_as_right(network, sets):
    """On a third set: the log cost falls, and where outputs say 0.8 to 1, so many are right."""
    calibrated = copy(network)
    calibrated.calibrate(*sets[1])
    assert calibrated.temperature > 1.3
    images, labels = sets[2]
    assert log_cost(calibrated, images, labels) < log_cost(network, images, labels) - 0.1
    assert np.array_equal(calibrated.predict(images), network.predict(images))
    assert np.array_equal(calibrated.parameters, network.parameters)
    for net, limit in ((calibrated, 0.05), (network, 1)):
        outputs = net.predict_proba(images)
        sure = outputs.max(axis=1) > 0.8
        right = (net.predict(images) == labels)[sure].mean()
        gap = outputs.max(axis=1)[sure].mean() - right
        assert abs(gap) < limit if net is calibrated else gap > 0.05


@pytest.mark.parametrize("outputs", [1, 4])
def test_the_temperature_is_the_best(outputs):
    """Against a search over all of them, by another formula of the cost."""
    rng = np.random.Generator(np.random.Philox(outputs))
    logits, labels = rng.normal(0, 4, (300, outputs)), rng.integers(0, max(outputs, 2), 300)
    labels = np.where(rng.random(300) < 0.5, labels, logits[:, 0] > 0 if outputs == 1 else logits.argmax(axis=1))
    both = np.concatenate([np.zeros((300, 1)), logits], axis=1) if outputs == 1 else logits
    costs = []
    for step in range(5, 2001):
        powers = np.exp(both / (step / 100))
        costs.append(-np.log(powers[np.arange(300), labels] / powers.sum(axis=1)).mean())
    assert round(temperature(logits, labels) * 100) == 5 + np.argmin(costs)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_logistic_output_with_a_slope(dtype):
    """The slope multiplies what the temperature divides."""
    net = neurone.Network((3, 1), output="logistic", slope=2.0, dtype=dtype)
    rng = np.random.Generator(np.random.Philox(1))
    inputs = rng.normal(0, 1, (500, 3))
    net.layer(0)[1:] = 3
    labels = (rng.random(500) < 1 / (1 + np.exp(-inputs.sum(axis=1)))).astype(int)  # so 6 is 6 times too much
    net.calibrate(inputs, labels)
    assert 4.5 < net.temperature < 7.5
    expected = 1 / (1 + np.exp(-6 * inputs.sum(axis=1) / net.temperature))
    np.testing.assert_allclose(net.predict_proba(inputs)[:, 0], expected, rtol=1e-5)


def test_strange_images_are_noticed(network, sets):
    calibrated = copy(network)
    assert not calibrated.unlike(sets[2][0]).any()
    calibrated.calibrate(*sets[1])
    assert calibrated.unlike(sets[2][0]).mean() < 0.03
    assert calibrated.unlike(sets[2][0] * 3).mean() > 0.95
    assert neurone.Committee([network, calibrated]).unlike(sets[2][0] * 3).mean() > 0.95
    assert not neurone.Committee([network]).unlike(sets[2][0] * 3).any()


def test_files_keep_it(network, sets, tmp_path):
    calibrated = copy(network)
    calibrated.calibrate(*sets[1])
    calibrated.save(tmp_path / "one.npz")
    neurone.Committee([network, calibrated]).save(tmp_path / "two.npz")
    for again in (neurone.load(tmp_path / "one.npz"), neurone.load(tmp_path / "two.npz").networks[1]):
        assert again.temperature == calibrated.temperature
        assert np.array_equal(again.predict_proba(sets[2][0]), calibrated.predict_proba(sets[2][0]))
        assert np.array_equal(again.unlike(sets[2][0] * 2), calibrated.unlike(sets[2][0] * 2))
    network.save(tmp_path / "plain.npz")
    assert b"temperature" not in (tmp_path / "plain.npz").read_bytes()


def test_changed_parameters_are_noticed(network, sets):
    calibrated, images = copy(network), sets[2][0][:50]
    calibrated.calibrate(*sets[1])
    before = calibrated.predict_proba(images)
    calibrated.layer(0)[3] += 1
    fresh = copy(calibrated)
    assert not np.array_equal(calibrated.predict_proba(images), before)
    assert np.array_equal(calibrated.predict_proba(images), fresh.predict_proba(images))
    neurone.fit(calibrated, *sets[0], epochs=1, kernels="notes")
    assert calibrated.temperature is None and calibrated.known is None


def test_exports_are_calibrated(network, sets, tmp_path):
    onnx = pytest.importorskip("onnxruntime")
    calibrated = copy(network)
    calibrated.calibrate(*sets[1])
    neurone.formats.save_onnx(calibrated, tmp_path / "n.onnx")
    images = sets[2][0][:100].astype(np.float32)
    (found,) = onnx.InferenceSession(tmp_path / "n.onnx").run(None, {"input": images})
    np.testing.assert_allclose(found, calibrated.predict_proba(images), atol=1e-5)
    save_c(calibrated, tmp_path / "n.c")
    save_c(calibrated.calibrated(), tmp_path / "same.c")
    assert (tmp_path / "n.c").read_bytes() == (tmp_path / "same.c").read_bytes()


@pytest.mark.parametrize(
    ("options", "labels", "words"),
    [
        ({"output": "identity", "cost": "quadratic"}, [0, 1], "function identity"),
        ({"output": "logistic"}, [0, 1], "function logistic"),
        ({}, [0, 9], "label 9"),
        ({}, [[0.5, 0.5], [1, 0]], "a label for each image"),
        ({}, [0], "take"),
    ],
)
def test_what_cannot_be_calibrated(options, labels, words):
    net = neurone.Network((3, 2), **options)
    with pytest.raises(neurone.InputError, match=words):
        net.calibrate(np.zeros((2, 3)), labels)
    with pytest.raises(neurone.InputError, match="temperature is"):
        neurone.Network((3, 2), temperature=0)


def test_train_calibrates(small_set, call, tmp_path):
    train = ("train", "--data", small_set, "--hidden", "--epochs", "2", "--kernels", "notes", "--save", "n.npz")
    refused = call(*train, "--calibrate")
    assert refused.returncode == 2 and "--validation" in refused.stderr
    result = call(*train, "--calibrate", "--validation", "20")
    assert result.returncode == 0, result.stderr
    found = neurone.load(tmp_path / "n.npz")
    assert f"calibrated by 20 samples: temperature {found.temperature:.2f}" in result.stdout
    assert found.known.means.shape == (3, 20)

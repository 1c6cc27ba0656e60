"""Networks as ONNX files, under onnxruntime."""

import itertools

import numpy as np
import pytest
from oracle_c import ACTIVATIONS, OUTPUTS, uniform

import neurone
from neurone.formats import save_onnx

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def answers(path, inputs):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (outputs,) = session.run(["probabilities"], {"input": inputs.astype(np.float32)})
    return outputs


def make(sizes, activation, output, cost, dtype, slope=0.8, reach=1.0):
    net = neurone.Network(sizes, activation=activation, output=output, cost=cost, slope=slope, dtype=dtype)
    net.parameters = uniform(1, 5, net.parameters.shape, -reach, reach)
    return net


@pytest.mark.parametrize("hidden", [(), (4,), (4, 3), (4, 2, 3)], ids=lambda hidden: f"depth{len(hidden)}")
@pytest.mark.parametrize(("output", "cost"), OUTPUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_combination(tmp_path, dtype, output, cost, hidden):
    path = tmp_path / "net.onnx"
    pixels = np.floor(np.maximum(uniform(2, 6, (9, 5), -256, 256), 0)).astype(np.uint8)
    for activation, outputs, slope in itertools.product(ACTIVATIONS, (3,) if output == "softmax" else (3, 1), (1, 2.5)):
        net = make((5, *hidden, outputs), activation, output, cost, dtype, slope)
        save_onnx(net, path)
        found = answers(path, pixels / np.float32(255))
        expected = net.predict_proba(pixels)
        assert found.dtype == expected.dtype and found.shape == expected.shape
        assert np.abs(found - expected).max() <= 1e-5


def test_saturated(tmp_path):
    """Exponentials that overflow: probabilities of 0 and 1, none NaN."""
    for activation, output in itertools.product(("logistic", "tanh"), ("softmax", "logistic")):
        net = make((5, 4, 3), activation, output, "log", "float32", reach=500)
        save_onnx(net, tmp_path / "net.onnx")
        pixels = np.floor(uniform(2, 6, (50, 5), 0, 256)).astype(np.uint8)
        found, expected = answers(tmp_path / "net.onnx", pixels / np.float32(255)), net.predict_proba(pixels)
        # Sums of some hundreds, rounded in another order, move a probability by that much.
        assert np.abs(found - expected).max() <= 1e-3 and ((expected < 1e-6) | (expected > 0.99)).any()


def test_what_the_file_says(tmp_path):
    """Any batch; names, types and versions; nothing of when or where it was written."""
    net = neurone.Network((784, 100, 10))
    for name in ("one.onnx", "two.onnx"):
        save_onnx(net, tmp_path / name)
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()
    model = onnx.load(tmp_path / "one.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, [(entry.domain, entry.version) for entry in model.opset_import]) == (7, [("", 13)])
    assert [node.op_type for node in model.graph.node] == ["Gemm", "Sigmoid", "Gemm", "Softmax"]
    shapes = {}
    for value in (*model.graph.input, *model.graph.output):
        kind = value.type.tensor_type
        shapes[value.name] = kind.elem_type, [side.dim_param or side.dim_value for side in kind.shape.dim]
    single = onnx.TensorProto.FLOAT
    assert shapes == {"input": (single, ["batch", 784]), "probabilities": (single, ["batch", 10])}
    for count in (1, 7):
        assert answers(tmp_path / "one.onnx", np.zeros((count, 784))).shape == (count, 10)


def test_refused(tmp_path, monkeypatch):
    net = neurone.Network((2, 2))
    monkeypatch.setattr("neurone.formats.onnx._MOST_BYTES", 20)
    with pytest.raises(neurone.InputError, match=r"net\.onnx.*2 GiB"):
        save_onnx(net, tmp_path / "net.onnx")
    net.parameters[0] = np.inf
    with pytest.raises(neurone.InputError, match=r"net\.onnx.*infinity"):
        save_onnx(net, tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


def test_without_onnx_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(neurone.ExtraError, match=r"needs onnx.*export"):
        save_onnx(neurone.Network((2, 2)), tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


def test_mnist(tmp_path, mnist):
    """All of the test images get the same digits."""
    net = neurone.Network((784, 100, 10))
    neurone.fit(net, mnist.train_images, mnist.train_labels, learning_rate=0.05, epochs=1)
    save_onnx(net, tmp_path / "net.onnx")
    images = mnist.test_images.reshape(-1, 784)
    found = answers(tmp_path / "net.onnx", images / np.float32(255))
    assert np.array_equal(found.argmax(axis=1), net.predict(images))
    assert np.abs(found - net.predict_proba(images)).max() <= 1e-5


def test_committees(tmp_path):
    """Of several depths and functions, and of both widths, which makes the mean one of 64 bits."""
    members = [
        make(sizes, activation, "softmax", "log", "float32", reach=0.5)
        for sizes, activation in (((5, 3), "tanh"), ((5, 4, 3), "logistic"), ((5, 6, 7, 3), "relu"))
    ]
    pixels = np.floor(uniform(2, 6, (50, 5), 0, 256)).astype(np.uint8)
    for more in ([], [make((5, 3), "tanh", "softmax", "log", "float64")]):
        committee = neurone.Committee(members + more)
        save_onnx(committee, tmp_path / "all.onnx")
        found, expected = answers(tmp_path / "all.onnx", pixels / np.float32(255)), committee.predict_proba(pixels)
        assert found.dtype == expected.dtype and np.abs(found - expected).max() <= 1e-5

"""Networks from the weights of scikit-learn's models and PyTorch's."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from oracle_c import uniform

import neurone
from neurone.formats import from_sklearn, from_torch

ACTIVATIONS = ("logistic", "tanh", "relu", "identity")
INPUTS = uniform(1, 8, (60, 6), -2, 2)


def fitted(kind, activation, targets, inputs=INPUTS, hidden=(7, 5)):
    models = pytest.importorskip("sklearn.neural_network")
    model = getattr(models, kind)(hidden_layer_sizes=hidden, activation=activation, max_iter=20, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 20 epochs are few
        return model.fit(inputs, targets)


@pytest.mark.parametrize("hidden", [(), (4,), (7, 5)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_sklearn_classes(activation, hidden):
    names = np.array(["one", "three", "two"])
    model = fitted("MLPClassifier", activation, names[np.arange(60) % 3], hidden=hidden)
    net = from_sklearn(model)
    assert (net.sizes, net.output, net.cost, net.dtype) == ((6, *hidden, 3), "softmax", "log", np.float64)
    assert np.abs(net.predict_proba(INPUTS) - model.predict_proba(INPUTS)).max() <= 1e-5
    assert np.array_equal(model.classes_[net.predict(INPUTS)], model.predict(INPUTS))


def test_sklearn_two_classes_and_several_labels():
    model = fitted("MLPClassifier", "relu", np.arange(60) % 2)
    net = from_sklearn(model)
    assert (net.sizes[-1], net.output) == (1, "logistic")
    assert np.abs(net.predict_proba(INPUTS)[:, 0] - model.predict_proba(INPUTS)[:, 1]).max() <= 1e-5
    assert np.array_equal(net.predict(INPUTS), model.predict(INPUTS))

    model = fitted("MLPClassifier", "tanh", (INPUTS[:, :3] > 0).astype(int))
    net = from_sklearn(model)
    assert (net.sizes[-1], net.output) == (3, "logistic")
    assert np.abs(net.predict_proba(INPUTS) - model.predict_proba(INPUTS)).max() <= 1e-5


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_sklearn_regression(activation, outputs):
    targets = INPUTS[:, :outputs] ** 2
    model = fitted("MLPRegressor", activation, targets[:, 0] if outputs == 1 else targets)
    net = from_sklearn(model)
    assert (net.output, net.cost) == ("identity", "half-quadratic")
    assert np.abs(net.predict_proba(INPUTS) - model.predict(INPUTS).reshape(60, outputs)).max() <= 1e-5


def test_sklearn_in_32_bits_and_on_disk(tmp_path):
    """The width is the model's; the network is one as any other."""
    inputs = INPUTS.astype(np.float32)
    model = fitted("MLPClassifier", "logistic", np.arange(60) % 3, inputs)
    from_sklearn(model).save(tmp_path / "net.npz")
    net = neurone.load(tmp_path / "net.npz")
    assert net.dtype == np.float32
    assert np.abs(net.predict_proba(inputs) - model.predict_proba(inputs)).max() <= 1e-5


def test_sklearn_refused():
    models = pytest.importorskip("sklearn.neural_network")
    with pytest.raises(neurone.InputError, match=r"MLPClassifier has no weights.*after its fit"):
        from_sklearn(models.MLPClassifier())
    model = fitted("MLPRegressor", "relu", INPUTS[:, 0])
    model.out_activation_ = "exp"
    with pytest.raises(neurone.InputError, match="output function is 'exp'"):
        from_sklearn(model)
    model.out_activation_ = "identity"
    model.coefs_[0][0, 0] = np.nan
    with pytest.raises(neurone.InputError, match="NaN"):
        from_sklearn(model)


# What from_torch asks of a layer; the layers themselves where PyTorch is installed.


class Tensor:
    def __init__(self, array, dtype):
        self.array, self.dtype = array.astype(dtype), f"torch.{dtype}"

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self.array


class Linear:
    def __init__(self, n, m, seed, dtype="float32", bias=True):
        self.weight = Tensor(uniform(seed, 9, (m, n), -1, 1), dtype)
        self.bias = Tensor(uniform(seed, 10, (m,), -1, 1), dtype) if bias else None

    def __call__(self, x):
        return x @ self.weight.array.T + (0 if self.bias is None else self.bias.array)


def _layer(name, function, **attributes):
    return type(name, (), attributes | {"__call__": lambda self, x: function(x)})


Sigmoid = _layer("Sigmoid", lambda x: 1 / (1 + np.exp(-x)))
Tanh = _layer("Tanh", np.tanh)
ReLU = _layer("ReLU", lambda x: np.maximum(x, 0))
Identity = _layer("Identity", lambda x: x)
Softmax = _layer("Softmax", lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True), dim=1)
Dropout = _layer("Dropout", lambda x: x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("end", [(Softmax(),), (Sigmoid(),), (Tanh(),), (Identity(),), ()])
@pytest.mark.parametrize("hidden", [(Sigmoid(),), (Tanh(),), (ReLU(),), (Identity(),), ()])
def test_layers(hidden, end, dtype):
    model = [Linear(6, 5, 1, dtype), *hidden, Linear(5, 4, 2, dtype, bias=False), *hidden, Linear(4, 3, 3, dtype), *end]
    outputs = INPUTS.astype(dtype)
    for layer in model:
        outputs = layer(outputs)
    net = from_torch(model)
    assert net.sizes == (6, 5, 4, 3) and net.dtype == dtype
    assert np.abs(net.predict_proba(INPUTS) - outputs).max() <= 1e-5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", ["Sigmoid", "Tanh", "ReLU", "Identity"])
def test_torch(hidden, dtype):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(1)
    for end in ([nn.Softmax(dim=1)], [nn.Softmax(dim=-1)], [nn.Sigmoid()], [nn.Tanh()], [nn.Identity()], []):
        layers = nn.Linear(6, 5), getattr(nn, hidden)(), nn.Linear(5, 4, bias=False), getattr(nn, hidden)()
        model = nn.Sequential(*layers, nn.Linear(4, 3), *end).to(getattr(torch, dtype))
        with torch.no_grad():
            expected = model(torch.tensor(INPUTS, dtype=getattr(torch, dtype))).numpy()
        net = from_torch(model)
        assert net.dtype == dtype and np.abs(net.predict_proba(INPUTS) - expected).max() <= 1e-5
    with pytest.raises(neurone.InputError, match=r"torch\.bfloat16"):
        from_torch(nn.Sequential(nn.Linear(2, 2)).to(torch.bfloat16))
    with pytest.raises(neurone.InputError, match="Flatten"):
        from_torch(nn.Sequential(nn.Flatten(), nn.Linear(2, 2)))
    with pytest.raises(neurone.InputError, match=r"Linear holds no Linear layers; give an nn.Sequential"):
        from_torch(nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((), "holds no Linear"),
        ((Tanh(),), "holds no Linear"),
        (SimpleNamespace(), "holds no Linear"),
        ((Tanh(), Linear(6, 3, 1)), "layer 0 of the model is Tanh"),
        ((Linear(6, 3, 1), Dropout()), "layer 1 of the model is Dropout.*leave out"),
        ((Linear(6, 3, 1), Tanh(), Tanh()), "layer 2 of the model is Tanh"),
        ((Linear(6, 3, 1), Tanh(), Linear(3, 3, 1), ReLU(), Linear(3, 2, 1)), "hidden activations are tanh, relu"),
        ((Linear(6, 3, 1), ReLU()), "a relu not there"),
        ((Linear(6, 3, 1), Softmax(), Linear(3, 2, 1)), "softmax may stand only at the end"),
        ((Linear(6, 3, 1, "float16"),), "float16"),
        ((Linear(6, 3, 1), Linear(4, 2, 1)), "layer 1 of the model has 3 outputs, and the next takes 4"),
    ],
)
def test_layers_refused(layers, message):
    with pytest.raises(neurone.InputError, match=message):
        from_torch(layers)


def test_softmax_over_samples_is_refused():
    other = Softmax()
    other.dim = 0
    with pytest.raises(neurone.InputError, match="Softmax of dim 0"):
        from_torch((Linear(6, 3, 1), other))

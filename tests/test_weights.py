"""Networks from the weights of scikit-learn's models and PyTorch's."""

import warnings

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
    """The width is the model's; the network is like any other."""
    inputs = INPUTS.astype(np.float32)
    model = fitted("MLPClassifier", "logistic", np.arange(60) % 3, inputs)
    from_sklearn(model).save(tmp_path / "net.npz")
    net = neurone.load(tmp_path / "net.npz")
    assert net.dtype == np.float32
    assert np.abs(net.predict_proba(inputs) - model.predict_proba(inputs)).max() <= 1e-5


def test_sklearn_refused():
    models = pytest.importorskip("sklearn.neural_network")
    with pytest.raises(neurone.InputError, match=r"MLPClassifier has no weights; give it after its fit"):
        from_sklearn(models.MLPClassifier())
    model = fitted("MLPRegressor", "relu", INPUTS[:, 0])
    model.out_activation_ = "sine"
    with pytest.raises(neurone.InputError, match="output function is 'sine'"):
        from_sklearn(model)
    model.out_activation_ = "identity"
    model.coefs_[0][0, 0] = np.nan
    with pytest.raises(neurone.InputError, match="NaN"):
        from_sklearn(model)


class Reversed:
    def predict_proba(self, inputs):
        return super().predict_proba(inputs)[:, ::-1]


def test_sklearn_other_objects_refused():
    models = pytest.importorskip("sklearn.neural_network")
    pipeline = pytest.importorskip("sklearn.pipeline")
    model = fitted("MLPClassifier", "relu", np.arange(60) % 3)
    subclass = type("Other", (Reversed, models.MLPClassifier), {})(max_iter=1)
    for other in (subclass, pipeline.make_pipeline(model), None, "model", [model]):
        with pytest.raises(neurone.InputError, match=r"the model is of the class .*; give an MLPClassifier"):
            from_sklearn(other)


@pytest.mark.parametrize(
    ("edited", "message"),
    [
        (dict(n_layers_=2), r"\(2, 6, 3\) by its attributes and \(4, 6, 3\) by its weights"),
        (dict(n_features_in_=7), "by its attributes"),
        (dict(n_outputs_=1), "by its attributes"),
        (dict(coefs_=None), "no weights"),
        (dict(coefs_=[]), "0 arrays of weights and 3 of biases"),
        (dict(activation="swish"), "activation is 'swish'"),
        (dict(intercepts_=[np.zeros(1), np.zeros(1), np.zeros(1)]), r"layer 0 of the model has weights \(6, 7\)"),
        (dict(coefs_=[np.zeros((6, 7)) * 1j] * 3), "complex"),
        (dict(predict_proba=lambda inputs: None), "predict_proba of its own"),
    ],
)
def test_sklearn_edited(edited, message):
    model = fitted("MLPClassifier", "relu", np.arange(60) % 3)
    vars(model).update(edited)
    with pytest.raises(neurone.InputError, match=message):
        from_sklearn(model)


def test_sklearn_edited_to_another_that_predicts():
    model = fitted("MLPClassifier", "relu", np.arange(60) % 3)
    model.activation, model.out_activation_, model.hidden_layer_sizes = "tanh", "identity", (99,)
    model.coefs_[0] *= 2
    assert np.abs(from_sklearn(model).predict_proba(INPUTS) - model.predict_proba(INPUTS)).max() <= 1e-5


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    return torch


def same(torch, model, dtype="float32"):
    """Whether a network predicts what the model does."""
    net = from_torch(model)
    with torch.no_grad():
        expected = model(torch.tensor(INPUTS.astype(dtype))).numpy()
    return net.dtype == dtype and np.abs(net.predict_proba(INPUTS) - expected).max() <= 1e-5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", ["Sigmoid", "Tanh", "ReLU", "Identity", None])
def test_torch(hidden, dtype, torch):
    nn = torch.nn
    between = [] if hidden is None else [getattr(nn, hidden)()]
    for end in ([nn.Softmax(dim=1)], [nn.Softmax(dim=-1)], [nn.Sigmoid()], [nn.Tanh()], [nn.Identity()], []):
        layers = nn.Linear(6, 5), *between, nn.Linear(5, 4, bias=False), *between
        model = nn.Sequential(*layers, nn.Linear(4, 3), *end).to(getattr(torch, dtype))
        assert from_torch(model).sizes == (6, 5, 4, 3) and same(torch, model, dtype)
    model.requires_grad_(False)[0].register_full_backward_hook(lambda *_: None)
    assert same(torch, model, dtype)


def test_torch_sequentials_within_and_shared_weights(torch):
    nn, shared = torch.nn, torch.nn.Linear(6, 6)
    inner = nn.Sequential(nn.Linear(6, 5), nn.Tanh())
    assert same(torch, nn.Sequential(inner, nn.Sequential(nn.Sequential(nn.Linear(5, 3)), nn.Softmax(dim=1))))
    assert same(torch, nn.Sequential(shared, nn.Tanh(), shared, nn.Tanh(), nn.Linear(6, 3)))
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    model[1], model[2] = nn.ReLU(), nn.Linear(5, 2)
    assert same(torch, model)
    prune = pytest.importorskip("torch.nn.utils.prune")
    prune.l1_unstructured(model[0], "weight", 0.5)
    with pytest.raises(neurone.InputError, match=r"layer 0 of the model has a forward hook.*prune\.remove"):
        from_torch(model)
    prune.remove(model[0], "weight")
    assert same(torch, model)


def _of_own(nn, base, name):
    return type(name, (base,), {"forward": lambda self, x: x.clamp(-1, 1)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda nn, m: m[0].register_forward_hook(lambda *a: 3 * a[2]), "layer 0 of the model has a forward hook"),
        (lambda nn, m: m.register_forward_pre_hook(lambda *a: None), "the model has a forward hook"),
        (lambda nn, m: nn.utils.spectral_norm(m[2]), "layer 2 of the model has a forward hook"),
        (lambda nn, m: nn.utils.parametrizations.weight_norm(m[2]), r"layer 2 .*\.ParametrizedLinear; .*parametrised"),
        (lambda nn, m: setattr(m[1], "forward", lambda x: x), "layer 1 of the model has a forward of its own"),
        (lambda nn, m: setattr(m, "forward", lambda x: x), "the model has a forward of its own"),
        (lambda nn, m: m.__setitem__(1, _of_own(nn, nn.Module, "Tanh")()), r"layer 1 .* class test_weights\.Tanh"),
        (lambda nn, m: m.__setitem__(0, _of_own(nn, nn.Linear, "Linear")(6, 5)), r"layer 0 .* class test_weights\.Lin"),
        (
            lambda nn, m: m.__setitem__(1, nn.Sequential(nn.Dropout())),
            r"layer 1\.0 of the model .*Dropout; .*leave out",
        ),
        (lambda nn, m: m.__setitem__(0, nn.LazyLinear(5)), "LazyLinear"),
        (lambda nn, m: m.__setitem__(0, nn.Flatten()), "layer 0 of the model .*Flatten"),
        (lambda nn, m: m.append(nn.ReLU()), "a relu not there"),
        (lambda nn, m: m.insert(1, nn.Softmax(dim=1)), "layer 2 of the model .*Tanh"),
        (lambda nn, m: m.__setitem__(1, nn.Softmax(dim=1)), "softmax may stand only at the end"),
        (lambda nn, m: m.append(nn.Softmax(dim=0)), "layer 3 of the model is a Softmax of dim 0"),
        (lambda nn, m: m.extend([nn.ReLU(), nn.Linear(3, 2)]), "hidden activations are tanh, relu"),
        (lambda nn, m: m.__setitem__(2, nn.Linear(4, 2)), "layer 1 of the model has 5 outputs, and the next takes 4"),
        (lambda nn, m: setattr(m[0], "bias", nn.Parameter(m[0].bias[:1])), r"layer 0 .* biases \(1,\)"),
        (lambda nn, m: m[0].weight.data.fill_(np.nan), "NaN"),
        (lambda nn, m: m.to("meta"), "layer 0 of the model is on the device meta"),
        (lambda nn, m: m.half(), r"type torch\.float16; convert the model with \.float"),
        (lambda nn, m: m.bfloat16(), r"type torch\.bfloat16"),
        (lambda nn, m: m[2].double(), "the model fails with rows of 6 numbers"),
        (lambda nn, m: setattr(m[0], "weight", nn.Parameter(m[0].weight.detach().to_sparse())), r"layout.*to_dense"),
        (lambda nn, m: m.__delitem__(slice(0, 3)), "holds no Linear layers"),
    ],
)
def test_torch_refused(change, message, torch):
    model = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of this is old in PyTorch
        change(torch.nn, model)
    with pytest.raises(neurone.InputError, match=message) as raised:
        from_torch(model)
    assert "\n" not in str(raised.value)


def test_torch_other_objects_refused(torch):
    nn = torch.nn
    residual = type("Sequential", (nn.Sequential,), {"forward": lambda self, x: x + nn.Sequential.forward(self, x)})
    for other in (
        nn.Linear(2, 2),
        residual(nn.Linear(6, 6)),
        nn.ModuleList([nn.Linear(2, 2)]),
        [nn.Linear(2, 2)],
        None,
    ):
        with pytest.raises(neurone.InputError, match=r"the model is of the class .*; give a plain nn\.Seq"):
            from_torch(other)


def test_what_layers_do_not_show_is_refused(torch, monkeypatch):
    """A global hook, a class whose function was replaced."""
    model = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    hook = torch.nn.modules.module.register_module_forward_hook(lambda module, inputs, outputs: 2 * outputs)
    with pytest.raises(neurone.InputError, match="something else than its layers say"):
        from_torch(model)
    hook.remove()
    assert same(torch, model)
    monkeypatch.setattr(torch.nn.Tanh, "forward", lambda self, x: x)
    with pytest.raises(neurone.InputError, match="something else than its layers say"):
        from_torch(model)

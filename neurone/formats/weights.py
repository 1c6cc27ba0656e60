"""Networks from the weights of scikit-learn's fitted models and of PyTorch's. Neither package is needed here.

A model is taken only if it predicts what its layers say: with a subclass, a hook, or a function replaced in an object,
the network would predict something else, without a word.
"""

import sys
from inspect import isroutine

import numpy as np

from neurone import options
from neurone.datasets.arrays import numeric
from neurone.errors import InputError
from neurone.network import Network

# The cost of a network with this output, which matters only if it is trained further.
_COSTS = {
    "softmax": "log", "logistic": "log", "tanh": "quadratic", "identity": "half-quadratic", "exp": "poisson",
}  # fmt: skip
_OF_TORCH = {
    "Sigmoid": "logistic",
    "Tanh": "tanh",
    "ReLU": "relu",
    "Identity": "identity",
    "Softmax": "softmax",
}
# Rounding makes outputs differ by less than this part of the largest.
_TOLERANCE = 1e-3


def from_sklearn(model):
    """The network of a fitted scikit-learn model.

    Parameters
    ----------
    model : sklearn.neural_network.MLPClassifier or MLPRegressor

    Returns
    -------
    Network
        Of the model's width. Its `predict_proba` gives, for the same float inputs, the probabilities of the
        model's classes in the order of `model.classes_`, or its predictions. A model of two classes becomes a network
        of one output, the second's probability.

    Raises
    ------
    InputError
        A model that is not fitted, is none of the two (a subclass may predict something else), has an output function
        that networks here do not have, or attributes that do not belong together.

    Examples
    --------
    >>> from sklearn.neural_network import MLPRegressor  # doctest: +SKIP
    >>> model = MLPRegressor(hidden_layer_sizes=(5,)).fit(inputs, targets)  # doctest: +SKIP
    >>> from_sklearn(model).predict_proba(inputs)  # doctest: +SKIP
    """
    models = sys.modules.get("sklearn.neural_network")  # loaded, where there is a model of it
    if models is None or type(model) not in (models.MLPClassifier, models.MLPRegressor):
        raise InputError(
            f"the model is of the class {_full_name(model)}; give an MLPClassifier or MLPRegressor, such as the last "
            "step of a pipeline, or the best_estimator_ of a search"
        )
    _refuse_replaced("the model", model)
    try:
        weights, biases, output = list(model.coefs_), list(model.intercepts_), model.out_activation_
        named = model.n_layers_, model.n_features_in_, model.n_outputs_
    except (AttributeError, TypeError):
        raise InputError(f"the {type(model).__name__} has no weights; give it after its fit") from None
    options.choice("the model's output function", output, _COSTS)
    weights = [numeric("the model's weights", w) for w in weights]
    biases = [numeric("the model's biases", b) for b in biases]
    network = _network(weights, biases, model.activation, output)
    found = len(network.sizes), network.sizes[0], network.sizes[-1]
    if named != found:
        raise InputError(
            f"the model's numbers of layers, inputs and outputs are {named} by its attributes and {found} by its "
            "weights; give it as fit left it"
        )
    return network


def from_torch(model):
    """The network of a PyTorch `nn.Sequential` of `Linear` layers and activations.

    Parameters
    ----------
    model : torch.nn.Sequential
        Every Linear but the last is followed by the same activation, one of Sigmoid, Tanh, ReLU and Identity, or by
        none; the last, by Softmax, Sigmoid, Tanh, Identity or none. Several of them may be in a Sequential within it.

    Returns
    -------
    Network
        Of the model's width, with copies of its weights. Its `predict_proba` gives what the model gives for the same
        float inputs: its logits, if it ends with a Linear.

    Raises
    ------
    InputError
        Other layers, subclasses of these, layers with forward hooks (pruning and `weight_norm` make them), activations
        that differ, a ReLU at the end, weights that are not dense and of 32 or 64 bits.

    Examples
    --------
    >>> from torch import nn  # doctest: +SKIP
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1), nn.Sigmoid())  # doctest: +SKIP
    >>> from_torch(model).sizes  # doctest: +SKIP
    (2, 3, 1)
    """
    torch = sys.modules.get("torch")
    if torch is None or type(model) is not torch.nn.Sequential:
        raise InputError(f"the model is of the class {_full_name(model)}; give a plain nn.Sequential of its layers")
    kinds = {getattr(torch.nn, name): function for name, function in _OF_TORCH.items()}
    linear, functions = [], []
    for name, layer in _layers((torch.nn.Sequential, torch.nn.Linear, *kinds), "the model", model):
        if type(layer) is torch.nn.Linear:
            linear.append((name, layer))
            functions.append("identity")
        elif type(layer) in kinds and functions[-1:] == ["identity"]:
            if type(layer) is torch.nn.Softmax and layer.dim not in (1, -1):
                raise InputError(f"{name} is a Softmax of dim {layer.dim}; give it dim=1")
            functions[-1] = kinds[type(layer)]
        else:
            raise InputError(
                f"{name} is of the class {_full_name(layer)}; a network is Linear layers with one of "
                f"{', '.join(_OF_TORCH)} of torch.nn after each: leave out what predictions can do without, such as "
                "Flatten (give rows) and Dropout, and put a Linear in the place of a parametrised or quantised one"
            )
    if not linear:
        raise InputError("the model holds no Linear layers; give an nn.Sequential of them")
    *hidden, output = functions
    if len(set(hidden)) > 1:
        raise InputError(f"the model's hidden activations are {', '.join(hidden)}; a network has one for all")
    if output not in _COSTS or "softmax" in hidden:
        raise InputError(
            f"the model's activations are {', '.join(functions)}; a softmax may stand only at the end, a relu not there"
        )
    weights = [_array(torch, name, layer.weight).T for name, layer in linear]
    biases = [
        np.zeros(w.shape[1:], w.dtype) if layer.bias is None else _array(torch, name, layer.bias)
        for (name, layer), w in zip(linear, weights, strict=True)
    ]
    network = _network(weights, biases, hidden[0] if hidden else "logistic", output)
    _compare(torch, model, network)
    return network


def _layers(known, name, model, places=()):
    """The names and layers of a Sequential, and of those within it, if the known ones do nothing besides."""
    if type(model) in known:
        _refuse_replaced(name, model)
        if model._forward_hooks or model._forward_pre_hooks:
            raise InputError(
                f"{name} has a forward hook, which may change what it gives; remove it first (pruning's by "
                "prune.remove, weight_norm's by remove_weight_norm)"
            )
    if type(model) is not known[0]:
        yield name, model
        return
    for place, layer in enumerate(model):
        inner = (*places, str(place))
        yield from _layers(known, f"layer {'.'.join(inner)} of the model", layer, inner)


def _full_name(thing):
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def _refuse_replaced(name, thing):
    """Refuse an object that has a function in the place of one of its class, such as `forward`."""
    for function in vars(thing):
        if isroutine(getattr(type(thing), function, None)):
            raise InputError(f"{name} has a {function} of its own; give a plain {type(thing).__name__}")


def _array(torch, name, tensor):
    if type(tensor) not in (torch.nn.Parameter, torch.Tensor):
        raise InputError(f"{name} has weights of the class {type(tensor).__name__}; give plain tensors")
    if tensor.is_meta:
        raise InputError(f"{name} is on the device meta, without its weights; load them first")
    if tensor.layout is not torch.strided:
        raise InputError(f"{name} has weights of the layout {tensor.layout}; convert them with .to_dense()")
    if tensor.dtype not in (torch.float32, torch.float64):
        raise InputError(f"{name} has weights of type {tensor.dtype}; convert the model with .float() or .double()")
    return tensor.detach().cpu().numpy()


def _compare(torch, model, network):
    """Refuse a model that gives something else than the network: global hooks and changed classes show only so."""
    rows = np.random.Generator(np.random.Philox(0)).uniform(-1, 1, (2, network.sizes[0])).astype(network.dtype)
    weight = next(model.parameters())
    try:
        with torch.no_grad():
            expected = model(torch.tensor(rows, dtype=weight.dtype, device=weight.device)).cpu().numpy()
    except Exception as error:
        raise InputError(f"the model fails with rows of {rows.shape[1]} numbers: {options.described(error)}") from error
    found = network.predict_proba(rows)
    limit = _TOLERANCE * max(1, np.abs(found).max())
    if expected.shape != found.shape or not (np.abs(found - expected) <= limit).all():
        raise InputError(
            "the model gives something else than its layers say; remove what changes it, such as a global hook"
        )


def _network(weights, biases, activation, output):
    """A network of these weights (n, m) and biases (m,), one of each for every layer."""
    if not weights or len(weights) != len(biases):
        raise InputError(f"the model has {len(weights)} arrays of weights and {len(biases)} of biases; give it anew")
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
        if w.ndim != 2 or b.shape != w.shape[1:]:
            raise InputError(f"layer {layer} of the model has weights {w.shape} and biases {b.shape}; make it anew")
        before = len(biases[layer - 1])
        if layer and len(w) != before:
            raise InputError(f"layer {layer} of the model has {before} outputs, and the next takes {len(w)}")
    dtype = np.result_type(*weights, *biases).name
    if dtype not in options.DTYPES:
        raise InputError(f"the model's weights are of type {dtype}; give {' or '.join(options.DTYPES)}")
    network = Network(
        (len(weights[0]), *map(len, biases)), activation=activation, output=output, cost=_COSTS[output], dtype=dtype
    )
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
        network.layer(layer)[0], network.layer(layer)[1:] = b, w
    if not np.isfinite(network.parameters).all():
        raise InputError("the model's weights hold NaN or infinity; train it anew")
    return network

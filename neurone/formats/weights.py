"""Networks from the weights of scikit-learn's fitted models and of PyTorch's. Neither package is needed here."""

import numpy as np

from neurone.errors import InputError
from neurone.network import Network

# The cost of a network with this output, which matters only if it is trained further.
_COSTS = {"softmax": "log", "logistic": "log", "tanh": "quadratic", "identity": "half-quadratic"}
_OF_TORCH = {
    "Sigmoid": "logistic",
    "Tanh": "tanh",
    "ReLU": "relu",
    "Identity": "identity",
    "Softmax": "softmax",
}


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
        A model that is not fitted, is none of the two, or has an output function that networks here do not have.

    Examples
    --------
    >>> from sklearn.neural_network import MLPRegressor  # doctest: +SKIP
    >>> model = MLPRegressor(hidden_layer_sizes=(5,)).fit(inputs, targets)  # doctest: +SKIP
    >>> from_sklearn(model).predict_proba(inputs)  # doctest: +SKIP
    """
    try:
        weights, biases, output = model.coefs_, model.intercepts_, model.out_activation_
    except AttributeError:
        raise InputError(
            f"{type(model).__name__} has no weights; give an MLPClassifier or MLPRegressor after its fit"
        ) from None
    if output not in _COSTS:
        raise InputError(f"the model's output function is {output!r}; give one of {', '.join(_COSTS)}")
    return _network(weights, biases, model.activation, output)


def from_torch(model):
    """The network of a PyTorch `nn.Sequential` of `Linear` layers and activations.

    Parameters
    ----------
    model : torch.nn.Sequential
        Every Linear but the last is followed by the same activation, one of Sigmoid, Tanh, ReLU and Identity, or by
        none; the last, by Softmax, Sigmoid, Tanh, Identity or none.

    Returns
    -------
    Network
        Of the model's width. Its `predict_proba` gives what the model gives for the same float inputs: its logits, if
        it ends with a Linear.

    Raises
    ------
    InputError
        Other layers, activations that differ, a ReLU at the end.

    Examples
    --------
    >>> from torch import nn  # doctest: +SKIP
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1), nn.Sigmoid())  # doctest: +SKIP
    >>> from_torch(model).sizes  # doctest: +SKIP
    (2, 3, 1)
    """
    linear, functions = [], []
    for place, layer in enumerate(_layers(model)):
        kind = type(layer).__name__
        if kind == "Linear":
            linear.append(layer)
            functions.append("identity")
        elif kind in _OF_TORCH and functions[-1:] == ["identity"]:
            if kind == "Softmax" and layer.dim not in (1, -1):
                raise InputError(f"layer {place} of the model is a Softmax of dim {layer.dim}; give it dim=1")
            functions[-1] = _OF_TORCH[kind]
        else:
            raise InputError(
                f"layer {place} of the model is {kind}; a network is Linear layers with one of "
                f"{', '.join(_OF_TORCH)} after each: leave out what predictions can do without, such as Flatten "
                "(give rows) and Dropout"
            )
    *hidden, output = functions
    if len(set(hidden)) > 1:
        raise InputError(f"the model's hidden activations are {', '.join(hidden)}; a network has one for all")
    if output not in _COSTS or "softmax" in hidden:
        raise InputError(
            f"the model's activations are {', '.join(functions)}; a softmax may stand only at the end, a relu not there"
        )
    weights = [_array(layer.weight).T for layer in linear]
    biases = [
        np.zeros(w.shape[1], w.dtype) if layer.bias is None else _array(layer.bias)
        for layer, w in zip(linear, weights, strict=True)
    ]
    return _network(weights, biases, hidden[0] if hidden else "logistic", output)


def _layers(model):
    try:
        layers = list(model)
    except TypeError:
        layers = []
    if not any(type(layer).__name__ == "Linear" for layer in layers):
        raise InputError(f"{type(model).__name__} holds no Linear layers; give an nn.Sequential of them")
    return layers


def _array(tensor):
    if str(tensor.dtype) not in ("torch.float32", "torch.float64"):
        raise InputError(f"the model's weights are of type {tensor.dtype}; convert it with .float()")
    return tensor.detach().cpu().numpy()


def _network(weights, biases, activation, output):
    """A network of these weights (n, m) and biases (m,), one of each for every layer."""
    for layer, (w, b) in enumerate(zip(weights[1:], biases, strict=False), 1):
        if len(w) != len(b):
            raise InputError(f"layer {layer} of the model has {len(b)} outputs, and the next takes {len(w)}")
    dtype = np.result_type(*weights, *biases).name
    network = Network(
        (len(weights[0]), *map(len, biases)), activation=activation, output=output, cost=_COSTS[output], dtype=dtype
    )
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
        network.layer(layer)[0], network.layer(layer)[1:] = b, w
    if not np.isfinite(network.parameters).all():
        raise InputError("the model's weights hold NaN or infinity; train it anew")
    return network

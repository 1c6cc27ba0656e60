"""One class for each competitor: for the same network, the program that its users would write.

Logistic hidden layers, softmax, logarithmic cost, plain gradient descent along the mean of a batch, float32. What is
done once, such as cutting images into sparse rows or converting them to floats, is done when an object is made:

    Competitor(network, inputs, labels, batch)   takes the parameters of a `neurone.Network` to start from
    epoch()                                      trains on all samples, in the order of neurone's next epoch
    parameters()                                 as `Network.parameters`
    predict()                                    answers all its inputs
"""

import itertools
import shutil
from ctypes import c_float, c_int64
from functools import partial
from importlib.util import find_spec

import numpy as np
from compile_c import address, compiled
from processes import THREADS

from neurone.randomness import epoch_order
from neurone.training.fit import iterate
from neurone.training.rules import Rules

RATE = 0.05
SEED = 0


class Neurone:
    def __init__(self, network, inputs, labels, batch, kernels="fast", tuning="first"):
        self.network, self.inputs = network, inputs
        self.reports = iterate(
            network, inputs, labels, rules=Rules(RATE), batch_size=batch, epochs=1000, reduction="mean",
            shuffle=True, seed=SEED, kernels=kernels, tuning=tuning, threads=THREADS, validation=None, progress=None,
        )  # fmt: skip

    def epoch(self):
        next(self.reports)

    def parameters(self):
        return self.network.parameters

    def predict(self):
        return self.network.predict(self.inputs, THREADS)


class _Theirs:
    """The common part of all others: inputs as floats, the orders of the epochs, the layers to start from."""

    def __init__(self, network, inputs, labels, batch):
        self.network = network
        divisor = np.float32(255 if inputs.dtype == np.uint8 else 1)
        self.x = inputs.reshape(len(inputs), -1) / divisor
        self.batch = batch or len(inputs)
        self.orders = (epoch_order(len(inputs), SEED, number) for number in itertools.count())
        self.layers = [network.layer(number) for number in range(len(network.sizes) - 1)]
        self.prepare(labels)


class NumPy(_Theirs):
    def prepare(self, labels):
        self.y = np.eye(self.network.sizes[-1], dtype=np.float32)[labels]

    def forward(self, x):
        """The inputs, and the outputs of every layer."""
        states = [x]
        for layer in self.layers[:-1]:
            states.append(1 / (1 + np.exp(-(states[-1] @ layer[1:] + layer[0]))))
        tau = states[-1] @ self.layers[-1][1:] + self.layers[-1][0]
        e = np.exp(tau - tau.max(axis=1, keepdims=True))
        return [*states, e / e.sum(axis=1, keepdims=True)]

    def step(self, x, y):
        *states, outputs = self.forward(x)
        delta, rate = outputs - y, np.float32(RATE / len(x))
        for number in range(len(self.layers) - 1, -1, -1):
            layer, u = self.layers[number], states[number]
            delta_before = (delta @ layer[1:].T) * u * (1 - u) if number else None
            layer[1:] -= rate * (u.T @ delta)
            layer[0] -= rate * delta.sum(axis=0)
            delta = delta_before

    def epoch(self):
        order = next(self.orders)
        for first in range(0, len(order), self.batch):
            rows = order[first : first + self.batch]
            self.step(self.x[rows], self.y[rows])

    def parameters(self):
        return self.network.parameters

    def predict(self):
        return self.forward(self.x)[-1].argmax(axis=1)


class C(_Theirs):
    """dense.c, on one thread."""

    def prepare(self, labels):
        self.library = compiled("dense.c")
        self.y = labels.astype(np.uint8)
        self.sizes = np.array(self.network.sizes, np.int64)
        self.gradient = np.zeros_like(self.network.parameters)
        self.states, self.delta = np.zeros((2, self.sizes[1:].sum()), np.float32)
        self.answers = np.zeros(len(self.x), np.int64)

    def epoch(self):
        order = next(self.orders)
        self.library.epoch(
            c_int64(len(self.layers)), address(self.sizes), address(self.network.parameters), address(self.gradient),
            address(self.states), address(self.delta), address(self.x), address(self.y), address(order),
            c_int64(len(order)), c_int64(self.batch), c_float(RATE),
        )  # fmt: skip

    def parameters(self):
        return self.network.parameters

    def predict(self):
        self.library.predict(
            c_int64(len(self.layers)), address(self.sizes), address(self.network.parameters), address(self.states),
            address(self.x), c_int64(len(self.x)), address(self.answers),
        )  # fmt: skip
        return self.answers


class ScikitLearn(_Theirs):
    def prepare(self, labels):
        from sklearn.neural_network import MLPClassifier

        orders = self.orders

        class Order(np.random.RandomState):
            """A source of randomness that shuffles as all competitors do."""

            def shuffle(self, indices):
                indices[:] = next(orders)

        self.y = labels
        self.model = MLPClassifier(
            self.network.sizes[1:-1], activation="logistic", solver="sgd", alpha=0, batch_size=1,
            learning_rate_init=RATE, momentum=0, nesterovs_momentum=False, shuffle=False,
        )  # fmt: skip
        # It makes its arrays only when it learns.
        self.model.partial_fit(self.x[:1], labels[:1], classes=np.arange(self.network.sizes[-1]))
        self.model.set_params(batch_size=self.batch, shuffle=True, random_state=Order())
        for layer, weights, bias in zip(self.layers, self.model.coefs_, self.model.intercepts_, strict=True):
            weights[:], bias[:] = layer[1:], layer[0]

    def epoch(self):
        self.model.partial_fit(self.x, self.y)

    def parameters(self):
        pairs = zip(self.model.intercepts_, self.model.coefs_, strict=True)
        return np.concatenate([np.ravel(array) for pair in pairs for array in pair])

    def predict(self):
        return self.model.predict(self.x)


class PyTorch(_Theirs):
    def prepare(self, labels):
        import torch

        self.torch = torch
        self.x, self.y = torch.from_numpy(self.x), torch.from_numpy(labels.astype(np.int64))
        modules = []
        for layer in self.layers:
            linear = torch.nn.Linear(len(layer) - 1, layer.shape[1])
            with torch.no_grad():
                linear.weight[:], linear.bias[:] = torch.from_numpy(layer[1:].T), torch.from_numpy(layer[0])
            modules += [linear, torch.nn.Sigmoid()]
        self.model = torch.nn.Sequential(*modules[:-1])
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=RATE)

    def epoch(self):
        order = self.torch.from_numpy(next(self.orders))
        for first in range(0, len(order), self.batch):
            rows = order[first : first + self.batch]
            self.optimizer.zero_grad()
            loss = self.torch.nn.functional.cross_entropy(self.model(self.x[rows]), self.y[rows])
            loss.backward()
            self.optimizer.step()

    def parameters(self):
        linear = self.model[::2]
        arrays = [array.detach().numpy().T for layer in linear for array in (layer.bias, layer.weight)]
        return np.concatenate([np.ravel(array) for array in arrays])

    def predict(self):
        with self.torch.inference_mode():
            return self.model(self.x).argmax(dim=1).numpy()


class JAX(_Theirs):
    def prepare(self, labels):
        import jax

        def outputs(parameters, x):
            for bias, weights in parameters[:-1]:
                x = jax.nn.sigmoid(x @ weights + bias)
            bias, weights = parameters[-1]
            return x @ weights + bias

        def cost(parameters, x, y):
            logarithms = jax.nn.log_softmax(outputs(parameters, x))
            return -jax.numpy.take_along_axis(logarithms, y[:, None], axis=1).mean()

        @partial(jax.jit, donate_argnums=0)
        def epoch(parameters, x, y, order):
            def step(parameters, rows):
                gradients = jax.grad(cost)(parameters, x[rows], y[rows])
                return jax.tree.map(lambda p, g: p - RATE * g, parameters, gradients), None

            batches, rest = divmod(len(order), self.batch)
            last = batches * self.batch
            parameters, _ = jax.lax.scan(step, parameters, order[:last].reshape(batches, self.batch))
            return step(parameters, order[last:])[0] if rest else parameters

        self._epoch = epoch
        self._predict = jax.jit(lambda parameters, x: outputs(parameters, x).argmax(axis=1))
        self.x, self.y = jax.numpy.asarray(self.x), jax.numpy.asarray(labels.astype(np.int32))
        self._parameters = [(jax.numpy.array(layer[0]), jax.numpy.array(layer[1:])) for layer in self.layers]

    def epoch(self):
        order = next(self.orders).astype(np.int32)
        self._parameters = self._epoch(self._parameters, self.x, self.y, order)
        self._parameters[0][0].block_until_ready()

    def parameters(self):
        return np.concatenate([np.ravel(array) for pair in self._parameters for array in pair])

    def predict(self):
        return np.asarray(self._predict(self._parameters, self.x))


COMPETITORS = {
    "fast": Neurone,
    "notes": partial(Neurone, kernels="notes"),
    "NumPy": NumPy,
    "C": C,
    "scikit-learn": ScikitLearn,
    "PyTorch": PyTorch,
    "JAX": JAX,
}
ON_ONE_THREAD = ("notes", "C")
_MODULES = {"scikit-learn": "sklearn", "PyTorch": "torch", "JAX": "jax"}


def missing(name):
    """Why a competitor cannot take part, or None."""
    if THREADS > 1 and name in ON_ONE_THREAD:
        return f"{name} uses one thread"
    if name == "C" and shutil.which("gcc") is None:
        return "no gcc"
    if name in _MODULES and find_spec(_MODULES[name]) is None:
        return f"{name} is not installed"
    return None

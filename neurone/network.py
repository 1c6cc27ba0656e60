"""A network: its architecture and one flat array of parameters."""

import json
import math
from itertools import pairwise

import numpy as np

from neurone import container, options
from neurone.calibration import known, temperature
from neurone.datasets.arrays import SparseRows, as_images, as_labels, dense, numeric
from neurone.engine.predictor import Predictor
from neurone.engine.preparation import Preparation
from neurone.errors import InputError
from neurone.files import refusal
from neurone.floats import exactly
from neurone.layout import parameter_count, parameter_offsets
from neurone.randomness import uniform

_SETTINGS = ("sizes", "activation", "output", "cost", "slope", "dtype", "init", "seed")
_LONGEST_NAME = 100  # characters of a class's name
_MOST_NAMES = 1 << 15  # bytes of all names: a file's settings have room for twice as many
_DRAWN_AT_A_TIME = 1 << 18  # random numbers take three times the room of the weights they become
_MOST_PARAMETERS = 2**28  # what a model file can hold, in either width


def _is_name(name):
    return isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable()


class Network:
    """A dense network of any number of layers (specification sections 3 to 5).

    Parameters
    ----------
    sizes : sequence of int
        Neurons of each layer, inputs first, bias neurons not counted; at least two layers.
    activation : {"logistic", "tanh", "relu", "identity"}
        Activation function of the hidden layers.
    output, cost : str
        Output function and cost: "softmax" with "log"; "logistic" with "log", "quadratic" or
        "half-quadratic"; "tanh" or "identity" with "quadratic" or "half-quadratic".
    slope : float
        Slope `a` of every logistic neuron; other functions have none.
    dtype : {"float32", "float64"}
        Width of all the network's arithmetic (specification section 7).
    init : {"glorot", "notes"}
        Initial weights: uniform within sqrt(6 / (n + m)) either side of 0, with biases of 0 (Glorot and
        Bengio, AISTATS 2010); or all parameters uniform on [-0.5, 0.5) (specification section 6).
    seed : int
        From 0 to 2**64 - 1, for the initial weights.
    preparation : Preparation, optional
        What is done to images first, in training and in every prediction. They are then dense.
    classes : sequence of str, optional
        Names of the classes 0, 1, ..., all different, which files, commands and exports use; answers stay numbers.
    temperature : float, optional
        By which predictions divide what the output function takes: see `calibrate`.

    Attributes
    ----------
    parameters : ndarray
        The flat array itself, of type `dtype`: writable, C-contiguous.
    known : neurone.calibration.Known or None
        Of images, since `calibrate`.

    Raises
    ------
    InputError
        An option out of its range, or options that do not go together.

    Examples
    --------
    >>> net = Network((784, 100, 10), seed=1)
    >>> net.parameters.shape, net.layer(0).shape
    ((79510,), (785, 100))
    >>> net.predict(np.zeros((2, 28, 28), np.uint8)).shape
    (2,)
    """

    def __init__(
        self,
        sizes,
        *,
        activation="logistic",
        output="softmax",
        cost="log",
        slope=1.0,
        dtype="float32",
        init="glorot",
        seed=0,
        preparation=None,
        classes=None,
        temperature=None,
    ):
        try:
            self.sizes = tuple(options.integer("size of a layer", size) for size in sizes)
        except TypeError:
            raise InputError(
                f"sizes is {options.described(sizes)}; give the layers' sizes, such as (784, 100, 10)"
            ) from None
        if len(self.sizes) < 2:
            raise InputError(f"sizes is {self.sizes}; give at least the inputs and the outputs")
        self.activation = options.choice("activation", activation, options.ACTIVATIONS)
        options.output_cost(output, cost)
        self.output, self.cost = output, cost
        if output == "softmax" and self.sizes[-1] == 1:
            raise InputError("a softmax of one output is always 1; use output 'logistic', or two outputs")
        dtype = dtype.name if isinstance(dtype, np.dtype) else dtype
        self.dtype = np.dtype(options.choice("dtype", dtype, options.DTYPES))
        self.slope = options.positive("slope", slope, self.dtype.type)
        self.init = options.choice("init", init, options.INITS)
        self.seed = options.seed(seed)
        self.preparation = self._prepared_by(preparation)
        self.classes = classes
        self.temperature = None if temperature is None else options.positive("temperature", temperature)
        self.known = None
        if parameter_count(self.sizes) > _MOST_PARAMETERS:
            sizes = options.described(self.sizes)
            raise InputError(f"sizes {sizes} make more than {_MOST_PARAMETERS} parameters; make layers smaller")
        self._parameters = np.empty(parameter_count(self.sizes), self.dtype)
        self._offsets = parameter_offsets(self.sizes)
        self._predictor = self._calibrated = None
        self._initialise()

    def _prepared_by(self, preparation):
        """The Preparation, checked; a file has its settings."""
        if preparation is None:
            return None
        if isinstance(preparation, dict):
            try:
                preparation = Preparation(**preparation)
            except TypeError:
                raise InputError(
                    f"preparation is {options.described(preparation)}; give a neurone.Preparation"
                ) from None
        if not isinstance(preparation, Preparation):
            raise InputError(f"preparation is {options.described(preparation)}; give a neurone.Preparation")
        preparation = preparation.checked()
        if math.prod(preparation.shape) != self.sizes[0]:
            raise InputError(f"preparation is for images of {preparation.shape}, and the inputs are {self.sizes[0]}")
        return preparation

    @exactly
    def _initialise(self):
        for layer, (n, m) in enumerate(pairwise(self.sizes)):
            block = self.layer(layer)
            if self.init == "notes":
                self._draw(block, layer, 1)
            else:
                block[0] = 0
                self._draw(block[1:], layer, 2 * math.sqrt(6 / (n + m)))

    def _draw(self, block, layer, reach):
        """Fill `block`, contiguous, with the layer's random numbers from -reach / 2 to reach / 2."""
        flat = block.reshape(-1)
        for first in range(0, flat.size, _DRAWN_AT_A_TIME):
            part = flat[first : first + _DRAWN_AT_A_TIME]
            part[:] = uniform(part.size, self.seed, layer, first) * reach

    @property
    def classes(self):
        """Names of the classes, a tuple; None if they have none."""
        return self._classes

    @classes.setter
    def classes(self, names):
        if names is not None:
            names, count = tuple(names), max(self.sizes[-1], 2)
            if len(names) != count or len(set(names)) < count or not all(map(_is_name, names)):
                raise InputError(
                    f"classes are {options.described(names)}; this network takes {count} different printable names"
                )
            if len(json.dumps(names)) > _MOST_NAMES:  # said before a training, not at its end
                raise InputError(f"classes have names of more than {_MOST_NAMES} bytes; give shorter ones")
        self._classes = names

    @property
    def parameters(self):
        return self._parameters

    @parameters.setter
    def parameters(self, values):
        # Into the same array: kernels rely on its size and type, and layers are views of it.
        values = numeric("parameters", values)
        if values.shape != self._parameters.shape:
            raise InputError(f"parameters have shape {values.shape}; this network takes {self._parameters.shape}")
        self._parameters[:] = values

    def __repr__(self):
        return f"Network({', '.join(f'{name}={value!r}' for name, value in self.settings().items())})"

    def settings(self):
        """Everything but the parameters: what `Network` was called with, as plain strings and numbers."""
        settings = {name: getattr(self, name) for name in _SETTINGS}
        settings |= {"sizes": list(self.sizes), "dtype": self.dtype.name}
        if self.preparation is not None:
            settings["preparation"] = self.preparation.settings()
        if self.classes is not None:
            settings["classes"] = list(self.classes)
        return settings if self.temperature is None else settings | {"temperature": self.temperature}

    def rows_of(self, images, recognise=True):
        """(rows, divisor) of images as `datasets.arrays.as_images` gives them, prepared.

        Prepared floats stay floats, though they may be bytes divided by 255: bytes are rounded to bytes.
        """
        rows, divisor = as_images(images, self.sizes[0], self.dtype, recognise and self.preparation is None)
        if self.preparation is not None:
            if isinstance(rows, SparseRows):
                raise InputError("images are sparse, and the network prepares whole ones; give an array")
            shape = tuple(size for size in getattr(images, "shape", ())[1:] if size > 1)
            if len(shape) > 1 and shape != tuple(size for size in self.preparation.shape if size > 1):
                raise InputError(f"images are of {shape}, and the network prepares those of {self.preparation.shape}")
            rows = self.preparation.apply(rows)
        return rows, divisor

    def layer(self, layer, parameters=None):
        """The parameters into layer `layer` + 1, (n + 1, m); row 0 is the bias.

        A view of the network's own parameters, or of `parameters`, another array laid out like them.
        """
        layer = options.integer("layer", layer, 0, len(self.sizes) - 2)
        start, end = self._offsets[layer : layer + 2]
        return (self.parameters if parameters is None else parameters)[start:end].reshape(
            self.sizes[layer] + 1, self.sizes[layer + 1]
        )

    def __getstate__(self):
        """For pickle and copy: what predicts is left out, and made anew when it is needed."""
        return self.__dict__ | {"_predictor": None, "_calibrated": None}

    @exactly
    def calibrate(self, images, labels, threads=1):
        """Make the outputs as sure as they are right, by images that the network was not trained on; 1,000 or more.

        Predictions then divide what the output function takes by a `temperature`, the one that makes the log cost of
        these images least (Guo, Pleiss, Sun and Weinberger, ICML 2017): the last layer's parameters divided by it are
        used, the parameters themselves stay. Answers stay what they are. `unlike` knows these images from then on. A
        training ends both.

        Parameters
        ----------
        images : array_like
            As for `predict_proba`.
        labels : array_like
            Integers (P,).
        threads : int, default 1

        Raises
        ------
        InputError
            The outputs are no probabilities of classes, or images and labels do not go together.
        """
        if self.output not in ("softmax", "logistic") or (self.output == "logistic" and self.sizes[-1] > 1):
            raise InputError(
                f"the network has {self.sizes[-1]} outputs by the function {self.output}; calibrate goes with a "
                "softmax, or with one logistic output"
            )
        rows, divisor = self.rows_of(images)
        labels, targets = as_labels(labels, len(rows), self.sizes[-1], self.output, self.cost, self.dtype)
        if len(targets) or not len(labels):
            raise InputError("calibrate takes a label for each image, and at least one; give integers (P,)")
        settings = self.settings() | {"output": "identity", "cost": "quadratic", "temperature": None}
        linear = Network(**settings)
        linear.parameters = self.parameters
        logits = linear.predict_proba(images, threads).astype(np.float64)
        self.temperature = temperature(logits * (self.slope if self.output == "logistic" else 1), labels)
        self.known = known(dense(rows) / divisor, labels, max(self.sizes[-1], 2))

    def unlike(self, images):
        """Which images are unlike those by which the network was calibrated.

        Each is compared with the mean image of the class that it is read as: it is unlike if it is farther from that
        than all but 0.5 % of the class's images. Noise, blots and scribbles are noticed so, and some letters among
        digits; not everything.

        Returns
        -------
        ndarray
            bool (P,); all False if the network is not calibrated.
        """
        answers = self.predict(images)
        if self.known is None:
            return np.zeros(len(answers), bool)
        rows, divisor = self.rows_of(images)
        return self.known.unlike(dense(rows) / divisor, answers)

    def calibrated(self):
        """The network whose outputs `predict_proba` gives: this, or a copy with a last layer divided."""
        if self.temperature is None:
            return self
        key, copy = (self.temperature, self.parameters), self._calibrated
        if copy is None or copy[0][0] != key[0] or not np.array_equal(copy[0][1], key[1]):
            network = Network(**self.settings() | {"temperature": None})
            network.parameters = self.parameters
            network.layer(len(self.sizes) - 2)[:] /= self.dtype.type(self.temperature)
            self._calibrated = copy = (self.temperature, self.parameters.copy()), network
        return copy[1]

    @exactly
    def predict_proba(self, images, threads=1):
        """The outputs yhat as they are.

        Parameters
        ----------
        images : array_like
            uint8 (P, ...) whose last axes multiply to the number of inputs, or floats of such a shape; or SciPy's
            sparse matrices and arrays (P, inputs) of either.
        threads : int, default 1
            Up to this many threads, and no more than there are cores, share the images if there is work for them.

        Returns
        -------
        ndarray
            (P, outputs), of the network's type.

        Raises
        ------
        InputError
            Images of another type or shape, or not finite.
        """
        threads = options.integer("threads", threads)
        rows, divisor = self.rows_of(images)
        network = self.calibrated()
        if network._predictor is None:
            network._predictor = Predictor(network)
        return network._predictor.predict(rows, divisor, threads)

    @exactly
    def predict(self, images, threads=1):
        """The index of the largest output, the first of equals; with one output, 1 where it is 0.5 or more.

        The parameters are those of `predict_proba`.

        Returns
        -------
        ndarray
            int64 (P,).
        """
        outputs = self.predict_proba(images, threads)
        if self.sizes[-1] == 1:
            return (outputs[:, 0] >= 0.5).astype(np.int64)
        return outputs.argmax(axis=1)

    def save(self, path):
        """Write the network to `path`, a .npz file, whole or not at all.

        NaN and infinity are refused, and a `path` where there is anything but a regular file.
        """
        options.path("path", path)
        if not np.isfinite(self.parameters).all():
            raise refusal(path, "not written, since the network's parameters hold NaN or infinity")
        container.write(path, "model", self.settings(), self.arrays())

    def arrays(self, suffix=""):
        """What a file holds besides the settings, by name."""
        arrays = {"parameters": self.parameters}
        if self.known is not None:
            arrays |= {"means": self.known.means, "limits": self.known.limits}
        return {name + suffix: array for name, array in arrays.items()}

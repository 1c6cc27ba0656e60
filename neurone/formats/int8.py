"""Weights in 8 bits with a scale for each neuron, and the outputs of such a network, computed as the C file does."""

import numpy as np

from neurone import options
from neurone.errors import InputError
from neurone.kernels.scalars import activate, softmax

_LARGEST_WEIGHT = 127
_STEPS = 255  # of a layer's inputs, as pixels have
# The most inputs of a layer: the sum of their products stays below 2^31.
LARGEST_LAYER = (2**31 - 1) // (_LARGEST_WEIGHT * _STEPS)


class Quantised:
    """A network with 8-bit weights.

    A weight is an integer q from -127 to 127 times the scale of its neuron, whose largest weight has 127. The inputs of
    a layer are integers too: pixels as they are, and a hidden layer's outputs in 255 steps on either side of 0. The
    layer's largest output, found anew for each image, is 255 steps. So one rule serves every activation, and no images
    are needed to find ranges. Sums of products are 32-bit integers; sums times scales, biases and activations are
    float32.

    Attributes
    ----------
    layers : list of (weights, scales, biases)
        Of each layer: int8 (m, n), a row for each neuron; float32 (m,); float32 (m,).
    """

    def __init__(self, network):
        self.network = network
        self.layers = []
        with np.errstate(over="ignore"):  # what overflows is refused
            self._round()

    def _round(self):
        """Fill `layers`."""
        network = self.network
        if not np.isfinite(np.float32(network.slope)):
            raise InputError(f"slope is {network.slope}, too large for float32, in which int8 computes it")
        bound = 1.0  # of a layer's inputs
        for layer, n in enumerate(network.sizes[:-1]):
            if n > LARGEST_LAYER:
                raise InputError(
                    f"layer {layer + 1} has {n} inputs, whose 8-bit products may exceed 32-bit sums from "
                    f"{LARGEST_LAYER + 1} on; export it without int8, or make the layer smaller"
                )
            block = network.layer(layer).astype(np.float64)
            largest = float((np.abs(block[0]) + bound * np.abs(block[1:]).sum(axis=0)).max())
            scales = (np.abs(block[1:]).max(axis=0) / _LARGEST_WEIGHT).astype(np.float32)
            # Sums have errors of their own; and scales may be large where inputs are small.
            if not (largest < float(np.finfo(np.float32).max) / 2 and np.isfinite(scales).all()):
                raise InputError(
                    f"layer {layer + 1} may exceed float32, the width of outputs in int8; export it without"
                )
            bound = 1.0 if network.activation in ("logistic", "tanh") else largest
            q = np.rint(block[1:] / np.where(scales > 0, scales, 1)).clip(-_LARGEST_WEIGHT, _LARGEST_WEIGHT)
            self.layers.append((q.T.astype(np.int8, order="C"), scales, block[0].astype(np.float32)))

    def predict_proba(self, images):
        """The outputs of images, uint8 (P, inputs): float32 (P, outputs), the bits of the C file."""
        network, one = self.network, np.float32(1)
        x, step = images.astype(np.int32), one / np.float32(_STEPS)
        for layer, (weights, scales, biases) in enumerate(self.layers):
            sums = x @ weights.T.astype(np.int32)
            u = sums.astype(np.float32) * (scales * step) + biases
            last = layer == len(self.layers) - 1
            u = activated(u, network.output if last else network.activation, np.float32(network.slope))
            if not last:
                largest = np.abs(u).max(axis=1, keepdims=True)
                largest[largest == 0] = 1
                x = np.floor(u / largest * np.float32(_STEPS) + np.float32(0.5)).astype(np.int32)
                step = largest / np.float32(_STEPS)
        return u


def activated(u, function, slope):
    """The layer's function, by the network's own kernels: of each neuron, or softmax row by row."""
    if function == "softmax":
        y = np.empty_like(u)
        for p in range(len(u)):
            softmax(u[p], y[p])
        return y
    code = (options.ACTIVATIONS | options.OUTPUTS)[function]
    return np.array([activate(code, s, slope) for s in u.flat], u.dtype).reshape(u.shape)

"""A network, its samples and the arrays that the kernels work in: one class for each set of kernels.

Both train the samples `first` to `last` of an epoch taken in the order `order`, and add to `tally` their cost and
wrong answers. A call may begin and end anywhere in a batch. What was done to the network's own parameters counts
after `load`, and they are right again after `store`.
"""

import numpy as np

from neurone import options
from neurone.kernels import batch, notes, online
from neurone.layout import state_offsets
from neurone.packing import Packed, aligned, cut

# Samples whose gradients are taken together: enough that a band's way into the cache pays, few enough that their
# states stay in the second level. And the bytes of a band of gradient rows.
_TRANCHE = 64
_BAND_BYTES = 48_000


class NotesLearner:
    """The kernels of `kernels/notes.py`, in the network's own arrays."""

    def __init__(self, network, rows, divisor, targets, batch_size, total):
        self.network = network
        self._samples = (rows, divisor, *targets)
        self._batch = (batch_size, total)
        states, outputs = int(state_offsets(network.sizes)[-1]), network.sizes[-1]
        sizes = (states, states, network.parameters.size, outputs, outputs)
        self._workspace = tuple(np.zeros(size, network.dtype) for size in sizes)

    def samples_per_call(self):
        return self.network.samples_per_call()

    def train(self, order, first, last, rate, tally):
        network = self.network
        notes.train(
            *network.kernel_arguments(), options.COSTS[network.cost], *self._samples,
            order, first, last, *self._batch, network.dtype.type(rate), *self._workspace, tally,
        )  # fmt: skip

    def load(self):
        pass

    def store(self):
        pass


class FastLearner:
    """The kernels of `kernels/online.py` and `kernels/batch.py`, in padded copies."""

    def __init__(self, network, rows, divisor, targets, batch_size, total):
        self.network, self._packed = network, Packed(network)
        self._samples = (*cut(rows, divisor, network.dtype), *targets)
        together = min(_TRANCHE, batch_size)
        states = [self._packed.states(together) for _ in range(2)]
        states[0][:, self._packed.bias] = 1
        tau, y = aligned(self._packed.outputs, network.dtype), np.zeros(network.sizes[-1], network.dtype)
        if batch_size == 1:
            self._kernel, self._batch = online.train, ()
            self._workspace = (states[0][0], states[1][0], tau, y)
        else:
            self._kernel, self._batch = batch.train, (batch_size, total)
            gradient = aligned(self._packed.weights.size, network.dtype)
            band = max(1, _BAND_BYTES // (self._packed.widths[1] * network.dtype.itemsize))
            self._workspace = (*states, gradient, tau, y, np.zeros(together, np.int64), band)

    def samples_per_call(self):
        # Padding is work too.
        return self.network.samples_per_call(self._packed.weights.size)

    def train(self, order, first, last, rate, tally):
        network = self.network
        self._kernel(
            *self._packed.arguments, options.COSTS[network.cost], *self._samples,
            order, first, last, *self._batch, network.dtype.type(rate),
            *self._workspace, tally, *self._packed.shapes,
        )  # fmt: skip

    def load(self):
        self._packed.load()

    def store(self):
        self._packed.store()


LEARNERS = {"notes": NotesLearner, "fast": FastLearner}

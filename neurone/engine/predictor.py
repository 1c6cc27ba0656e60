"""Predictions: a few images on the network's own parameters, more in a copy that is kept while they do not change."""

import numpy as np

from neurone.datasets.arrays import dense
from neurone.engine import samples
from neurone.engine.memory import aligned
from neurone.engine.parameters import Packed, own
from neurone.engine.plan import Part, samples_per_call, tranche
from neurone.engine.threads import cores, team
from neurone.kernels import batch, few
from neurone.kernels.arguments import Pixels, Span, Workspace
from neurone.layout import state_offsets

# Fewer images are sooner done without the copy.
_FEW = 16
# A thread for this many additions of a product: to begin and end takes a tenth of a millisecond.
_WORK_OF_A_THREAD = 10_000_000


class Predictor:
    """Of one network, whose own array of parameters never becomes another."""

    def __init__(self, network):
        self._network, self._own, self._packed = network, own(network), None

    def predict(self, rows, divisor, threads):
        """The outputs (P, outputs) of images as `datasets.arrays.as_images` gives them."""
        network = self._network
        outputs = np.empty((len(rows), network.sizes[-1]), network.dtype)
        if len(rows) < _FEW:
            states, tau = np.empty(int(state_offsets(network.sizes)[-1]), network.dtype), np.empty(network.sizes[-1], network.dtype)
            few.predict(self._own, Pixels(dense(rows)), divisor, states, tau, outputs)
            return outputs
        packed, step = self._current(), samples_per_call(network)
        work = len(rows) * network.parameters.size
        threads = max(1, min(threads, cores(), len(rows) // _FEW, work // _WORK_OF_A_THREAD))
        for first in range(0, len(rows), step * threads):
            part = slice(first, first + step * threads)
            self._share(packed, rows[part], divisor, outputs[part], threads)
        return outputs

    def _current(self):
        """The copy, made anew where parameters have changed: another thread may be reading the old one."""
        if self._packed is None or not self._packed.is_current():
            packed = Packed(self._network, Part(self._network), trains=False)
            packed.load()
            self._packed = packed
        return self._packed

    def _share(self, packed, rows, divisor, outputs, threads):
        """Each thread takes some of the images, from first to last."""
        borders = [len(rows) * number // threads for number in range(threads + 1)]

        def work(member):
            part = slice(*borders[member : member + 2])
            _predict(packed, rows[part], divisor, outputs[part], self._network.dtype)

        team(work, threads, np.zeros((1 + threads, 16), np.int64))


def _predict(packed, rows, divisor, outputs, dtype):
    cut = samples.listed(rows, divisor, dtype, samples.lines_of(rows))
    together = tranche(len(rows))
    real, whole = np.empty(0, dtype), np.empty(0, np.int64)
    work = Workspace(
        packed.inputs_of(together, cut.images)[None], packed.outputs_of(together)[None], packed.deltas_of(together)[None],
        real, real.reshape(0, 0), real, np.empty((1, 0), np.uint64), whole, whole, whole, whole, np.empty(0),
    )  # fmt: skip
    batch.predict(packed.net, cut, Span(np.arange(len(rows)), 0, len(rows)), work, outputs, packed.shapes)

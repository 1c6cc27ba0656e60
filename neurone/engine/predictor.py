"""Predictions: of a row or two on the network's own parameters, of more in a copy, kept while they do not change."""

import numpy as np

from neurone.datasets.arrays import SparseRows, dense
from neurone.engine import samples
from neurone.engine.parameters import Packed, Watch, own
from neurone.engine.plan import Part, samples_per_call, tranche
from neurone.engine.threads import cores, team
from neurone.kernels import batch, few
from neurone.kernels.arguments import Pixels, Span, Workspace
from neurone.layout import state_offsets

# As many images are sooner done without the copy.
_FEW = 2
# As many numbers in images that are floats are taken whole, without a look at how many are 0.
_WHOLE = 100_000
# A thread for this many multiplications: to begin and end takes a tenth of a millisecond.
_WORK_OF_A_THREAD = 10_000_000


class Predictor:
    """The predictions of one network, whose array of parameters stays the same one. Threads may share it."""

    def __init__(self, network):
        self._network, self._own = network, own(network)
        self._copy = None
        self._spare = []

    def predict(self, rows, divisor, threads):
        """The outputs (P, outputs) of images as `datasets.arrays.as_images` gives them."""
        network = self._network
        outputs = np.empty((len(rows), network.sizes[-1]), network.dtype)
        if len(rows) <= _FEW:
            states = np.empty(int(state_offsets(network.sizes)[-1]) + network.sizes[-1], network.dtype)
            few.predict(self._own, Pixels(dense(rows)), divisor, states, outputs)
            return outputs
        packed, work = self._current(), len(rows) * network.parameters.size
        threads = max(1, min(threads, cores(), work // _WORK_OF_A_THREAD)) if threads > 1 else 1
        step = samples_per_call(network) * threads
        for first in range(0, len(rows), step):
            part = slice(first, first + step)
            self._share(packed, rows[part], divisor, outputs[part], threads)
        return outputs

    def _current(self):
        """The copy; a new one where parameters have changed, since another thread may be reading the old one."""
        copy = self._copy
        if copy is None or not copy[1].unchanged():
            packed, watch = Packed(self._network, Part(self._network), trains=False), Watch(self._network)
            packed.load()
            self._copy = copy = packed, watch
        return copy[0]

    def _share(self, packed, rows, divisor, outputs, threads):
        """Each thread takes some of the images, from the first to the last."""
        if threads == 1:
            self._predict(packed, rows, divisor, outputs)
            return
        borders = [len(rows) * number // threads for number in range(threads + 1)]

        def work(member):
            part = slice(*borders[member : member + 2])
            self._predict(packed, rows[part], divisor, outputs[part])

        team(work, threads, np.zeros((1 + threads, 16), np.int64))

    def _predict(self, packed, rows, divisor, outputs):
        dtype = self._network.dtype
        if not isinstance(rows, SparseRows) and rows.dtype == dtype and rows.size <= _WHOLE:
            # What a row or a few hundred of a table take: all that can be kept from one call to the next is.
            work, cut, span = self._spare.pop() if self._spare else self._workplace(packed, rows)
            cut.images, span.order, span.last = rows, np.arange(len(rows)), len(rows)
            batch.predict(packed.net, cut, span, work, outputs, packed.shapes)
            self._spare.append((work, cut, span))
        else:
            cut = samples.listed(rows, divisor, dtype, samples.lines_of(rows))
            span = Span(np.arange(len(rows)), 0, len(rows))
            batch.predict(packed.net, cut, span, _workspace(packed, len(rows), cut.images), outputs, packed.shapes)

    def _workplace(self, packed, rows):
        """Arrays and structures for images that are taken whole."""
        cut = samples.whole(rows, self._network.dtype.type(1), self._network.dtype, ())
        return _workspace(packed, 1 << 20, rows), cut, Span(np.arange(1), 0, 1)


def _workspace(packed, count, images):
    """The arrays that the kernel works in for up to `count` images."""
    together, dtype = tranche(count), packed.net.LesPoids.dtype
    real, whole = np.empty(0, dtype), np.empty(0, np.int64)
    return Workspace(
        packed.inputs_of(together, images)[None], packed.outputs_of(together)[None], packed.deltas_of(together)[None],
        real, real.reshape(0, 0), real, np.empty((1, 0), np.uint64), whole, whole, whole, whole, np.empty(0),
    )  # fmt: skip

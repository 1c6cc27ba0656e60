"""Predictions: one or two rows from the network's own parameters, more from a copy, kept while they do not change."""

import numpy as np

from neurone.datasets.arrays import SparseRows, dense
from neurone.engine import samples
from neurone.engine.optimizer import PLAIN_SGD
from neurone.engine.parameters import Packed, own
from neurone.engine.plan import Part, samples_per_call, tranche
from neurone.engine.threads import team
from neurone.kernels import batch, few
from neurone.kernels.arguments import Pixels, Span, Workspace
from neurone.layout import state_offsets
from neurone.system import cores

# Up to this many images are faster without the copy.
_FEW = 2
# Up to this many numbers, in up to this many float images, are taken whole, without counting those that are 0.
_SMALL, _ORDER = 100_000, np.arange(10_000)
# What kernels ask whether anything is dropped: nothing is.
_RULES = {name: PLAIN_SGD.rule(np.dtype(name)) for name in ("float32", "float64")}
# There is a thread for every 10 million multiplications: starting and ending one takes a tenth of a millisecond.
_WORK_OF_A_THREAD = 10_000_000


class Predictor:
    """Predicts for one network, which must keep the same array of parameters. Threads may share it."""

    def __init__(self, network):
        self._network, self._own, self._copy = network, own(network), None
        self._states = int(state_offsets(network.sizes)[-1]) + network.sizes[-1]
        # Workspaces, kept for the next call: making them takes as long as predicting a few rows.
        self._spare, self._spare_few = [], {}

    def predict(self, rows, divisor, threads):
        """The outputs (P, outputs) of images as `datasets.arrays.as_images` gives them."""
        count, dtype = len(rows), self._network.dtype
        outputs = np.empty((count, self._network.sizes[-1]), dtype)
        if count <= _FEW:
            self._predict_few(dense(rows), divisor, outputs)
            return outputs
        packed = self._current()
        if count <= _ORDER.size and not isinstance(rows, SparseRows) and rows.dtype == dtype and rows.size <= _SMALL:
            self._predict_table(packed, rows, outputs)
            return outputs
        work = count * self._network.parameters.size
        threads = max(1, min(threads, cores(), work // _WORK_OF_A_THREAD))
        _share(packed, rows, divisor, outputs, threads, samples_per_call(self._network))
        return outputs

    def _current(self):
        """The copy; a new one where parameters have changed, since another thread may be reading the old one."""
        now, copy = self._network.parameters, self._copy
        # Parameters that are NaN are copied every time.
        if copy is None or not (now == copy[1]).all():
            packed, then = Packed(self._network, Part(self._network), trains=False), now.copy()
            packed.load()
            self._copy = copy = packed, then
        return copy[0]

    def _predict_few(self, rows, divisor, outputs):
        spare = self._spare_few.setdefault(rows.dtype, [])
        pixels, states = spare.pop() if spare else (Pixels(rows), np.empty(self._states, outputs.dtype))
        pixels.images = rows
        few.predict(self._own, pixels, divisor, states, outputs)
        pixels.images = None  # the caller's array must not live as long as the network
        spare.append((pixels, states))

    def _predict_table(self, packed, rows, outputs):
        """A few rows of floats."""
        work, cut, span = self._spare.pop() if self._spare else _workplace(packed, rows)
        cut.images, span.last = rows, len(rows)
        batch.predict(packed.net, cut, span, _RULES[outputs.dtype.name], work, outputs, packed.shapes)
        cut.images = None
        self._spare.append((work, cut, span))


def _workplace(packed, rows):
    """Arrays and structures for images that are taken whole."""
    dtype = packed.net.LesPoids.dtype
    cut = samples.whole(rows, dtype.type(1), dtype, ())
    return _workspace(packed, 1 << 20, cut), cut, Span(_ORDER, 0, 0, 0, _ORDER)


def _share(packed, rows, divisor, outputs, threads, step):
    """Cut the images into a stretch for each thread, and predict them, `step` images a call: Ctrl-C waits for no more.

    The threads begin once: for each call, that took as long as it saved.
    """
    threads, interrupted = min(threads, len(rows)), []
    borders = [len(rows) * number // threads for number in range(threads + 1)]

    def work(member):
        begin, end = borders[member : member + 2]
        for first in range(begin, end, step):
            if interrupted:
                return
            part = slice(first, min(first + step, end))
            _predict(packed, rows[part], divisor, outputs[part])

    try:
        team(work, threads, np.zeros((1 + threads, 16), np.int64))
    except BaseException:  # Ctrl-C too: the threads end after the call under way
        interrupted.append(True)
        raise


def _predict(packed, rows, divisor, outputs):
    cut = samples.listed(rows, divisor, packed.net.LesPoids.dtype, samples.lines_of(rows))
    order, work = np.arange(len(rows)), _workspace(packed, len(rows), cut)
    span = Span(order, 0, len(rows), 0, order)
    batch.predict(packed.net, cut, span, _RULES[outputs.dtype.name], work, outputs, packed.shapes)


def _workspace(packed, count, cut):
    """The arrays that the kernel works in for up to `count` images."""
    together, dtype = tranche(count), packed.net.LesPoids.dtype
    states, deltas = packed.outputs_of(together)[None], packed.deltas_of(together)[None]
    real, whole = np.empty(0, dtype), np.empty(0, np.int64)
    return Workspace(
        packed.inputs_of(together, cut.images)[None], states, deltas,
        real, real.reshape(0, 0), np.empty(0), real, np.empty((1, 0), np.uint64), *(whole,) * 4,
        np.empty((0, 0), cut.columns.dtype), np.empty((0, 0), cut.values.dtype), whole, np.empty(0),
        np.empty((0, 0)), np.empty(0), real, 0,
    )  # fmt: skip

"""Samples that are made or read in training: a window of the epoch's order at a time, the next one while others work.

Where windows begin and end changes no bit.
"""

import numpy as np

from neurone.system import cores

# Samples of a window: enough to make beginning a thread worth it, few enough that the first window of an epoch, which
# nothing is trained on meanwhile, takes some 20 ms where images are distorted.
WINDOW = 2048
_BYTES = 1 << 25  # and no more bytes than this, unless a single sample has more


class Unchanged:
    """The samples of every call, which are the same ones."""

    def __init__(self, samples):
        self.samples = samples

    def limit(self, _):
        """Where a call that begins at a place of the order must end."""
        return np.inf

    def take(self, span, _):
        """The samples of a span; `span.rows` tells where their images stand."""
        return self.samples

    def ahead(self, _, __):
        """What another thread may do while this span is trained on, or None."""

    def compile(self):
        pass


class Windows:
    """The samples of a window of the epoch, as a source makes them.

    Parameters
    ----------
    rows : sequence
        Of all samples, in the set's order.
    cut : callable
        Makes the kernels' `Samples` of rows.
    source : MappedRows or Distorted
        `read(samples, epoch, threads)` gives the rows of these samples, by so many threads; `compile()` compiles what
        that needs.
    """

    def __init__(self, rows, cut, source):
        self._count, self._cut, self._source = len(rows), cut, source
        shown = rows[:1]
        self._size = max(1, min(WINDOW, _BYTES // max(1, shown.nbytes)))
        self._places = np.arange(self._count) % self._size
        self._now, self._next = (None, None), (None, None)
        self.samples = cut(shown)  # for the types

    def limit(self, first):
        return first - first % self._size + self._size

    def take(self, span, threads):
        """The samples of a span, which lies in one window; up to `threads` threads make it, if nobody has."""
        place = span.epoch, span.first // self._size
        if self._now[0] != place:
            ready = self._next if self._next[0] == place else (place, self._make(span.order, place, threads))
            self._now, self._next = ready, (None, None)
        span.rows = self._places
        return self._now[1]

    def ahead(self, span, busy):
        """What another thread may do while `busy` ones train on this span: make the next window of the epoch."""
        epoch, window = span.epoch, span.first // self._size
        if busy >= cores() or self._next[0] is not None or (window + 1) * self._size >= self._count:
            return None

        def make():
            place = epoch, window + 1
            self._next = place, self._make(span.order, place, 1)

        return make

    def compile(self):
        self._source.compile()

    def _make(self, order, place, threads):
        epoch, window = place
        return self._cut(self._source.read(order[window * self._size : (window + 1) * self._size], epoch, threads))

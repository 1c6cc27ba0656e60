"""A network, its samples and the arrays that the kernels work in: one class for each set of kernels.

Both train the samples `first` to `last` of an epoch taken in the order `order`, and add to `tally` their cost and
wrong answers. A call may begin and end anywhere in a batch. What was done to the network's own parameters counts
after `load`, and they are right again after `store`.
"""

import threading

import numpy as np

from neurone import options
from neurone.kernels import batch, notes, online, sparse
from neurone.layout import state_offsets
from neurone.packing import Packed, aligned, cut, tranche


class NotesLearner:
    """The kernels of `kernels/notes.py`, in the network's own arrays."""

    def __init__(self, network, rows, divisor, targets, batch_size, total, threads):
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
    """The kernels of `kernels/online.py` and `kernels/batch.py`, in padded copies; those of batches by threads."""

    def __init__(self, network, rows, divisor, targets, batch_size, total, threads):
        together = tranche(min(batch_size, len(rows)))
        self._threads = min(threads, together)  # more would find nothing to do
        self.network, packed = network, Packed(network, self._threads)
        self._packed, dtype = packed, network.dtype
        samples = cut(rows, divisor, dtype)
        dense = samples[0].shape[1] if len(samples[0]) else 0
        self._samples = (*samples, *targets)
        if batch_size == 1:
            self._call = self._train_online
            self._workspace = packed.outputs_of(1, dense)[0], packed.deltas_of(1)[0], np.zeros(network.sizes[-1], dtype)
        else:
            self._call, self._batch = self._train_batches, (batch_size, total)
            places = 0 if dense else network.sizes[0] + 1
            self._workspace = (
                packed.outputs_of(together, dense),
                packed.deltas_of(together),
                aligned(packed.weights.size, dtype),
                np.zeros((self._threads, network.sizes[-1]), dtype),
                np.zeros(together),
                np.zeros(together, np.int64),
                np.zeros((self._threads, places), np.uint64),
                np.empty((self._threads, places, sparse.SAMPLES), samples[-2].dtype),
            )

    def samples_per_call(self):
        # Padding is work too.
        return self.network.samples_per_call(self._packed.weights.size)

    def train(self, order, first, last, rate, tally):
        arguments = *self._packed.arguments, options.COSTS[self.network.cost], *self._samples, order, first, last
        self._call(arguments, self.network.dtype.type(rate), tally)

    def _train_online(self, arguments, rate, tally):
        online.train(*arguments, rate, *self._workspace, tally, *self._packed.shapes)

    def _train_batches(self, arguments, rate, tally):
        meetings = np.zeros(2, np.int64)

        def work(member):
            batch.train(
                *arguments, *self._batch, rate, *self._workspace, tally,
                member, self._threads, meetings, *self._packed.all_shapes,
            )  # fmt: skip

        team(work, self._threads)

    def load(self):
        self._packed.load()

    def store(self):
        self._packed.store()


def team(work, threads):
    """Call work(0), ... work(threads - 1), each in a thread of its own, which wait for each other.

    So all begin or none: one that could not be started, or an interruption meanwhile, must not leave the others waiting
    for ever. That is why this thread takes no part itself.
    """
    if threads == 1:
        work(0)
        return
    ready = threading.Event()

    def member(number):
        ready.wait()
        if complete:
            work(number)

    members = [threading.Thread(target=member, args=(number,), daemon=True) for number in range(threads)]
    complete = False
    started = []
    try:
        for thread in members:
            thread.start()
            started.append(thread)
        complete = True
    finally:
        ready.set()
        for thread in started:
            thread.join()


LEARNERS = {"notes": NotesLearner, "fast": FastLearner}

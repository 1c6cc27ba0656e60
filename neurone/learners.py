"""A network, its samples and the arrays that the kernels work in: one class for each set of kernels.

Both train the samples `first` to `last` of an epoch taken in the order `order`, and add to `tally` their cost and
wrong answers. A call may begin and end anywhere in a batch. What was done to the network's own parameters, and to
`velocity`, laid out as they are or empty without momentum, counts after `load`; both are right again after `store`.
`targets` are labels, float targets and samples' factors, and `momentum` inertie, nesterov and penalite.
"""

import _thread
import threading

import numpy as np

from neurone import options
from neurone.datasets.arrays import dense
from neurone.kernels import batch, notes, online, sparse
from neurone.kernels.team import ABANDONED
from neurone.layout import state_offsets
from neurone.packing import Packed, aligned, cut, rows_of, tranche

# A thread joins a team for so many multiplications in a tranche: tens of microseconds.
_WORK_OF_A_MEMBER = 100_000
# Images that show which pixels are rarely 0.
_SHOWN = 1000


class NotesLearner:
    """The kernels of `kernels/notes.py`, in the network's own arrays."""

    def __init__(self, network, rows, divisor, targets, batch_size, total, threads, momentum, velocity):
        self.network = network
        self._samples = (dense(rows), divisor, *targets)
        self._batch = (batch_size, total, *momentum)
        states, outputs = int(state_offsets(network.sizes)[-1]), network.sizes[-1]
        states, deltas, gradient, tau, y = (
            np.zeros(size, network.dtype) for size in (states, states, network.parameters.size, outputs, outputs)
        )
        self._workspace = states, deltas, gradient, velocity, tau, y

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

    def __init__(self, network, rows, divisor, targets, batch_size, total, threads, momentum, velocity):
        self.network, packed = network, Packed(network)
        self._packed, dtype = packed, network.dtype
        self._together = together = tranche(min(batch_size, len(rows)), threads)
        samples = cut(rows, divisor, dtype)
        inputs = samples[0].shape[1] if len(samples[0]) else 0
        # Any number may be asked for. To meet costs microseconds, and much more where cores are few. Of the first
        # layer's weights only those of inputs that are not 0 are work.
        share = 1 if inputs else samples[2][-1] / max(1, len(rows) * network.sizes[0])
        first = network.layer(0).size
        work = together * (share * first + network.parameters.size - first)
        self._threads = min(threads, together, 1 + int(work / _WORK_OF_A_MEMBER))
        self._samples = (*samples, *targets)
        self._velocity, self._packed_velocity = velocity, aligned(packed.weights.size * (velocity.size > 0), dtype)
        *_, penalty = momentum
        if batch_size == 1 and not velocity.size and not penalty:
            self._call = self._train_online
            self._workspace = (
                packed.outputs_of(1, inputs)[0],
                packed.deltas_of(1)[0],
                np.zeros(network.sizes[-1], dtype),
            )
        else:
            self._call, self._batch = self._train_batches, (batch_size, total, *momentum)
            lines, columns, values = samples[2:5]
            places = 0 if inputs else network.sizes[0] + 1
            # Rows that no sample of a tranche has cost little each, but there may be many of them.
            wide = places * len(rows) > together * len(columns)
            self._workspace = (
                packed.outputs_of(together, inputs),
                packed.deltas_of(together),
                aligned(packed.weights.size, dtype),
                self._packed_velocity,
                rows_of(self._threads, network.sizes[-1], dtype),
                np.zeros(together),
                np.zeros(together, np.int64),
                rows_of(1 if wide else self._threads, places, np.dtype(np.uint64)),
                rows_of(together, 0 if wide else places, values.dtype),
                _borders(lines, columns, places, self._threads),
                np.zeros(places if wide else 0, np.int64),
                np.zeros((self._threads, 8), np.int64),
            )

    def samples_per_call(self):
        samples = self.network.samples_per_call(self._packed.weights.size)  # padding is work too
        # How long a team's members wait for each other nobody knows.
        return min(samples, self._together) if self._threads > 1 else samples

    def train(self, order, first, last, rate, tally):
        arguments = *self._packed.arguments, options.COSTS[self.network.cost], *self._samples, order, first, last
        self._call(arguments, self.network.dtype.type(rate), tally)

    def _train_online(self, arguments, rate, tally):
        online.train(*arguments, rate, *self._workspace, tally, *self._packed.shapes)

    def _train_batches(self, arguments, rate, tally):
        meetings = np.zeros(3, np.int64)

        def work(member):
            batch.train(
                *arguments, *self._batch, rate, *self._workspace, tally,
                member, self._threads, meetings, *self._packed.all_shapes,
            )  # fmt: skip

        # Without samples, to compile: nobody waits.
        _, first, last = arguments[-3:]
        team(work, self._threads if first < last else 1, meetings)

    def load(self):
        self._packed.load()
        if self._velocity.size:
            self._packed.copy_from(self._velocity, self._packed_velocity)

    def store(self):
        self._packed.store()
        if self._velocity.size:
            self._packed.copy_to(self._velocity, self._packed_velocity)


def _borders(lines, columns, places, threads):
    """Where each thread's rows of the first layer begin, and the last one's end: about as many pixels for each."""
    if not places:
        return np.zeros(threads + 1, np.int64)
    shown = columns[: lines[:_SHOWN][-1]]
    pixels = np.cumsum(1 + np.bincount(shown, minlength=places))
    borders = np.searchsorted(pixels, pixels[-1] * np.arange(threads + 1) / threads)
    borders[-1] = places
    return borders


def team(work, threads, meetings):
    """Call work(0), ... work(threads - 1), each in a thread of its own, which wait for each other in `meetings`.

    All begin or none, and who fails sets the others free: none may wait for ever. Ctrl-C comes to the main thread at
    any moment, the middle of starting another included; so this one only waits, in single steps, for one that leads.
    """
    if threads == 1:
        work(0)
        return
    failures, done = [], _thread.allocate_lock()
    done.acquire()
    _thread.start_new_thread(_lead, (work, threads, meetings, failures, done))
    done.acquire()
    if failures:
        raise failures[0]


def _lead(work, threads, meetings, failures, done):
    """Gather the others of a team, work as one of them, and see them end."""
    ready, complete, started = threading.Event(), False, []

    def member(number):
        ready.wait()
        if complete:
            try:
                work(number)
            except BaseException as error:
                failures.append(error)
                meetings[ABANDONED] = 1

    try:
        for number in range(1, threads):
            thread = threading.Thread(target=member, args=(number,), daemon=True)
            thread.start()
            started.append(thread)
        complete = True
    except RuntimeError as error:
        failures.append(error)
    finally:
        ready.set()
        member(0)
        for thread in started:
            thread.join()
        done.release()


LEARNERS = {"notes": NotesLearner, "fast": FastLearner}

"""A network, its samples and the arrays that the kernels work in: one class for each set of kernels.

Both train the samples `first` to `last` of an epoch taken in the order `order`, and add to `tally` their cost and
wrong answers. A call may begin and end anywhere in a batch. What was done to the network's own parameters, and to
`velocity`, laid out as they are or empty without momentum, counts after `load`; both are right again after `store`.
`targets` are labels, float targets and samples' factors, and `momentum` inertie, nesterov and penalite.
"""

import numpy as np

from neurone import options
from neurone.datasets.arrays import dense
from neurone.kernels import batch, notes, online
from neurone.kernels.groups import BITS
from neurone.kernels.simd import REGISTER_BYTES
from neurone.kernels.team import MESSAGES
from neurone.layout import state_offsets
from neurone.packing import (
    Packed,
    aligned,
    cut,
    cut_in_groups,
    each,
    group_size,
    is_dense,
    lines_of,
    parts,
    rows_of,
    tranche,
)  # fmt: skip
from neurone.threads import cores, team

# A thread joins a team for so many multiplications in a tranche, and so many in an epoch. Messages take microseconds,
# and to begin and end half a millisecond: where one thread took 0.9 ms for an epoch, two were 0.7 to 0.8 times as fast,
# where 1.75 ms, 1.2 times, and where 3.4 ms, 1.4 times.
_WORK_OF_A_TRANCHE, _WORK_OF_AN_EPOCH = 100_000, 20_000_000


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
    """The kernels of `kernels/online.py`, or of `kernels/batch.py` by as many threads as there are parts, in padded
    copies."""

    def __init__(self, network, rows, divisor, targets, batch_size, total, threads, momentum, velocity):
        self.network, self._velocity = network, velocity
        size, lines, (*_, penalty) = min(batch_size, len(rows)), lines_of(rows), momentum
        if batch_size == 1 and not velocity.size and not penalty:
            self._call, self._together = self._train_online, 1
            packed, samples = Packed(network), cut(rows, divisor, network.dtype, lines)
            self._packed, self._packed_velocities = [packed], [velocity]
            self._workspace = (
                packed.outputs_of(1, network.sizes[0] if len(samples[0]) else 0)[0],
                packed.deltas_of(1)[0],
                np.zeros(network.sizes[-1], network.dtype),
            )
        else:
            self._call, self._batch = self._train_batches, (batch_size, total, *momentum)
            samples = self._prepare_batches(rows, divisor, lines, size, threads)
        self._samples = *samples, *targets

    def _prepare_batches(self, rows, divisor, lines, size, threads):
        """The samples cut, and arrays to work in, for batches of `size` and at most so many threads."""
        network, dtype, inputs = self.network, self.network.dtype, self.network.sizes[0]
        full = is_dense(rows, lines)
        stored = inputs if full else int(lines[-1] - lines[0]) / len(rows)
        # Any number may be asked for; more than there are cores would only wait for each other. Of the first layer's
        # weights only those of inputs that are not 0 are work.
        first = network.layer(0).size
        work = stored / inputs * first + network.parameters.size - first
        useful = tranche(size, threads) * work / _WORK_OF_A_TRANCHE, len(rows) * work / _WORK_OF_AN_EPOCH
        members = parts(network, min(threads, cores(), *(1 + int(limit) for limit in useful)), stored)
        self._together = together = tranche(size, len(members))
        # Rows that no sample of a tranche has cost little each, but there may be many of them.
        wide, group = not full and inputs + 1 > together * stored, 1
        if full or wide:
            samples = *cut(rows, divisor, dtype, lines), np.empty((0, 0), np.uint64)
        else:
            group = group_size(rows, max(part.blocks[0] for part in members))
            samples = cut_in_groups(rows, divisor, dtype, lines, group)
        self._packed = [Packed(network, group, part) for part in members]
        self._packed_velocities = [
            aligned(packed.weights.size * (self._velocity.size > 0), dtype) for packed in self._packed
        ]
        turns, listed = min(2, len(members)), (inputs + 1) * wide
        self._workspaces = [
            (
                each(turns, packed.inputs_of(together, samples)),
                each(turns, packed.outputs_of(together)),
                each(turns, packed.deltas_of(together)),
                aligned(packed.weights.size, dtype),
                velocity,
                aligned(network.sizes[-1], dtype),
                rows_of(1 if wide else turns, listed or BITS * samples[-1].shape[1], np.dtype(np.uint64)),
                *(aligned(size, np.dtype(np.int64)) for size in (together, listed, 1)),  # places, touchees, compte
            )
            for packed, velocity in zip(self._packed, self._packed_velocities, strict=True)
        ]
        second = network.sizes[min(2, len(network.sizes) - 1)]
        self._messages = rows_of(MESSAGES, together * second + REGISTER_BYTES // dtype.itemsize, dtype)
        return samples

    def samples_per_call(self):
        # Padding is work too.
        samples = self.network.samples_per_call(sum(packed.weights.size for packed in self._packed))
        # How long a team's members wait for each other nobody knows.
        return min(samples, self._together) if len(self._packed) > 1 else samples

    def train(self, order, first, last, rate, tally):
        arguments = options.COSTS[self.network.cost], *self._samples, order, first, last
        self._call(arguments, self.network.dtype.type(rate), tally)

    def _train_online(self, arguments, rate, tally):
        packed = self._packed[0]
        online.train(*packed.arguments, *arguments, rate, *self._workspace, tally, *packed.shapes)

    def _train_batches(self, arguments, rate, tally):
        threads = len(self._packed)
        # Wherever there is room, like `tally`: pages of their own made no difference.
        rendezvous = np.zeros((1 + threads, 16), np.int64)

        def work(member):
            packed = self._packed[member]
            batch.train(
                *packed.arguments, *arguments, *self._batch, rate, *self._workspaces[member], tally,
                member, threads, rendezvous, self._messages, *packed.all_shapes,
            )  # fmt: skip

        _, first, last = arguments[-3:]
        if first < last:
            team(work, threads, rendezvous)
        else:
            # Without samples, to compile: nobody waits.
            for member in range(threads):
                work(member)

    def load(self):
        for packed, velocity in zip(self._packed, self._packed_velocities, strict=True):
            packed.load()
            if velocity.size:
                packed.copy_from(self._velocity, velocity)

    def store(self):
        for packed, velocity in zip(self._packed, self._packed_velocities, strict=True):
            packed.store()
            if velocity.size:
                packed.copy_to(self._velocity, velocity)


LEARNERS = {"notes": NotesLearner, "fast": FastLearner}

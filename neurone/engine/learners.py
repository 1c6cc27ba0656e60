"""A network, its samples and the arrays that the kernels work in: one class for each set of kernels.

All train on a `Span` of samples, and add their cost and wrong answers to `tally`. A call may begin and end anywhere in
a batch. Changes to the network's own parameters, and to the optimiser's memory, take effect with `load`; both are up to
date again after `store`.
"""

from dataclasses import dataclass

import numpy as np

from neurone.engine import samples
from neurone.engine.distortion import Distorted, Distortion
from neurone.engine.mapped import SHOWN, MappedRows
from neurone.engine.memory import aligned, each, rows_of
from neurone.engine.optimizer import Optimizer
from neurone.engine.parameters import Packed, own
from neurone.engine.plan import Part, group_size, parts, samples_per_call, team_size, tranche
from neurone.engine.threads import team
from neurone.engine.windows import Unchanged, Windows
from neurone.kernels import batch, jit, notes, online
from neurone.kernels.arguments import Copied, NotesWorkspace, OnlineWorkspace, Span, Team, Workspace
from neurone.kernels.groups import BITS
from neurone.kernels.simd import REGISTER_BYTES
from neurone.kernels.team import MESSAGES
from neurone.layout import state_offsets
from neurone.system import cores

_NO_ORDER = np.arange(0)
NO_SAMPLES = Span(_NO_ORDER, 0, 0, 0, _NO_ORDER)
_WORDS, _WHOLE, _REAL = np.dtype(np.uint64), np.dtype(np.int64), np.dtype(np.float64)


@dataclass
class Problem:
    """What is learnt, and how; everything has been checked.

    Attributes
    ----------
    network : Network
    rows, divisor
        As `datasets.arrays.as_images` gives them; or MappedRows.
    targets : tuple
        Labels, float targets and factors of the samples, each empty where there are none.
    batch_size : int
    total : bool
        Correct by the sum of a batch's gradients, not their mean.
    optimizer : Optimizer
    memory : ndarray
        What the optimiser keeps: (numbers kept, parameters), each row laid out like the parameters.
    powers : ndarray
        Those of Adam's two factors, float64 (2,); 1 at first.
    threads : int
    proportions : bool
        Whether the sum of a batch's factors takes the place of its number of samples.
    squares : ndarray or None
        Where the squares of the weights at each correction are added up (`kernels/notes.py`): float64 (layers, neurons
        of the largest layer).
    seed : int
        Of the masks of dropout, and of distortions.
    distortion : Distortion or None
        For images of its `shape`.
    """

    network: object
    rows: object
    divisor: object
    targets: tuple
    batch_size: int
    total: bool
    optimizer: Optimizer
    memory: np.ndarray
    powers: np.ndarray
    threads: int
    proportions: bool = False
    squares: np.ndarray | None = None
    seed: int = 0
    distortion: Distortion | None = None

    def shown(self):
        """Rows by which the form of all is chosen: all of them, or the first ones of a file."""
        return self.rows[:SHOWN] if isinstance(self.rows, MappedRows) else self.rows

    def rule(self):
        """How a batch corrects the parameters, for kernels."""
        optimizer, squares = self.optimizer, self.squares is not None
        return optimizer.rule(self.network.dtype, self.batch_size, self.total, self.proportions, squares, self.seed)

    def sums(self):
        """`squares`, or an array that stands for it where it is not written."""
        return np.empty((0, 0)) if self.squares is None else self.squares


def _source(problem, cut, empty=None):
    """Where the samples of each call come from. cut: makes the kernels' structure of rows; empty: one of no samples."""
    if empty is not None:
        return Unchanged(empty)
    if problem.distortion is not None:
        return Windows(problem.rows, cut, Distorted(problem.rows, problem.seed, problem.distortion))
    if isinstance(problem.rows, MappedRows):
        return Windows(problem.rows, cut, problem.rows)
    return Unchanged(cut(problem.rows))


class NotesLearner:
    """The kernels of `kernels/notes.py`, on the network's own array. There are no tuned ones."""

    def __init__(self, problem, tuning=None):
        self.network = network = problem.network
        states, outputs = int(state_offsets(network.sizes)[-1]), network.sizes[-1]
        sizes = states, states, network.parameters.size, outputs, outputs
        states, deltas, gradient, tau, y = (np.zeros(size, network.dtype) for size in sizes)
        self._net, self._rule = own(network), problem.rule()

        def cut(rows):
            return samples.whole(rows, problem.divisor, network.dtype, problem.targets)

        self._source = _source(problem, cut)
        self._work = NotesWorkspace(
            states, deltas, gradient, problem.memory, problem.powers, tau, y, np.zeros(2), problem.sums()
        )

    def prepare(self):
        """Compile the kernels, or load them from the cache."""
        self._source.compile()
        jit.prepare(notes.train, self._net, self._source.samples, NO_SAMPLES, self._rule, self._work)

    def samples_per_call(self):
        return samples_per_call(self.network)

    def limit(self, first):
        return self._source.limit(first)

    def train(self, span, rate, tally):
        self._rule.alpha, self._rule.rate, self._work.tally = self.network.dtype.type(rate), rate, tally
        notes.train(self._net, self._source.take(span, 1), span, self._rule, self._work)

    def load(self):
        pass

    def store(self):
        pass

    def improve(self, rest):
        return False

    def close(self):
        pass


class _PackedLearner:
    """The common part of learners that work on copies of the parameters, one for each thread."""

    def limit(self, first):
        """Where a call that begins at sample `first` must end, at the latest."""
        return self._source.limit(first)

    def prepare(self):
        """Compile all that training will call, or load it from the cache."""
        self._source.compile()
        self.compile()
        self._packed[0].compile()

    def compile(self):
        """Compile the kernels alone, perhaps in another thread: nothing is called."""
        for kernel, arguments in self._no_samples():
            jit.prepare(kernel, *arguments)

    def ready(self):
        """Whether the kernels need no compiling."""
        return all(jit.ready(kernel, *arguments) for kernel, arguments in self._no_samples())

    def _no_samples(self):
        return self._calls(NO_SAMPLES, self._source.samples, 1.0, np.zeros(2))

    def train(self, span, rate, tally):
        """Train on a span of samples, while another thread may make the next ones."""
        members = len(self._packed)
        meeting = np.zeros((1 + members, 16), np.int64)
        found = self._source.take(span, min(members + 1, cores()))
        ahead = self._source.ahead(span, members)
        calls = list(self._calls(span, found, rate, tally, meeting))

        def work(member):
            if member == members:
                ahead()
            else:
                kernel, arguments = calls[member]
                kernel(*arguments)

        team(work, members + (ahead is not None), meeting)

    def samples_per_call(self):
        # Padding is work too.
        return samples_per_call(self.network, sum(packed.size for packed in self._packed))

    def _keep(self, problem):
        """What `load` and `store` copy: made once, as that takes longer than to copy the memory of a small network."""
        self._powers = problem.powers
        self._memory = [
            [Copied(*rows) for rows in zip(problem.memory, work.memory, strict=False)] for work in self._works
        ]

    def load(self):
        for packed, work, memory in zip(self._packed, self._works, self._memory, strict=True):
            packed.load()
            work.powers[:] = self._powers
            for copied in memory:
                packed.copy_from(copied)

    def store(self):
        self._powers[:] = self._works[0].powers  # every thread has the same
        for packed, memory in zip(self._packed, self._memory, strict=True):
            packed.store()
            for copied in memory:
                packed.copy_to(copied)


class OnlineLearner(_PackedLearner):
    """The kernels of `kernels/online.py`: plain SGD, one sample at a time. empty: without samples, to compile them."""

    def __init__(self, problem, tuned=False, empty=False):
        self.network = network = problem.network
        rows = problem.shown()
        lines_of_all = None if empty else samples.lines_of(rows)
        whole = not empty and samples.is_dense(rows, lines_of_all)

        def cut(rows):
            lines = lines_of_all if rows is problem.rows else samples.lines_of(rows)
            return samples.listed(rows, problem.divisor, network.dtype, lines, problem.targets, whole=whole)

        none = samples.none(rows, network.dtype, problem.targets) if empty else None
        self._source = _source(problem, cut, none)
        packed = Packed(network, Part(network, tuned=tuned))
        outputs = packed.outputs_of(1, network.sizes[0] if whole else 0)[0]
        y = np.zeros(network.sizes[-1], network.dtype)
        self._packed = [packed]
        self._works = [OnlineWorkspace(outputs, packed.deltas_of(1)[0], y, problem.memory, problem.powers, np.zeros(2))]
        self._keep(problem)

    def _calls(self, span, found, rate, tally, _=None):
        (packed,), (work,) = self._packed, self._works
        work.tally = tally
        yield online.train, (packed.net, found, span, self.network.dtype.type(rate), work, packed.shapes)


class BatchLearner(_PackedLearner):
    """The kernels of `kernels/batch.py`, by as many threads as there is work for. empty: as for `OnlineLearner`."""

    def __init__(self, problem, tuned=False, empty=False):
        self.network = problem.network
        self._rule = problem.rule()
        network, rows, inputs = problem.network, problem.shown(), problem.network.sizes[0]
        lines_of_all, size = samples.lines_of(rows), min(problem.batch_size, len(problem.rows))
        dense = samples.is_dense(rows, lines_of_all)
        stored = inputs if dense else int(lines_of_all[-1] - lines_of_all[0]) / len(rows)
        # Any number may be asked for; more threads than cores would only wait for each other.
        threads = team_size(network, len(problem.rows), size, stored, min(problem.threads, cores()))
        members = parts(network, threads, stored, tuned)
        self._together = tranche(size, len(members))
        # A row that no sample of a tranche uses costs little, but there may be many of them: lists skip them. And lists
        # can be written anew without what dropout takes.
        drops = self._rule.inputs.threshold > 0
        listed = dense or drops or inputs + 1 > self._together * stored
        group = 0 if listed else group_size(rows, members, tuned)
        thinned = drops and not dense

        def cut(rows):
            lines = lines_of_all if rows is problem.rows else samples.lines_of(rows)
            given = rows, problem.divisor, network.dtype, lines, problem.targets
            if group:
                return samples.grouped(*given, group)
            return samples.listed(*given, self._rule.inputs.scale if drops else None, dense)

        none = None
        if empty:
            none, self._together = samples.none(rows, network.dtype, problem.targets, thinned), 1
        self._source = _source(problem, cut, none)
        longest = inputs if problem.distortion or rows is not problem.rows else int(np.diff(lines_of_all).max())
        self._longest = longest + 1 if thinned else 0
        self._packed = [Packed(network, part, group or 1) for part in members]
        self._works = [self._work(*of, problem) for of in zip(self._packed, members, strict=True)]
        self._keep(problem)
        second = network.sizes[min(2, len(network.sizes) - 1)]
        room = self._together * second + REGISTER_BYTES // network.dtype.itemsize
        self._messages = rows_of(MESSAGES, room, network.dtype)
        bounded = problem.optimizer.clip_norm is not None or problem.optimizer.max_norm is not None
        self._norms = np.zeros((2, len(network.sizes) - 1 if bounded else 0, max(network.sizes)))

    def _work(self, packed, part, problem):
        """The arrays for a thread."""
        found = self._source.samples
        dtype, images, words = self.network.dtype, found.images, found.present.shape[1]
        turns, numbers = min(2, len(self._packed)), max(part.blocks) * REGISTER_BYTES // dtype.itemsize
        thinned = turns * self._together if self._longest else 0
        rare = images.shape[1] + 1 if len(found.lines) and not words else 0
        return Workspace(
            each(turns, packed.inputs_of(self._together, images)),
            each(turns, packed.outputs_of(self._together)),
            each(turns, packed.deltas_of(self._together)),
            aligned(packed.size, dtype),
            # A row at least, which kernels may write to.
            aligned(max(1, len(problem.memory)) * packed.size, dtype).reshape(-1, packed.size),
            aligned(2, _REAL),  # powers
            aligned(self.network.sizes[-1], dtype),
            rows_of(turns, BITS * words, _WORDS),
            *(aligned(size, _WHOLE) for size in (self._together, rare, rare, 1)),  # places, seen, touched, count
            aligned(thinned * self._longest, found.columns.dtype).reshape(thinned, self._longest),
            aligned(thinned * self._longest, found.values.dtype).reshape(thinned, self._longest),
            aligned(thinned, _WHOLE),  # stored
            np.zeros(2),
            problem.sums(),
            aligned(numbers, _REAL),  # sums
            aligned(numbers, dtype),  # scales
            part.first,
        )

    def gradient(self):
        """The gradient of what has been trained on since the last correction, laid out like the parameters."""
        gradient = np.empty_like(self.network.parameters)
        for packed, work in zip(self._packed, self._works, strict=True):
            packed.copy_to(Copied(gradient, work.Gradient))
        return gradient

    def samples_per_call(self):
        # How long the members of a team wait for each other is not known.
        samples = super().samples_per_call()
        return min(samples, self._together) if len(self._packed) > 1 else samples

    def _calls(self, span, found, rate, tally, meeting=None):
        members = len(self._packed)
        # Like `tally`, not in pages of its own: that made no difference.
        meeting = np.zeros((1 + members, 16), np.int64) if meeting is None else meeting
        self._rule.alpha, self._rule.rate = self.network.dtype.type(rate), rate
        for me, (packed, work) in enumerate(zip(self._packed, self._works, strict=True)):
            work.tally = tally
            team = Team(me, members, meeting, self._messages, self._norms)
            yield batch.train, (packed.net, found, span, self._rule, work, team, packed.shapes)


def fast_learner(problem, tuned=False, empty=False):
    """The learner for this problem, with the generic kernels or the tuned ones; `empty`: without the samples."""
    plain = problem.optimizer.plain and not problem.proportions and problem.squares is None
    online = problem.batch_size == 1 and plain
    return (OnlineLearner if online else BatchLearner)(problem, tuned, empty)

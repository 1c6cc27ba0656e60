"""The generic kernels at once, the tuned ones as soon as they are compiled: equal bits make the change invisible."""

from neurone.engine.learners import NotesLearner, fast_learner
from neurone.kernels.jit import Stopped, compile_in_background

# Tuned kernels are looked for, and compiled, if the rest of a run takes more than these seconds. Compiling takes some
# ten seconds of another core, and saves up to a third of the rest.
_LOOKED_FOR, _COMPILED = 1.0, 30.0
# A prediction of this many rows calls the kernels that a larger one calls.
_SOME = 32


class FastLearner:
    """A learner (`learners.py`) with the generic kernels or the tuned ones.

    Parameters
    ----------
    problem : Problem
    tuning : {"background", "first", "off"}
        Generic kernels until tuned ones are found or compiled; tuned ones, compiled before the training; or generic
        ones all the time.
    """

    def __init__(self, problem, tuning):
        self.network, self._problem = problem.network, problem
        self._now = fast_learner(problem, tuned=tuning == "first")
        self._looks, self._compiling = tuning == "background", None

    def prepare(self):
        self._now.prepare()

    def samples_per_call(self):
        return self._now.samples_per_call()

    def limit(self, first):
        return self._now.limit(first)

    def train(self, *span):
        self._now.train(*span)

    def load(self):
        self._now.load()

    def store(self):
        self._now.store()

    def improve(self, rest):
        """Let tuned kernels take over, if there are any; return whether they do.

        Called at a batch's end, after `store`, with `rest`, the seconds that the rest of the run will take. If that is
        long enough, tuned kernels are looked for, or compiled in another thread.
        """
        ready = self._compiling is not None and self._compiling.done()
        if self._looks and rest > _LOOKED_FOR:
            self._looks, kinds = False, fast_learner(self._problem, tuned=True, empty=True)
            ready = kinds.ready()
            if not ready and rest > _COMPILED:
                self._prepare_predictions()
                self._compiling = compile_in_background(kinds.compile)
        if not ready:
            return False
        compiling, self._compiling = self._compiling, None
        try:
            if compiling is not None:
                compiling.result()  # raises what went wrong
        except Stopped:
            return False  # before a fork: the generic kernels go on
        self._now = None  # its samples take memory, and the tuned learner needs its own
        self._now = fast_learner(self._problem, tuned=True)
        self._now.load()
        return True

    def _prepare_predictions(self):
        """Compile what validation and a callback may call, before the other thread holds the compiler's lock."""
        for count in (1, _SOME):
            self.network.predict_proba(self._problem.rows[:count])

    def close(self):
        """End a compilation that is under way."""
        if self._compiling is not None:
            self._compiling.stop()


LEARNERS = {"notes": NotesLearner, "fast": FastLearner}

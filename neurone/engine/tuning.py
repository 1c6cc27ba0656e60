"""The generic kernels at once, the tuned ones as soon as they are compiled: equal bits make the change invisible."""

from neurone.engine.learners import NotesLearner, fast_learner
from neurone.kernels.jit import compile_in_background

# Tuned kernels are looked for, and compiled, if the rest of a run takes more than these seconds. Compiling takes some
# ten seconds of another core, and saves up to a third of the rest.
_LOOKED_FOR, _COMPILED = 1.0, 30.0


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
        self._looks = tuning == "background"
        self._tuned, self._compiling = None, None

    def prepare(self):
        self._now.prepare()

    def samples_per_call(self):
        return self._now.samples_per_call()

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
        if self._looks and rest > _LOOKED_FOR:
            self._looks, self._tuned = False, fast_learner(self._problem, tuned=True)
            if not self._tuned.ready() and rest > _COMPILED:
                self._compiling = compile_in_background(self._tuned.compile)
            elif not self._tuned.ready():
                self._tuned = None
        if self._tuned is None or (self._compiling is not None and not self._compiling.done()):
            return False
        if self._compiling is not None:
            self._compiling.result()  # raises what went wrong
        self._now, self._tuned, self._compiling = self._tuned, None, None
        self._now.load()
        return True

    def close(self):
        """End a compilation that is under way."""
        if self._compiling is not None:
            self._compiling.stop()


LEARNERS = {"notes": NotesLearner, "fast": FastLearner}

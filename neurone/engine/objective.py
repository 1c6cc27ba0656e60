"""The cost of a whole set, and its gradient, as a function of the parameters: for solvers that are not our own."""

import numpy as np

from neurone.engine.learners import BatchLearner
from neurone.kernels.arguments import Span


class Objective:
    """Called with parameters, returns the sum of all samples' costs and its gradient, which is laid out like them.

    It is the first part of a batch that is one sample longer than the set, and so never ends.
    """

    def __init__(self, problem):
        count = len(problem.rows)
        problem.batch_size = count + 1
        self._network, self._learner = problem.network, BatchLearner(problem)
        self._order, self._count = np.append(np.arange(count), 0), count

    def __call__(self, parameters):
        network, learner, tally = self._network, self._learner, np.zeros(2)
        network.parameters = parameters
        learner.load()
        step = learner.samples_per_call()
        for first in range(0, self._count, step):
            span = Span(self._order, first, min(first + step, self._count), 0, self._order)
            learner.train(span, 0.0, tally)
        return float(tally[0]), learner.gradient()

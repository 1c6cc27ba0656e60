"""The cost and the error of a network on a set that it is not trained on, in the arithmetic of training."""

from copy import copy

import numpy as np

from neurone.engine.parameters import own
from neurone.engine.predictor import Predictor
from neurone.kernels import jit
from neurone.kernels.scores import score


class Scorer:
    """Scores one network, which must keep the same array of parameters, on one set.

    `rows` and `divisor` are as `datasets.arrays.as_images` gives them, `labels` and `targets` as `as_labels` does.
    """

    def __init__(self, network, rows, divisor, labels, targets, threads):
        # With identity outputs a network predicts tau, from which costs are never infinite: a softmax may round to 0.
        without_output = copy(network)  # with the same array of parameters
        without_output.output = "identity"
        self._predictor = Predictor(without_output)
        self._samples = rows, divisor, threads
        y, yhat = np.empty((2, network.sizes[-1]), network.dtype)
        self._arguments, self._rest, self._tally = (own(network), labels, targets), (y, yhat), np.zeros(2)

    @property
    def labelled(self):
        """Whether there are labels, and so an error in percent."""
        return len(self._arguments[1]) > 0

    def prepare(self):
        """Compile the kernel, or load it: another thread may hold the compiler's lock later, for seconds."""
        _, yhat = self._rest
        jit.prepare(score, *self._arguments, yhat.reshape(1, -1), *self._rest, self._tally)

    def score(self):
        """The mean cost, and the wrong answers in percent, or None with float targets."""
        _, labels, _ = self._arguments
        taus = self._predictor.predict(*self._samples)
        self._tally[:] = 0
        score(*self._arguments, taus, *self._rest, self._tally)
        cost, wrong = self._tally.tolist()
        return cost / len(taus), 100 * int(wrong) / len(taus) if labels.size else None

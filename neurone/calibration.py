"""How sure a network's outputs should be, and which images it knows: both from images that it was not trained on."""

from dataclasses import dataclass

import numpy as np

_STEP, _LEAST, _MOST = 0.01, 5, 2000  # temperatures are 0.05 to 20, in steps: no rounding in a sum decides
_KNOWN = 0.995  # this share of a class's images is known


@dataclass(frozen=True)
class Known:
    """What a class's images look like: those farther from its mean image than nearly all are unlike them.

    Attributes
    ----------
    means : ndarray, float32, (classes, inputs)
    limits : ndarray, float32, (classes,)
        Squared distances to the mean that 0.5 % of a class's images exceed.
    """

    means: np.ndarray
    limits: np.ndarray

    def unlike(self, inputs, answers):
        """Which of the `inputs` (P, inputs) are unlike the images of the classes `answers` (P,); bool (P,)."""
        return _squared_distances(inputs, self.means[answers]) > self.limits[answers]


def known(inputs, labels, classes):
    """The `Known` of `inputs` (P, inputs), each of one of so many classes; of a class without images all are known."""
    means, limits = np.zeros((classes, inputs.shape[1]), np.float32), np.full(classes, np.finfo(np.float32).max)
    for label in np.unique(labels):
        own = inputs[labels == label]
        means[label] = own.mean(axis=0, dtype=np.float64)
        limits[label] = np.quantile(_squared_distances(own, means[label]), _KNOWN)
    return Known(means, limits.astype(np.float32))


def _squared_distances(inputs, means):
    return np.square(inputs.astype(np.float64) - means).sum(axis=1)


def temperature(logits, labels):
    """The number by which to divide logits so that their log cost is least, a multiple of 0.01.

    Guo, Pleiss, Sun and Weinberger, ICML 2017. Answers stay what they are: dividing moves all outputs alike.

    Parameters
    ----------
    logits : ndarray, float64, (P, outputs)
        Of a softmax; or, with one output, of a logistic function.
    labels : ndarray of integers, (P,)

    Examples
    --------
    >>> logits = np.array([[6.0, 0.0]] * 4)  # sure of four answers, of which three are right
    >>> t = temperature(logits, np.array([0, 0, 0, 1]))
    >>> round(t, 2), round(float(1 / (1 + np.exp(-6 / t))), 2)
    (5.46, 0.75)
    """

    def cost(steps):
        z = logits / (steps * _STEP)
        if z.shape[1] == 1:
            return np.logaddexp(0, np.where(labels == 1, -z[:, 0], z[:, 0])).mean()
        largest = z.max(axis=1, keepdims=True)
        return (np.log(np.exp(z - largest).sum(axis=1)) + largest[:, 0] - z[np.arange(len(z)), labels]).mean()

    low, high = _LEAST, _MOST
    while low < high:  # the cost falls, then rises
        middle = (low + high) // 2
        low, high = (low, middle) if cost(middle) <= cost(middle + 1) else (middle + 1, high)
    return low * _STEP

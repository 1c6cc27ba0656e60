"""A warning at the end of a training that learnt nothing, or little, from inputs that look like undivided pixels.

The limits come from trainings of MNIST, drawn digits, four tables of scikit-learn, XOR and random labels, each divided
or standardised and not, at many learning rates.
"""

import sys
import warnings

import numpy as np

from neurone.constants import HALF_QUADRATIC, LOG, POISSON, SOFTMAX
from neurone.datasets.arrays import SparseRows
from neurone.errors import LearningWarning
from neurone.options import COSTS, OUTPUTS
from neurone.training.rules import error_or_cost

# With fewer samples, epochs or corrections, chance or too short a training would look the same.
_SAMPLES, _EPOCHS, _CORRECTIONS = 150, 3, 100
# Nothing was learnt if neither the cost nor the error is below these parts of those of one answer for all samples. The
# answers of a network that has learnt nothing vary, so its error may be a little less; its cost was never.
_COST, _ERROR = 0.999, 0.95
# From undivided pixels, little was learnt if the error is above this part. Six epochs of MNIST so left 0.08 at the best
# learning rate, and 1.01 at the default one; divided, 0.03.
_LITTLE = 0.1
# Pixels are told by up to this many numbers. Their mean square is in the thousands, that of counted words below 1.
_LOOKED_AT, _MEAN_SQUARE = 1_000_000, 100


def advise(problem, reports, best_kept):
    """Warn, if there is cause, at the end of a training with these reports, whose best parameters are kept or not."""
    last, count = min(reports, key=error_or_cost) if best_kept else reports[-1], len(problem.rows)
    cost, error = _of_one_answer(problem.network, *problem.targets)
    if problem.proportions:  # a cost is then a mean by the factors, not of the products
        cost /= problem.targets[2].mean(dtype=np.float64)
    if not cost > 0:  # one answer is right for all
        return
    if error is None:
        part, least = last.cost / cost, _COST
        found, other = f"a cost of {last.cost:.4g}", f"a cost of {cost:.4g}"
    else:
        part, least = last.train_error / error, _ERROR
        found, other = f"a training error of {last.train_error:.1f} %", f"{error:.1f} %"
    if part > _LITTLE and looks_undivided(problem.shown()):
        _warn(f"training ended with {found}: images hold whole numbers up to 255 as floats; divide them by 255")
        return
    corrections = len(reports) * -(-count // problem.batch_size)
    enough = count >= _SAMPLES and len(reports) >= _EPOCHS and corrections >= _CORRECTIONS
    if enough and part >= least and last.cost >= _COST * cost and _some(problem.shown()).any():
        _warn(
            f"training ended with {found}, and one answer for all samples has {other}: nothing was learnt; divide "
            "pixels by 255, scale other inputs to a mean of 0 and a variance of 1, or try another learning rate"
        )


def looks_undivided(rows):
    """Whether floats are whole numbers up to 255, and large, as pixels are that nobody has divided."""
    some = _some(rows)
    if some.dtype == np.uint8 or not some.any():
        return False
    share = rows.values.size / (len(rows) * rows.inputs) if isinstance(rows, SparseRows) else 1  # the others are 0
    large = share * np.square(some, dtype=np.float64).mean() > _MEAN_SQUARE
    return bool(large and some.min() >= 0 and some.max() <= 255 and (some == np.rint(some)).all())


def _some(rows):
    values = rows.values if isinstance(rows, SparseRows) else rows
    return values[:: 1 + values.size // _LOOKED_AT]


def _of_one_answer(network, labels, targets, factors):
    """The least mean cost that one answer for all samples has, and the least error in percent, None without labels."""
    factors = factors if factors.size else np.ones(len(labels) or len(targets))
    if labels.size:
        outputs = network.sizes[-1]
        error = 100 - 100 * np.bincount(labels).max() / len(labels)
        mean = np.bincount(labels, factors, max(outputs, 2)) / factors.sum(dtype=np.float64)
        mean = mean[1:] if outputs == 1 else mean
        variance = mean - mean**2
    else:
        error, step = None, 1 + targets.size // _LOOKED_AT
        some, weights = targets[::step].astype(np.float64), factors[::step].astype(np.float64)
        with np.errstate(all="ignore"):  # what is not finite is no cause
            weights /= weights.sum()
            mean = weights @ some
            variance = weights @ (some - mean) ** 2
    if COSTS[network.cost] == POISSON:  # y log(y / m) - y + m, m being the mean
        costs = _entropy(mean) - (weights @ _entropy(some) if error is None else 0)
    elif COSTS[network.cost] != LOG:
        costs = variance / 2 if COSTS[network.cost] == HALF_QUADRATIC else variance
    else:
        costs = _entropy(mean)
        if OUTPUTS[network.output] != SOFTMAX:
            costs = costs + _entropy(1 - mean)
    return float(costs.sum() * factors.mean(dtype=np.float64)), error


def _entropy(mean):
    return -mean * np.log(np.where(mean > 0, mean, 1))


def _warn(message):
    """Warn at the line outside the package that asked for the training."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals["__name__"].partition(".")[0] in ("neurone", "contextlib"):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, LearningWarning, stacklevel=level)

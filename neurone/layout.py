"""Where everything stands in the flat arrays: the offsets from which kernels count.

Parameters: the blocks of the layers one after the other, each of (n + 1) * m numbers for n inputs and m
outputs. The weight from i to j stands at `debut[l] + i*m + j`, row i = 0 being the bias's.

States (the neurons' outputs, and likewise their errors): the layers one after the other, every layer but
the last with a slot in front for its bias neuron. Neuron j of layer l stands at `offset[l] + j`, the bias
neuron at `offset[l] - 1`.

Layers count from 0, the inputs, in the states; in the parameters block l leads from layer l to l + 1.
"""

from itertools import accumulate, pairwise

import numpy as np


def parameter_count(sizes):
    """Number of parameters, a Python integer, which does not overflow.

    >>> parameter_count((784, 100, 10))
    79510
    """
    return sum((n + 1) * m for n, m in pairwise(sizes))


def parameter_offsets(sizes):
    """Offsets of the layers' blocks (`debut`), and the number of parameters last; int64 (len(sizes),).

    >>> parameter_offsets((784, 100, 10))
    array([    0, 78500, 79510])
    """
    return np.array([0, *accumulate((n + 1) * m for n, m in pairwise(sizes))], np.int64)


def state_offsets(sizes):
    """Offsets of the layers' first neurons (`offset`), and the number of slots last; int64 (len(sizes) + 1,).

    >>> state_offsets((784, 100, 10))
    array([  1, 786, 886, 896])
    """
    starts = list(accumulate((n + 1 for n in sizes[:-1]), initial=1))
    starts[-1] -= 1  # the output layer has no bias neuron
    return np.array([*starts, starts[-1] + sizes[-1]], np.int64)

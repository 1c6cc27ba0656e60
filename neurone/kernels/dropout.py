"""Dropout: the inputs and hidden neurons that a sample is trained without (specification section 8).

A mask is a function of (seed, epoch, sample, layer, neuron) alone, made when it is needed and kept nowhere: the same
whatever the batch, the thread or the kernels, and after any resume. (Srivastava et al., JMLR 2014; what is kept is
scaled up at once, so that predictions need no change.)
"""

import numpy as np

from neurone.kernels.elementary import like
from neurone.kernels.jit import inlined, kernel, step

_STEP64, _FIRST64, _SECOND64 = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_STEP32, _FIRST32, _SECOND32 = (np.uint32(n) for n in (0x9E3779B9, 0x7FEB352D, 0x846CA68B))
_HALF = np.uint64(32)


@step
def _mix(x):
    """64 bits, each of which depends on all of x (SplitMix64: Steele, Lea and Flood, OOPSLA 2014)."""
    z = np.uint64(x) + _STEP64
    z = (z ^ (z >> np.uint64(30))) * _FIRST64
    z = (z ^ (z >> np.uint64(27))) * _SECOND64
    return z ^ (z >> np.uint64(31))


@step
def key_of(seed, epoch, p):
    """The key of the masks of sample p."""
    return _mix(_mix(_mix(seed) + np.uint64(epoch)) + np.uint64(p))


@step
def key_of_layer(key, layer):
    """The key of a layer's mask; layer 0 are the inputs."""
    return _mix(key + np.uint64(layer))


@inlined
def hashed(key, j):
    """32 bits from a key of 64 and the number j.

    Numba widens sums and products of 32 bits to 64; narrowed at once, eight fit in a register. (The multipliers are
    those of C. Wellons' hash-prospector.)
    """
    h = np.uint32(np.uint32(key) + np.uint32(np.uint32(j) * _STEP32))
    h = np.uint32((h ^ (h >> np.uint32(16))) * _FIRST32)
    h = np.uint32((h ^ (h >> np.uint32(15))) * _SECOND32)
    return np.uint32(h ^ (h >> np.uint32(16)) ^ np.uint32(key >> _HALF))


@inlined
def is_kept(key, j, threshold):
    """Whether neuron j, from 0, is kept."""
    return hashed(key, j) >= threshold


@kernel
def drop(Tab, key, first, dropout):
    """Set the neurons that are not kept to 0, and multiply the others by `dropout.scale`; or do so with their errors.

    Tab: (m,), the neurons from number `first` of their layer on; written. A kernel, so that LLVM makes vectors of it.
    """
    zero = like(dropout.scale, 0)
    for j in range(np.uint64(Tab.size)):
        kept = is_kept(key, np.uint64(first) + j, dropout.threshold)
        Tab[j] = Tab[j] * dropout.scale if kept else zero

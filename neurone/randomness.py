"""All randomness: raw words of NumPy's Philox, which stay the same from one NumPy version to the next.

NumPy promises no such thing of its distributions and `SeedSequence`, so neither is used: the seed is the
first half of the generator's key, the purpose of the words the second.
"""

import numpy as np

_INIT, _SHUFFLE, _HOLD_OUT, _DIGITS = range(4)
_WORDS_A_STEP = 4  # of Philox's counter


def _words(count, seed, purpose, part=0, first=0):
    """`count` words from number `first`, a multiple of 4, on; uint64, a function of the arguments alone."""
    key = np.array([seed, purpose << 32 | part], np.uint64)
    return np.random.Philox(key=key, counter=first // _WORDS_A_STEP).random_raw(count)


def _order(words):
    """A permutation of range(len(words)), int64: the order of the words' upper halves, equal ones as they come.

    By 16 bits at a time, the lower first, which NumPy sorts by counting: all 32 at once took three times as long.
    """
    low, high = ((words >> np.uint64(bits)).astype(np.uint16) for bits in (32, 48))
    order = np.argsort(low, kind="stable")
    return order[np.argsort(high[order], kind="stable")]


def uniform(count, seed, layer, first=0):
    """Random numbers for initial weights, from number `first`, a multiple of 4, on: float64 (count,) in [-0.5, 0.5).

    Multiples of 2^-24, so that they are the same numbers in either width.
    """
    return (_words(count, seed, _INIT, layer, first) >> np.uint64(40)) * 2.0**-24 - 0.5


def epoch_order(count, seed, epoch):
    """The order of an epoch's samples, int64 (count,): a function of (seed, epoch) alone."""
    return _order(_words(count, seed, _SHUFFLE, epoch))


def hold_out_order(count, seed):
    """The order in which samples are taken for validation, int64 (count,)."""
    return _order(_words(count, seed, _HOLD_OUT))


def digit_words(count, seed, first):
    """Words for the embedded digits, from number `first`, a multiple of 4, on; uint64 (count,)."""
    return _words(count, seed, _DIGITS, first=first)

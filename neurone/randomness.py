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


def windowed_order(count, seed, epoch, window, block):
    """The order of an epoch's samples that are read as blocks, `window` at a time: specification section 19.

    >>> windowed_order(10, seed=0, epoch=0, window=2, block=3).tolist()
    [9, 0, 1, 2, 3, 8, 5, 6, 7, 4]
    """
    order, done = np.empty(count, np.int64), 0
    blocks = epoch_order(-(-count // block), seed, epoch)
    for first in range(0, len(blocks), window):
        chosen = np.sort(blocks[first : first + window])  # so that equal words keep the samples' order
        samples = np.concatenate([np.arange(b * block, min((b + 1) * block, count)) for b in chosen])
        words = np.concatenate([_words_between(b * block, min((b + 1) * block, count), seed, epoch) for b in chosen])
        order[done : done + len(samples)] = samples[_order(words)]
        done += len(samples)
    return order


def _words_between(first, last, seed, epoch):
    """Those of an epoch's words that samples first to last - 1 have."""
    start = first - first % _WORDS_A_STEP
    return _words(last - start, seed, _SHUFFLE, epoch, start)[first - start :]


def hold_out_order(count, seed):
    """The order in which samples are taken for validation, int64 (count,)."""
    return _order(_words(count, seed, _HOLD_OUT))


def digit_words(count, seed, first):
    """Words for the embedded digits, from number `first`, a multiple of 4, on; uint64 (count,)."""
    return _words(count, seed, _DIGITS, first=first)

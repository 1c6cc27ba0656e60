"""Images as groups of neighbouring pixels, of which at least one is not 0: for batches.

Batches go through a tranche group by group. The rows of weights from a group's pixels come into the processor's
registers once, and stay there while they serve every sample that has the group. Pixels of 0 in a group, and those that
pad the last group, add nothing (see `sparse.py`).

lines      where each image's values begin, and where the last one's end: (P + 1,)
values     one for each pixel of each group; see `sparse.py`, as for `quotients`
present    uint64 (P, words): bit g % 64 of word g / 64 is set where the image has group g, which begins at
           TabXCachee[1 + g * size]; the words fill whole registers
holders    uint64 (64 * words,), the same for a tranche, transposed: bit e of [(g % 64) * words + g / 64] is set where
           sample e has group g

The size of a group, in pixels, is the length of the shape `rows` divided by that of a block's shape.
"""

import numpy as np

from neurone.kernels.jit import inlined, kernel, step
from neurone.kernels.simd import REGISTER, line, load, part, prefetch, store, width

# The bits of a word: of groups in `present`, of samples in `holders`.
BITS = 64


@kernel
def cut(pixels, group, lines, values, present):
    """Fill `lines`, `values` and `present` for images (P, n), in groups of len(group) pixels; returns whether there was
    room. `values` is to have room for a whole image more than the pixels that are not 0, were each alone in its group;
    present: zeros.

    There is no room if somebody has written to the images since their pixels were counted. Without branches, as
    `sparse.cut`.
    """
    images = pixels.images
    n, size = np.uint64(images.shape[1]), np.uint64(len(group))
    most = np.uint64(values.size) - (n + size - np.uint64(1)) // size * size
    t = np.uint64(0)
    for p in range(np.uint64(images.shape[0])):
        if t > most:
            return False
        lines[p] = t
        for first in range(np.uint64(0), n // size, np.uint64(BITS)):
            bits = np.uint64(0)
            for g in range(first, min(first + np.uint64(BITS), n // size)):
                others = False
                for k in range(size):
                    x = images[p, g * size + k]
                    values[t + k] = x
                    others |= x != 0
                bits |= np.uint64(others) << (g - first)
                t += size * np.uint64(others)
            present[p, first // np.uint64(BITS)] = bits
        if n % size:
            g, others = n // size, False
            for k in range(size):
                x = images[p, g * size + k] if g * size + k < n else images[p, 0] * 0
                values[t + k] = x
                others |= x != 0
            present[p, g // np.uint64(BITS)] |= np.uint64(others) << (g % np.uint64(BITS))
            t += size * np.uint64(others)
    lines[images.shape[0]] = t
    return True


@kernel
def regroup(lines_before, columns, values_before, group, lines, values, present):
    """As `cut`, for images that are lists. values, present: zeros."""
    t = 0
    for p in range(lines.size - 1):
        lines[p] = t
        last = -1
        for s in range(lines_before[p], lines_before[p + 1]):
            i = np.int64(columns[s]) - 1
            g = i // group
            if g != last:
                last = g
                present[p, g // BITS] |= np.uint64(1) << np.uint64(g % BITS)
                t += group
            values[t - group + i % group] = values_before[s]
    lines[lines.size - 1] = t


@inlined
def anticipate(samples, rows, q, count):
    """Prefetch the sample `count` after the q-th: in a shuffled order, samples come from memory.

    To know where it stands, its `lines` are prefetched another `count` samples earlier. Called between other work,
    since only a few requests can be under way.
    """
    present, lines, values = samples.present, samples.lines, samples.values
    words = present.shape[1]
    q += count
    if q + count < rows.size:
        prefetch(lines, rows[q + count])
    if q < rows.size:
        p = rows[q]
        for t in range(lines[p], lines[p + 1], 64 // values.itemsize):
            prefetch(values, t)  # a cache line
        prefetch(values, lines[p + 1] - 1)
        for word in range(0, words, 8):
            prefetch(part(present, 0, present.size), p * words + word)


@step
def find_holders(present, rows, tranche, holders):
    """Which samples of a tranche, at most BITS, have each group. holders: written."""
    words, together = present.shape[1], width(holders, REGISTER)
    for e in range(tranche.count):
        for word in range(0, words, together):
            store(holders, e * words + word, load(line(present, rows[tranche.q + e]), word, REGISTER))
    holders[tranche.count * words :] = 0
    # Transpose each square of BITS by BITS bits: exchange its upper right and lower left quarters, then those of each
    # quarter, and so on. As many squares at a time, side by side, as a register has words.
    for word in range(0, words, together):
        half, mask = BITS // 2, np.uint64(0xFFFFFFFF)
        while half:
            for first in range(0, BITS, 2 * half):
                for e in range(first, first + half):
                    upper = load(holders, e * words + word, REGISTER)
                    lower = load(holders, (e + half) * words + word, REGISTER)
                    different = ((upper >> half) ^ lower) & mask
                    store(holders, e * words + word, upper ^ (different << half))
                    store(holders, (e + half) * words + word, lower ^ different)
            half //= 2
            mask ^= mask << np.uint64(half)


@inlined
def holders_of(holders, g):
    """The samples of a tranche that have group g, a bit for each."""
    return holders[(g & (BITS - 1)) * (holders.size // BITS) + g // BITS]

"""Images as the list of their pixels that are not 0: of MNIST, one in five.

A pixel of 0 adds exactly nothing to a sum (NOTES section 7), so leaving it out changes no bit. There is one exception,
the sign of a zero: a sum that underflowed to -0 would become 0 at the next such pixel, and stays -0 here. That can show
in the sign of an output of 0, and of a parameter of -0; products that underflow are below 1e-45, or 1e-323.

lignes     where each image's pixels begin in the two arrays behind, and where the last one's end: (P + 1,)
colonnes   the pixels' places i in TabXCachee, from 1: the bias neuron is not listed
valeurs    what `pixel` makes TabXCachee[i] of: bytes as they came, since an epoch waits for memory, or normalised
quotients  the 256 bytes normalised; empty where there are none
"""

import numpy as np
from numba import types

from neurone.kernels.elementary import like
from neurone.kernels.jit import kernel, overload, step
from neurone.kernels.simd import looked_up, prefetch, strided


def pixel(quotients, valeur):
    """TabXCachee[i]."""


@overload(pixel)
def _pixel(quotients, valeur):
    if isinstance(valeur, types.Integer):
        return lambda quotients, valeur: quotients[valeur]
    return lambda quotients, valeur: valeur


def pixels(quotients, valeurs, t, formes, forme):
    """TabXCachee of the pixels whose values begin at valeurs[t]: as many as `formes` is times as long as `forme`."""


@overload(pixels)
def _pixels(quotients, valeurs, t, formes, forme):
    if isinstance(valeurs.dtype, types.Integer):
        return lambda quotients, valeurs, t, formes, forme: looked_up(quotients, strided(valeurs, t, 1, formes, forme))
    return lambda quotients, valeurs, t, formes, forme: strided(valeurs, t, 1, formes, forme)


@kernel
def as_bytes(images, quotients, octets):
    """Fill `octets`, images (P, n) as bytes, if each pixel is one of `quotients`, those of bytes; and tell whether."""
    for p in range(np.uint64(images.shape[0])):
        autres = 0
        for i in range(np.uint64(images.shape[1])):
            x = like(quotients[0], images[p, i])
            octet = np.uint8(min(max(x, like(x, 0)), like(x, 1)) * like(x, 255) + like(x, 0.5))
            octets[p, i] = octet
            autres += quotients[octet] != x
        if autres:
            return False
    return True


@kernel
def count(images, lignes):
    """Fill `lignes` (P + 1,) for images (P, n)."""
    lignes[0] = 0
    for p in range(images.shape[0]):
        autres = 0
        for i in range(images.shape[1]):
            autres += images[p, i] != 0
        lignes[p + 1] = lignes[p] + autres


@kernel
def cut(images, colonnes, valeurs):
    """Fill `colonnes` and `valeurs` for images (P, n). Both have a place more than there are pixels that are not 0.

    Every pixel is written and, if it is 0, overwritten by the next: a branch would be mispredicted at every edge of
    every stroke, which took 5 times as long.
    """
    t = np.uint64(0)  # unsigned, or Numba asks of each index whether it counts from the end
    for p in range(np.uint64(images.shape[0])):
        for i in range(np.uint64(images.shape[1])):
            x = images[p, i]
            colonnes[t] = i + np.uint64(1)
            valeurs[t] = x
            t += np.uint64(x != 0)


@step
def anticipate(lignes, colonnes, valeurs, ordre, q):
    """Ask for the pixels of the sample after the q-th: in a shuffled order they come from memory, 30 % of an epoch."""
    if lignes.size and q + 1 < ordre.size:
        p = ordre[q + 1]
        for t in range(lignes[p], lignes[p + 1], 64 // max(colonnes.itemsize, valeurs.itemsize)):
            prefetch(valeurs, t)  # a cache line
            prefetch(colonnes, t)

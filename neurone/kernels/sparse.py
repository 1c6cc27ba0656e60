"""Images as the list of their pixels that are not 0: of MNIST, one in five.

A pixel of 0 adds exactly nothing to a sum (NOTES section 7), so leaving it out changes no bit. There is one exception,
the sign of a zero: a sum that underflowed to -0 would become 0 at the next such pixel, and stays -0 here. That can show
in the sign of an output of 0, and of a parameter of -0; products that underflow are below 1e-45, or 1e-323.

lignes     where each image's pixels begin in the two arrays behind, and where the last one's end: (P + 1,)
colonnes   the pixels' places i in TabXCachee, from 1: the bias neuron is not listed
valeurs    TabXCachee[i], normalised
"""

from neurone.kernels import kernel
from neurone.kernels.elementary import like


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
def cut(images, diviseur, colonnes, valeurs):
    """Fill `colonnes` and `valeurs` for images (P, n). Both have a place more than there are pixels that are not 0.

    Every pixel is written and, if it is 0, overwritten by the next: a branch would be mispredicted at every edge of
    every stroke, which took 5 times as long.
    """
    t = 0
    for p in range(images.shape[0]):
        for i in range(images.shape[1]):
            colonnes[t] = 1 + i
            valeurs[t] = like(diviseur, images[p, i]) / diviseur
            t += images[p, i] != 0

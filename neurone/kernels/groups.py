"""Images as the groups of pixels, next to each other, of which one at least is not 0: for batches.

Taken group by group over all samples of a tranche, the rows of weights from a group's pixels come into the processor's
registers once, and stay there while one sample after another that has the group goes by. What pixels of 0 in a group
add is nothing, and so is what those add that fill the last one up (see `sparse.py`).

lignes     where each image's values begin, and where the last one's end: (P + 1,)
valeurs    of each group, one value for each of its pixels; see `sparse.py`, as for `quotients`
presences  uint64 (P, mots): bit g % 64 of word g / 64 is set where the image has group g, pixels 1 + g * ensemble on
           of TabXCachee; mots fills whole registers

`groupe` is a tuple as long as a group has pixels, which are `ensemble`.
"""

import numpy as np

from neurone.kernels.jit import inlined, kernel, step
from neurone.kernels.simd import REGISTER, load, part, prefetch, store, width

# The bits of a word: of groups in `presences`, of samples in `porteurs`.
BITS = 64


@kernel
def cut(images, groupe, lignes, valeurs, presences):
    """Fill the last three for images (P, n). `valeurs` has room for a group more than there are; presences: zeros.

    Without branches, as `sparse.cut`.
    """
    n, ensemble = np.uint64(images.shape[1]), np.uint64(len(groupe))
    t = np.uint64(0)
    for p in range(np.uint64(images.shape[0])):
        lignes[p] = t
        for premier in range(np.uint64(0), n // ensemble, np.uint64(BITS)):
            bits = np.uint64(0)
            for g in range(premier, min(premier + np.uint64(BITS), n // ensemble)):
                autres = False
                for k in range(ensemble):
                    x = images[p, g * ensemble + k]
                    valeurs[t + k] = x
                    autres |= x != 0
                bits |= np.uint64(autres) << (g - premier)
                t += ensemble * np.uint64(autres)
            presences[p, premier // np.uint64(BITS)] = bits
        if n % ensemble:
            g, autres = n // ensemble, False
            for k in range(ensemble):
                x = images[p, g * ensemble + k] if g * ensemble + k < n else images[p, 0] * 0
                valeurs[t + k] = x
                autres |= x != 0
            presences[p, g // np.uint64(BITS)] |= np.uint64(autres) << (g % np.uint64(BITS))
            t += ensemble * np.uint64(autres)
    lignes[images.shape[0]] = t


@kernel
def regroup(lignes_avant, colonnes, valeurs_avant, ensemble, lignes, valeurs, presences):
    """As `cut`, for images that `sparse.cut` has been to. valeurs, presences: zeros."""
    t = 0
    for p in range(lignes.size - 1):
        lignes[p] = t
        dernier = -1
        for s in range(lignes_avant[p], lignes_avant[p + 1]):
            i = np.int64(colonnes[s]) - 1
            g = i // ensemble
            if g != dernier:
                dernier = g
                presences[p, g // BITS] |= np.uint64(1) << np.uint64(g % BITS)
                t += ensemble
            valeurs[t - ensemble + i % ensemble] = valeurs_avant[s]
    lignes[lignes.size - 1] = t


@inlined
def anticipate(presences, lignes, valeurs, ordre, q, echantillons):
    """Ask for the sample so many behind the q-th: in a shuffled order they come from memory.

    So does where it stands, asked for as long before. Between other work, since only so many can be under way.
    """
    mots = presences.shape[1]
    q += echantillons
    if q + echantillons < ordre.size:
        prefetch(lignes, ordre[q + echantillons])
    if q < ordre.size:
        p = ordre[q]
        for t in range(lignes[p], lignes[p + 1], 64 // valeurs.itemsize):
            prefetch(valeurs, t)  # a cache line
        prefetch(valeurs, lignes[p + 1] - 1)
        for mot in range(0, mots, 8):
            prefetch(part(presences, 0, presences.size), p * mots + mot)


@step
def by_group(presences, ordre, q, echantillons, porteurs):
    """Which of so many samples, at most BITS, the first being the q-th of `ordre`, have each group.

    porteurs: uint64 (BITS * mots,), written: bit e of [(g % BITS) * mots + g / BITS] is set where sample e has group g.
    """
    mots, cote_a_cote = presences.shape[1], width(porteurs, REGISTER)
    toutes = part(presences, 0, presences.size)
    for e in range(echantillons):
        p = ordre[q + e]
        for mot in range(0, mots, cote_a_cote):
            store(porteurs, e * mots + mot, load(toutes, p * mots + mot, REGISTER))
    porteurs[echantillons * mots :] = 0
    # Rows and columns of each square of BITS by BITS bits exchanged: of its halves, of their halves, ...; at a time, as
    # many squares side by side as a register has words.
    for mot in range(0, mots, cote_a_cote):
        pas, masque = BITS // 2, np.uint64(0xFFFFFFFF)
        while pas:
            for debut in range(0, BITS, 2 * pas):
                for e in range(debut, debut + pas):
                    haut = load(porteurs, e * mots + mot, REGISTER)
                    bas = load(porteurs, (e + pas) * mots + mot, REGISTER)
                    autres = ((haut >> pas) ^ bas) & masque
                    store(porteurs, e * mots + mot, haut ^ (autres << pas))
                    store(porteurs, (e + pas) * mots + mot, bas ^ autres)
            pas //= 2
            masque ^= masque << np.uint64(pas)

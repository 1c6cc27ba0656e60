"""One sample at a time, in vectors: forward, delta, gradient and correction of the notes, the same bits.

Parameters stand in padded copies made of blocks (`neurone.kernels.simd`). The outputs of a layer are cut into
`blocs[couche]` blocks of `largeur` numbers; a block's rows follow each other, row 0 being the bias's:

LesPoids      of layer `couche`, from its n inputs, i to j of block b:  debut[couche] + (b * (n + 1) + i) * largeur + j
Transposees   the layers behind the first once more, inputs and outputs exchanged, without the bias's row; the
              errors of a hidden layer are sums over outputs, and vectors run along its neurons. From the m
              neurons k of `couche` to neuron j of block b before it:  retour[couche] + (b * m + k) * largeur + j
TabOutput, Delta, rang  as in notes.py, but that a layer's neurons begin at the start of a register
forme, forme_sortie     tuples as long as a block of a hidden layer, and of the output, has registers

Numbers that fill a block up have no meaning. None of them reaches a number that has: lanes never mix.
"""

import numpy as np

from neurone.constants import SOFTMAX
from neurone.kernels import kernel, notes
from neurone.kernels.elementary import activate, derivative, descend, exp, like, madd
from neurone.kernels.simd import load, prefetch, store, width


@kernel
def forward_sparse(LesPoids, debut, colonnes, valeurs, premiere, derniere, forme):
    """sigma of a block: the bias's row, then those of an image's pixels that are not 0."""
    largeur = width(LesPoids, forme)
    sigma = load(LesPoids, debut, forme)
    sigma = sigma + like(sigma, 0)  # sums start from 0, which makes 0 of a bias of -0
    for t in range(premiere, derniere):
        sigma = madd(valeurs[t], load(LesPoids, debut + np.int64(colonnes[t]) * largeur, forme), sigma)
    return sigma


@kernel
def forward_dense(LesPoids, debut, X, forme):
    """sigma of a block, of all inputs. X: (n + 1,), the bias neuron first."""
    largeur = width(LesPoids, forme)
    sigma = load(LesPoids, debut, forme)
    sigma = sigma + like(sigma, 0)
    for i in range(1, X.size):
        sigma = madd(X[i], load(LesPoids, debut + i * largeur, forme), sigma)
    return sigma


@kernel
def output(sortie, pente, tau, yhat, outputs, forme):
    """yhat = gs(tau), both filled up to whole blocks; returns softmax's (max, S), else (0, 1)."""
    largeur = width(tau, forme)
    if sortie != SOFTMAX:
        for j in range(0, tau.size, largeur):
            store(yhat, j, activate(sortie, load(tau, j, forme), pente))
        return like(pente, 0), like(pente, 1)
    plus_grand = tau[0]
    for k in range(1, outputs):
        if tau[k] > plus_grand:
            plus_grand = tau[k]
    for j in range(0, tau.size, largeur):
        store(yhat, j, exp(load(tau, j, forme) - plus_grand))
    S = like(plus_grand, 0)
    for k in range(outputs):
        S += yhat[k]
    for j in range(0, tau.size, largeur):
        store(yhat, j, load(yhat, j, forme) / S)
    return plus_grand, S


@kernel
def delta_hidden(Transposees, debut, DeltaSuivante, u, activation, pente, forme):
    """DeltaCachee of a block: g'(sigma_j) sum_k z_jk delta_k. DeltaSuivante: (m,)."""
    largeur = width(Transposees, forme)
    s = like(u, 0)
    for k in range(DeltaSuivante.size):
        s = madd(DeltaSuivante[k], load(Transposees, debut + k * largeur, forme), s)
    return derivative(activation, u, pente) * s


@kernel
def correct_sparse(LesPoids, debut, colonnes, valeurs, premiere, derniere, delta, pas, forme):
    """The rows of a block from the bias and from an image's pixels that are not 0: at the others G is 0."""
    largeur = width(LesPoids, forme)
    descend(LesPoids, debut, (-pas, like(pas, 1), delta))
    for t in range(premiere, derniere):
        descend(LesPoids, debut + np.int64(colonnes[t]) * largeur, (-pas, valeurs[t], delta))


@kernel
def correct_dense(LesPoids, debut, X, delta, pas, forme):
    """All rows of a block, one for each of X."""
    largeur = width(LesPoids, forme)
    for i in range(X.size):
        descend(LesPoids, debut + i * largeur, (-pas, X[i], delta))


@kernel
def forward(
    LesPoids, debut, unites, rang, blocs, activation, sortie, pente,
    colonnes, valeurs, premiere, derniere, TabOutput, tau, forme, forme_sortie,
):  # fmt: skip
    """As `notes.forward`; from an image's pixels that are not 0 or, where `colonnes` is empty, from TabXCachee."""
    L = unites.size - 1
    largeur, largeur_sortie = width(LesPoids, forme), width(LesPoids, forme_sortie)
    for couche in range(1, L):
        n = unites[couche - 1]
        for b in range(blocs[couche]):
            place = debut[couche] + b * (n + 1) * largeur
            if couche == 1 and colonnes.size:
                sigma = forward_sparse(LesPoids, place, colonnes, valeurs, premiere, derniere, forme)
            else:
                sigma = forward_dense(LesPoids, place, notes.with_bias(TabOutput, unites, rang, couche - 1), forme)
            store(TabOutput, rang[couche] + b * largeur, activate(activation, sigma, pente))
    for b in range(blocs[L]):
        place = debut[L] + b * (unites[L - 1] + 1) * largeur_sortie
        if L == 1 and colonnes.size:
            sigma = forward_sparse(LesPoids, place, colonnes, valeurs, premiere, derniere, forme_sortie)
        else:
            sigma = forward_dense(LesPoids, place, notes.with_bias(TabOutput, unites, rang, L - 1), forme_sortie)
        store(tau, b * largeur_sortie, sigma)
    return output(sortie, pente, tau, TabOutput[rang[L] : rang[L] + tau.size], unites[L], forme_sortie)


@kernel
def backward(Transposees, retour, unites, rang, blocs, activation, pente, TabOutput, Delta, forme):
    """The errors of the hidden layers, last to first."""
    largeur = width(Transposees, forme)
    for couche in range(unites.size - 1, 1, -1):
        m = unites[couche]
        for b in range(blocs[couche - 1]):
            j = rang[couche - 1] + b * largeur
            place = retour[couche] + b * m * largeur
            u = load(TabOutput, j, forme)
            DeltaSuivante = notes.neurons(Delta, unites, rang, couche)
            store(Delta, j, delta_hidden(Transposees, place, DeltaSuivante, u, activation, pente, forme))


@kernel
def correction(
    LesPoids, Transposees, debut, retour, unites, rang, blocs,
    colonnes, valeurs, premiere, derniere, TabOutput, Delta, pas, forme, forme_sortie,
):  # fmt: skip
    """Every layer's gradient of one sample, and its correction; of both copies of a layer that has two."""
    L = unites.size - 1
    largeur, largeur_sortie = width(LesPoids, forme), width(LesPoids, forme_sortie)
    for couche in range(1, L):
        n = unites[couche - 1]
        for b in range(blocs[couche]):
            delta = load(Delta, rang[couche] + b * largeur, forme)
            place = debut[couche] + b * (n + 1) * largeur
            if couche == 1 and colonnes.size:
                correct_sparse(LesPoids, place, colonnes, valeurs, premiere, derniere, delta, pas, forme)
            else:
                correct_dense(LesPoids, place, notes.with_bias(TabOutput, unites, rang, couche - 1), delta, pas, forme)
    for b in range(blocs[L]):
        delta = load(Delta, rang[L] + b * largeur_sortie, forme_sortie)
        place = debut[L] + b * (unites[L - 1] + 1) * largeur_sortie
        if L == 1 and colonnes.size:
            correct_sparse(LesPoids, place, colonnes, valeurs, premiere, derniere, delta, pas, forme_sortie)
        else:
            X = notes.with_bias(TabOutput, unites, rang, L - 1)
            correct_dense(LesPoids, place, X, delta, pas, forme_sortie)
    for couche in range(2, L + 1):
        # The product of error and output is the same whichever of the two runs along the vector.
        for b in range(blocs[couche - 1]):
            u = load(TabOutput, rang[couche - 1] + b * largeur, forme)
            place = retour[couche] + b * unites[couche] * largeur
            correct_dense(Transposees, place, notes.neurons(Delta, unites, rang, couche), u, pas, forme)


@kernel
def anticipate(lignes, colonnes, valeurs, ordre, q):
    """Ask for the pixels of the sample after the q-th: in a shuffled order they come from memory, 30 % of an epoch."""
    if lignes.size and q + 1 < ordre.size:
        p = ordre[q + 1]
        for t in range(lignes[p], lignes[p + 1], 64 // valeurs.itemsize):  # the numbers in a cache line
            prefetch(valeurs, t)
            prefetch(colonnes, t)


@kernel
def inputs(images, diviseur, lignes, p, TabXCachee):
    """Where image p's pixels stand in colonnes and valeurs; or nowhere, and all of them in TabXCachee."""
    if lignes.size:
        return lignes[p], lignes[p + 1]
    notes.normalisation(images[p], diviseur, TabXCachee)
    return 0, 0


@kernel
def errors(
    LesPoids, Transposees, debut, retour, unites, rang, blocs, activation, sortie, pente, cout,
    colonnes, valeurs, premiere, derniere, etiquettes, cibles, p, TabOutput, Delta, tau, y, bilan, forme, forme_sortie,
):  # fmt: skip
    """Outputs and errors of every layer for sample p, after `inputs`; its cost and wrong answer go to `bilan`."""
    L = unites.size - 1
    TabOutputSortie, DeltaSortie = notes.neurons(TabOutput, unites, rang, L), notes.neurons(Delta, unites, rang, L)
    notes.target(etiquettes, cibles, p, y)
    plus_grand, S = forward(
        LesPoids, debut, unites, rang, blocs, activation, sortie, pente,
        colonnes, valeurs, premiere, derniere, TabOutput, tau, forme, forme_sortie,
    )  # fmt: skip
    bilan[0] = notes.sample_cost(cout, sortie, pente, y, TabOutputSortie, tau, plus_grand, S, bilan[0])
    if etiquettes.size:
        bilan[1] += notes.wrong(etiquettes, p, TabOutputSortie)
    notes.delta_output(cout, sortie, pente, y, TabOutputSortie, DeltaSortie)
    backward(Transposees, retour, unites, rang, blocs, activation, pente, TabOutput, Delta, forme)


@kernel
def train(
    LesPoids, Transposees, debut, retour, unites, rang, blocs, activation, sortie, pente, cout,
    images, diviseur, lignes, colonnes, valeurs, etiquettes, cibles, ordre, premier, dernier, alpha,
    TabOutput, Delta, tau, y, bilan, forme, forme_sortie,
):  # fmt: skip
    """As `notes.train` with P = 1, where mean and total are the same."""
    TabXCachee = notes.with_bias(TabOutput, unites, rang, 0)
    for q in range(premier, dernier):
        p = ordre[q]
        anticipate(lignes, colonnes, valeurs, ordre, q)
        premiere, derniere = inputs(images, diviseur, lignes, p, TabXCachee)
        errors(
            LesPoids, Transposees, debut, retour, unites, rang, blocs, activation, sortie, pente, cout,
            colonnes, valeurs, premiere, derniere, etiquettes, cibles, p,
            TabOutput, Delta, tau, y, bilan, forme, forme_sortie,
        )  # fmt: skip
        correction(
            LesPoids, Transposees, debut, retour, unites, rang, blocs,
            colonnes, valeurs, premiere, derniere, TabOutput, Delta, alpha, forme, forme_sortie,
        )  # fmt: skip


@kernel
def predict(
    LesPoids, debut, unites, rang, blocs, activation, sortie, pente,
    images, diviseur, lignes, colonnes, valeurs, TabOutput, tau, reponses, forme, forme_sortie,
):  # fmt: skip
    """As `notes.predict`."""
    TabXCachee = notes.with_bias(TabOutput, unites, rang, 0)
    for p in range(reponses.shape[0]):
        premiere, derniere = inputs(images, diviseur, lignes, p, TabXCachee)
        forward(
            LesPoids, debut, unites, rang, blocs, activation, sortie, pente,
            colonnes, valeurs, premiere, derniere, TabOutput, tau, forme, forme_sortie,
        )  # fmt: skip
        reponses[p] = notes.neurons(TabOutput, unites, rang, unites.size - 1)

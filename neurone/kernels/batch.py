"""Batches, in vectors: the same bits as notes.py.

Samples are taken by tranches, a few at a time, so that memory does not grow with the batch: forward and delta of
each, as in online.py, then the gradients of all. Parameters stand as in online.py, and Gradient as LesPoids;
TabOutput and Delta have a row for each sample of a tranche, which holds the `echantillons` samples of `ordre`
from the `q`-th on.

A row of the gradient is a sum over samples, in their order, and is wanted by every sample that has its pixel. So
rows are taken by bands that fit a cache, and a band is corrected while it is still there.
"""

import numpy as np

from neurone.kernels import kernel, notes
from neurone.kernels.elementary import accumulate, like, madd
from neurone.kernels.online import anticipate, errors, inputs
from neurone.kernels.simd import load, store, width


@kernel
def gradient_sparse(Gradient, debut, limite, colonnes, valeurs, ici, fin, delta, forme):
    """One sample's part of a block's rows: from its pixel `ici` on, before row `limite`; returns where it stopped."""
    largeur = width(Gradient, forme)
    while ici < fin and colonnes[ici] < limite:
        accumulate(Gradient, debut + np.int64(colonnes[ici]) * largeur, (valeurs[ici], delta))
        ici += 1
    return ici


@kernel
def gradient_dense(Gradient, place, X, i, Delta, j, echantillons, forme):
    """One row of a block, of all samples: its sums stay in registers. X_i is X[e, i], delta_j Delta[e, j:]."""
    G = load(Gradient, place, forme)
    for e in range(echantillons):
        G = madd(X[e, i], load(Delta[e], j, forme), G)
    store(Gradient, place, G)


@kernel
def correct_block(
    LesPoids, Gradient, debut, n, bande, creux, lignes, colonnes, valeurs, ordre, q, echantillons,
    TabOutput, biais, Delta, j, nouveau, complet, pas, ici, forme,
):  # fmt: skip
    """Add a tranche to a block's gradient, band by band, and correct the band if the batch is complete.

    creux: inputs are the pixels of `colonnes`, not TabOutput[:, biais : biais + n + 1]. Errors: Delta[:, j:].
    nouveau: the batch begins with this tranche. ici: (tranche,), where each sample's next pixel stands.
    """
    largeur = width(LesPoids, forme)
    for rangee in range(0, n + 1, bande):
        limite = min(rangee + bande, n + 1)
        premier, dernier = debut + rangee * largeur, debut + limite * largeur
        if nouveau:
            Gradient[premier:dernier] = 0
        if creux:
            for e in range(echantillons):
                p = ordre[q + e]
                delta = load(Delta[e], j, forme)
                if rangee == 0:
                    ici[e] = lignes[p]
                    accumulate(Gradient, debut, (like(pas, 1), delta))
                ici[e] = gradient_sparse(
                    Gradient, debut, limite, colonnes, valeurs, ici[e], lignes[p + 1], delta, forme
                )
        else:
            for i in range(rangee, limite):
                gradient_dense(Gradient, debut + i * largeur, TabOutput, biais + i, Delta, j, echantillons, forme)
        if complet:
            for place in range(premier, dernier, largeur):
                accumulate(LesPoids, place, (-pas, load(Gradient, place, forme)))


@kernel
def transpose(LesPoids, Transposees, debut, retour, unites, forme, forme_sortie):
    """Transposees as LesPoids has become."""
    L = unites.size - 1
    largeur = width(LesPoids, forme)
    for couche in range(2, L + 1):
        n, m = unites[couche - 1], unites[couche]
        largeur_k = width(LesPoids, forme_sortie) if couche == L else largeur
        for i in range(n):
            for k in range(m):
                place = debut[couche] + (k // largeur_k * (n + 1) + 1 + i) * largeur_k + k % largeur_k
                Transposees[retour[couche] + (i // largeur * m + k) * largeur + i % largeur] = LesPoids[place]


@kernel
def train(
    LesPoids, Transposees, debut, retour, unites, rang, blocs, activation, sortie, pente, cout,
    images, diviseur, lignes, colonnes, valeurs, etiquettes, cibles, ordre, premier, dernier, P, total, alpha,
    TabOutput, Delta, Gradient, tau, y, ici, bande, bilan, forme, forme_sortie,
):  # fmt: skip
    """As `notes.train`. TabOutput, Delta: (tranche, ...). bande: rows of a band."""
    L = unites.size - 1
    largeur, largeur_sortie = width(LesPoids, forme), width(LesPoids, forme_sortie)
    q = premier
    while q < dernier:
        debut_lot = q - q % P
        fin_lot = min(debut_lot + P, ordre.size)
        echantillons = min(TabOutput.shape[0], fin_lot - q, dernier - q)
        for e in range(echantillons):
            p = ordre[q + e]
            anticipate(lignes, colonnes, valeurs, ordre, q + e)
            TabXCachee = notes.with_bias(TabOutput[e], unites, rang, 0)
            premiere, derniere = inputs(images, diviseur, lignes, p, TabXCachee)
            errors(
                LesPoids, Transposees, debut, retour, unites, rang, blocs, activation, sortie, pente, cout,
                colonnes, valeurs, premiere, derniere, etiquettes, cibles, p,
                TabOutput[e], Delta[e], tau, y, bilan, forme, forme_sortie,
            )  # fmt: skip

        nouveau, complet = q == debut_lot, q + echantillons == fin_lot
        pas = alpha if total else alpha / like(alpha, fin_lot - debut_lot)
        for couche in range(1, L + 1):
            n = unites[couche - 1]
            biais = rang[couche - 1] - 1
            creux = couche == 1 and lignes.size > 0
            for b in range(blocs[couche]):
                if couche < L:
                    correct_block(
                        LesPoids, Gradient, debut[couche] + b * (n + 1) * largeur, n, bande,
                        creux, lignes, colonnes, valeurs, ordre, q, echantillons, TabOutput, biais,
                        Delta, rang[couche] + b * largeur, nouveau, complet, pas, ici, forme,
                    )  # fmt: skip
                else:
                    correct_block(
                        LesPoids, Gradient, debut[couche] + b * (n + 1) * largeur_sortie, n, bande,
                        creux, lignes, colonnes, valeurs, ordre, q, echantillons, TabOutput, biais,
                        Delta, rang[couche] + b * largeur_sortie, nouveau, complet, pas, ici, forme_sortie,
                    )  # fmt: skip
        if complet:
            transpose(LesPoids, Transposees, debut, retour, unites, forme, forme_sortie)
        q += echantillons

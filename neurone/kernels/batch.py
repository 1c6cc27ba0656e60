"""Batches, in vectors and by several threads: the same bits as notes.py.

Samples are taken by tranches, a few at a time, so that memory does not grow with the batch. Of each tranche every
thread of the team takes a part through forward and delta. They meet; then each takes its rows of the gradient, sums
over all the tranche's samples in their order, and, where a batch ends, corrects them. They meet again, and the next
tranche begins.

Parameters stand as in online.py, and Gradient as LesPoids. The arrays that have a row for each sample, such as
TabOutput and Delta, hold `chacun` rows for each thread: a tranche's e-th sample
is the (e % chacun)-th of thread e // chacun.

A layer of few neurons has too few running sums to keep the processor busy, so several samples of it go forward, and
several rows of its gradient are summed, at a time: `formes` is a tuple as long as so many blocks have registers.
"""

import numpy as np

from neurone.kernels import kernel, notes, step
from neurone.kernels.elementary import accumulate, like, madd, outer
from neurone.kernels.online import (
    activations,
    anticipate,
    derivatives,
    forward_sparse,
    layer,
    line,
    neurons,
    outcome,
    output,
    weighted_deltas,
    with_bias,
)  # fmt: skip
from neurone.kernels.simd import load, lowest_bit, part, store, store_rows, width
from neurone.kernels.sparse import by_pixel, pixel
from neurone.kernels.team import meet

# Rows that a thread takes in one go: a cache line of Transposees, so that no two threads write to one.
ROWS = 16


@step
def forward_dense(LesPoids, debut, n, X, x, ecart, sigma, j, ecart_sigma, forme, formes):
    """sigma of a block for several samples, sigma[j + r * ecart_sigma:], from their inputs X[x + r * ecart:]."""
    largeur = width(LesPoids, forme)
    s = like(load(LesPoids, debut, formes), 0)
    for i in range(n + 1):
        s = outer(s, X, x + i, ecart, load(LesPoids, debut + i * largeur, forme))
    store_rows(sigma, j, ecart_sigma, forme, s)


@step
def first_layer(
    LesPoids, debut, n, blocs, lignes, colonnes, valeurs, quotients, ordre, q, premier, dernier, Sigma, rang, forme,
):  # fmt: skip
    """sigma of the layer behind the inputs, in Sigma[e, rang:], e from `premier` to `dernier`, of samples q and on.

    Block by block, because all samples want a block's rows.
    """
    largeur = width(LesPoids, forme)
    sigma, ecart = part(Sigma, 0, Sigma.size), Sigma.shape[1]
    for b in range(blocs):
        place = debut + b * (n + 1) * largeur
        for e in range(premier, dernier):
            t = q + e - premier
            p = ordre[t]
            anticipate(lignes, colonnes, valeurs, ordre, t)
            forward_sparse(
                LesPoids, place, colonnes, valeurs, quotients, lignes[p], lignes[p + 1],
                sigma, e * ecart + rang + b * largeur, forme,
            )  # fmt: skip


@step
def next_layer(LesPoids, debut, n, blocs, TabOutput, x, premier, dernier, Sigma, rang, forme, formes):
    """The same of a layer whose inputs are TabOutput[e, x:], the bias neuron first."""
    largeur = width(LesPoids, forme)
    plusieurs = width(LesPoids, formes) // largeur
    X, ecart_x = part(TabOutput, 0, TabOutput.size), TabOutput.shape[1]
    sigma, ecart = part(Sigma, 0, Sigma.size), Sigma.shape[1]
    milieu = dernier - (dernier - premier) % plusieurs
    for b in range(blocs):
        place = debut + b * (n + 1) * largeur
        j = rang + b * largeur
        for e in range(premier, milieu, plusieurs):
            forward_dense(LesPoids, place, n, X, e * ecart_x + x, ecart_x, sigma, e * ecart + j, ecart, forme, formes)
        for e in range(milieu, dernier):
            forward_dense(LesPoids, place, n, X, e * ecart_x + x, ecart_x, sigma, e * ecart + j, ecart, forme, forme)


@step
def forward(
    LesPoids, debut, unites, rang, blocs, activation, pente, images, diviseur, lignes, colonnes, valeurs, quotients,
    ordre, q, premier, dernier, TabOutput, Delta, forme, formes, forme_sortie, formes_sortie,
):  # fmt: skip
    """Hidden layers, and tau in DeltaSortie's place, for the samples from `q` on, in rows `premier` to `dernier`."""
    L = unites.size - 1
    if lignes.size == 0:
        for e in range(premier, dernier):
            TabXCachee = with_bias(line(TabOutput, e), unites, rang, 0)
            notes.normalisation(line(images, ordre[q + e - premier]), diviseur, TabXCachee)
    for couche in range(1, L + 1):
        n, x = unites[couche - 1], rang[couche - 1] - 1
        Sigma = Delta if couche == L else TabOutput
        if couche == 1 and lignes.size:
            first_layer(
                LesPoids, debut[1], n, blocs[1], lignes, colonnes, valeurs, quotients, ordre, q, premier, dernier,
                Sigma, rang[1], forme,
            )  # fmt: skip
        elif couche < L:
            next_layer(
                LesPoids, debut[couche], n, blocs[couche], TabOutput, x, premier, dernier,
                Sigma, rang[couche], forme, formes,
            )  # fmt: skip
        else:
            next_layer(
                LesPoids, debut[L], n, blocs[L], TabOutput, x, premier, dernier,
                Sigma, rang[L], forme_sortie, formes_sortie,
            )  # fmt: skip
        if couche < L:
            for e in range(premier, dernier):
                U = layer(line(TabOutput, e), rang, blocs, couche, width(LesPoids, forme))
                activations(activation, pente, U, U)


@step
def backward(Transposees, retour, unites, rang, blocs, activation, pente, premier, dernier, TabOutput, Delta, forme):
    """The errors of the hidden layers, last to first, of the samples in rows `premier` to `dernier`."""
    largeur = width(Transposees, forme)
    for couche in range(unites.size - 1, 1, -1):
        m = unites[couche]
        for b in range(blocs[couche - 1]):
            place = retour[couche] + b * m * largeur
            for e in range(premier, dernier):
                delta = line(Delta, e)
                j = rang[couche - 1] + b * largeur
                weighted_deltas(Transposees, place, neurons(delta, unites, rang, couche), delta, j, forme)
        for e in range(premier, dernier):
            U = layer(line(TabOutput, e), rang, blocs, couche - 1, largeur)
            derivatives(activation, pente, U, layer(line(Delta, e), rang, blocs, couche - 1, largeur))


@step
def correct_first_layer(
    LesPoids, Gradient, debut, n, blocs, porteurs, grille, quotients, echantillons, chacun, Delta, rang,
    nouveau, complet, pas, moi, equipe, forme,
):  # fmt: skip
    """A thread's rows of the layer behind the inputs: their gradient and, where the batch is complete, correction.

    A pixel's row is a sum over the samples that have it; the bias's, over all. Errors: Delta[e, rang:].
    """
    largeur = width(LesPoids, forme)
    parts = (echantillons + chacun - 1) // chacun
    errors, ecart = part(Delta, 0, Delta.size), Delta.shape[1]
    for b in range(blocs):
        j = rang + b * largeur
        for premiere in range(moi * ROWS, n + 1, equipe * ROWS):
            for i in range(np.uint64(premiere), np.uint64(min(premiere + ROWS, n + 1))):
                place = debut + (b * (n + 1) + np.int64(i)) * largeur
                trouves = i == 0
                G = load(Gradient, place, forme)
                if nouveau:
                    G = like(G, 0)
                if i == 0:
                    for e in range(echantillons):
                        G = madd(like(pas, 1), load(errors, j + e * ecart, forme), G)
                for t in range(np.uint64(parts)):
                    reste = porteurs[t, i]
                    trouves |= reste != 0
                    while reste:
                        e = lowest_bit(reste)
                        reste &= reste - np.uint64(1)
                        delta = load(errors, j + (np.int64(t) * chacun + np.int64(e)) * ecart, forme)
                        G = madd(pixel(quotients, grille[t, i, e]), delta, G)
                # A pixel that no sample has changes nothing, unless other tranches' sum waits, or 0 is to be written.
                if trouves or nouveau != complet:
                    if complet:
                        accumulate(LesPoids, place, (-pas, G))
                    else:
                        store(Gradient, place, G)


@step
def correct_dense(
    LesPoids, Gradient, debut, TabOutput, x, ecart_x, echantillons, Delta, j, ecart, nouveau, complet, pas, forme,
    formes,
):  # fmt: skip
    """Several rows of a block from `debut` on, whose inputs in sample e are TabOutput[x + e * ecart_x:]."""
    G = load(Gradient, debut, formes)
    if nouveau:
        G = like(G, 0)
    for e in range(echantillons):
        G = outer(G, TabOutput, x + e * ecart_x, 1, load(Delta, j + e * ecart, forme))
    if complet:
        accumulate(LesPoids, debut, (-pas, G))
    else:
        store(Gradient, debut, G)


@step
def correct_next_layer(
    LesPoids, Gradient, debut, n, blocs, echantillons, TabOutput, x, Delta, rang, nouveau, complet, pas,
    moi, equipe, forme, formes,
):  # fmt: skip
    """The same of a layer whose inputs are TabOutput[e, x:], the bias neuron first."""
    largeur = width(LesPoids, forme)
    plusieurs = width(LesPoids, formes) // largeur
    X, ecart_x = part(TabOutput, 0, TabOutput.size), TabOutput.shape[1]
    errors, ecart = part(Delta, 0, Delta.size), Delta.shape[1]
    for b in range(blocs):
        j = rang + b * largeur
        for premiere in range(moi * ROWS, n + 1, equipe * ROWS):
            derniere = min(premiere + ROWS, n + 1)
            milieu = derniere - (derniere - premiere) % plusieurs
            for i in range(premiere, milieu, plusieurs):
                correct_dense(
                    LesPoids, Gradient, debut + (b * (n + 1) + i) * largeur, X, x + i, ecart_x, echantillons,
                    errors, j, ecart, nouveau, complet, pas, forme, formes,
                )  # fmt: skip
            for i in range(milieu, derniere):
                correct_dense(
                    LesPoids, Gradient, debut + (b * (n + 1) + i) * largeur, X, x + i, ecart_x, echantillons,
                    errors, j, ecart, nouveau, complet, pas, forme, forme,
                )  # fmt: skip


@step
def transpose(LesPoids, Transposees, debut, retour, n, m, moi, equipe, largeur, largeur_avant):
    """Transposees as a thread's rows of a layer have become. largeur, largeur_avant: of the layer's blocks, and of
    those of the layer before it."""
    for premiere in range(moi * ROWS, n + 1, equipe * ROWS):
        for i in range(max(premiere, 1), min(premiere + ROWS, n + 1)):
            neurone = i - 1
            vers = retour + neurone // largeur_avant * m * largeur_avant + neurone % largeur_avant
            for b in range((m + largeur - 1) // largeur):
                de = debut + (b * (n + 1) + i) * largeur
                for k in range(min(largeur, m - b * largeur)):
                    Transposees[vers + (b * largeur + k) * largeur_avant] = LesPoids[de + k]


@kernel
def train(
    LesPoids, Transposees, debut, retour, unites, rang, blocs, activation, sortie, pente, cout,
    images, diviseur, lignes, colonnes, valeurs, quotients, etiquettes, cibles, ordre, premier, dernier, P, total,
    alpha, TabOutput, Delta, Gradient, y, couts, fautes, porteurs, grille, bilan,
    moi, equipe, rendezvous, forme, formes, forme_sortie, formes_sortie,
):  # fmt: skip
    """As `notes.train`, by thread `moi` of `equipe`, all of which call it."""
    L = unites.size - 1
    largeur, largeur_sortie = width(LesPoids, forme), width(LesPoids, forme_sortie)
    tranche = TabOutput.shape[0]
    q = premier
    while q < dernier:
        debut_lot = q - q % P
        fin_lot = min(debut_lot + P, ordre.size)
        echantillons = min(tranche, fin_lot - q, dernier - q)
        chacun = (echantillons + equipe - 1) // equipe

        # Of my samples, the outputs and errors, and their pixels in order of place.
        e1, e2 = min(moi * chacun, echantillons), min((moi + 1) * chacun, echantillons)
        forward(
            LesPoids, debut, unites, rang, blocs, activation, pente, images, diviseur,
            lignes, colonnes, valeurs, quotients, ordre, q + e1, e1, e2, TabOutput, Delta,
            forme, formes, forme_sortie, formes_sortie,
        )  # fmt: skip
        for e in range(e1, e2):
            couts[e], fautes[e] = outcome(
                unites, rang, sortie, pente, cout, etiquettes, cibles, ordre[q + e],
                line(TabOutput, e), line(Delta, e), line(y, moi), blocs[L] * largeur_sortie,
            )  # fmt: skip
        backward(Transposees, retour, unites, rang, blocs, activation, pente, e1, e2, TabOutput, Delta, forme)
        if lignes.size:
            by_pixel(lignes, colonnes, valeurs, ordre, q + e1, q + e2, porteurs[moi], grille[moi])
        meet(rendezvous, equipe)

        # My rows of every layer.
        if moi == 0:
            for e in range(echantillons):
                bilan[0] += couts[e]
                bilan[1] += fautes[e]
        nouveau, complet = q == debut_lot, q + echantillons == fin_lot
        pas = alpha if total else alpha / like(alpha, fin_lot - debut_lot)
        for couche in range(1, L + 1):
            n, x = unites[couche - 1], rang[couche - 1] - 1
            if couche == 1 and lignes.size:
                correct_first_layer(
                    LesPoids, Gradient, debut[1], n, blocs[1], porteurs, grille, quotients, echantillons, chacun,
                    Delta, rang[1], nouveau, complet, pas, moi, equipe, forme,
                )  # fmt: skip
            elif couche < L:
                correct_next_layer(
                    LesPoids, Gradient, debut[couche], n, blocs[couche], echantillons, TabOutput, x, Delta,
                    rang[couche], nouveau, complet, pas, moi, equipe, forme, formes,
                )  # fmt: skip
            else:
                correct_next_layer(
                    LesPoids, Gradient, debut[L], n, blocs[L], echantillons, TabOutput, x, Delta, rang[L],
                    nouveau, complet, pas, moi, equipe, forme_sortie, formes_sortie,
                )  # fmt: skip
        if complet:
            for couche in range(2, L + 1):
                transpose(
                    LesPoids, Transposees, debut[couche], retour[couche], unites[couche - 1], unites[couche],
                    moi, equipe, largeur if couche < L else largeur_sortie, largeur,
                )  # fmt: skip
        meet(rendezvous, equipe)
        q += echantillons


@kernel
def predict(
    LesPoids, debut, unites, rang, blocs, activation, sortie, pente,
    images, diviseur, lignes, colonnes, valeurs, quotients, ordre,
    TabOutput, Delta, reponses, forme, formes, forme_sortie, formes_sortie,
):  # fmt: skip
    """As `notes.predict`. ordre: (P,), all images in turn."""
    L = unites.size - 1
    for q in range(0, ordre.size, TabOutput.shape[0]):
        echantillons = min(TabOutput.shape[0], ordre.size - q)
        forward(
            LesPoids, debut, unites, rang, blocs, activation, pente, images, diviseur,
            lignes, colonnes, valeurs, quotients, ordre, q, np.int64(0), echantillons, TabOutput, Delta,
            forme, formes, forme_sortie, formes_sortie,
        )  # fmt: skip
        for e in range(echantillons):
            tau = layer(line(Delta, e), rang, blocs, L, width(LesPoids, forme_sortie))
            yhat = layer(line(TabOutput, e), rang, blocs, L, width(LesPoids, forme_sortie))
            output(sortie, pente, tau, yhat, unites[L])
            for k in range(unites[L]):
                reponses[q + e, k] = yhat[k]

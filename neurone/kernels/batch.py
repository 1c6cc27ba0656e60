"""Batches, in vectors and by several threads: the same bits as notes.py.

Samples are taken by tranches, a few at a time, so that memory does not grow with the batch. Each thread of the team
takes its samples of a tranche forward and back to their errors; they meet; then each computes its rows of the gradient,
sums over all the tranche's samples in their order, and, where a batch ends, their correction; and they meet again. No
two threads share a sum. (Blocks of neurons shared out instead keep a thread's parameters in its cache, but take smaller
blocks and three meetings: with 100 neurons two threads were 1.0 to 1.3 times as fast as one, and so 1.1 to 1.6.)

Parameters stand as in online.py, and Gradient as LesPoids. TabOutput and Delta have a row for each sample of a tranche.

A layer of few neurons has too few running sums to keep the processor busy, so several samples of it go forward, and
several rows of its gradient are summed, at a time: `formes` is a tuple as long as so many blocks have registers.
"""

import numpy as np

from neurone.kernels import kernel, notes, step
from neurone.kernels.elementary import correct, correct_penalised, like, madd, outer, with_momentum
from neurone.kernels.online import (
    REGISTER,
    activations,
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
from neurone.kernels.simd import load, lowest_bit, part, store, store_rows, width, zeros
from neurone.kernels.sparse import anticipate, pixel, place_of
from neurone.kernels.team import meet


@step
def forward_dense(LesPoids, debut, n, X, x, ecart, sigma, j, ecart_sigma, forme, formes):
    """sigma of a block for several samples, sigma[j + r * ecart_sigma:], from their inputs X[x + r * ecart:]."""
    largeur = width(LesPoids, forme)
    s = zeros(LesPoids, formes)
    for i in range(n + 1):
        s = outer(s, X, x + i, ecart, load(LesPoids, debut + i * largeur, forme))
    store_rows(sigma, j, ecart_sigma, forme, s)


@step
def forward_by_pixel(
    LesPoids, debut, colonnes, valeurs, quotients, premiere, derniere, sigma, j, porteurs, grille, e, forme,
):  # fmt: skip
    """As `forward_sparse`, and the pixels of sample e noted by place: in porteurs[i] bit e is set, and grille[e, i] is
    the pixel's value, written at those places alone.

    Between the multiply-adds, which wait for each other, that costs next to nothing; in a pass of its own it took a
    tenth of an epoch. To sort lists of the pixels by counting took nearly twice as long as that.
    """
    largeur = width(LesPoids, forme)
    valeur = line(grille, e)
    bit = np.uint64(1) << np.uint64(e)
    s = load(LesPoids, debut, forme)
    s = s + like(s, 0)
    for t in range(np.uint64(premiere), np.uint64(derniere)):
        i = colonnes[t]
        w = load(LesPoids, debut + np.int64(i) * largeur, forme)
        s = madd(pixel(quotients, valeurs[t]), w, s)
        porteurs[i] |= bit
        valeur[i] = valeurs[t]
    store(sigma, j, s)


@step
def first_layer(
    LesPoids, debut, n, blocs, lignes, colonnes, valeurs, quotients, ordre, q, premier, dernier, Sigma, rang,
    porteurs, grille, forme,
):  # fmt: skip
    """sigma of the layer behind the inputs, in Sigma[e, rang:], of the samples e from `premier` to `dernier`.

    Sample 0 is the q-th of `ordre`. Block by block, because all samples want a block's rows. With the first block
    `porteurs` and `grille` are filled, unless there is none, for `correct_first_layer`.
    """
    largeur = width(LesPoids, forme)
    sigma, ecart = part(Sigma, 0, Sigma.size), Sigma.shape[1]
    for b in range(blocs):
        place = debut + b * (n + 1) * largeur
        for e in range(premier, dernier):
            p = ordre[q + e]
            if b == 0:
                anticipate(lignes, colonnes, valeurs, ordre, q + e)
            if b == 0 and grille.size:
                forward_by_pixel(
                    LesPoids, place, colonnes, valeurs, quotients, lignes[p], lignes[p + 1],
                    sigma, e * ecart + rang, porteurs, grille, e, forme,
                )  # fmt: skip
                continue
            forward_sparse(
                LesPoids, place, colonnes, valeurs, quotients, lignes[p], lignes[p + 1],
                sigma, e * ecart + rang + b * largeur, forme,
            )  # fmt: skip


@step
def next_layer(LesPoids, debut, n, blocs, TabOutput, x, premier, dernier, Sigma, rang, forme, formes):
    """sigma of a layer whose inputs are TabOutput[e, x:], the bias neuron first; otherwise as `first_layer`."""
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
    ordre, q, premier, dernier, TabOutput, Delta, porteurs, grille, forme, formes, forme_sortie, formes_sortie,
):  # fmt: skip
    """The samples from `premier` to `dernier` through the hidden layers; and tau, in DeltaSortie's place."""
    L = unites.size - 1
    if lignes.size == 0:
        for e in range(premier, dernier):
            TabXCachee = with_bias(line(TabOutput, e), unites, rang, 0)
            notes.normalisation(line(images, ordre[q + e]), diviseur, TabXCachee)
    for couche in range(1, L + 1):
        n, x = unites[couche - 1], rang[couche - 1] - 1
        Sigma = TabOutput if couche < L else Delta
        if couche == 1 and lignes.size:
            first_layer(
                LesPoids, debut[1], n, blocs[1], lignes, colonnes, valeurs, quotients, ordre, q, premier, dernier,
                Sigma, rang[1], porteurs, grille, forme,
            )  # fmt: skip
        elif couche < L:
            next_layer(
                LesPoids, debut[couche], n, blocs[couche], TabOutput, x, premier, dernier, Sigma, rang[couche],
                forme, formes,
            )  # fmt: skip
        else:
            next_layer(
                LesPoids, debut[L], n, blocs[L], TabOutput, x, premier, dernier, Sigma, rang[L],
                forme_sortie, formes_sortie,
            )  # fmt: skip
        if couche < L:
            for e in range(premier, dernier):
                U = layer(line(TabOutput, e), rang, blocs, couche, width(LesPoids, forme))
                activations(activation, pente, U, U)


@step
def backward(
    Transposees, retour, unites, rang, blocs, activation, pente, premier, dernier, TabOutput, Delta, forme,
):  # fmt: skip
    """Errors of the hidden layers, last layer to first, of the samples from `premier` to `dernier`."""
    largeur = width(Transposees, forme)
    for couche in range(unites.size - 1, 1, -1):
        m = unites[couche]
        for b in range(blocs[couche - 1]):
            place = retour[couche] + b * m * largeur
            j = rang[couche - 1] + b * largeur
            for e in range(premier, dernier):
                delta, U = line(Delta, e), line(TabOutput, e)
                weighted_deltas(Transposees, place, neurons(delta, unites, rang, couche), delta, j, forme)
                derivatives(activation, pente, part(U, j, j + largeur), part(delta, j, j + largeur))


@step
def correct_rows(LesPoids, place, pas, penalite, G):
    """The rows from `place` on by their gradient G, a block of them, and the penalty, in one pass."""
    if penalite == 0:
        correct(LesPoids, place, (-pas, G))
    else:
        correct_penalised(LesPoids, place, (-pas, penalite, G))


@step
def correct_first_layer(
    LesPoids, Gradient, debut, n, blocs, porteurs, grille, quotients, echantillons, Delta, rang,
    nouveau, complet, pas, penalite, i1, i2, forme,
):  # fmt: skip
    """The rows i1 to i2 of the layer behind the inputs: the gradient and, where the batch is complete, correction.

    A pixel's row is a sum over the samples that have it; the bias's, over all. Errors: Delta[e, rang:]. porteurs: a row
    for each thread, of the samples that it took forward.
    """
    largeur = width(LesPoids, forme)
    errors, ecart = part(Delta, 0, Delta.size), Delta.shape[1]
    for b in range(blocs):
        j = rang + b * largeur
        for i in range(np.uint64(i1), np.uint64(i2)):
            place = debut + (b * (n + 1) + np.int64(i)) * largeur
            G = load(Gradient, place, forme)
            if nouveau:
                G = like(G, 0)
            reste = porteurs[0, i]
            for membre in range(1, porteurs.shape[0]):
                reste |= porteurs[membre, i]
            if i == 0:
                for e in range(echantillons):
                    G = madd(like(pas, 1), load(errors, j + e * ecart, forme), G)
            elif reste == 0 and nouveau == complet and (penalite == 0 or not complet):
                # The whole batch, and its gradient is 0; or a part of it, and the gradient stays as it is.
                continue
            while reste:
                e = lowest_bit(reste)
                reste &= reste - np.uint64(1)
                delta = load(errors, j + np.int64(e) * ecart, forme)
                G = madd(pixel(quotients, grille[e, i]), delta, G)
            if complet:
                correct_rows(LesPoids, place, pas, like(pas, 0) if i == 0 else penalite, G)
            else:
                store(Gradient, place, G)


@step
def gather(
    Gradient, debut, n, blocs, lignes, colonnes, valeurs, quotients, ordre, q, echantillons, Delta, rang,
    un, i1, i2, vus, touchees, compte, forme,
):  # fmt: skip
    """As `correct_first_layer` but for the correction, of inputs so many that a tranche has few of them.

    Only rows that have a sample are looked at; the others of Gradient are 0. Those of this batch: touchees[i1:], their
    number compte[0]; vus[i] tells row i of them from the others.
    """
    largeur = width(Gradient, forme)
    errors, ecart = part(Delta, 0, Delta.size), Delta.shape[1]
    for b in range(blocs):
        debut_bloc = debut + b * (n + 1) * largeur
        for e in range(echantillons):
            p = ordre[q + e]
            delta = load(errors, rang + b * largeur + e * ecart, forme)
            if i1 == 0:
                correct(Gradient, debut_bloc, (un, delta))
            fin = np.uint64(lignes[p + 1])
            t1 = place_of(i1, colonnes, np.uint64(lignes[p]), fin)
            for t in range(t1, place_of(i2, colonnes, t1, fin)):
                i = np.int64(colonnes[t])
                if vus[i] == 0:
                    vus[i] = 1
                    touchees[i1 + compte[0]] = i
                    compte[0] += 1
                correct(Gradient, debut_bloc + i * largeur, (pixel(quotients, valeurs[t]), delta))


@step
def scatter(LesPoids, Gradient, debut, n, blocs, complet, pas, penalite, i1, i2, vus, touchees, compte, forme):
    """The end of a batch that `gather` began: the correction, where `complet`, and zeros."""
    largeur = width(LesPoids, forme)
    for b in range(blocs):
        if complet and penalite != 0:
            for i in range(max(i1, 1), i2):
                place = debut + (b * (n + 1) + i) * largeur
                correct_rows(LesPoids, place, pas, penalite, load(Gradient, place, forme))
        for k in range(-1 if i1 == 0 else 0, compte[0]):
            i = touchees[i1 + k] if k >= 0 else 0
            place = debut + (b * (n + 1) + i) * largeur
            G = load(Gradient, place, forme)
            if complet and (penalite == 0 or i == 0):
                correct_rows(LesPoids, place, pas, like(pas, 0), G)
            store(Gradient, place, like(G, 0))
    for k in range(compte[0]):
        vus[touchees[i1 + k]] = 0
    compte[0] = 0


@step
def correct_dense(
    LesPoids, Gradient, debut, TabOutput, x, ecart_x, echantillons, Delta, j, ecart, nouveau, complet, pas, penalite,
    forme, formes,
):  # fmt: skip
    """Several rows of a block from `debut` on, whose inputs in sample e are TabOutput[x + e * ecart_x:]."""
    G = load(Gradient, debut, formes)
    if nouveau:
        G = like(G, 0)
    for e in range(echantillons):
        G = outer(G, TabOutput, x + e * ecart_x, 1, load(Delta, j + e * ecart, forme))
    if complet:
        correct_rows(LesPoids, debut, pas, penalite, G)
    else:
        store(Gradient, debut, G)


@step
def transpose(LesPoids, Transposees, debut, retour, m, i1, i2, colonnes, largeur, largeur_avant):
    """Transposees as the first `colonnes` numbers of a block's rows i1 to i2 have become.

    m: outputs of the layer. largeur, largeur_avant: of its blocks, and of those of the layer before it.
    """
    for i in range(max(i1, 1), i2):
        neurone = i - 1
        vers = retour + neurone // largeur_avant * m * largeur_avant + neurone % largeur_avant
        for k in range(colonnes):
            Transposees[vers + k * largeur_avant] = LesPoids[debut + i * largeur + k]


@step
def correct_next_layer(
    LesPoids, Gradient, Transposees, debut, retour, n, m, blocs, echantillons, TabOutput, x, Delta, rang,
    nouveau, complet, pas, penalite, i1, i2, largeur_avant, forme, formes,
):  # fmt: skip
    """As `correct_first_layer`, of a layer whose inputs are TabOutput[e, x:], the bias neuron first.

    Where `retour` is not negative, Transposees too.
    """
    largeur = width(LesPoids, forme)
    plusieurs = width(LesPoids, formes) // largeur
    X, ecart_x = part(TabOutput, 0, TabOutput.size), TabOutput.shape[1]
    errors, ecart = part(Delta, 0, Delta.size), Delta.shape[1]
    seules = min(i2, max(i1, 1) + (i2 - max(i1, 1)) % plusieurs)  # with the bias's, which has no penalty
    for b in range(blocs):
        place, j = debut + b * (n + 1) * largeur, rang + b * largeur
        for i in range(i1, seules):
            correct_dense(
                LesPoids, Gradient, place + i * largeur, X, x + i, ecart_x, echantillons,
                errors, j, ecart, nouveau, complet, pas, like(pas, 0) if i == 0 else penalite, forme, forme,
            )  # fmt: skip
        for i in range(seules, i2, plusieurs):
            correct_dense(
                LesPoids, Gradient, place + i * largeur, X, x + i, ecart_x, echantillons,
                errors, j, ecart, nouveau, complet, pas, penalite, forme, formes,
            )  # fmt: skip
        if complet and retour >= 0:
            transpose(
                LesPoids, Transposees, place, retour + b * largeur * largeur_avant,
                m, i1, i2, min(largeur, m - b * largeur), largeur, largeur_avant,
            )  # fmt: skip


@step
def correct_with_momentum(
    LesPoids, Gradient, Vitesse, Transposees, debut, retour, n, m, blocs, pas, inertie, nesterov, penalite, i1, i2,
    largeur, largeur_avant,
):  # fmt: skip
    """The rows i1 to i2 of a layer, whose gradient is complete, and their part of Transposees."""
    for b in range(blocs):
        place = debut + b * (n + 1) * largeur
        for j in range(i1 * largeur, i2 * largeur, width(LesPoids, REGISTER)):
            w, G = load(LesPoids, place + j, REGISTER), load(Gradient, place + j, REGISTER)
            if penalite != 0 and j >= largeur:
                G = madd(penalite, w, G)
            w, v = with_momentum(w, G, load(Vitesse, place + j, REGISTER), pas, inertie, nesterov)
            store(LesPoids, place + j, w)
            store(Vitesse, place + j, v)
        if retour >= 0:
            transpose(
                LesPoids, Transposees, place, retour + b * largeur * largeur_avant,
                m, i1, i2, min(largeur, m - b * largeur), largeur, largeur_avant,
            )  # fmt: skip


@kernel
def train(
    LesPoids, Transposees, debut, retour, unites, rang, blocs, activation, sortie, pente, cout,
    images, diviseur, lignes, colonnes, valeurs, quotients, etiquettes, cibles, facteurs, ordre, premier, dernier,
    P, total, inertie, nesterov, penalite, alpha,
    TabOutput, Delta, Gradient, Vitesse, y, couts, fautes, porteurs, grille, bornes, touchees, comptes, bilan,
    moi, equipe, rendezvous, forme, formes, forme_sortie, formes_sortie,
):  # fmt: skip
    """As `notes.train`, by thread `moi` of `equipe`, all of which call it.

    bornes: (equipe + 1,), where each one's rows of the first layer begin. y, comptes: a row of cache lines for each.
    touchees: (n + 1,), or empty where `correct_first_layer` and not `gather` is to be used.
    """
    L = unites.size - 1
    largeur, largeur_sortie = width(LesPoids, forme), width(LesPoids, forme_sortie)
    q = premier
    while q < dernier:
        debut_lot = q - q % P
        fin_lot = min(debut_lot + P, ordre.size)
        echantillons = min(TabOutput.shape[0], fin_lot - q, dernier - q)
        e1, e2 = moi * echantillons // equipe, (moi + 1) * echantillons // equipe
        if grille.size:
            porteurs[moi, :] = 0
        forward(
            LesPoids, debut, unites, rang, blocs, activation, pente, images, diviseur,
            lignes, colonnes, valeurs, quotients, ordre, q, e1, e2, TabOutput, Delta, line(porteurs, moi), grille,
            forme, formes, forme_sortie, formes_sortie,
        )  # fmt: skip
        for e in range(e1, e2):
            couts[e], fautes[e] = outcome(
                unites, rang, sortie, pente, cout, etiquettes, cibles, facteurs, ordre[q + e],
                line(TabOutput, e), line(Delta, e), part(line(y, moi), 0, unites[L]), blocs[L] * largeur_sortie,
            )  # fmt: skip
        backward(Transposees, retour, unites, rang, blocs, activation, pente, e1, e2, TabOutput, Delta, forme)
        meet(rendezvous, equipe)

        if moi == 0:
            for e in range(echantillons):
                bilan[0] += couts[e]
                bilan[1] += fautes[e]
        nouveau, fini = q == debut_lot, q + echantillons == fin_lot
        complet = fini and Vitesse.size == 0  # else the gradient is kept, for `correct_with_momentum`
        pas = alpha if total else alpha / like(alpha, fin_lot - debut_lot)
        for couche in range(1, L + 1):
            n, m, x = unites[couche - 1], unites[couche], rang[couche - 1] - 1
            i1, i2 = moi * (n + 1) // equipe, (moi + 1) * (n + 1) // equipe
            if couche == 1 and touchees.size:
                gather(
                    Gradient, debut[1], n, blocs[1], lignes, colonnes, valeurs, quotients, ordre, q, echantillons,
                    Delta, rang[1], like(pas, 1), bornes[moi], bornes[moi + 1], line(porteurs, 0), touchees,
                    line(comptes, moi), forme,
                )  # fmt: skip
            elif couche == 1 and lignes.size:
                correct_first_layer(
                    LesPoids, Gradient, debut[1], n, blocs[1], porteurs, grille, quotients, echantillons,
                    Delta, rang[1], nouveau, complet, pas, penalite, bornes[moi], bornes[moi + 1], forme,
                )  # fmt: skip
            elif couche < L:
                correct_next_layer(
                    LesPoids, Gradient, Transposees, debut[couche], retour[couche] if couche > 1 else -1, n, m,
                    blocs[couche], echantillons, TabOutput, x, Delta, rang[couche], nouveau, complet, pas, penalite,
                    i1, i2, largeur, forme, formes,
                )  # fmt: skip
            else:
                correct_next_layer(
                    LesPoids, Gradient, Transposees, debut[L], retour[L] if L > 1 else -1, n, m,
                    blocs[L], echantillons, TabOutput, x, Delta, rang[L], nouveau, complet, pas, penalite,
                    i1, i2, largeur, forme_sortie, formes_sortie,
                )  # fmt: skip
            if fini and not complet:
                if couche == 1 and lignes.size:
                    i1, i2 = bornes[moi], bornes[moi + 1]
                correct_with_momentum(
                    LesPoids, Gradient, Vitesse, Transposees, debut[couche], retour[couche] if couche > 1 else -1, n, m,
                    blocs[couche], pas, inertie, nesterov, penalite, i1, i2,
                    largeur if couche < L else largeur_sortie, largeur,
                )  # fmt: skip
            if fini and couche == 1 and touchees.size:
                scatter(
                    LesPoids, Gradient, debut[1], n, blocs[1], complet, pas, penalite, bornes[moi], bornes[moi + 1],
                    line(porteurs, 0), touchees, line(comptes, moi), forme,
                )  # fmt: skip
        meet(rendezvous, equipe)
        q += echantillons


@kernel
def predict(
    LesPoids, debut, unites, rang, blocs, activation, sortie, pente,
    images, diviseur, lignes, colonnes, valeurs, quotients, ordre,
    TabOutput, Delta, porteurs, grille, reponses, forme, formes, forme_sortie, formes_sortie,
):  # fmt: skip
    """As `notes.predict`. ordre: (P,), all images in turn. porteurs, grille: empty."""
    L = unites.size - 1
    zero = L - L  # a variable: Numba would compile `forward` once more for a literal
    for q in range(0, ordre.size, TabOutput.shape[0]):
        echantillons = min(TabOutput.shape[0], ordre.size - q)
        forward(
            LesPoids, debut, unites, rang, blocs, activation, pente, images, diviseur,
            lignes, colonnes, valeurs, quotients, ordre, q, zero, echantillons, TabOutput, Delta, porteurs, grille,
            forme, formes, forme_sortie, formes_sortie,
        )  # fmt: skip
        for e in range(echantillons):
            tau = layer(line(Delta, e), rang, blocs, L, width(LesPoids, forme_sortie))
            yhat = layer(line(TabOutput, e), rang, blocs, L, width(LesPoids, forme_sortie))
            output(sortie, pente, tau, yhat, unites[L])
            for k in range(unites[L]):
                reponses[q + e, k] = yhat[k]

"""Batches, in vectors and by several threads: the same bits as notes.py.

Samples are taken by tranches, a few at a time, so that memory does not grow with the batch. Each thread of the team
has blocks of neurons of the first layer for its own, takes all samples of a tranche through them, and corrects them
alone: by far the most parameters, they never leave its core's cache. Through the other layers, forward and back, each
takes some of the samples, and computes some rows of the gradient, sums over all samples in their order. They meet when
the first layer's outputs are there, and when all errors are. No two threads share a sum. (To share samples in the first
layer too, and rows of its gradient, lets blocks be wider, but then all parameters travel between the cores with every
batch: two threads took 0.9 times as long so with 100 neurons where the cores were near each other, 1.5 times where they
were far, and 1.1 times with 800.)

Parameters stand as in online.py, and Gradient as LesPoids. TabOutput and Delta have a row for each sample of a tranche,
TabXCachee as well, which each thread has for itself.

A layer of few neurons has too few running sums to keep the processor busy, so several samples of it go forward, and
several rows of its gradient are summed, at a time: `formes` is a tuple as long as so many blocks have registers.
"""

import numpy as np

from neurone.constants import IDENTITY
from neurone.kernels import groups, kernel, notes, step
from neurone.kernels.elementary import add_inner, correct, correct_penalised, like, madd, outer, with_momentum
from neurone.kernels.groups import BITS, by_group
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
)  # fmt: skip
from neurone.kernels.simd import load, lowest_bit, part, prefetch, store, store_rows, strided, width, zeros
from neurone.kernels.sparse import anticipate, pixel, pixels
from neurone.kernels.team import meet


@step
def forward_dense(LesPoids, debut, n, X, x, ecart, sigma, j, ecart_sigma, forme, formes):
    """sigma of a block for several samples, sigma[j + r * ecart_sigma:], from their inputs X[x + r * ecart:]."""
    largeur = width(LesPoids, forme)
    s = zeros(LesPoids, formes)
    for i in range(n + 1):
        s = outer(s, strided(X, x + i, ecart, formes, forme), LesPoids, debut + i * largeur)
    store_rows(sigma, j, ecart_sigma, forme, s)


@step
def first_layer(
    LesPoids, debut, n, b1, b2, lignes, colonnes, valeurs, quotients, ordre, q, echantillons, Sigma, rang, forme,
):  # fmt: skip
    """sigma of the blocks b1 to b2 of the layer behind the inputs, in Sigma[e, rang:], of so many samples e.

    Sample 0 is the q-th of `ordre`. Block by block, because all samples want a block's rows.
    """
    largeur = width(LesPoids, forme)
    sigma, ecart = part(Sigma, 0, Sigma.size), Sigma.shape[1]
    for b in range(b1, b2):
        place, j = debut + b * (n + 1) * largeur, rang + b * largeur
        for e in range(echantillons):
            p = ordre[q + e]
            if b == b1:
                anticipate(lignes, colonnes, valeurs, ordre, q + e)
            forward_sparse(
                LesPoids, place, colonnes, valeurs, quotients, lignes[p], lignes[p + 1], sigma, e * ecart + j, forme
            )


@step
def first_layer_by_group(
    LesPoids, debut, n, b1, b2, activation, pente, lignes, valeurs, quotients, presences, ordre, q, echantillons,
    U, rang, porteurs, places, sigma, forme, rangees,
):  # fmt: skip
    """As `first_layer`, of images in groups (`groups.py`): as many pixels as `rangees` is times as long as `forme`; and
    with the activation, in U[e, rang:].

    Workspaces: places (samples,), where each one's next group stands; sigma (samples * largeur,), sums that threads
    would take away from each other, were they kept in lines of U that two share.
    """
    largeur = width(LesPoids, forme)
    ensemble, mots = width(LesPoids, rangees) // largeur, porteurs.size // BITS
    for b in range(b1, b2):
        place = debut + b * (n + 1) * largeur
        bias = load(LesPoids, place, forme)
        bias = bias + like(bias, 0)  # sums start from 0, which makes 0 of a bias of -0
        for e in range(echantillons):
            store(sigma, e * largeur, bias)
            places[e] = lignes[ordre[q + e]]
        for g in range(n // ensemble):
            reste = porteurs[(g & (BITS - 1)) * mots + g // BITS]
            if reste == 0:
                continue
            w = load(LesPoids, place + (1 + g * ensemble) * largeur, rangees)
            while reste:
                e = np.int64(lowest_bit(reste))
                reste &= reste - np.uint64(1)
                X = pixels(quotients, valeurs, places[e], rangees, forme)
                places[e] += ensemble
                add_inner(sigma, e * largeur, X, w)
        j = rang + b * largeur
        for e in range(echantillons):
            if b == b1:
                groups.anticipate(presences, lignes, valeurs, ordre, q + e, echantillons)
            activations(
                activation, pente, part(sigma, e * largeur, (e + 1) * largeur), part(line(U, e), j, j + largeur)
            )


@step
def dense_layer(LesPoids, debut, n, b1, b2, TabOutput, x, premier, dernier, Sigma, rang, forme, formes):
    """As `first_layer`, of a layer whose inputs are TabOutput[e, x:], the bias neuron first, and of the samples e from
    `premier` to `dernier`."""
    largeur = width(LesPoids, forme)
    plusieurs = width(LesPoids, formes) // largeur
    X, ecart_x = part(TabOutput, 0, TabOutput.size), TabOutput.shape[1]
    sigma, ecart = part(Sigma, 0, Sigma.size), Sigma.shape[1]
    milieu = dernier - (dernier - premier) % plusieurs
    for b in range(b1, b2):
        place = debut + b * (n + 1) * largeur
        j = rang + b * largeur
        for e in range(premier, milieu, plusieurs):
            forward_dense(LesPoids, place, n, X, e * ecart_x + x, ecart_x, sigma, e * ecart + j, ecart, forme, formes)
        for e in range(milieu, dernier):
            forward_dense(LesPoids, place, n, X, e * ecart_x + x, ecart_x, sigma, e * ecart + j, ecart, forme, forme)


@step
def enter(
    LesPoids, debut, unites, rang, b1, b2, activation, pente, images, diviseur, lignes, colonnes, valeurs, quotients,
    ordre, q, echantillons, TabXCachee, TabOutput, Delta, forme, formes,
):  # fmt: skip
    """So many samples, not in groups, through the blocks b1 to b2 of the first layer; as `forward`."""
    L = unites.size - 1
    Sigma = TabOutput if L > 1 else Delta
    if lignes.size:
        first_layer(
            LesPoids, debut[1], unites[0], b1, b2, lignes, colonnes, valeurs, quotients, ordre, q, echantillons,
            Sigma, rang[1], forme,
        )  # fmt: skip
    else:
        for e in range(echantillons):
            notes.normalisation(line(images, ordre[q + e]), diviseur, part(line(TabXCachee, e), 0, unites[0] + 1))
        zero = L - L  # a variable: Numba would compile once more for a literal
        dense_layer(
            LesPoids, debut[1], unites[0], b1, b2, TabXCachee, zero, zero, echantillons, Sigma, rang[1], forme, formes
        )
    if L > 1:
        largeur = width(LesPoids, forme)
        for e in range(echantillons):
            U = part(line(TabOutput, e), rang[1] + b1 * largeur, rang[1] + b2 * largeur)
            activations(activation, pente, U, U)


@step
def forward(
    LesPoids, debut, unites, rang, blocs, activation, pente, premier, dernier, TabOutput, Delta,
    forme, formes, forme_sortie, formes_sortie,
):  # fmt: skip
    """The samples from `premier` to `dernier` through the other hidden layers; and tau, in DeltaSortie's place."""
    L = unites.size - 1
    zero = L - L
    for couche in range(2, L + 1):
        n, x = unites[couche - 1], rang[couche - 1] - 1
        if couche < L:
            dense_layer(
                LesPoids, debut[couche], n, zero, blocs[couche], TabOutput, x, premier, dernier,
                TabOutput, rang[couche], forme, formes,
            )  # fmt: skip
            for e in range(premier, dernier):
                U = layer(line(TabOutput, e), rang, blocs, couche, width(LesPoids, forme))
                activations(activation, pente, U, U)
        else:
            dense_layer(
                LesPoids, debut[L], n, zero, blocs[L], TabOutput, x, premier, dernier,
                Delta, rang[L], forme_sortie, formes_sortie,
            )  # fmt: skip


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
def keep_or_correct(LesPoids, Gradient, place, complet, pas, penalite, G):
    """The rows from `place` on corrected by their gradient G, a block of them; or it is kept, as the batch goes on."""
    if complet:
        correct_rows(LesPoids, place, pas, penalite, G)
    else:
        store(Gradient, place, G)


@step
def correct_first_layer(
    LesPoids, Gradient, debut, n, b1, b2, lignes, valeurs, quotients, ordre, q, echantillons, Delta, rang,
    nouveau, complet, pas, penalite, porteurs, places, forme, rangees,
):  # fmt: skip
    """Blocks b1 to b2 of the layer behind the inputs: the gradient and, where the batch is complete, correction.

    A group's rows are sums over the samples that have it; the bias's, over all. Errors: Delta[e, rang:]. The rest as in
    `first_layer_by_group`.
    """
    largeur = width(LesPoids, forme)
    ensemble, mots = width(LesPoids, rangees) // largeur, porteurs.size // BITS
    errors, ecart = part(Delta, 0, Delta.size), Delta.shape[1]
    for b in range(b1, b2):
        place, j = debut + b * (n + 1) * largeur, rang + b * largeur
        G = load(Gradient, place, forme)
        if nouveau:
            G = like(G, 0)
        for e in range(echantillons):
            G = G + load(errors, j + e * ecart, forme)
            places[e] = lignes[ordre[q + e]]
        keep_or_correct(LesPoids, Gradient, place, complet, pas, like(pas, 0), G)
        for g in range(n // ensemble):
            reste = porteurs[(g & (BITS - 1)) * mots + g // BITS]
            if reste == 0 and nouveau == complet and (penalite == 0 or not complet):
                # The whole batch, and the gradient is 0; or a part of it, and the gradient stays as it is.
                continue
            ici = place + (1 + g * ensemble) * largeur
            G = load(Gradient, ici, rangees)
            if nouveau:
                G = like(G, 0)
            while reste:
                e = np.int64(lowest_bit(reste))
                reste &= reste - np.uint64(1)
                X = pixels(quotients, valeurs, places[e], rangees, forme)
                places[e] += ensemble
                G = outer(G, X, errors, j + e * ecart)
            keep_or_correct(LesPoids, Gradient, ici, complet, pas, penalite, G)


@step
def gather(
    Gradient, debut, n, b1, b2, lignes, colonnes, valeurs, quotients, ordre, q, echantillons, Delta, rang,
    un, vus, touchees, compte, forme,
):  # fmt: skip
    """As `correct_first_layer` but for the correction, of inputs so many that a tranche has few of them.

    Only rows that have a sample are looked at; the others of Gradient are 0. Those of this batch: touchees, their
    number compte[0]; vus[i] tells row i of them from the others.
    """
    largeur = width(Gradient, forme)
    errors, ecart = part(Delta, 0, Delta.size), Delta.shape[1]
    for b in range(b1, b2):
        debut_bloc = debut + b * (n + 1) * largeur
        for e in range(echantillons):
            p = ordre[q + e]
            delta = load(errors, rang + b * largeur + e * ecart, forme)
            correct(Gradient, debut_bloc, (un, delta))
            for t in range(np.uint64(lignes[p]), np.uint64(lignes[p + 1])):
                i = np.int64(colonnes[t])
                if vus[i] == 0:
                    vus[i] = 1
                    touchees[compte[0]] = i
                    compte[0] += 1
                correct(Gradient, debut_bloc + i * largeur, (pixel(quotients, valeurs[t]), delta))


@step
def scatter(LesPoids, Gradient, debut, n, b1, b2, complet, pas, penalite, vus, touchees, compte, forme):
    """The end of a batch that `gather` began: the correction, where `complet`, and zeros."""
    largeur = width(LesPoids, forme)
    for b in range(b1, b2):
        debut_bloc = debut + b * (n + 1) * largeur
        if complet and penalite != 0:
            for i in range(1, n + 1):
                place = debut_bloc + i * largeur
                correct_rows(LesPoids, place, pas, penalite, load(Gradient, place, forme))
        for k in range(-1, compte[0]):
            i = touchees[k] if k >= 0 else 0
            place = debut_bloc + i * largeur
            G = load(Gradient, place, forme)
            if complet and (penalite == 0 or i == 0):
                correct_rows(LesPoids, place, pas, like(pas, 0), G)
            store(Gradient, place, like(G, 0))
    for k in range(compte[0]):
        vus[touchees[k]] = 0
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
        G = outer(G, strided(TabOutput, x + e * ecart_x, 1, formes, forme), Delta, j + e * ecart)
    keep_or_correct(LesPoids, Gradient, debut, complet, pas, penalite, G)


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
def correct_dense_layer(
    LesPoids, Gradient, Transposees, debut, retour, n, m, b1, b2, echantillons, TabOutput, x, Delta, rang,
    nouveau, complet, pas, penalite, i1, i2, largeur_avant, forme, formes,
):  # fmt: skip
    """As `correct_first_layer`, of the rows i1 to i2 of a layer whose inputs are TabOutput[e, x:], the bias first.

    Where `retour` is not negative, Transposees too.
    """
    largeur = width(LesPoids, forme)
    plusieurs = width(LesPoids, formes) // largeur
    X, ecart_x = part(TabOutput, 0, TabOutput.size), TabOutput.shape[1]
    errors, ecart = part(Delta, 0, Delta.size), Delta.shape[1]
    seules = min(i2, max(i1, 1) + (i2 - max(i1, 1)) % plusieurs)  # with the bias's, which has no penalty
    for b in range(b1, b2):
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
    LesPoids, Gradient, Vitesse, Transposees, debut, retour, n, m, b1, b2, pas, inertie, nesterov, penalite, i1, i2,
    largeur, largeur_avant,
):  # fmt: skip
    """The rows i1 to i2 of a layer's blocks b1 to b2, whose gradient is complete, and their part of Transposees."""
    for b in range(b1, b2):
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
    images, diviseur, lignes, colonnes, valeurs, quotients, presences, etiquettes, cibles, facteurs,
    ordre, premier, dernier, P, total, inertie, nesterov, penalite, alpha,
    TabXCachees, TabOutputs, Deltas, Gradient, Vitesse, y, couts, fautes, porteurs, places, sigma, touchees, comptes,
    bilan,
    moi, equipe, rendezvous, forme, formes, forme_sortie, formes_sortie, rangees,
):  # fmt: skip
    """As `notes.train`, by thread `moi` of `equipe`, all of which call it.

    Images are in groups, or, where presences is empty, in rows of pixels that are not 0, or, where lignes is, dense.
    TabXCachees, y, porteurs, places, sigma, touchees, comptes: one for each thread. TabOutputs, Deltas: two, in turns,
    since one thread may begin a tranche while another ends the one before; one for a thread alone.
    """
    L = unites.size - 1
    largeur, largeur_sortie = width(LesPoids, forme), width(LesPoids, forme_sortie)
    TabXCachee = TabXCachees[moi]
    b1, b2 = moi * blocs[1] // equipe, (moi + 1) * blocs[1] // equipe
    q, tour = premier, 0
    while q < dernier:
        TabOutput, Delta = TabOutputs[tour], Deltas[tour]
        tour = (tour + 1) % TabOutputs.shape[0]
        debut_lot = q - q % P
        fin_lot = min(debut_lot + P, ordre.size)
        echantillons = min(TabOutput.shape[0], fin_lot - q, dernier - q)
        if presences.size:
            by_group(presences, ordre, q, echantillons, line(porteurs, moi))
            first_layer_by_group(
                LesPoids, debut[1], unites[0], b1, b2, activation if L > 1 else IDENTITY, pente, lignes, valeurs,
                quotients, presences, ordre, q, echantillons, TabOutput if L > 1 else Delta, rang[1],
                line(porteurs, moi), line(places, moi), line(sigma, moi), forme, rangees,
            )  # fmt: skip
        else:
            enter(
                LesPoids, debut, unites, rang, b1, b2, activation, pente, images, diviseur, lignes, colonnes, valeurs,
                quotients, ordre, q, echantillons, TabXCachee, TabOutput, Delta, forme, formes,
            )  # fmt: skip
        meet(rendezvous, equipe)

        e1, e2 = moi * echantillons // equipe, (moi + 1) * echantillons // equipe
        forward(
            LesPoids, debut, unites, rang, blocs, activation, pente, e1, e2, TabOutput, Delta,
            forme, formes, forme_sortie, formes_sortie,
        )  # fmt: skip
        for e in range(e1, e2):
            tau = layer(line(Delta, e), rang, blocs, L, largeur_sortie)
            yhat = layer(line(TabOutput, e), rang, blocs, L, largeur_sortie)
            plus_grand, S = output(sortie, pente, tau, yhat, unites[L])
            couts[e], fautes[e] = outcome(
                unites, rang, sortie, pente, cout, etiquettes, cibles, facteurs, ordre[q + e],
                line(TabOutput, e), line(Delta, e), part(line(y, moi), 0, unites[L]), plus_grand, S,
            )  # fmt: skip
            if q + e + echantillons < ordre.size and etiquettes.size:
                prefetch(etiquettes, ordre[q + e + echantillons])  # from memory, else, while the next sample waits
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
            n, m = unites[couche - 1], unites[couche]
            retour_couche = retour[couche] if couche > 1 else -1
            # What is this thread's: blocks of the first layer; of the others, rows.
            X, x, c1, c2, i1, i2 = TabXCachee, 0, b1, b2, 0, n + 1
            if couche > 1:
                X, x, c1, c2 = TabOutput, rang[couche - 1] - 1, 0, blocs[couche]
                i1, i2 = moi * (n + 1) // equipe, (moi + 1) * (n + 1) // equipe
            if couche == 1 and presences.size:
                correct_first_layer(
                    LesPoids, Gradient, debut[1], n, b1, b2, lignes, valeurs, quotients, ordre, q, echantillons,
                    Delta, rang[1], nouveau, complet, pas, penalite, line(porteurs, moi), line(places, moi),
                    forme, rangees,
                )  # fmt: skip
            elif couche == 1 and lignes.size:
                gather(
                    Gradient, debut[1], n, b1, b2, lignes, colonnes, valeurs, quotients, ordre, q, echantillons,
                    Delta, rang[1], like(pas, 1), line(porteurs, moi), line(touchees, moi),
                    line(comptes, moi), forme,
                )  # fmt: skip
            elif couche < L:
                correct_dense_layer(
                    LesPoids, Gradient, Transposees, debut[couche], retour_couche, n, m, c1, c2, echantillons, X, x,
                    Delta, rang[couche], nouveau, complet, pas, penalite, i1, i2, largeur, forme, formes,
                )  # fmt: skip
            else:
                correct_dense_layer(
                    LesPoids, Gradient, Transposees, debut[L], retour_couche, n, m, c1, c2, echantillons, X, x,
                    Delta, rang[L], nouveau, complet, pas, penalite, i1, i2, largeur, forme_sortie, formes_sortie,
                )  # fmt: skip
            if fini and not complet:
                correct_with_momentum(
                    LesPoids, Gradient, Vitesse, Transposees, debut[couche], retour_couche, n, m, c1, c2,
                    pas, inertie, nesterov, penalite, i1, i2, largeur if couche < L else largeur_sortie, largeur,
                )  # fmt: skip
            if fini and couche == 1 and lignes.size and not presences.size:
                scatter(
                    LesPoids, Gradient, debut[1], n, b1, b2, complet, pas, penalite,
                    line(porteurs, moi), line(touchees, moi), line(comptes, moi), forme,
                )  # fmt: skip
        q += echantillons


@kernel
def predict(
    LesPoids, debut, unites, rang, blocs, activation, sortie, pente,
    images, diviseur, lignes, colonnes, valeurs, quotients, ordre,
    TabXCachee, TabOutput, Delta, reponses, forme, formes, forme_sortie, formes_sortie,
):  # fmt: skip
    """As `notes.predict`. ordre: (P,), all images in turn."""
    L = unites.size - 1
    zero = L - L
    for q in range(0, ordre.size, TabOutput.shape[0]):
        echantillons = min(TabOutput.shape[0], ordre.size - q)
        enter(
            LesPoids, debut, unites, rang, zero, blocs[1], activation, pente, images, diviseur, lignes, colonnes,
            valeurs, quotients, ordre, q, echantillons, TabXCachee, TabOutput, Delta, forme, formes,
        )  # fmt: skip
        forward(
            LesPoids, debut, unites, rang, blocs, activation, pente, zero, echantillons, TabOutput, Delta,
            forme, formes, forme_sortie, formes_sortie,
        )  # fmt: skip
        for e in range(echantillons):
            tau = layer(line(Delta, e), rang, blocs, L, width(LesPoids, forme_sortie))
            yhat = layer(line(TabOutput, e), rang, blocs, L, width(LesPoids, forme_sortie))
            output(sortie, pente, tau, yhat, unites[L])
            for k in range(unites[L]):
                reponses[q + e, k] = yhat[k]

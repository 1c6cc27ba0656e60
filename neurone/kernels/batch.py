"""Batches, in vectors and by several threads: the same bits as notes.py.

Samples are taken by tranches, a few at a time, so that memory does not grow with the batch.

Each thread of a team has a network of its own: some neurons of the first hidden layer, with the rows of weights that go
out of them. It alone corrects them, and they never leave its core's cache. What neurons of the second layer (mostly the
output) sum up goes from thread to thread, each of which goes on where the one before stopped, so that every sum keeps
its order; the last has the layers above to itself, and sends the second layer's errors back to all. So only a few
numbers of each sample cross between cores. Within a batch, before a thread waits for a tranche's errors it has summed
up the next one, so that none stands idle while a message is on its way. (To share samples or rows in any layer takes
all its outputs or parameters across with every batch: two threads took up to 1.5 times as long as one where the cores
were far from each other.)

Parameters stand as in online.py, and Gradient as LesPoids. TabOutput, Delta and TabXCachee have a row for each sample
of a tranche.

A layer of few neurons has too few running sums to keep the processor busy, so several samples of it go forward, and
several rows of its gradient are summed, at a time: `formes` is a tuple as long as so many blocks have registers.
"""

import numpy as np

from neurone.constants import IDENTITY
from neurone.kernels import groups, notes
from neurone.kernels.elementary import add_inner, correct, correct_penalised, like, madd, outer, with_momentum
from neurone.kernels.groups import BITS, by_group
from neurone.kernels.jit import kernel, step
from neurone.kernels.online import (
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
from neurone.kernels.simd import (
    REGISTER,
    load,
    load_rows,
    lowest_bit,
    part,
    prefetch,
    store,
    store_rows,
    strided,
    width,
    zeros,
)  # fmt: skip
from neurone.kernels.sparse import anticipate, pixel, pixels
from neurone.kernels.team import MESSAGES, announce, receive, send, wait_for

# A label is asked for so many samples before it is wanted: so far before, that it is there, and so near, that it is
# there still. (A whole tranche before, others had taken its place in the cache where there are 800 neurons.)
AHEAD = 8
# Of a dense image, asked for a tranche before, so many bytes: the processor goes on from there by itself.
BEGINNING = 4096


@step
def forward_dense(LesPoids, debut, n, X, x, ecart, sigma, j, ecart_sigma, suite, forme, formes):
    """sigma of a block for several samples, sigma[j + r * ecart_sigma:], from their inputs X[x + r * ecart:].

    The bias is the first of them; with `suite`, sums go on from what sigma has.
    """
    largeur = width(LesPoids, forme)
    s = zeros(LesPoids, formes)
    if suite:
        s = load_rows(sigma, j, ecart_sigma, forme, formes)
    for i in range(suite, n + 1):
        s = outer(s, strided(X, x + i, ecart, formes, forme), LesPoids, debut + i * largeur)
    store_rows(sigma, j, ecart_sigma, forme, s)


@step
def first_layer(
    LesPoids, debut, n, blocs, lignes, colonnes, valeurs, quotients, ordre, q, echantillons, Sigma, rang, forme,
):  # fmt: skip
    """sigma of the layer behind the inputs, of so many blocks, in Sigma[e, rang:], of so many samples e.

    Sample 0 is the q-th of `ordre`. Block by block, because all samples want a block's rows.
    """
    largeur = width(LesPoids, forme)
    sigma, ecart = part(Sigma, 0, Sigma.size), Sigma.shape[1]
    for b in range(blocs):
        place, j = debut + b * (n + 1) * largeur, rang + b * largeur
        for e in range(echantillons):
            p = ordre[q + e]
            if b == 0:
                anticipate(lignes, colonnes, valeurs, ordre, q + e)
            forward_sparse(
                LesPoids, place, colonnes, valeurs, quotients, lignes[p], lignes[p + 1], sigma, e * ecart + j, forme
            )


@step
def first_layer_by_group(
    LesPoids, debut, n, blocs, activation, pente, lignes, valeurs, quotients, presences, ordre, q, echantillons,
    TabOutput, rang, porteurs, places, forme, rangees,
):  # fmt: skip
    """As `first_layer`, of images in groups (`groups.py`): as many pixels as `rangees` is times as long as `forme`; and
    with the activation, in TabOutput[e, rang:].

    Workspace: places (samples,), where each one's next group stands.
    """
    largeur = width(LesPoids, forme)
    sigma, ecart = part(TabOutput, 0, TabOutput.size), TabOutput.shape[1]
    ensemble, mots = width(LesPoids, rangees) // largeur, porteurs.size // BITS
    for b in range(blocs):
        place, j = debut + b * (n + 1) * largeur, rang + b * largeur
        bias = load(LesPoids, place, forme)
        bias = bias + like(bias, 0)  # sums start from 0, which makes 0 of a bias of -0
        for e in range(echantillons):
            store(sigma, j + e * ecart, bias)
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
                add_inner(sigma, j + e * ecart, X, w)
        for e in range(echantillons):
            if b == 0:
                groups.anticipate(presences, lignes, valeurs, ordre, q + e, echantillons)
            U = part(line(TabOutput, e), j, j + largeur)
            activations(activation, pente, U, U)


@step
def dense_layer(LesPoids, debut, n, blocs, TabOutput, x, echantillons, Sigma, rang, suite, forme, formes):
    """As `first_layer`, of a layer whose inputs are TabOutput[e, x:], the bias neuron first; `suite` as above."""
    largeur = width(LesPoids, forme)
    plusieurs = width(LesPoids, formes) // largeur
    X, ecart_x = part(TabOutput, 0, TabOutput.size), TabOutput.shape[1]
    sigma, ecart = part(Sigma, 0, Sigma.size), Sigma.shape[1]
    milieu = echantillons - echantillons % plusieurs
    for b in range(blocs):
        place = debut + b * (n + 1) * largeur
        j = rang + b * largeur
        for e in range(0, milieu, plusieurs):
            forward_dense(
                LesPoids, place, n, X, e * ecart_x + x, ecart_x, sigma, e * ecart + j, ecart, suite, forme, formes
            )
        for e in range(milieu, echantillons):
            forward_dense(
                LesPoids, place, n, X, e * ecart_x + x, ecart_x, sigma, e * ecart + j, ecart, suite, forme, forme
            )


@step
def enter(
    LesPoids, debut, unites, rang, blocs, activation, pente, images, diviseur, lignes, colonnes, valeurs, quotients,
    ordre, q, echantillons, TabXCachee, TabOutput, Delta, forme, formes,
):  # fmt: skip
    """So many samples, not in groups, through the first layer; as `forward`."""
    L = unites.size - 1
    zero = L - L  # a variable: Numba would compile once more for a literal
    Sigma = TabOutput if L > 1 else Delta
    if lignes.size:
        first_layer(
            LesPoids, debut[1], unites[0], blocs[1], lignes, colonnes, valeurs, quotients, ordre, q, echantillons,
            Sigma, rang[1], forme,
        )  # fmt: skip
    else:
        for e in range(echantillons):
            notes.normalisation(line(images, ordre[q + e]), diviseur, part(line(TabXCachee, e), 0, unites[0] + 1))
        dense_layer(
            LesPoids, debut[1], unites[0], blocs[1], TabXCachee, zero, echantillons, Sigma, rang[1], zero, forme, formes
        )
    for e in range(echantillons):
        if lignes.size == 0 and q + e + echantillons < ordre.size:
            # Here, with work between one and the next: asked for in the loop above, a sample took 20 ns longer.
            suivante = line(images, ordre[q + e + echantillons])
            for i in range(0, min(suivante.size, BEGINNING // images.itemsize), 64 // images.itemsize):
                prefetch(suivante, i)
        if L > 1:
            U = layer(line(TabOutput, e), rang, blocs, 1, width(LesPoids, forme))
            activations(activation, pente, U, U)


@step
def forward(
    LesPoids, debut, unites, rang, blocs, activation, pente, echantillons, TabOutput, Delta, suite,
    forme, formes, forme_sortie, formes_sortie,
):  # fmt: skip
    """So many samples through the other layers; tau comes in DeltaSortie's place. `suite`: of the second layer."""
    L = unites.size - 1
    for couche in range(2, L + 1):
        n, x = unites[couche - 1], rang[couche - 1] - 1
        reprise = suite if couche == 2 else L - L
        if couche < L:
            dense_layer(
                LesPoids, debut[couche], n, blocs[couche], TabOutput, x, echantillons,
                TabOutput, rang[couche], reprise, forme, formes,
            )  # fmt: skip
            for e in range(echantillons):
                U = layer(line(TabOutput, e), rang, blocs, couche, width(LesPoids, forme))
                activations(activation, pente, U, U)
        else:
            dense_layer(
                LesPoids, debut[L], n, blocs[L], TabOutput, x, echantillons,
                Delta, rang[L], reprise, forme_sortie, formes_sortie,
            )  # fmt: skip


@step
def backward(
    Transposees, retour, unites, rang, blocs, activation, pente, haut, bas, echantillons, TabOutput, Delta,
    forme,
):  # fmt: skip
    """Errors of what is before the layers `haut`, ... `bas`, from the top down, of so many samples."""
    largeur = width(Transposees, forme)
    for couche in range(haut, bas - 1, -1):
        m = unites[couche]
        for b in range(blocs[couche - 1]):
            place = retour[couche] + b * m * largeur
            j = rang[couche - 1] + b * largeur
            for e in range(echantillons):
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
def correct_first_layer_by_group(
    LesPoids, Gradient, debut, n, blocs, lignes, valeurs, quotients, ordre, q, echantillons, Delta, rang,
    nouveau, complet, pas, penalite, porteurs, places, forme, rangees,
):  # fmt: skip
    """The layer behind the inputs: the gradient and, where the batch is complete, correction.

    A group's rows are sums over the samples that have it; the bias's, over all. Errors: Delta[e, rang:]. The rest as in
    `first_layer_by_group`.
    """
    largeur = width(LesPoids, forme)
    ensemble, mots = width(LesPoids, rangees) // largeur, porteurs.size // BITS
    errors, ecart = part(Delta, 0, Delta.size), Delta.shape[1]
    for b in range(blocs):
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
    Gradient, debut, n, blocs, lignes, colonnes, valeurs, quotients, ordre, q, echantillons, Delta, rang,
    un, vus, touchees, compte, forme,
):  # fmt: skip
    """As `correct_first_layer_by_group` but for the correction, of inputs so many that a tranche has few of them.

    Only rows that have a sample are looked at; the others of Gradient are 0. Those of this batch: touchees, their
    number compte[0]; vus[i] tells row i of them from the others.
    """
    largeur = width(Gradient, forme)
    errors, ecart = part(Delta, 0, Delta.size), Delta.shape[1]
    for b in range(blocs):
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
def scatter(LesPoids, Gradient, debut, n, blocs, complet, pas, penalite, vus, touchees, compte, forme):
    """The end of a batch that `gather` began: the correction, where `complet`, and zeros."""
    largeur = width(LesPoids, forme)
    for b in range(blocs):
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
def transpose(LesPoids, Transposees, debut, retour, n, m, colonnes, largeur, largeur_avant):
    """Transposees as the first `colonnes` numbers of a block's rows have become, but for the bias's.

    n, m: inputs and outputs of the layer. largeur, largeur_avant: of its blocks, and of those of the layer before it.
    """
    for neurone in range(n):
        vers = retour + neurone // largeur_avant * m * largeur_avant + neurone % largeur_avant
        for k in range(colonnes):
            Transposees[vers + k * largeur_avant] = LesPoids[debut + (1 + neurone) * largeur + k]


@step
def correct_dense_layer(
    LesPoids, Gradient, Transposees, debut, retour, n, m, blocs, echantillons, TabOutput, x, Delta, rang,
    nouveau, complet, pas, penalite, largeur_avant, forme, formes,
):  # fmt: skip
    """As `correct_first_layer_by_group`, of a layer whose inputs are TabOutput[e, x:], the bias first.

    Where `retour` is not negative, Transposees too.
    """
    largeur = width(LesPoids, forme)
    plusieurs = width(LesPoids, formes) // largeur
    X, ecart_x = part(TabOutput, 0, TabOutput.size), TabOutput.shape[1]
    errors, ecart = part(Delta, 0, Delta.size), Delta.shape[1]
    seules = 1 + n % plusieurs  # with the bias's, which has no penalty
    for b in range(blocs):
        place, j = debut + b * (n + 1) * largeur, rang + b * largeur
        for i in range(seules):
            correct_dense(
                LesPoids, Gradient, place + i * largeur, X, x + i, ecart_x, echantillons,
                errors, j, ecart, nouveau, complet, pas, like(pas, 0) if i == 0 else penalite, forme, forme,
            )  # fmt: skip
        for i in range(seules, n + 1, plusieurs):
            correct_dense(
                LesPoids, Gradient, place + i * largeur, X, x + i, ecart_x, echantillons,
                errors, j, ecart, nouveau, complet, pas, penalite, forme, formes,
            )  # fmt: skip
        if complet and retour >= 0:
            transpose(
                LesPoids, Transposees, place, retour + b * largeur * largeur_avant,
                n, m, min(largeur, m - b * largeur), largeur, largeur_avant,
            )  # fmt: skip


@step
def correct_with_momentum(
    LesPoids, Gradient, Vitesse, Transposees, debut, retour, n, m, blocs, pas, inertie, nesterov, penalite,
    largeur, largeur_avant,
):  # fmt: skip
    """A layer whose gradient is complete, and its part of Transposees."""
    for b in range(blocs):
        place = debut + b * (n + 1) * largeur
        for j in range(0, (n + 1) * largeur, width(LesPoids, REGISTER)):
            w, G = load(LesPoids, place + j, REGISTER), load(Gradient, place + j, REGISTER)
            if penalite != 0 and j >= largeur:
                G = madd(penalite, w, G)
            w, v = with_momentum(w, G, load(Vitesse, place + j, REGISTER), pas, inertie, nesterov)
            store(LesPoids, place + j, w)
            store(Vitesse, place + j, v)
        if retour >= 0:
            transpose(
                LesPoids, Transposees, place, retour + b * largeur * largeur_avant,
                n, m, min(largeur, m - b * largeur), largeur, largeur_avant,
            )  # fmt: skip


@kernel
def train(
    LesPoids, Transposees, debut, retour, unites, rang, blocs, activation, sortie, pente, cout,
    images, diviseur, lignes, colonnes, valeurs, quotients, presences, etiquettes, cibles, facteurs,
    ordre, premier, dernier, P, total, inertie, nesterov, penalite, alpha,
    TabXCachees, TabOutputs, Deltas, Gradient, Vitesse, y, porteurs, places, touchees, compte, bilan,
    moi, equipe, rendezvous, messages, forme, formes, forme_sortie, formes_sortie, rangees,
):  # fmt: skip
    """As `notes.train`, by thread `moi` of `equipe`, all of which call it, each for its own network.

    Images are in groups, or, where presences is empty, in rows of pixels that are not 0, or, where lignes is, dense.
    TabXCachees, TabOutputs, Deltas: one for each tranche under way, in turns. So are porteurs of groups; else there is
    one, the `vus` of `gather`, or none.
    Of a team but its last, unites are the inputs, the thread's own neurons, and those of the layer behind them. All but
    the first have the rows of these neurons' bias too, which mean nothing.
    """
    L = unites.size - 1
    largeur, largeur_sortie = width(LesPoids, forme), width(LesPoids, forme_sortie)
    tours, taille = TabOutputs.shape[0], TabOutputs.shape[1]
    seul, au_sommet = equipe == 1, moi == equipe - 1
    avance = 0 if seul else 1
    q, envois = premier, 0
    while q < dernier:
        debut_lot = q - q % P
        fin_lot = min(debut_lot + P, ordre.size)
        fin = min(fin_lot, dernier)
        tranches = (fin - q + taille - 1) // taille
        for t in range(tranches + avance):
            if t < tranches:
                ici, tour = q + t * taille, (envois + t) % tours
                echantillons = min(taille, fin - ici)
                TabOutput, Delta = TabOutputs[tour], Deltas[tour]
                message = line(messages, (envois + t) % MESSAGES)
                if presences.size:
                    by_group(presences, ordre, ici, echantillons, line(porteurs, tour))
                    first_layer_by_group(
                        LesPoids, debut[1], unites[0], blocs[1], activation if L > 1 else IDENTITY, pente, lignes,
                        valeurs, quotients, presences, ordre, ici, echantillons, TabOutput if L > 1 else Delta, rang[1],
                        line(porteurs, tour), places, forme, rangees,
                    )  # fmt: skip
                else:
                    enter(
                        LesPoids, debut, unites, rang, blocs, activation, pente, images, diviseur, lignes, colonnes,
                        valeurs, quotients, ordre, ici, echantillons, TabXCachees[tour], TabOutput, Delta,
                        forme, formes,
                    )  # fmt: skip
                if moi > 0:
                    wait_for(rendezvous, moi - 1, envois + t + 1)
                    receive(message, unites[2], echantillons, Delta if L == 2 else TabOutput, rang[2])
                forward(
                    LesPoids, debut, unites, rang, blocs, activation, pente, echantillons, TabOutput, Delta,
                    min(moi, 1), forme, formes, forme_sortie, formes_sortie,
                )  # fmt: skip
                if au_sommet:
                    for e in range(echantillons):
                        tau = layer(line(Delta, e), rang, blocs, L, largeur_sortie)
                        yhat = layer(line(TabOutput, e), rang, blocs, L, largeur_sortie)
                        plus_grand, S = output(sortie, pente, tau, yhat, unites[L])
                        cost, faute = outcome(
                            unites, rang, sortie, pente, cout, etiquettes, cibles, facteurs, ordre[ici + e],
                            line(TabOutput, e), line(Delta, e), y, plus_grand, S,
                        )  # fmt: skip
                        bilan[0] += cost
                        bilan[1] += faute
                        if ici + e + AHEAD < ordre.size and etiquettes.size:
                            # From memory, else, while the next sample waits.
                            prefetch(etiquettes, ordre[ici + e + AHEAD])
                    backward(
                        Transposees, retour, unites, rang, blocs, activation, pente, L, 3, echantillons, TabOutput,
                        Delta, forme,
                    )  # fmt: skip
                if not seul:
                    send(message, unites[2], echantillons, Delta, rang[2])
                    announce(rendezvous, moi, envois + t + 1)

            if t >= avance:
                ici, tour = q + (t - avance) * taille, (envois + t - avance) % tours
                echantillons = min(taille, fin - ici)
                TabOutput, Delta = TabOutputs[tour], Deltas[tour]
                message = line(messages, (envois + t - avance) % MESSAGES)
                if not au_sommet:
                    wait_for(rendezvous, equipe - 1, envois + t - avance + 1)
                    receive(message, unites[2], echantillons, Delta, rang[2])
                backward(
                    Transposees, retour, unites, rang, blocs, activation, pente, min(L, 2), 2, echantillons, TabOutput,
                    Delta, forme,
                )  # fmt: skip
                nouveau, fini = ici == debut_lot, ici + echantillons == fin_lot
                complet = fini and Vitesse.size == 0  # else the gradient is kept, for `correct_with_momentum`
                pas = alpha if total else alpha / like(alpha, fin_lot - debut_lot)
                for couche in range(1, L + 1):
                    n, m = unites[couche - 1], unites[couche]
                    retour_couche = retour[couche] if couche > 1 else -1
                    X, x = (TabOutput, rang[couche - 1] - 1) if couche > 1 else (TabXCachees[tour], 0)
                    if couche == 1 and presences.size:
                        correct_first_layer_by_group(
                            LesPoids, Gradient, debut[1], n, blocs[1], lignes, valeurs, quotients, ordre, ici,
                            echantillons, Delta, rang[1], nouveau, complet, pas, penalite, line(porteurs, tour), places,
                            forme, rangees,
                        )  # fmt: skip
                    elif couche == 1 and lignes.size:
                        gather(
                            Gradient, debut[1], n, blocs[1], lignes, colonnes, valeurs, quotients, ordre, ici,
                            echantillons, Delta, rang[1], like(pas, 1), line(porteurs, 0), touchees, compte, forme,
                        )  # fmt: skip
                    elif couche < L:
                        correct_dense_layer(
                            LesPoids, Gradient, Transposees, debut[couche], retour_couche, n, m, blocs[couche],
                            echantillons, X, x, Delta, rang[couche], nouveau, complet, pas, penalite, largeur,
                            forme, formes,
                        )  # fmt: skip
                    else:
                        correct_dense_layer(
                            LesPoids, Gradient, Transposees, debut[L], retour_couche, n, m, blocs[L],
                            echantillons, X, x, Delta, rang[L], nouveau, complet, pas, penalite, largeur,
                            forme_sortie, formes_sortie,
                        )  # fmt: skip
                    if fini and not complet:
                        correct_with_momentum(
                            LesPoids, Gradient, Vitesse, Transposees, debut[couche], retour_couche, n, m, blocs[couche],
                            pas, inertie, nesterov, penalite, largeur if couche < L else largeur_sortie, largeur,
                        )  # fmt: skip
                    if fini and couche == 1 and lignes.size and not presences.size:
                        scatter(
                            LesPoids, Gradient, debut[1], n, blocs[1], complet, pas, penalite,
                            line(porteurs, 0), touchees, compte, forme,
                        )  # fmt: skip
        envois += tranches
        q = fin


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
            LesPoids, debut, unites, rang, blocs, activation, pente, images, diviseur, lignes, colonnes,
            valeurs, quotients, ordre, q, echantillons, TabXCachee, TabOutput, Delta, forme, formes,
        )  # fmt: skip
        forward(
            LesPoids, debut, unites, rang, blocs, activation, pente, echantillons, TabOutput, Delta, zero,
            forme, formes, forme_sortie, formes_sortie,
        )  # fmt: skip
        for e in range(echantillons):
            tau = layer(line(Delta, e), rang, blocs, L, width(LesPoids, forme_sortie))
            yhat = layer(line(TabOutput, e), rang, blocs, L, width(LesPoids, forme_sortie))
            output(sortie, pente, tau, yhat, unites[L])
            for k in range(unites[L]):
                reponses[q + e, k] = yhat[k]

"""One sample at a time, in vectors: forward, delta, gradient and correction of the notes, the same bits.

Parameters stand in padded copies made of blocks (`neurone.kernels.simd`). The outputs of a layer are cut into
`blocs[couche]` blocks of `largeur` numbers; a block's rows follow each other, row 0 being the bias's:

LesPoids      of layer `couche`, from its n inputs, i to j of block b:  debut[couche] + (b * (n + 1) + i) * largeur + j
Transposees   the layers behind the first once more, inputs and outputs exchanged, without the bias's row; the
              errors of a hidden layer are sums over outputs, and vectors run along its neurons. From the m
              neurons k of `couche` to neuron j of block b before it:  retour[couche] + (b * m + k) * largeur + j
TabOutput, Delta, rang  as in notes.py, but that a layer's neurons begin at the start of a register, and fill whole
              blocks; the inputs, which only TabOutput has, come last. tau stands where DeltaSortie will.
forme, forme_sortie     tuples as long as a block of a hidden layer, and of the output, has registers; without a
              hidden layer they are the same, so that the first layer's are always `forme`

Numbers that fill a block up have no meaning. None of them reaches a number that has: lanes never mix.

What acts on each neuron alone goes one register at a time: the processor overlaps them by itself, and whole blocks
run out of registers, and are more to compile.
"""

import math

import numpy as np

from neurone.constants import SOFTMAX
from neurone.kernels import notes
from neurone.kernels.elementary import activate, derivative, descend, exp, like, madd
from neurone.kernels.jit import inlined, kernel, step, view
from neurone.kernels.simd import REGISTER, load, part, store, width, zeros
from neurone.kernels.sparse import anticipate, pixel


@view
def neurons(Tab, unites, rang, couche):
    """As in notes.py."""
    return part(Tab, rang[couche], rang[couche] + unites[couche])


@view
def with_bias(Tab, unites, rang, couche):
    """As in notes.py."""
    return part(Tab, rang[couche] - 1, rang[couche] + unites[couche])


@view
def layer(Tab, rang, blocs, couche, largeur):
    """The same neurons, and what fills up their blocks."""
    return part(Tab, rang[couche], rang[couche] + blocs[couche] * largeur)


@view
def line(array, p):
    """array[p], of two dimensions."""
    return part(array, p * array.shape[1], (p + 1) * array.shape[1])


@step
def forward_sparse(LesPoids, debut, colonnes, valeurs, quotients, premiere, derniere, sigma, j, forme):
    """sigma of a block, in sigma[j:]: the bias's row, then those of an image's pixels that are not 0."""
    largeur = width(LesPoids, forme)
    s = load(LesPoids, debut, forme)
    s = s + like(s, 0)  # sums start from 0, which makes 0 of a bias of -0
    # Unsigned, or Numba asks of each index whether it counts from the end.
    for t in range(np.uint64(premiere), np.uint64(derniere)):
        w = load(LesPoids, debut + np.int64(colonnes[t]) * largeur, forme)
        s = madd(pixel(quotients, valeurs[t]), w, s)
    store(sigma, j, s)


@step
def forward_dense(LesPoids, debut, X, sigma, j, forme):
    """sigma of a block, in sigma[j:], of all inputs. X: (n + 1,), the bias neuron first."""
    largeur = width(LesPoids, forme)
    s = load(LesPoids, debut, forme)
    s = s + like(s, 0)
    for i in range(1, X.size):
        s = madd(X[i], load(LesPoids, debut + i * largeur, forme), s)
    store(sigma, j, s)


@step
def activations(activation, pente, sigma, U):
    """U = g(sigma); they may be one array. Both filled up to whole registers."""
    for j in range(0, U.size, width(U, REGISTER)):
        store(U, j, activate(activation, load(sigma, j, REGISTER), pente))


@step
def output(sortie, pente, tau, yhat, outputs):
    """yhat = gs(tau), both filled up to whole registers; returns softmax's (max, S), else (0, 1)."""
    if sortie != SOFTMAX:
        activations(sortie, pente, tau, yhat)
        return like(pente, 0), like(pente, 1)
    plus_grand = tau[0]
    for k in range(1, outputs):
        if tau[k] > plus_grand:
            plus_grand = tau[k]
    for k in range(0, tau.size, width(tau, REGISTER)):
        store(yhat, k, exp(load(tau, k, REGISTER) - plus_grand))
    S = like(plus_grand, 0)
    for k in range(outputs):
        S += yhat[k]
    for k in range(0, tau.size, width(tau, REGISTER)):
        store(yhat, k, load(yhat, k, REGISTER) / S)
    return plus_grand, S


@step
def weighted_deltas(Transposees, debut, DeltaSuivante, Delta, j, forme):
    """sum_k z_jk delta_k of a block, in Delta[j:]. DeltaSuivante: (m,)."""
    largeur = width(Transposees, forme)
    s = zeros(Transposees, forme)
    for k in range(DeltaSuivante.size):
        s = madd(DeltaSuivante[k], load(Transposees, debut + k * largeur, forme), s)
    store(Delta, j, s)


@step
def derivatives(activation, pente, U, DeltaCachee):
    """DeltaCachee, the weighted deltas, each times g'(sigma_j). Both filled up to whole registers."""
    for j in range(0, U.size, width(U, REGISTER)):
        u, s = load(U, j, REGISTER), load(DeltaCachee, j, REGISTER)
        store(DeltaCachee, j, derivative(activation, u, pente) * s)


@step
def correct_sparse(LesPoids, debut, colonnes, valeurs, quotients, premiere, derniere, Delta, j, pas, forme):
    """The rows of a block from the bias and from an image's pixels that are not 0: at the others G is 0."""
    largeur = width(LesPoids, forme)
    delta = load(Delta, j, forme)
    descend(LesPoids, debut, (-pas, like(pas, 1), delta))
    for t in range(np.uint64(premiere), np.uint64(derniere)):
        place = debut + np.int64(colonnes[t]) * largeur
        descend(LesPoids, place, (-pas, pixel(quotients, valeurs[t]), delta))


@step
def correct_dense(LesPoids, debut, X, Delta, j, pas, forme):
    """All rows of a block, one for each of X."""
    largeur = width(LesPoids, forme)
    delta = load(Delta, j, forme)
    for i in range(X.size):
        descend(LesPoids, debut + i * largeur, (-pas, X[i], delta))


@inlined
def outcome_of_label(etiquettes, p, yhat, DeltaSortie, plus_grand, S):
    """`notes.sample_cost`, `wrong` and `delta_output` of a softmax and a label, DeltaSortie holding tau before.

    All targets but one are 0, which need not be looked at one by one; and the answer is right where the label's tau is
    the largest and S below 2, so that no other's e^(tau - max), of which none is above 1, can be 1 as well. Branches
    that are mispredicted took more time than the exponentials.
    """
    k = etiquettes[p]
    cost = math.log(np.float64(S)) - np.float64(DeltaSortie[k] - plus_grand)
    faute = 0
    if DeltaSortie[k] != plus_grand or not S < like(S, 2):
        faute = notes.wrong(etiquettes, p, yhat)
    for autre in range(yhat.size):
        DeltaSortie[autre] = yhat[autre]
    DeltaSortie[k] = yhat[k] - like(S, 1)
    return cost, faute


@inlined
def outcome(
    unites, rang, sortie, pente, cout, etiquettes, cibles, facteurs, p, TabOutput, Delta, y, plus_grand, S,
):  # fmt: skip
    """DeltaSortie of sample p, in tau's place, from what `output` gave; returns its cost and whether its answer is
    wrong."""
    L = unites.size - 1
    DeltaSortie, TabOutputSortie = neurons(Delta, unites, rang, L), neurons(TabOutput, unites, rang, L)
    if sortie == SOFTMAX and etiquettes.size:
        cost, faute = outcome_of_label(etiquettes, p, TabOutputSortie, DeltaSortie, plus_grand, S)
        notes.weight(facteurs, p, DeltaSortie)
        return notes.weighted(facteurs, p, cost), faute
    notes.target(etiquettes, cibles, p, y)
    cost = notes.sample_cost(cout, sortie, pente, y, TabOutputSortie, DeltaSortie, plus_grand, S)
    faute = notes.wrong(etiquettes, p, TabOutputSortie) if etiquettes.size else 0
    notes.delta_output(cout, sortie, pente, y, TabOutputSortie, DeltaSortie)
    notes.weight(facteurs, p, DeltaSortie)
    return notes.weighted(facteurs, p, cost), faute


@step
def inputs(images, diviseur, lignes, p, TabXCachee):
    """Where image p's pixels stand in colonnes and valeurs; or nowhere, and all of them in TabXCachee."""
    if lignes.size:
        return lignes[p], lignes[p + 1]
    notes.normalisation(line(images, p), diviseur, TabXCachee)
    return 0, 0


@kernel
def train(
    LesPoids, Transposees, debut, retour, unites, rang, blocs, activation, sortie, pente, cout,
    images, diviseur, lignes, colonnes, valeurs, quotients, etiquettes, cibles, facteurs, ordre, premier, dernier,
    alpha, TabOutput, Delta, y, bilan, forme, forme_sortie,
):  # fmt: skip
    """As `notes.train` with P = 1, where mean and total are the same."""
    L = unites.size - 1
    largeur, largeur_sortie = width(LesPoids, forme), width(LesPoids, forme_sortie)
    TabXCachee = with_bias(TabOutput, unites, rang, 0)
    for q in range(premier, dernier):
        p = ordre[q]
        anticipate(lignes, colonnes, valeurs, ordre, q)
        premiere, derniere = inputs(images, diviseur, lignes, p, TabXCachee)

        for couche in range(1, L + 1):
            n = unites[couche - 1]
            sigma = Delta if couche == L else TabOutput
            for b in range(blocs[couche]):
                if couche == 1 and lignes.size:
                    forward_sparse(
                        LesPoids, debut[1] + b * (n + 1) * largeur, colonnes, valeurs, quotients, premiere, derniere,
                        sigma, rang[1] + b * largeur, forme,
                    )  # fmt: skip
                elif couche < L:
                    forward_dense(
                        LesPoids, debut[couche] + b * (n + 1) * largeur, with_bias(TabOutput, unites, rang, couche - 1),
                        sigma, rang[couche] + b * largeur, forme,
                    )  # fmt: skip
                else:
                    forward_dense(
                        LesPoids, debut[L] + b * (n + 1) * largeur_sortie, with_bias(TabOutput, unites, rang, L - 1),
                        sigma, rang[L] + b * largeur_sortie, forme_sortie,
                    )  # fmt: skip
            if couche < L:
                U = layer(TabOutput, rang, blocs, couche, largeur)
                activations(activation, pente, U, U)
        tau, yhat = layer(Delta, rang, blocs, L, largeur_sortie), layer(TabOutput, rang, blocs, L, largeur_sortie)
        plus_grand, S = output(sortie, pente, tau, yhat, unites[L])
        cost, faute = outcome(
            unites, rang, sortie, pente, cout, etiquettes, cibles, facteurs, p, TabOutput, Delta, y, plus_grand, S
        )
        bilan[0] += cost
        bilan[1] += faute

        for couche in range(L, 1, -1):
            DeltaSuivante = neurons(Delta, unites, rang, couche)
            for b in range(blocs[couche - 1]):
                place = retour[couche] + b * unites[couche] * largeur
                weighted_deltas(Transposees, place, DeltaSuivante, Delta, rang[couche - 1] + b * largeur, forme)
            U = layer(TabOutput, rang, blocs, couche - 1, largeur)
            DeltaCachee = layer(Delta, rang, blocs, couche - 1, largeur)
            derivatives(activation, pente, U, DeltaCachee)

        for couche in range(1, L + 1):
            n = unites[couche - 1]
            for b in range(blocs[couche]):
                if couche == 1 and lignes.size:
                    correct_sparse(
                        LesPoids, debut[1] + b * (n + 1) * largeur, colonnes, valeurs, quotients, premiere, derniere,
                        Delta, rang[1] + b * largeur, alpha, forme,
                    )  # fmt: skip
                elif couche < L:
                    correct_dense(
                        LesPoids, debut[couche] + b * (n + 1) * largeur, with_bias(TabOutput, unites, rang, couche - 1),
                        Delta, rang[couche] + b * largeur, alpha, forme,
                    )  # fmt: skip
                else:
                    correct_dense(
                        LesPoids, debut[L] + b * (n + 1) * largeur_sortie, with_bias(TabOutput, unites, rang, L - 1),
                        Delta, rang[L] + b * largeur_sortie, alpha, forme_sortie,
                    )  # fmt: skip
        for couche in range(2, L + 1):
            # The product of error and output is the same whichever of the two runs along the vector.
            for b in range(blocs[couche - 1]):
                correct_dense(
                    Transposees, retour[couche] + b * unites[couche] * largeur, neurons(Delta, unites, rang, couche),
                    TabOutput, rang[couche - 1] + b * largeur, alpha, forme,
                )  # fmt: skip

"""The program of the notes, one function per phase: forward, delta, gradient, correction.

The reference: plain loops in the notes' order, compared bit for bit with a C program
(`tests/test_golden.py`). Faster kernels must give these bits.

The notes' names (NOTES sections 3 to 7), in arrays laid out by `neurone.layout`:

LesPoids          parameters; of the block that leads into layer l + 1, from i to j: debut[l] + i*m + j, row
                  i = 0 being the bias's
TabOutput         outputs of every layer, the bias neuron (1.0) in front of each but the last. Its parts:
  TabXCachee      the inputs: [0] = 1.0, pixel (line j, column h) at 1 + j*NbColonne + h, which is 1 + i for
                  the i-th of an image read line by line
  TabOutputCachee the outputs U of a hidden layer: [0] = 1.0
  TabOutputSortie the outputs yhat
Delta             the errors, in the same places: DeltaCachee, DeltaSortie
unites, rang      neurons of each layer, and the place of its first in TabOutput and Delta
sigma, tau        pre-activations, of a hidden layer and of the output
alpha, pente, P   learning rate, slope of the logistic, samples in a batch

and the program's own: `couche` a layer, 0 being the inputs; `activation`, `sortie`, `cout` the codes
(`neurone.constants`) of hidden function, output function and cost; `etiquettes`, `cibles` labels and targets;
`ordre` the order of an epoch's samples; `pas` the step of a correction; `bilan` an epoch's report.

Sums run over i in the outer loop and j in the inner: each sum over i still starts from 0 and runs upward,
as the C program's does, and memory is read in its order.
"""

import math

import numpy as np

from neurone.constants import HALF_QUADRATIC, LOG, QUADRATIC, SOFTMAX
from neurone.kernels.elementary import activate, derivative, exp, like, madd, with_momentum
from neurone.kernels.jit import kernel, view


@kernel
def normalisation(Image, diviseur, TabXCachee):
    """[0] = 1 and the pixels behind it, divided by `diviseur`: 255 for bytes, 1 for values taken as they are.

    Image: (n,), its lines one after the other. TabXCachee: (n + 1,), written.
    """
    TabXCachee[0] = 1
    for i in range(Image.size):
        TabXCachee[1 + i] = like(diviseur, Image[i]) / diviseur


@view
def row(parametres, debut, i, m):
    """What leads from neuron i (0: the bias) of a layer to the m of the next: a view, [j] = [debut + i*m + j].

    With the sum written out as an index, Numba tests each for being negative, and the loops over j do not
    become vector code: 4 times slower.
    """
    return parametres[debut + i * m : debut + (i + 1) * m]


@view
def neurons(Tab, unites, rang, couche):
    """The neurons of a layer, without its bias neuron: a view of TabOutput or Delta."""
    return Tab[rang[couche] : rang[couche] + unites[couche]]


@view
def with_bias(Tab, unites, rang, couche):
    """The same with the bias neuron in front, at [0]."""
    return Tab[rang[couche] - 1 : rang[couche] + unites[couche]]


@kernel
def pre_activation(LesPoids, debut, X, sigma):
    """sigma_j = sum_i w_ij X_i over i = 0 .. n, the bias neuron included. X: (n + 1,). sigma: (m,), written."""
    m = sigma.size
    sigma[:] = 0
    for i in range(X.size):
        w = row(LesPoids, debut, i, m)
        for j in range(m):
            sigma[j] = madd(w[j], X[i], sigma[j])


@kernel
def softmax(tau, yhat):
    """yhat_k = e^(tau_k - max) / S, which cannot overflow; returns (max, S). tau, yhat: (m,); yhat is written."""
    plus_grand = tau[0]
    for k in range(1, tau.size):
        if tau[k] > plus_grand:
            plus_grand = tau[k]
    S = like(plus_grand, 0)
    for k in range(tau.size):
        yhat[k] = exp(tau[k] - plus_grand)
        S += yhat[k]
    for k in range(tau.size):
        yhat[k] /= S
    return plus_grand, S


@kernel
def forward(LesPoids, debut, unites, rang, activation, sortie, pente, TabOutput, tau):
    """U = g(sigma) layer by layer, then yhat = gs(tau); returns softmax's (max, S), else (0, 1).

    The inputs stand in TabOutput; the other layers of it, and tau (outputs,), are written.
    """
    derniere = unites.size - 1
    for couche in range(1, derniere):
        X = with_bias(TabOutput, unites, rang, couche - 1)
        U = neurons(TabOutput, unites, rang, couche)
        pre_activation(LesPoids, debut[couche - 1], X, U)  # U holds sigma until g takes its place
        for j in range(U.size):
            U[j] = activate(activation, U[j], pente)
        TabOutput[rang[couche] - 1] = 1

    X = with_bias(TabOutput, unites, rang, derniere - 1)
    yhat = neurons(TabOutput, unites, rang, derniere)
    pre_activation(LesPoids, debut[derniere - 1], X, tau)
    if sortie == SOFTMAX:
        return softmax(tau, yhat)
    for k in range(yhat.size):
        yhat[k] = activate(sortie, tau[k], pente)
    return like(pente, 0), like(pente, 1)


@kernel
def target(etiquettes, cibles, p, y):
    """The outputs wanted for sample p: its row of `cibles`, or 1 for its label and 0 elsewhere. y: written.

    One of `etiquettes` (P,) and `cibles` (P, outputs) is empty. A single output is the label itself, 0 or 1.
    """
    if etiquettes.size == 0:
        for k in range(y.size):
            y[k] = cibles[p, k]
    elif y.size == 1:
        y[0] = etiquettes[p]
    else:
        y[:] = 0
        y[etiquettes[p]] = 1


@kernel
def sample_cost(cout, sortie, pente, y, yhat, tau, plus_grand, S):
    """The sample's cost, summed in 64 bits; the logarithm is the C library's in either width."""
    somme = np.float64(0)
    for k in range(y.size):
        r = yhat[k] - y[k]
        if cout == QUADRATIC:
            somme += np.float64(r * r)
        elif cout == HALF_QUADRATIC:
            somme += np.float64((like(r, 0.5) * r) * r)
        elif sortie == SOFTMAX:
            if y[k] != 0:
                # -log(yhat_k), never infinite.
                somme += np.float64(y[k]) * (math.log(np.float64(S)) - np.float64(tau[k] - plus_grand))
        else:
            # -y log(yhat) - (1 - y) log(1 - yhat), never infinite.
            z = np.float64(pente * tau[k])
            somme += (max(z, 0.0) - z * np.float64(y[k])) + math.log1p(math.exp(-abs(z)))
    return somme


@kernel
def wrong(etiquettes, p, yhat):
    """1 where the network's answer (`neurone.Network.predict`) is not the label, else 0."""
    if yhat.size == 1:
        reponse = 1 if yhat[0] >= like(yhat[0], 0.5) else 0
    else:
        reponse = 0
        for k in range(1, yhat.size):
            if yhat[k] > yhat[reponse]:
                reponse = k
    return 1 if reponse != etiquettes[p] else 0


@kernel
def delta_output(cout, sortie, pente, y, yhat, DeltaSortie):
    """delta_k = dE/dtau_k. y, yhat, DeltaSortie: (outputs,); the last is written."""
    for k in range(y.size):
        r = yhat[k] - y[k]
        if cout == LOG:
            DeltaSortie[k] = r if sortie == SOFTMAX else pente * r
        elif cout == QUADRATIC:
            DeltaSortie[k] = (like(r, 2) * derivative(sortie, yhat[k], pente)) * r
        else:
            DeltaSortie[k] = derivative(sortie, yhat[k], pente) * r


@kernel
def weighted(facteurs, p, cost):
    """A sample's cost times its factor, if samples have one."""
    return cost * np.float64(facteurs[p]) if facteurs.size else cost


@kernel
def weight(facteurs, p, DeltaSortie):
    """Its error times its factor, likewise. DeltaSortie: written."""
    if facteurs.size:
        for k in range(DeltaSortie.size):
            DeltaSortie[k] *= facteurs[p]


@kernel
def delta_hidden(LesPoids, debut, activation, pente, U, DeltaSuivante, DeltaCachee):
    """delta_j = g'(sigma_j) sum_k z_jk delta_k, from the layer behind it; the bias neuron has no error.

    U, DeltaCachee: (n,), without the bias neuron. DeltaSuivante: (m,). DeltaCachee is written.
    """
    m = DeltaSuivante.size
    for j in range(U.size):
        s = like(pente, 0)
        z = row(LesPoids, debut, 1 + j, m)
        for k in range(m):
            s = madd(z[k], DeltaSuivante[k], s)
        DeltaCachee[j] = derivative(activation, U[j], pente) * s


@kernel
def gradient(Gradient, debut, X, Delta):
    """One sample's dE/dw_ij = delta_j X_i added to the batch's. X: (n + 1,), bias included. Delta: (m,)."""
    m = Delta.size
    for i in range(X.size):
        G = row(Gradient, debut, i, m)
        for j in range(m):
            G[j] = madd(Delta[j], X[i], G[j])


@kernel
def backward(LesPoids, debut, unites, rang, activation, pente, TabOutput, Delta, Gradient):
    """The errors of the hidden layers, last to first, then every layer's gradient.

    The output's error stands in Delta, whose other layers are written; the gradient is added to.
    """
    derniere = unites.size - 1
    for couche in range(derniere - 1, 0, -1):
        U = neurons(TabOutput, unites, rang, couche)
        DeltaSuivante = neurons(Delta, unites, rang, couche + 1)
        DeltaCachee = neurons(Delta, unites, rang, couche)
        delta_hidden(LesPoids, debut[couche], activation, pente, U, DeltaSuivante, DeltaCachee)
    for couche in range(1, derniere + 1):
        X = with_bias(TabOutput, unites, rang, couche - 1)
        gradient(Gradient, debut[couche - 1], X, neurons(Delta, unites, rang, couche))


@kernel
def correction(LesPoids, Gradient, pas):
    """w <- w - step G. A mean gradient's division by P is in the step."""
    for place in range(LesPoids.size):
        LesPoids[place] = madd(-pas, Gradient[place], LesPoids[place])


@kernel
def correction_with_momentum(LesPoids, Gradient, Vitesse, pas, inertie, nesterov):
    """`with_momentum` for every parameter. Vitesse: laid out as LesPoids, written."""
    for place in range(LesPoids.size):
        LesPoids[place], Vitesse[place] = with_momentum(
            LesPoids[place], Gradient[place], Vitesse[place], pas, inertie, nesterov
        )


@kernel
def penalty(LesPoids, Gradient, debut, unites, penalite):
    """That of penalite / 2 |w|^2 added to the gradient; biases are not penalised."""
    for couche in range(1, unites.size):
        for place in range(debut[couche - 1] + unites[couche], debut[couche]):
            Gradient[place] = madd(penalite, LesPoids[place], Gradient[place])


@kernel
def train(
    LesPoids, debut, unites, rang, activation, sortie, pente, cout,
    images, diviseur, etiquettes, cibles, facteurs, ordre, premier, dernier, P, total, inertie, nesterov, penalite,
    alpha, TabOutput, Delta, Gradient, Vitesse, tau, y, bilan,
):  # fmt: skip
    """Samples `premier` to `dernier` of an epoch of batches of P, taken in the order `ordre`.

    A call may begin and end anywhere in a batch: all that is under way is in the arrays. LesPoids is
    corrected at the end of each batch, the last one of the epoch perhaps a smaller one; bilan[0] gathers
    the cost and bilan[1] the wrong answers, both from before the batch's correction. `total` leaves out
    the division by P. facteurs: (P,), of each sample's cost and error, or empty. Vitesse: empty without momentum.
    """
    derniere = unites.size - 1
    TabXCachee = with_bias(TabOutput, unites, rang, 0)
    TabOutputSortie = neurons(TabOutput, unites, rang, derniere)
    DeltaSortie = neurons(Delta, unites, rang, derniere)
    for q in range(premier, dernier):
        p = ordre[q]
        if q % P == 0:
            Gradient[:] = 0
        normalisation(images[p], diviseur, TabXCachee)
        target(etiquettes, cibles, p, y)
        plus_grand, S = forward(LesPoids, debut, unites, rang, activation, sortie, pente, TabOutput, tau)
        bilan[0] += weighted(facteurs, p, sample_cost(cout, sortie, pente, y, TabOutputSortie, tau, plus_grand, S))
        if etiquettes.size:
            bilan[1] += wrong(etiquettes, p, TabOutputSortie)
        delta_output(cout, sortie, pente, y, TabOutputSortie, DeltaSortie)
        weight(facteurs, p, DeltaSortie)
        backward(LesPoids, debut, unites, rang, activation, pente, TabOutput, Delta, Gradient)
        if (q + 1) % P == 0 or q + 1 == ordre.size:
            pas = alpha if total else alpha / like(alpha, q % P + 1)
            if penalite != 0:
                penalty(LesPoids, Gradient, debut, unites, penalite)
            if Vitesse.size:
                correction_with_momentum(LesPoids, Gradient, Vitesse, pas, inertie, nesterov)
            else:
                correction(LesPoids, Gradient, pas)


@kernel
def predict(LesPoids, debut, unites, rang, activation, sortie, pente, images, diviseur, TabOutput, tau, reponses):
    """The outputs of each image. images: (P, inputs). reponses: (P, outputs), written."""
    derniere = unites.size - 1
    TabXCachee = with_bias(TabOutput, unites, rang, 0)
    for p in range(images.shape[0]):
        normalisation(images[p], diviseur, TabXCachee)
        forward(LesPoids, debut, unites, rang, activation, sortie, pente, TabOutput, tau)
        yhat = neurons(TabOutput, unites, rang, derniere)
        for k in range(yhat.size):
            reponses[p, k] = yhat[k]

"""The program of the notes, one function per phase: forward, delta, gradient, correction.

The reference: plain loops in the notes' order, compared bit for bit with a C program (`tests/test_golden.py`). Faster
kernels must give these bits.

The notes' names (specification sections 3 to 7), in arrays laid out by `neurone.layout`:

LesPoids          parameters, a block for each layer. The block into layer l + 1 begins at debut[l]; the weight from i
                  to j is at debut[l] + i*m + j, and row i = 0 is the bias's
TabOutput         outputs of every layer, the bias neuron (1.0) in front of each but the last. Its parts:
  TabXCachee      the inputs: [0] = 1.0, pixel (line j, column h) at 1 + j*NbColonne + h, that is 1 + i for pixel i of
                  an image read line by line
  TabOutputCachee the outputs U of a hidden layer: [0] = 1.0
  TabOutputSortie the outputs yhat
Delta             the errors, in the same places: DeltaCachee, DeltaSortie; DeltaSuivante is the next layer's
sigma, tau        pre-activations, of a hidden layer and of the output
X, y              a layer's inputs, the bias neuron first; a sample's targets
Gradient, G       the gradient of a batch, in the places of LesPoids, and numbers of it
alpha, pente, P   learning rate, slope of the logistic, samples in a batch

The program's own names: `sizes`, the neurons of each layer; `offset`, the place of a layer's first neuron in TabOutput
and Delta; `activation`, `output`, `cost`, the codes (`neurone.constants`) of hidden function, output function and cost;
`order`, in which an epoch takes its samples; `tally`, an epoch's cost and wrong answers. What belongs together is
passed together (`arguments.py`).

The outer loop runs over i and the inner over j, so that memory is read in order. Each sum over i still starts from 0
and runs upwards, as in the C program.

The three loops over a layer's parameters are kernels of their own, optimised before they are written out in `train`:
as steps, LLVM did not make vectors of them, and an epoch took two to three times as long.
"""

import math

import numpy as np

from neurone.constants import HALF_QUADRATIC, LOG, POISSON, QUADRATIC, SOFTMAX
from neurone.kernels.dropout import drop, key_of, key_of_layer
from neurone.kernels.elementary import activate, derivative, exp, like, madd
from neurone.kernels.jit import kernel, step, view
from neurone.kernels.update import stride_of, update, weight


@step
def normalisation(Image, divisor, TabXCachee):
    """[0] = 1, then the pixels divided by `divisor`: 255 for bytes, 1 for values taken as they are.

    Image: (n,), its lines one after the other. TabXCachee: (n + 1,), written.
    """
    TabXCachee[0] = 1
    for i in range(Image.size):
        TabXCachee[1 + i] = like(divisor, Image[i]) / divisor


@view
def row(parameters, debut, i, m):
    """The weights from neuron i (0: the bias) of a layer to the m of the next: a view, [j] = [debut + i*m + j].

    Where loops over j use debut + i*m + j itself, Numba tests each index for being negative, and they do not become
    vector code: 4 times slower.
    """
    return parameters[debut + i * m : debut + (i + 1) * m]


@view
def neurons(Tab, net, layer):
    """The neurons of a layer, without its bias neuron: a view of TabOutput or Delta."""
    return Tab[net.offset[layer] : net.offset[layer] + net.sizes[layer]]


@view
def with_bias(Tab, net, layer):
    """The neurons of a layer, with the bias neuron in front, at [0]: a view."""
    return Tab[net.offset[layer] - 1 : net.offset[layer] + net.sizes[layer]]


@kernel
def pre_activation(LesPoids, debut, X, sigma):
    """sigma_j = sum_i w_ij X_i over i = 0 .. n, the bias neuron included. X: (n + 1,). sigma: (m,), written."""
    m = sigma.size
    sigma[:] = 0
    for i in range(X.size):
        w = row(LesPoids, debut, i, m)
        for j in range(m):
            sigma[j] = madd(w[j], X[i], sigma[j])


@step
def softmax(tau, yhat):
    """yhat_k = e^(tau_k - max) / S, which cannot overflow; returns (max, S). tau, yhat: (m,); yhat is written."""
    largest = tau[0]
    for k in range(1, tau.size):
        if tau[k] > largest:
            largest = tau[k]
    S = like(largest, 0)
    for k in range(tau.size):
        yhat[k] = exp(tau[k] - largest)
        S += yhat[k]
    for k in range(tau.size):
        yhat[k] /= S
    return largest, S


@step
def forward(net, TabOutput, tau, key, dropout):
    """U = g(sigma) layer by layer, then yhat = gs(tau); returns softmax's (max, S), else (0, 1).

    TabOutput holds the inputs; its other layers and tau (outputs,) are written. key: of the sample's masks.
    """
    LesPoids, debut, pente, last = net.LesPoids, net.debut, net.pente, net.sizes.size - 1
    for layer in range(1, last):
        X, U = with_bias(TabOutput, net, layer - 1), neurons(TabOutput, net, layer)
        pre_activation(LesPoids, debut[layer - 1], X, U)  # U holds sigma until g replaces it
        for j in range(U.size):
            U[j] = activate(net.activation, U[j], pente)
        if dropout.threshold:
            drop(U, key_of_layer(key, layer), 0, dropout)
        TabOutput[net.offset[layer] - 1] = 1

    yhat = neurons(TabOutput, net, last)
    pre_activation(LesPoids, debut[last - 1], with_bias(TabOutput, net, last - 1), tau)
    if net.output == SOFTMAX:
        return softmax(tau, yhat)
    for k in range(yhat.size):
        yhat[k] = activate(net.output, tau[k], pente)
    return like(pente, 0), like(pente, 1)


@step
def target(labels, targets, p, y):
    """The outputs wanted for sample p: its row of `targets`, or 1 for its label and 0 elsewhere. y: written.

    The target of a single output is the label itself, 0 or 1.
    """
    if labels.size == 0:
        for k in range(y.size):
            y[k] = targets[p, k]
    elif y.size == 1:
        y[0] = labels[p]
    else:
        y[:] = 0
        y[labels[p]] = 1


@step
def sample_cost(net, y, yhat, tau, largest, S):
    """The sample's cost, summed in 64 bits; the logarithm is the C library's in either width."""
    cost, softmax, pente = net.cost, net.output == SOFTMAX, net.pente
    total = np.float64(0)
    for k in range(y.size):
        r = yhat[k] - y[k]
        if cost == POISSON:
            # y log(y / yhat) - y + yhat, with yhat = e^tau.
            wanted = np.float64(y[k])
            if wanted > 0:
                total += wanted * (math.log(wanted) - np.float64(tau[k]))
            total += np.float64(yhat[k]) - wanted
        elif cost == QUADRATIC:
            total += np.float64(r * r)
        elif cost == HALF_QUADRATIC:
            total += np.float64((like(r, 0.5) * r) * r)
        elif softmax:
            if y[k] != 0:
                # -log(yhat_k), never infinite.
                total += np.float64(y[k]) * (math.log(np.float64(S)) - np.float64(tau[k] - largest))
        else:
            # -y log(yhat) - (1 - y) log(1 - yhat), never infinite.
            z = np.float64(pente * tau[k])
            total += (max(z, 0.0) - z * np.float64(y[k])) + math.log1p(math.exp(-abs(z)))
    return total


@step
def wrong(labels, p, yhat):
    """1 where the network's answer (`neurone.Network.predict`) is not the label, else 0."""
    if yhat.size == 1:
        answer = 1 if yhat[0] >= like(yhat[0], 0.5) else 0
    else:
        answer = 0
        for k in range(1, yhat.size):
            if yhat[k] > yhat[answer]:
                answer = k
    return 1 if answer != labels[p] else 0


@step
def delta_output(net, y, yhat, DeltaSortie):
    """delta_k = dE/dtau_k. y, yhat, DeltaSortie: (outputs,); the last is written."""
    cost, output, pente = net.cost, net.output, net.pente
    for k in range(y.size):
        r = yhat[k] - y[k]
        if cost == LOG:
            DeltaSortie[k] = r if output == SOFTMAX else pente * r
        elif cost == POISSON:
            DeltaSortie[k] = r
        elif cost == QUADRATIC:
            DeltaSortie[k] = (like(r, 2) * derivative(output, yhat[k], pente)) * r
        else:
            DeltaSortie[k] = derivative(output, yhat[k], pente) * r


@step
def weigh(factors, p, cost, DeltaSortie):
    """Multiply a sample's error by its factor, if there are factors, and return its cost times the factor."""
    if factors.size == 0:
        return cost
    for k in range(DeltaSortie.size):
        DeltaSortie[k] *= factors[p]
    return cost * np.float64(factors[p])


@kernel
def delta_hidden(LesPoids, debut, activation, pente, kept, U, DeltaSuivante, DeltaCachee):
    """delta_j = g'(sigma_j) sum_k z_jk delta_k, from the errors of the next layer; the bias neuron has no error.

    U, DeltaCachee: (n,), without the bias neuron. DeltaSuivante: (m,). DeltaCachee is written. kept: 1, or what takes
    back that dropout has scaled U up.
    """
    m = DeltaSuivante.size
    for j in range(U.size):
        s = like(pente, 0)
        z = row(LesPoids, debut, 1 + j, m)
        for k in range(m):
            s = madd(z[k], DeltaSuivante[k], s)
        DeltaCachee[j] = derivative(activation, kept * U[j], pente) * s


@kernel
def gradient(Gradient, debut, X, Delta):
    """Add one sample's dE/dw_ij = delta_j X_i to the batch's. X: (n + 1,), bias included. Delta: (m,)."""
    m = Delta.size
    for i in range(X.size):
        G = row(Gradient, debut, i, m)
        for j in range(m):
            G[j] = madd(Delta[j], X[i], G[j])


@step
def backward(net, TabOutput, Delta, Gradient, key, dropout):
    """The errors of the hidden layers, last to first, then every layer's gradient.

    Delta holds the output's error; its other layers are written. Gradient is added to. A neuron that was dropped has no
    error, and the others' errors are scaled as their outputs were.
    """
    debut, last = net.debut, net.sizes.size - 1
    for layer in range(last - 1, 0, -1):
        U, DeltaCachee = neurons(TabOutput, net, layer), neurons(Delta, net, layer)
        DeltaSuivante = neurons(Delta, net, layer + 1)
        delta_hidden(net.LesPoids, debut[layer], net.activation, net.pente, dropout.kept, U, DeltaSuivante, DeltaCachee)
        if dropout.threshold:
            drop(DeltaCachee, key_of_layer(key, layer), 0, dropout)
    for layer in range(1, last + 1):
        X = with_bias(TabOutput, net, layer - 1)
        gradient(Gradient, debut[layer - 1], X, neurons(Delta, net, layer))


@step
def add_squares(net, share, squares):
    """Add up the squares of all weights, in 64 bits, each sum times `share`: of those into each neuron of the first
    layer in squares[0], and of those out of each neuron of layer l in squares[l].

    In this way, each neuron's sum has all its terms in one thread of `batch.py`.
    """
    for layer in range(1, net.sizes.size):
        n, m = net.sizes[layer - 1], net.sizes[layer]
        for neuron in range(m if layer == 1 else n):
            s = 0.0
            for other in range(n if layer == 1 else m):
                i, j = (1 + other, neuron) if layer == 1 else (1 + neuron, other)
                w = np.float64(net.LesPoids[net.debut[layer - 1] + i * m + j])
                s += w * w
            squares[layer - 1, neuron] += s * share


@step
def clip(net, Gradient, clip_norm, P):
    """Multiply the mean gradient by clip_norm / (norm + 1e-6), if that is below 1: PyTorch's `clip_grad_norm_`.

    P: the batch's weight, or 1 where the gradient is a total. The sum of squares, in 64 bits, is one of sums for each
    neuron, which are independent: each has all its terms in one thread of `batch.py`, or goes from one to the next.
    """
    total = 0.0
    for layer in range(1, net.sizes.size):
        n, m = net.sizes[layer - 1], net.sizes[layer]
        for j in range(m):
            s = 0.0
            for i in range(n + 1):
                G = np.float64(Gradient[net.debut[layer - 1] + i * m + j])
                s += G * G
            total += s
    factor = clip_norm / (math.sqrt(total) / np.float64(P) + 1e-6)
    if factor < 1.0:
        for place in range(Gradient.size):
            Gradient[place] *= like(P, factor)


@step
def constrain(net, max_norm):
    """Shorten the weights into each neuron, without the bias, to max_norm, where they are longer."""
    for layer in range(1, net.sizes.size):
        n, m = net.sizes[layer - 1], net.sizes[layer]
        for j in range(m):
            s = 0.0
            for i in range(1, n + 1):
                w = np.float64(net.LesPoids[net.debut[layer - 1] + i * m + j])
                s += w * w
            if s > max_norm * max_norm:
                for i in range(1, n + 1):
                    net.LesPoids[net.debut[layer - 1] + i * m + j] *= like(net.pente, max_norm / math.sqrt(s))


@step
def penalise(net, Gradient, penalty):
    """Add the gradient of penalty / 2 |w|^2 to the batch's; biases are not penalised."""
    for layer in range(1, net.sizes.size):
        for place in range(net.debut[layer - 1] + net.sizes[layer], net.debut[layer]):
            Gradient[place] = madd(penalty, net.LesPoids[place], Gradient[place])


@step
def shrink(net, decay):
    """Decoupled weight decay, of weights and not of biases: w <- w + decay w, where decay is negative."""
    for layer in range(1, net.sizes.size):
        for place in range(net.debut[layer - 1] + net.sizes[layer], net.debut[layer]):
            net.LesPoids[place] = madd(decay, net.LesPoids[place], net.LesPoids[place])


@step
def correction(LesPoids, Gradient, memory, rule, stride):
    """w <- w - step G, or another optimiser's correction."""
    last, zero = memory.shape[0] - 1, like(stride.size, 0)
    for place in range(LesPoids.size):
        kept = (memory[0, place], memory[last, place]) if last >= 0 else (zero, zero)
        LesPoids[place], kept = update(LesPoids[place], Gradient[place], kept, rule, stride)
        if last >= 0:
            memory[0, place] = kept[0]
        if last > 0:
            memory[last, place] = kept[1]


@kernel
def train(net, samples, span, rule, work):
    """A span of an epoch, sample by sample, batch by batch.

    A call may begin and end anywhere in a batch: the arrays hold all that is under way. LesPoids is corrected at the
    end of each batch; the last batch of an epoch may be smaller. tally[0] adds up the cost and tally[1] the wrong
    answers, both from before the batch's correction. `rule.total` leaves out the division by P.
    """
    order, P, last = span.order, rule.P, net.sizes.size - 1
    TabOutput, Delta, Gradient, y, tally = work.TabOutput, work.Delta, work.Gradient, work.y, work.tally
    TabXCachee = with_bias(TabOutput, net, 0)
    TabOutputSortie, DeltaSortie = neurons(TabOutput, net, last), neurons(Delta, net, last)
    for q in range(span.first, span.last):
        p, begin = order[q], q - q % P
        end = min(begin + P, order.size)
        if q == begin:
            Gradient[:] = 0
        if q == max(begin, span.first):
            W = weight(rule, samples.factors, order, begin, end)
            share = (end - begin) / W
        normalisation(samples.images[span.rows[q]], samples.divisor, TabXCachee)
        key = key_of(rule.seed, span.epoch, p)
        if rule.inputs.threshold:
            drop(TabXCachee[1:], key_of_layer(key, 0), 0, rule.inputs)
        target(samples.labels, samples.targets, p, y)
        largest, S = forward(net, TabOutput, work.tau, key, rule.hidden)
        cost = sample_cost(net, y, TabOutputSortie, work.tau, largest, S)
        if samples.labels.size:
            tally[1] += wrong(samples.labels, p, TabOutputSortie)
        delta_output(net, y, TabOutputSortie, DeltaSortie)
        tally[0] += weigh(samples.factors, p, cost, DeltaSortie) * share
        backward(net, TabOutput, Delta, Gradient, key, rule.hidden)
        if q + 1 == end:
            stride = stride_of(rule, work.powers, W)
            if rule.clip_norm != 0:
                clip(net, Gradient, rule.clip_norm, stride.P)
            if rule.squares:
                add_squares(net, share, work.squares)
            if rule.penalty != 0:
                penalise(net, Gradient, rule.penalty)
            if stride.decay != 0:
                shrink(net, stride.decay)
            correction(net.LesPoids, Gradient, work.memory, rule, stride)
            if rule.max_norm != 0:
                constrain(net, rule.max_norm)

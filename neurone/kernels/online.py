"""One sample at a time, in vectors: forward, delta, gradient and correction of the notes, the same bits.

Parameters stand in padded copies made of blocks (`simd.py`). The outputs of a layer are cut into `blocks[layer]` blocks
of `numbers` numbers; a block's rows follow each other, row 0 being the bias's:

LesPoids           of `layer`, from input i of n to neuron j of block b:  debut[layer] + (b * (n + 1) + i) * numbers + j
Transposed         the layers after the first once more, inputs and outputs exchanged, without the bias's row: the
                   errors of a hidden layer are sums over the next layer's neurons, and vectors run along its own. From
                   neuron k of `layer`'s m to j of block b before it:  back[layer] + (b * m + k) * numbers + j
TabOutput, Delta   as in notes.py, except that a layer's neurons begin at the start of a register and fill whole blocks,
                   and that the inputs, which only TabOutput has, come last. tau stands where DeltaSortie will.

A shape is a tuple as long as a block has registers: `shapes.hidden` for the first layer and every hidden one,
`shapes.output` for the output if it is not the first layer.

Numbers that pad a block have no meaning, and never reach one that has: lanes never mix.

Functions of single neurons are computed one register at a time. The processor overlaps them by itself; whole blocks
would run out of registers, and take longer to compile.
"""

import math

import numpy as np

from neurone.constants import SOFTMAX
from neurone.kernels import notes
from neurone.kernels.arguments import Image, Layer
from neurone.kernels.elementary import activate, derivative, exp, like, madd
from neurone.kernels.jit import inlined, kernel, step, view
from neurone.kernels.simd import REGISTER, line, load, part, store, width, zeros
from neurone.kernels.sparse import anticipate, pixel
from neurone.kernels.update import descend


@view
def neurons(Tab, net, layer):
    """As in notes.py."""
    return part(Tab, net.offset[layer], net.offset[layer] + net.sizes[layer])


@view
def with_bias(Tab, net, layer):
    """As in notes.py."""
    return part(Tab, net.offset[layer] - 1, net.offset[layer] + net.sizes[layer])


@step
def whole(Tab, m):
    """m, rounded up to whole registers."""
    lanes = width(Tab, REGISTER)
    return (m + lanes - 1) // lanes * lanes


@step
def numbers_of(net, layer, shapes):
    """How many numbers a row of a layer's blocks has."""
    if layer == 1 or layer < net.sizes.size - 1:
        return width(net.LesPoids, shapes.hidden)
    return width(net.LesPoids, shapes.output)


@view
def in_registers(Tab, net, layer):
    """A layer's neurons, and what pads their last register."""
    return part(Tab, net.offset[layer], net.offset[layer] + whole(Tab, net.sizes[layer]))


@step
def enter(image, TabXCachee):
    """As `notes.normalisation`, for a whole image that is already normalised."""
    TabXCachee[0] = 1
    for i in range(image.size):
        TabXCachee[1 + i] = image[i]


@step
def layer_of(net, layer):
    """Where a layer stands in a network."""
    sizes, offset = net.sizes, net.offset
    place, back = net.debut[layer], net.back[layer]
    return Layer(sizes[layer - 1], sizes[layer], net.blocks[layer], place, back, offset[layer], offset[layer - 1] - 1)


@step
def forward_sparse(LesPoids, place, image, sigma, j, shape):
    """sigma of a block, in sigma[j:]: the bias's row, then those of an image's pixels that are not 0."""
    numbers = width(LesPoids, shape)
    s = load(LesPoids, place, shape)
    s = s + like(s, 0)  # sums start from 0, which turns a bias of -0 into 0
    # Unsigned, or Numba tests each index for counting from the end.
    for t in range(np.uint64(image.first), np.uint64(image.last)):
        w = load(LesPoids, place + np.int64(image.columns[t]) * numbers, shape)
        s = madd(pixel(image.quotients, image.values[t]), w, s)
    store(sigma, j, s)


@step
def forward_dense(LesPoids, place, X, sigma, j, shape):
    """sigma of a block, in sigma[j:], from all inputs. X: (n + 1,), the bias neuron first."""
    numbers = width(LesPoids, shape)
    s = load(LesPoids, place, shape)
    s = s + like(s, 0)
    for i in range(1, X.size):
        s = madd(X[i], load(LesPoids, place + i * numbers, shape), s)
    store(sigma, j, s)


@step
def activations(activation, pente, sigma, U):
    """U = g(sigma); they may be one array. Both are padded to whole registers."""
    for j in range(0, U.size, width(U, REGISTER)):
        store(U, j, activate(activation, load(sigma, j, REGISTER), pente))


@inlined
def outputs(net, tau, yhat):
    """yhat = gs(tau), both padded to whole registers; returns softmax's (max, S), else (0, 1)."""
    pente, m = net.pente, net.sizes[net.sizes.size - 1]
    if net.output != SOFTMAX:
        activations(net.output, pente, tau, yhat)
        return like(pente, 0), like(pente, 1)
    largest = tau[0]
    for k in range(1, m):
        if tau[k] > largest:
            largest = tau[k]
    for k in range(0, tau.size, width(tau, REGISTER)):
        store(yhat, k, exp(load(tau, k, REGISTER) - largest))
    S = like(largest, 0)
    for k in range(m):
        S += yhat[k]
    for k in range(0, tau.size, width(tau, REGISTER)):
        store(yhat, k, load(yhat, k, REGISTER) / S)
    return largest, S


@step
def weighted_deltas(Transposed, place, DeltaSuivante, Delta, j, shape):
    """sum_k z_jk delta_k for a block, in Delta[j:]. DeltaSuivante: (m,)."""
    numbers, s = width(Transposed, shape), zeros(Transposed, shape)
    for k in range(DeltaSuivante.size):
        s = madd(DeltaSuivante[k], load(Transposed, place + k * numbers, shape), s)
    store(Delta, j, s)


@step
def derivatives(activation, pente, kept, U, DeltaCachee):
    """Multiply DeltaCachee, the weighted deltas, by g'(sigma_j). U and DeltaCachee are padded to whole registers. kept:
    see `notes.delta_hidden`."""
    for j in range(0, U.size, width(U, REGISTER)):
        u, s = load(U, j, REGISTER), load(DeltaCachee, j, REGISTER)
        store(DeltaCachee, j, derivative(activation, kept * u, pente) * s)


@step
def correct_sparse(LesPoids, place, image, Delta, j, alpha, shape):
    """Correct a block's rows from the bias and from an image's pixels that are not 0: for the others G is 0."""
    numbers, delta = width(LesPoids, shape), load(Delta, j, shape)
    descend(LesPoids, place, (-alpha, like(alpha, 1), delta))
    for t in range(np.uint64(image.first), np.uint64(image.last)):
        row = place + np.int64(image.columns[t]) * numbers
        descend(LesPoids, row, (-alpha, pixel(image.quotients, image.values[t]), delta))


@step
def correct_dense(LesPoids, place, X, Delta, j, alpha, shape):
    """Correct all rows of a block, one for each of X."""
    numbers, delta = width(LesPoids, shape), load(Delta, j, shape)
    for i in range(X.size):
        descend(LesPoids, place + i * numbers, (-alpha, X[i], delta))


@inlined
def outcome_of_label(labels, p, yhat, DeltaSortie, largest, S):
    """`notes.sample_cost`, `wrong` and `delta_output` for a softmax and a label. DeltaSortie holds tau at first.

    All targets but the label's are 0, and need no tests. The answer is right where the label's tau is the largest and S
    is below 2: S adds up e^(tau - max), and a second 1 would make it 2. Mispredicted branches took more time than the
    exponentials.
    """
    k = labels[p]
    cost = math.log(np.float64(S)) - np.float64(DeltaSortie[k] - largest)
    wrong = 0
    if DeltaSortie[k] != largest or not S < like(S, 2):
        wrong = notes.wrong(labels, p, yhat)
    for other in range(yhat.size):
        DeltaSortie[other] = yhat[other]
    DeltaSortie[k] = yhat[k] - like(S, 1)
    return cost, wrong


@inlined
def outcome(net, samples, p, TabOutput, Delta, y, share, tally):
    """The outputs of sample p, and its DeltaSortie in the place of tau. Adds its cost, times `share`, and its wrong
    answer to `tally`."""
    L = net.sizes.size - 1
    largest, S = outputs(net, in_registers(Delta, net, L), in_registers(TabOutput, net, L))
    DeltaSortie, yhat = neurons(Delta, net, L), neurons(TabOutput, net, L)
    if net.output == SOFTMAX and samples.labels.size:
        cost, wrong = outcome_of_label(samples.labels, p, yhat, DeltaSortie, largest, S)
    else:
        notes.target(samples.labels, samples.targets, p, y)
        cost = notes.sample_cost(net, y, yhat, DeltaSortie, largest, S)
        wrong = notes.wrong(samples.labels, p, yhat) if samples.labels.size else 0
        notes.delta_output(net, y, yhat, DeltaSortie)
    tally[0] += notes.weigh(samples.factors, p, cost, DeltaSortie) * share
    tally[1] += wrong


@step
def first_layer(LesPoids, layer, image, X, sigma, shape):
    """sigma of the first layer, from the pixels that an image lists, or, where it is whole, from X."""
    numbers = width(LesPoids, shape)
    for b in range(layer.blocks):
        place, j = layer.debut + b * (layer.n + 1) * numbers, layer.offset + b * numbers
        if X.size == 0:
            forward_sparse(LesPoids, place, image, sigma, j, shape)
        else:
            forward_dense(LesPoids, place, X, sigma, j, shape)


@step
def dense_layer(LesPoids, layer, X, sigma, shape):
    """sigma of another layer, from the outputs X of the one before."""
    numbers = width(LesPoids, shape)
    for b in range(layer.blocks):
        forward_dense(LesPoids, layer.debut + b * (layer.n + 1) * numbers, X, sigma, layer.offset + b * numbers, shape)


@inlined
def forward(net, image, TabXCachee, TabOutput, Delta, shapes):
    """An image through all layers, up to tau."""
    L = net.sizes.size - 1
    first_layer(net.LesPoids, layer_of(net, 1), image, TabXCachee, TabOutput if L > 1 else Delta, shapes.hidden)
    for number in range(2, L + 1):
        U, X = in_registers(TabOutput, net, number - 1), with_bias(TabOutput, net, number - 1)
        activations(net.activation, net.pente, U, U)
        if number < L:
            dense_layer(net.LesPoids, layer_of(net, number), X, TabOutput, shapes.hidden)
        else:
            dense_layer(net.LesPoids, layer_of(net, number), X, Delta, shapes.output)


@inlined
def backward(net, TabOutput, Delta, shape):
    """The errors of the hidden layers, last to first."""
    numbers = width(Delta, shape)
    for number in range(net.sizes.size - 1, 1, -1):
        layer, DeltaSuivante = layer_of(net, number), neurons(Delta, net, number)
        for b in range(net.blocks[number - 1]):
            place, j = layer.back + b * layer.m * numbers, layer.bias + 1 + b * numbers
            weighted_deltas(net.Transposed, place, DeltaSuivante, Delta, j, shape)
        U, DeltaCachee = in_registers(TabOutput, net, number - 1), in_registers(Delta, net, number - 1)
        derivatives(net.activation, net.pente, like(net.pente, 1), U, DeltaCachee)


@step
def correct_first_layer(LesPoids, layer, image, X, Delta, alpha, shape):
    """w <- w - alpha delta_j X_i in the first layer."""
    numbers = width(LesPoids, shape)
    for b in range(layer.blocks):
        place, j = layer.debut + b * (layer.n + 1) * numbers, layer.offset + b * numbers
        if X.size == 0:
            correct_sparse(LesPoids, place, image, Delta, j, alpha, shape)
        else:
            correct_dense(LesPoids, place, X, Delta, j, alpha, shape)


@step
def correct_layer(LesPoids, layer, X, Delta, alpha, shape):
    """The same in another layer."""
    numbers = width(LesPoids, shape)
    for b in range(layer.blocks):
        place, j = layer.debut + b * (layer.n + 1) * numbers, layer.offset + b * numbers
        correct_dense(LesPoids, place, X, Delta, j, alpha, shape)


@inlined
def correction(net, image, TabXCachee, TabOutput, Delta, alpha, shapes):
    """w <- w - alpha delta_j X_i in every layer, and in Transposed."""
    LesPoids, numbers, L = net.LesPoids, width(Delta, shapes.hidden), net.sizes.size - 1
    correct_first_layer(LesPoids, layer_of(net, 1), image, TabXCachee, Delta, alpha, shapes.hidden)
    for number in range(2, L + 1):
        layer, X, delta = layer_of(net, number), with_bias(TabOutput, net, number - 1), neurons(Delta, net, number)
        if number < L:
            correct_layer(LesPoids, layer, X, Delta, alpha, shapes.hidden)
        else:
            correct_layer(LesPoids, layer, X, Delta, alpha, shapes.output)
        # The product of error and output is the same whichever of the two runs along the vector.
        for b in range(net.blocks[number - 1]):
            place, j = layer.back + b * layer.m * numbers, layer.bias + 1 + b * numbers
            correct_dense(net.Transposed, place, delta, TabOutput, j, alpha, shapes.hidden)


@kernel
def train(net, samples, span, alpha, work, shapes):
    """As `notes.train` with P = 1, where mean and total are the same."""
    rows, lines, TabOutput, Delta = span.rows, samples.lines, work.TabOutput, work.Delta
    TabXCachee = part(TabOutput, net.offset[0] - 1, net.offset[0] - 1 if lines.size else net.offset[0] + net.sizes[0])
    for q in range(span.first, span.last):
        p, row = span.order[q], rows[q]
        anticipate(samples, rows, q)
        first = last = np.int64(0)
        if lines.size:
            first, last = lines[row], lines[row + 1]
        else:
            enter(line(samples.images, row), TabXCachee)
        image = Image(samples.columns, samples.values, samples.quotients, first, last)
        forward(net, image, TabXCachee, TabOutput, Delta, shapes)
        outcome(net, samples, p, TabOutput, Delta, work.y, 1.0, work.tally)
        backward(net, TabOutput, Delta, shapes.hidden)
        correction(net, image, TabXCachee, TabOutput, Delta, alpha, shapes)

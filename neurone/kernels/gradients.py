"""Batches, backward: errors, gradients and corrections, in vectors.

Gradient is laid out like LesPoids. When a tranche completes its batch, plain SGD corrects while the gradient is still
in registers; other optimisers store it, and correct a layer when all of its gradient is there.
"""

import numpy as np

from neurone.kernels import groups, sparse
from neurone.kernels.arguments import Correction, Rows
from neurone.kernels.elementary import like, outer
from neurone.kernels.jit import step
from neurone.kernels.layers import drop_layer, rows_of
from neurone.kernels.online import derivatives, layer_of, neurons, numbers_of, weighted_deltas, whole
from neurone.kernels.simd import line, load, lowest_bit, part, store, strided, width
from neurone.kernels.sparse import pixels
from neurone.kernels.update import correct, correct_penalised, update_rows


@step
def backward(net, span, rule, work, tranche, number, shape):
    """The errors of a tranche in the layer before layer `number`."""
    TabOutput, Delta, numbers = work.TabOutputs[tranche.turn], work.Deltas[tranche.turn], width(net.Transposed, shape)
    layer = layer_of(net, number)
    last = layer.bias + 1 + whole(Delta, layer.n)
    for b in range(net.blocks[number - 1]):
        place, j = layer.back + b * layer.m * numbers, layer.bias + 1 + b * numbers
        end = min(j + numbers, last)
        for e in range(tranche.count):
            delta, U = line(Delta, e), line(TabOutput, e)
            weighted_deltas(net.Transposed, place, neurons(delta, net, number), delta, j, shape)
            derivatives(net.activation, net.pente, rule.hidden.kept, part(U, j, end), part(delta, j, end))
    drop_layer(net, Delta, span, rule, work, tranche, number - 1)


@step
def correct_rows(LesPoids, place, step_size, penalty, G):
    """Correct the rows from `place` on by their gradient, the block G, and the penalty, in one pass."""
    if penalty == 0:
        correct(LesPoids, place, (-step_size, G))
    else:
        correct_penalised(LesPoids, place, (-step_size, penalty, G))


@step
def keep_or_correct(LesPoids, Gradient, place, correction, G):
    """Correct the rows from `place` on by their gradient, the block G; or store it, if the correction comes later.

    In this order, and in two steps: with the store first, an epoch in batches of 1,000 took 3 to 5 % longer.
    """
    if correction.at_once:
        correct_rows(LesPoids, place, correction.step_size, correction.penalty, G)
    else:
        store(Gradient, place, G)


@step
def unpenalised(correction):
    """The same correction without the penalty, for biases."""
    return Correction(correction.new, correction.at_once, correction.step_size, like(correction.step_size, 0))


@step
def grouped_layer(net, samples, rows, work, tranche, correction, shapes):
    """The gradient of the first layer, for images in groups, and the correction where it comes at once.

    A group's rows are sums over the samples that have it; the bias's, over all.
    """
    LesPoids, Gradient, shape, layer = net.LesPoids, work.Gradient, shapes.hidden, layer_of(net, 1)
    holders, places, lines = line(work.holders, tranche.turn), work.places, samples.lines
    numbers, Delta = width(LesPoids, shape), rows_of(work.Deltas[tranche.turn], layer.offset)
    size = width(LesPoids, shapes.rows) // numbers
    # A group that no sample has is skipped in a whole batch, where its gradient is 0, and in the middle of one, where
    # its gradient does not change.
    skip = correction.new == correction.at_once and (correction.penalty == 0 or not correction.at_once)
    for b in range(layer.blocks):
        place, j = layer.debut + b * (layer.n + 1) * numbers, Delta.place + b * numbers
        G = load(Gradient, place, shape)
        if correction.new:
            G = like(G, 0)
        for e in range(tranche.count):
            G = G + load(Delta.Tab, j + e * Delta.stride, shape)
            places[e] = lines[rows[tranche.q + e]]
        keep_or_correct(LesPoids, Gradient, place, unpenalised(correction), G)
        for g in range(layer.n // size):
            left = groups.holders_of(holders, g)
            if left == 0 and skip:
                continue
            here = place + (1 + g * size) * numbers
            G = load(Gradient, here, shapes.rows)
            if correction.new:
                G = like(G, 0)
            while left:
                e = np.int64(lowest_bit(left))
                left &= left - np.uint64(1)
                X = pixels(samples.quotients, samples.values, places[e], shapes.rows, shape)
                places[e] += size
                G = outer(G, X, Delta.Tab, j + e * Delta.stride)
            keep_or_correct(LesPoids, Gradient, here, correction, G)


@step
def scatter(LesPoids, work, layer, correction, shape):
    """End a batch that `sparse.gather` began: correct, where that comes at once, and set the gradient to 0."""
    Gradient, touched, count, seen = work.Gradient, work.touched, work.count, work.seen
    numbers, penalised = width(LesPoids, shape), correction.penalty != 0
    for b in range(layer.blocks):
        first = layer.debut + b * (layer.n + 1) * numbers
        if correction.at_once and penalised:
            for i in range(1, layer.n + 1):
                place = first + i * numbers
                keep_or_correct(LesPoids, Gradient, place, correction, load(Gradient, place, shape))
        for k in range(-1, count[0]):
            i = touched[k] if k >= 0 else 0
            place = first + i * numbers
            G = load(Gradient, place, shape)
            if correction.at_once and (i == 0 or not penalised):
                keep_or_correct(LesPoids, Gradient, place, unpenalised(correction), G)
            store(Gradient, place, like(G, 0))
    for k in range(count[0]):
        seen[touched[k]] = 0
    count[0] = 0


@step
def block_of_rows(LesPoids, Gradient, place, X, Delta, count, correction, shape, several):
    """The gradient of several rows of a block, whose inputs are X, and the correction, as in `keep_or_correct`."""
    G = load(Gradient, place, several)
    if correction.new:
        G = like(G, 0)
    for e in range(count):
        x = strided(X.Tab, X.place + e * X.stride, 1, several, shape)
        G = outer(G, x, Delta.Tab, Delta.place + e * Delta.stride)
    keep_or_correct(LesPoids, Gradient, place, correction, G)


@step
def dense_layer(net, work, layer, X, tranche, correction, shape, several):
    """As `grouped_layer`, for a layer whose inputs are X, the bias neuron first."""
    LesPoids, Gradient, count = net.LesPoids, work.Gradient, tranche.count
    numbers = width(LesPoids, shape)
    together = width(LesPoids, several) // numbers
    Delta = rows_of(work.Deltas[tranche.turn], layer.offset)
    alone = 1 + layer.n % together  # rows that are taken one by one, the bias's among them
    for b in range(layer.blocks):
        place, d = layer.debut + b * (layer.n + 1) * numbers, Rows(Delta.Tab, Delta.place + b * numbers, Delta.stride)
        for i in range(alone):
            x, here = Rows(X.Tab, X.place + i, X.stride), place + i * numbers
            this = unpenalised(correction) if i == 0 else correction
            block_of_rows(LesPoids, Gradient, here, x, d, count, this, shape, shape)
        for i in range(alone, layer.n + 1, together):
            x, here = Rows(X.Tab, X.place + i, X.stride), place + i * numbers
            block_of_rows(LesPoids, Gradient, here, x, d, count, correction, shape, several)


@step
def update_layer(net, work, layer, rule, stride, numbers):
    """Correct a layer whose gradient was stored; a row of its blocks has `numbers` numbers."""
    for b in range(layer.blocks):
        place, end = layer.debut + b * (layer.n + 1) * numbers, layer.debut + (b + 1) * (layer.n + 1) * numbers
        update_rows(net.LesPoids, work.Gradient, work.memory, place, place + numbers, rule, stride, False)
        update_rows(net.LesPoids, work.Gradient, work.memory, place + numbers, end, rule, stride, True)


@step
def transpose(net, layer, numbers, before):
    """Copy a layer's rows, all but the bias's, into Transposed. A row of its blocks has `numbers` numbers, a row of
    the blocks of the layer before it `before`."""
    LesPoids, Transposed = net.LesPoids, net.Transposed
    for b in range(layer.blocks):
        row, column = layer.debut + (b * (layer.n + 1) + 1) * numbers, layer.back + b * numbers * before
        for i in range(layer.n):
            to = column + i // before * layer.m * before + i % before
            for k in range(min(numbers, layer.m - b * numbers)):
                Transposed[to + k * before] = LesPoids[row + i * numbers + k]


@step
def are_lists(samples):
    """Whether images are lists, and not groups."""
    return samples.lines.size > 0 and samples.present.size == 0


@step
def end_layer(net, samples, work, rule, number, correction, stride, shapes):
    """Correct a layer at a batch's end, if that has not come at once, and what follows from it."""
    layer, numbers = layer_of(net, number), numbers_of(net, number, shapes)
    if not correction.at_once:
        update_layer(net, work, layer, rule, stride, numbers)
    if number == 1 and are_lists(samples):
        scatter(net.LesPoids, work, layer, correction, shapes.hidden)
    if number > 1 and rule.max_norm == 0:
        transpose(net, layer, numbers, width(net.LesPoids, shapes.hidden))


@step
def gradients(net, samples, span, work, rule, tranche, correction, stride, last, shapes):
    """The gradient of a tranche, layer by layer, and with the `last` tranche of a batch the correction; but not where
    gradients are clipped, which needs the gradients of all layers first."""
    L = net.sizes.size - 1
    for number in range(1, L + 1):
        layer, zero = layer_of(net, number), L - L
        X = rows_of(work.TabOutputs[tranche.turn], layer.bias)
        if number == 1:
            X = rows_of(work.TabXCachees[tranche.turn], zero)
        if number == 1 and samples.present.size:
            grouped_layer(net, samples, span.rows, work, tranche, correction, shapes)
        elif number == 1 and are_lists(samples):
            Delta = rows_of(work.Deltas[tranche.turn], layer.offset)
            sparse.gather(samples, span, work, layer, tranche, Delta, shapes.hidden)
        elif number == 1 or number < L:
            dense_layer(net, work, layer, X, tranche, correction, shapes.hidden, shapes.several)
        else:
            dense_layer(net, work, layer, X, tranche, correction, shapes.output, shapes.several_outputs)
        if last and rule.clip_norm == 0:
            end_layer(net, samples, work, rule, number, correction, stride, shapes)

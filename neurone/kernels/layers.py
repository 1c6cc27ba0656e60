"""Batches, forward: the samples of a tranche, layer by layer, in vectors.

A layer of few neurons has too few running sums to keep the processor busy, so several samples go through it at a time:
the shape `several` has the registers of that many blocks.
"""

import numpy as np

from neurone.constants import IDENTITY
from neurone.kernels import groups, sparse
from neurone.kernels.arguments import Rows
from neurone.kernels.dropout import drop, key_of, key_of_layer
from neurone.kernels.elementary import add_inner, like, outer
from neurone.kernels.jit import step
from neurone.kernels.online import activations, enter, forward_sparse, in_registers, layer_of, neurons, whole
from neurone.kernels.simd import (
    line,
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
from neurone.kernels.sparse import pixels

# This many bytes of a dense image are prefetched a tranche ahead: the processor goes on from there by itself.
BEGINNING = 4096


@step
def rows_of(Tab, place):
    """The rows of Tab, one for each sample, from `place` of each on."""
    return Rows(part(Tab, 0, Tab.size), place, Tab.shape[1])


@step
def forward_block(LesPoids, place, n, X, Sigma, resumed, shape, several):
    """sigma of a block for several samples, the first ones of Sigma, from their inputs, the first ones of X.

    The bias neuron is the first input. Where `resumed` is 1, sums continue from what Sigma holds, which includes the
    bias.
    """
    numbers, s = width(LesPoids, shape), zeros(LesPoids, several)
    if resumed:
        s = load_rows(Sigma.Tab, Sigma.place, Sigma.stride, shape, several)
    for i in range(resumed, n + 1):
        s = outer(s, strided(X.Tab, X.place + i, X.stride, several, shape), LesPoids, place + i * numbers)
    store_rows(Sigma.Tab, Sigma.place, Sigma.stride, shape, s)


@step
def dense_layer(LesPoids, layer, X, Sigma, count, resumed, shape, several):
    """sigma of a layer for `count` samples, in Sigma, from the inputs X, the bias neuron first; `resumed` as above."""
    numbers = width(LesPoids, shape)
    together = width(LesPoids, several) // numbers
    for b in range(layer.blocks):
        place, j = layer.debut + b * (layer.n + 1) * numbers, Sigma.place + b * numbers
        rest = count % together
        for e in range(0, count - rest, together):
            x, s = Rows(X.Tab, X.place + e * X.stride, X.stride), Rows(Sigma.Tab, j + e * Sigma.stride, Sigma.stride)
            forward_block(LesPoids, place, layer.n, x, s, resumed, shape, several)
        for e in range(count - rest, count):
            x, s = Rows(X.Tab, X.place + e * X.stride, X.stride), Rows(Sigma.Tab, j + e * Sigma.stride, Sigma.stride)
            forward_block(LesPoids, place, layer.n, x, s, resumed, shape, shape)


@step
def sparse_layer(LesPoids, layer, samples, rows, work, tranche, Sigma, shape):
    """As `dense_layer`, for images that are lists. Block by block, since all samples use a block's rows."""
    numbers = width(LesPoids, shape)
    for b in range(layer.blocks):
        place, j = layer.debut + b * (layer.n + 1) * numbers, Sigma.place + b * numbers
        for e in range(tranche.count):
            if b == 0:
                sparse.anticipate(samples, rows, tranche.q + e)
            image = sparse.image_of(samples, rows, work, tranche, e)
            forward_sparse(LesPoids, place, image, Sigma.Tab, j + e * Sigma.stride, shape)


@step
def activate_layer(net, layer, TabOutput):
    """U = g(sigma) of one sample, in the place of sigma."""
    U = in_registers(TabOutput, net, layer)
    activations(net.activation, net.pente, U, U)


@step
def anticipate(images, rows, q):
    """Prefetch the beginning of the q-th sample, for images that are whole."""
    if q < rows.size:
        image = line(images, rows[q])
        for i in range(0, min(image.size, BEGINNING // image.itemsize), 64 // image.itemsize):
            prefetch(image, i)


@step
def enter_images(samples, rows, work, tranche):
    """The images of a tranche into TabXCachee, where they are whole."""
    for e in range(tranche.count if samples.lines.size == 0 else 0):
        enter(line(samples.images, rows[tranche.q + e]), line(work.TabXCachees[tranche.turn], e))


@step
def drop_inputs(samples, span, rule, work, tranche):
    """Drop inputs of images that are whole or lists."""
    if samples.lines.size:
        sparse.thin(samples, span, rule, work, tranche)
        return
    for e in range(tranche.count):
        X = line(work.TabXCachees[tranche.turn], e)
        key = key_of(rule.seed, span.epoch, span.order[tranche.q + e])
        drop(part(X, 1, samples.images.shape[1] + 1), key_of_layer(key, 0), 0, rule.inputs)


@step
def drop_layer(net, Tab, span, rule, work, tranche, number):
    """Drop neurons of a hidden layer, or their errors: those of Tab."""
    if rule.hidden.threshold:
        first = work.first if number == 1 else 0
        for e in range(tranche.count):
            key = key_of(rule.seed, span.epoch, span.order[tranche.q + e])
            drop(neurons(line(Tab, e), net, number), key_of_layer(key, number), first, rule.hidden)


@step
def first_layer(net, samples, rows, work, tranche, shapes):
    """The samples of a tranche through the first layer, for images that are in TabXCachee or lists."""
    L, layer, count = net.sizes.size - 1, layer_of(net, 1), tranche.count
    Tab = work.TabOutputs[tranche.turn] if L > 1 else work.Deltas[tranche.turn]  # tau, in DeltaSortie's place
    if samples.lines.size:
        sparse_layer(net.LesPoids, layer, samples, rows, work, tranche, rows_of(Tab, layer.offset), shapes.hidden)
    else:
        TabXCachee, zero = work.TabXCachees[tranche.turn], L - L  # a literal would be another type, compiled once more
        X, Sigma = rows_of(TabXCachee, zero), rows_of(Tab, layer.offset)
        dense_layer(net.LesPoids, layer, X, Sigma, count, zero, shapes.hidden, shapes.several)
    for e in range(count):
        if samples.lines.size == 0:
            # Here, with work between one and the next: prefetched in the loop above, a sample took 20 ns longer.
            anticipate(samples.images, rows, tranche.q + e + count)
        if L > 1:
            activate_layer(net, 1, line(Tab, e))


@step
def grouped_layer(net, samples, rows, work, tranche, shapes):
    """The same for images in groups."""
    L, LesPoids, shape, layer = net.sizes.size - 1, net.LesPoids, shapes.hidden, layer_of(net, 1)
    Tab = work.TabOutputs[tranche.turn] if L > 1 else work.Deltas[tranche.turn]
    holders, places, lines, q = line(work.holders, tranche.turn), work.places, samples.lines, tranche.q
    groups.find_holders(samples.present, rows, tranche, holders)
    numbers, Sigma = width(LesPoids, shape), rows_of(Tab, layer.offset)
    activation = net.activation if L > 1 else IDENTITY
    size, end = width(LesPoids, shapes.rows) // numbers, layer.offset + whole(Tab, layer.m)
    for b in range(layer.blocks):
        place, j = layer.debut + b * (layer.n + 1) * numbers, Sigma.place + b * numbers
        bias = load(LesPoids, place, shape)
        bias = bias + like(bias, 0)  # sums start from 0, which makes 0 of a bias of -0
        for e in range(tranche.count):
            store(Sigma.Tab, j + e * Sigma.stride, bias)
            places[e] = lines[rows[q + e]]  # where the sample's next group stands
        for g in range(layer.n // size):
            left = groups.holders_of(holders, g)
            if left == 0:
                continue
            w = load(LesPoids, place + (1 + g * size) * numbers, shapes.rows)
            while left:
                e = np.int64(lowest_bit(left))
                left &= left - np.uint64(1)
                X = pixels(samples.quotients, samples.values, places[e], shapes.rows, shape)
                places[e] += size
                add_inner(Sigma.Tab, j + e * Sigma.stride, X, w)
        for e in range(tranche.count):
            if b == 0:
                groups.anticipate(samples, rows, q + e, tranche.count)
            U = part(Sigma.Tab, j + e * Sigma.stride, min(j + numbers, end) + e * Sigma.stride)
            activations(activation, net.pente, U, U)


@step
def forward(net, span, rule, work, tranche, resumed, shapes):
    """The samples of a tranche through the other layers; tau is written in DeltaSortie's place.

    Where `resumed` is 1, the second layer's sums continue from another thread's.
    """
    TabOutput, Delta, count = work.TabOutputs[tranche.turn], work.Deltas[tranche.turn], tranche.count
    L = net.sizes.size - 1
    for number in range(2, L + 1):
        layer = layer_of(net, number)
        X, begun = rows_of(TabOutput, layer.bias), resumed if number == 2 else L - L
        if number < L:
            Sigma = rows_of(TabOutput, layer.offset)
            dense_layer(net.LesPoids, layer, X, Sigma, count, begun, shapes.hidden, shapes.several)
            for e in range(count):
                activate_layer(net, number, line(TabOutput, e))
            drop_layer(net, TabOutput, span, rule, work, tranche, number)
        else:
            Sigma = rows_of(Delta, layer.offset)
            dense_layer(net.LesPoids, layer, X, Sigma, count, begun, shapes.output, shapes.several_outputs)

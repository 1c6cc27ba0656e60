"""Sums of squares, in vectors and by a team: the penalty's part of the cost, and bounds on the norm of the gradient and
of the weights into each neuron (specification section 8)."""

import math

import numpy as np

from neurone.kernels.elementary import like
from neurone.kernels.gradients import transpose
from neurone.kernels.jit import step
from neurone.kernels.online import layer_of, numbers_of
from neurone.kernels.simd import line, width
from neurone.kernels.team import announce, wait_for


@step
def add_squares_of_rows(Tab, place, rows, numbers, sums):
    """sums[k] += the squares of Tab[place + i * numbers + k] over i below `rows`, in order and in 64 bits."""
    for i in range(rows):
        for k in range(numbers):
            w = np.float64(Tab[place + i * numbers + k])
            sums[k] += w * w


@step
def add_squares(net, work, share, shapes):
    """`notes.add_squares`, for one thread's network, the first of whose own neurons is number `work.first`."""
    numbers, last = width(net.LesPoids, shapes.hidden), net.sizes.size - 1
    for number in range(1, last + 1):
        layer, own = layer_of(net, number), work.squares[number - 1]
        first, count = work.first if number <= 2 else 0, layer.m if number == 1 else layer.n
        rows = layer.n if number == 1 else layer.m
        for b in range(-(-count // numbers)):
            work.sums[:] = 0.0
            if number == 1:
                place = layer.debut + (b * (rows + 1) + 1) * numbers
                add_squares_of_rows(net.LesPoids, place, rows, numbers, work.sums)
            else:
                add_squares_of_rows(net.Transposed, layer.back + b * rows * numbers, rows, numbers, work.sums)
            for k in range(min(numbers, count - b * numbers)):
                own[first + b * numbers + k] += work.sums[k] * share


@step
def add_up(net, Tab, first_row, norms, work, team, sent, shapes):
    """norms[l - 1, j] = the sum of the squares of Tab's rows from `first_row` on for neuron j of layer l.

    Tab is laid out like LesPoids. All threads write to `norms`; the second layer's sums go from one to the next, as
    when samples go forward. When this returns, all have sent message number `sent`, and every sum is known.
    """
    for number in range(1, net.sizes.size):
        layer, numbers, known = layer_of(net, number), numbers_of(net, number, shapes), line(norms, number - 1)
        first, row = work.first if number == 1 else 0, first_row
        resumed = number == 2 and team.me > 0
        if resumed:
            row = 1
            wait_for(team, team.me - 1, sent)
        for b in range(layer.blocks):
            here, count = first + b * numbers, min(numbers, layer.m - b * numbers)
            work.sums[:] = 0.0
            for k in range(count if resumed else 0):
                work.sums[k] = known[here + k]
            place = layer.debut + (b * (layer.n + 1) + row) * numbers
            add_squares_of_rows(Tab, place, layer.n + 1 - row, numbers, work.sums)
            for k in range(count):
                known[here + k] = work.sums[k]
    announce(team, sent)
    wait_for(team, team.members - 1, sent)


@step
def clip(net, rule, stride, work, team, sent, shapes):
    """Multiply the gradient by clip_norm / (norm + 1e-6), if that is below 1: PyTorch's `clip_grad_norm_`."""
    norms, total = team.norms[0], 0.0
    add_up(net, work.Gradient, 0, norms, work, team, sent, shapes)
    for layer in range(norms.shape[0]):
        for j in range(norms.shape[1]):  # what there is no neuron for is 0, and adds exactly nothing
            total += norms[layer, j]
    factor = rule.clip_norm / (math.sqrt(total) / np.float64(stride.P) + 1e-6)
    if factor < 1.0:
        for place in range(work.Gradient.size):
            work.Gradient[place] *= like(stride.P, factor)


@step
def constrain(net, rule, work, team, sent, shapes):
    """Shorten the weights into each neuron, without the bias, to max_norm, where they are longer.

    The sums have an array of their own: others may still be reading those of `clip`.
    """
    LesPoids, before, one, norms = net.LesPoids, width(net.LesPoids, shapes.hidden), like(rule.alpha, 1), team.norms[1]
    add_up(net, LesPoids, 1, norms, work, team, sent, shapes)
    for number in range(1, net.sizes.size):
        layer, numbers, known = layer_of(net, number), numbers_of(net, number, shapes), line(norms, number - 1)
        first = work.first if number == 1 else 0
        for b in range(layer.blocks):
            here, longer = first + b * numbers, False
            work.scales[:] = one
            for k in range(min(numbers, layer.m - b * numbers)):
                if known[here + k] > rule.max_norm * rule.max_norm:
                    work.scales[k] = like(one, rule.max_norm / math.sqrt(known[here + k]))
                    longer = True
            place = layer.debut + (b * (layer.n + 1) + 1) * numbers
            for i in range(layer.n if longer else 0):
                for k in range(numbers):
                    LesPoids[place + i * numbers + k] *= work.scales[k]
        if number > 1:
            transpose(net, layer, numbers, before)

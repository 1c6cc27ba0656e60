"""How a batch's gradient corrects the parameters: every optimiser, for numbers and blocks (specification section 8).

`update` is the one place: `notes.py` and the batch kernels call it. An optimiser is a function here, and a line of
`options.KINDS`, which gives its code and what it keeps for each parameter, its memory.

Plain SGD keeps nothing, and corrects while the gradient is still in registers: by `correct`, or, one sample at a time,
by `descend`.
"""

import math

import numpy as np
from llvmlite import ir

from neurone.constants import ADAM, MOMENTUM, RPROP
from neurone.kernels.arguments import Step
from neurone.kernels.elementary import choose, like, madd, multiply_add, root
from neurone.kernels.jit import step
from neurone.kernels.simd import REGISTER, in_place, line, load, store, width

# w <- w - step G, given -step: the correction of a row by a batch.
correct = in_place(lambda builder, w, minus_step, G: multiply_add(builder, minus_step, G, w))
# w <- w - step (G + penalty w).
correct_penalised = in_place(
    lambda builder, w, minus_step, penalty, G: multiply_add(
        builder, minus_step, multiply_add(builder, penalty, w, G), w
    )
)
# w <- w - step (x delta): by one sample.
descend = in_place(
    lambda builder, w, minus_step, x, delta: multiply_add(
        builder, minus_step, multiply_add(builder, x, delta, ir.Constant(x.type, None)), w
    )
)

# RPROP's: how a step grows and shrinks, and its bounds.
_GROWTH, _SHRINKAGE, _LARGEST, _SMALLEST = 1.2, 0.5, 50.0, 1e-6


@step
def momentum(w, G, v, rule, stride):
    """v <- momentum v - step G, and w <- w + v; Nesterov's w <- w + momentum v - step G, with the new v.

    (Sutskever et al., ICML 2013.)
    """
    v = madd(-stride.size, G, rule.momentum * v)
    if rule.nesterov:
        return madd(rule.momentum, v, madd(-stride.size, G, w)), v
    return w + v, v


@step
def adam(w, G, m, v, rule, stride):
    """Running means of the gradient and its square; w <- w - step m / (sqrt(v) + epsilon).

    That both begin at 0 is made good in the step, as in scikit-learn. (Kingma and Ba, ICLR 2015.)
    """
    g = G / stride.P
    m = madd(rule.c1, g, rule.momentum * m)
    v = madd(rule.c2 * g, g, rule.second * v)
    return w - (stride.size * m) / (root(v) + rule.epsilon), m, v


@step
def rprop(w, G, D, h, stride):
    """A step D for each weight, which grows while its gradient keeps its sign and shrinks when that changes.

    iRprop-: after a change of sign, the weight stays, and the gradient counts as 0. (Igel and Huesken, 2000.)
    """
    zero = like(D, 0)
    g = G / stride.P
    s = h * g
    grown, shrunk = D * like(D, _GROWTH), D * like(D, _SHRINKAGE)
    grown = choose(grown, like(D, _LARGEST), like(D, _LARGEST), grown)
    shrunk = choose(like(D, _SMALLEST), shrunk, like(D, _SMALLEST), shrunk)
    D = choose(s, zero, grown, choose(zero, s, shrunk, D))
    g = choose(zero, s, zero, g)
    return choose(g, zero, w - D, choose(zero, g, w + D, w)), D, g


@step
def update(w, G, kept, rule, stride):
    """(w, kept) after a batch whose gradient is G. kept: two numbers for the parameter; an optimiser may need fewer."""
    first, second = kept
    if rule.method == MOMENTUM:
        w, first = momentum(w, G, first, rule, stride)
    elif rule.method == ADAM:
        w, first, second = adam(w, G, first, second, rule, stride)
    elif rule.method == RPROP:
        w, first, second = rprop(w, G, first, second, stride)
    else:
        w = madd(-stride.size, G, w)
    return w, (first, second)


@step
def weight(rule, factors, order, begin, end):
    """What divides a batch's gradient for its mean, in 64 bits: its number of samples, or the sum of their factors.

    A batch's cost then counts (end - begin) / weight times, so that an epoch's is a mean over samples. Without any
    factor but 0 there is nothing to learn, and 1 serves.
    """
    if not rule.proportions:
        return np.float64(end - begin)
    total = np.float64(0)
    for q in range(begin, end):
        total += np.float64(factors[order[q]])
    return total if total != 0 else np.float64(1)


@step
def stride_of(rule, powers, P):
    """The `Step` of a batch of weight P. powers: float64 (2,), those of Adam's two factors, which go on by one."""
    count = like(rule.alpha, 1) if rule.total else like(rule.alpha, P)
    size = rule.alpha / count
    if rule.method == ADAM:
        powers[0] *= rule.betas[0]
        powers[1] *= rule.betas[1]
        size = like(rule.alpha, rule.rate * math.sqrt(1.0 - powers[1]) / (1.0 - powers[0]))
    return Step(size, count, like(rule.alpha, -(rule.rate * rule.decay)))


@step
def update_rows(LesPoids, Gradient, memory, place, end, rule, stride, weights):
    """`update` the parameters from `place` to `end`, whole registers; weights, not biases, with penalty and decay.

    memory: (numbers kept, parameters). An optimiser that keeps one number gets it twice.
    """
    first, second, two = line(memory, 0), line(memory, memory.shape[0] - 1), memory.shape[0] > 1
    for here in range(place, end, width(LesPoids, REGISTER)):
        w, G = load(LesPoids, here, REGISTER), load(Gradient, here, REGISTER)
        if weights and rule.penalty != 0:
            G = madd(rule.penalty, w, G)
        if weights and stride.decay != 0:
            w = madd(stride.decay, w, w)
        w, kept = update(w, G, (load(first, here, REGISTER), load(second, here, REGISTER)), rule, stride)
        store(LesPoids, here, w)
        store(first, here, kept[0])
        if two:
            store(second, here, kept[1])

"""How a batch's gradient corrects the parameters: every optimiser, for numbers and blocks (specification section 8).

`update` is the one place: `notes.py` and the batch kernels call it. An optimiser is a function here, and a line of
`options.OPTIMIZERS`, which gives its code and how many numbers it keeps for each parameter, its memory.

Plain SGD keeps nothing, and corrects while the gradient is still in registers: by `correct`, or, one sample at a time,
by `descend`.
"""

from llvmlite import ir

from neurone.constants import MOMENTUM
from neurone.kernels.elementary import madd, multiply_add
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


@step
def momentum(w, G, v, rule, step_size):
    """v <- momentum v - step G, and w <- w + v; Nesterov's w <- w + momentum v - step G, with the new v.

    (Sutskever et al., ICML 2013.)
    """
    v = madd(-step_size, G, rule.momentum * v)
    if rule.nesterov:
        return madd(rule.momentum, v, madd(-step_size, G, w)), v
    return w + v, v


@step
def update(w, G, kept, rule, step_size):
    """(w, kept) after a batch whose gradient is G. kept: two numbers for the parameter; an optimiser may need fewer."""
    first, second = kept
    if rule.method == MOMENTUM:
        w, first = momentum(w, G, first, rule, step_size)
    else:
        w = madd(-step_size, G, w)
    return w, (first, second)


@step
def update_rows(LesPoids, Gradient, memory, place, end, rule, step_size, penalty):
    """`update` the parameters from `place` to `end`, whole registers, with the penalty.

    memory: (numbers kept, parameters). An optimiser that keeps one number gets it twice.
    """
    first, second, two = line(memory, 0), line(memory, memory.shape[0] - 1), memory.shape[0] > 1
    for here in range(place, end, width(LesPoids, REGISTER)):
        w, G = load(LesPoids, here, REGISTER), load(Gradient, here, REGISTER)
        if penalty != 0:
            G = madd(penalty, w, G)
        w, kept = update(w, G, (load(first, here, REGISTER), load(second, here, REGISTER)), rule, step_size)
        store(LesPoids, here, w)
        store(first, here, kept[0])
        if two:
            store(second, here, kept[1])

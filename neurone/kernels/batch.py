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

Parameters stand as in online.py. `layers.py` goes forward, `gradients.py` back.
"""

from neurone.kernels.arguments import Correction, Tranche
from neurone.kernels.elementary import like
from neurone.kernels.gradients import backward, gradients
from neurone.kernels.jit import kernel, step
from neurone.kernels.layers import first_layer, forward, grouped_layer
from neurone.kernels.online import in_registers, outcome, outputs
from neurone.kernels.simd import line, prefetch
from neurone.kernels.team import MESSAGES, announce, receive, send, wait_for

# A label is asked for this many samples before it is wanted: so far before that it is there, and so near that it is
# there still. (A whole tranche before, others had taken its place in the cache where there are 800 neurons.)
AHEAD = 8


@step
def answers(net, samples, order, work, tranche):
    """The outputs of a tranche, their costs and errors, which only the thread that has the last layer knows."""
    TabOutput, Delta = work.TabOutputs[tranche.turn], work.Deltas[tranche.turn]
    for e in range(tranche.count):
        q = tranche.q + e
        outcome(net, samples, order[q], line(TabOutput, e), line(Delta, e), work.y, work.tally)
        if q + AHEAD < order.size and samples.labels.size:
            # From memory, else, while the next sample waits.
            prefetch(samples.labels, order[q + AHEAD])


@step
def up(net, samples, order, work, team, tranche, sent, shapes):
    """A tranche forward, up to the errors of the second layer, which the last thread of a team sends to all."""
    L, message = net.sizes.size - 1, line(team.messages, (sent - 1) % MESSAGES)
    if samples.present.size:
        grouped_layer(net, samples, order, work, tranche, shapes)
    else:
        first_layer(net, samples, order, work, tranche, shapes)
    if team.me > 0:
        Tab = work.Deltas[tranche.turn] if L == 2 else work.TabOutputs[tranche.turn]
        wait_for(team, team.me - 1, sent)
        receive(message, net.sizes[2], tranche.count, Tab, net.offset[2])
    forward(net, work, tranche, min(team.me, 1), shapes)
    if team.me == team.members - 1:
        answers(net, samples, order, work, tranche)
        for number in range(L, 2, -1):
            backward(net, work, tranche, number, shapes.hidden)
    if team.members > 1:
        send(message, net.sizes[2], tranche.count, work.Deltas[tranche.turn], net.offset[2])
        announce(team, sent)


@step
def down(net, work, team, tranche, sent, shapes):
    """And back, down to the errors of the first layer; those of the second come from the last thread of a team."""
    if team.me < team.members - 1:
        wait_for(team, team.members - 1, sent)
        message = line(team.messages, (sent - 1) % MESSAGES)
        receive(message, net.sizes[2], tranche.count, work.Deltas[tranche.turn], net.offset[2])
    for number in range(min(net.sizes.size - 1, 2), 1, -1):
        backward(net, work, tranche, number, shapes.hidden)


@kernel
def train(net, samples, span, rule, work, team, shapes):
    """As `notes.train`, by thread `me` of `members`, all of which call it, each for its own network.

    Of a team but its last, sizes are the inputs, the thread's own neurons, and those of the layer behind them. All but
    the first have the rows of these neurons' bias too, which mean nothing.
    """
    order, turns, size = span.order, work.TabOutputs.shape[0], work.TabOutputs.shape[1]
    ahead = 0 if team.members == 1 else 1
    q, sent = span.first, 0
    while q < span.last:
        begin = q - q % rule.P
        end = min(begin + rule.P, order.size)
        stop = min(end, span.last)
        tranches = (stop - q + size - 1) // size
        step_size = rule.alpha if rule.total else rule.alpha / like(rule.alpha, end - begin)
        for t in range(tranches + ahead):
            if t < tranches:
                here = q + t * size
                tranche = Tranche(here, min(size, stop - here), (sent + t) % turns)
                up(net, samples, order, work, team, tranche, sent + t + 1, shapes)
            if t >= ahead:
                here, turn = q + (t - ahead) * size, (sent + t - ahead) % turns
                tranche = Tranche(here, min(size, stop - here), turn)
                down(net, work, team, tranche, sent + t - ahead + 1, shapes)
                last = here + tranche.count == end
                correction = Correction(here == begin, last and work.memory.size == 0, step_size, rule.penalty)
                gradients(net, samples, span, work, rule, tranche, correction, last, shapes)
        sent += tranches
        q = stop


@kernel
def predict(net, samples, span, work, answers, shapes):
    """The outputs of the images `first` to `last`, which are whole or lists. answers: (P, outputs), written."""
    L, size = net.sizes.size - 1, work.TabOutputs.shape[1]
    for q in range(span.first, span.last, size):
        tranche = Tranche(q, min(size, span.last - q), L - L)
        first_layer(net, samples, span.order, work, tranche, shapes)
        forward(net, work, tranche, L - L, shapes)
        for e in range(tranche.count):
            yhat = in_registers(line(work.TabOutputs[tranche.turn], e), net, L)
            outputs(net, in_registers(line(work.Deltas[tranche.turn], e), net, L), yhat)
            for k in range(net.sizes[L]):
                answers[q + e, k] = yhat[k]

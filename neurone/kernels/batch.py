"""Batches, in vectors and by several threads: the same bits as notes.py.

Samples are taken a few at a time, in tranches, so that memory does not grow with the batch.

Each thread of a team has a network of its own: some neurons of the first hidden layer, with the weights into and out of
them. It alone corrects these, and they never leave its core's cache. The sums of the second layer (mostly the output)
go from thread to thread: each continues where the one before stopped, so that every sum keeps its order. The last
thread has the layers above to itself, and sends the second layer's errors back to all. So only a few numbers of each
sample cross between cores. Within a batch, a thread sums up the next tranche before it waits for the errors of this
one, so that none is idle while a message is under way. (Sharing the samples, or the rows of any layer, moves all
outputs or parameters of a layer between cores with every batch: two threads took up to 1.5 times as long as one where
the cores were far from each other.)

Parameters stand as in online.py. `layers.py` goes forward, `gradients.py` back.
"""

from neurone.constants import SGD
from neurone.kernels.arguments import Correction, Step, Tranche
from neurone.kernels.gradients import backward, end_layer, gradients
from neurone.kernels.jit import kernel, step
from neurone.kernels.layers import drop_inputs, drop_layer, enter_images, first_layer, forward, grouped_layer
from neurone.kernels.norms import add_squares, clip, constrain
from neurone.kernels.online import in_registers, outcome, outputs
from neurone.kernels.simd import line, prefetch
from neurone.kernels.team import MESSAGES, announce, receive, send, wait_for
from neurone.kernels.update import stride_of, weight

# A label is prefetched this many samples ahead: early enough to be in the cache in time, and late enough to be there
# still. (A whole tranche ahead was too early: with 800 neurons, other data had pushed it out.)
AHEAD = 8


@step
def answers(net, samples, order, work, tranche):
    """The outputs of a tranche, with their costs and errors; for the thread that has the last layer."""
    TabOutput, Delta = work.TabOutputs[tranche.turn], work.Deltas[tranche.turn]
    for e in range(tranche.count):
        q = tranche.q + e
        outcome(net, samples, order[q], line(TabOutput, e), line(Delta, e), work.y, tranche.share, work.tally)
        if q + AHEAD < order.size and samples.labels.size:
            # Otherwise it comes from memory, while the next sample waits.
            prefetch(samples.labels, order[q + AHEAD])


@step
def up(net, samples, span, rule, work, team, tranche, sent, shapes):
    """A tranche forward, up to the errors of the second layer, which the last thread of a team sends to all."""
    L, message = net.sizes.size - 1, line(team.messages, (sent - 1) % MESSAGES)
    if samples.present.size:
        grouped_layer(net, samples, span.rows, work, tranche, shapes)
    else:
        enter_images(samples, span.rows, work, tranche)
        if rule.inputs.threshold:
            drop_inputs(samples, span, rule, work, tranche)
        first_layer(net, samples, span.rows, work, tranche, shapes)
    if L > 1:
        drop_layer(net, work.TabOutputs[tranche.turn], span, rule, work, tranche, 1)
    if team.me > 0:
        Tab = work.Deltas[tranche.turn] if L == 2 else work.TabOutputs[tranche.turn]
        wait_for(team, team.me - 1, sent)
        receive(message, net.sizes[2], tranche.count, Tab, net.offset[2])
    forward(net, span, rule, work, tranche, min(team.me, 1), shapes)
    if team.me == team.members - 1:
        answers(net, samples, span.order, work, tranche)
        for number in range(L, 2, -1):
            backward(net, span, rule, work, tranche, number, shapes.hidden)
    if team.members > 1:
        send(message, net.sizes[2], tranche.count, work.Deltas[tranche.turn], net.offset[2])
        announce(team, sent)


@step
def down(net, span, rule, work, team, tranche, sent, shapes):
    """A tranche back, down to the errors of the first layer; the last thread of a team sends those of the second."""
    if team.me < team.members - 1:
        wait_for(team, team.members - 1, sent)
        message = line(team.messages, (sent - 1) % MESSAGES)
        receive(message, net.sizes[2], tranche.count, work.Deltas[tranche.turn], net.offset[2])
    for number in range(min(net.sizes.size - 1, 2), 1, -1):
        backward(net, span, rule, work, tranche, number, shapes.hidden)


@step
def clipped(net, samples, rule, work, team, stride, sent, shapes):
    """Clip a batch's whole gradient, and correct all layers."""
    clip(net, rule, stride, work, team, sent, shapes)
    for number in range(1, net.sizes.size):
        correction = Correction(False, False, stride.size, rule.penalty)
        end_layer(net, samples, work, rule, number, correction, stride, shapes)


@kernel
def train(net, samples, span, rule, work, team, shapes):
    """As `notes.train`, by thread `me` of `members`, each of which calls it for its own network.

    All networks but the last end with the second layer: their sizes are the inputs, the thread's own neurons and that
    layer's. In all but the first, the row of the second layer's biases means nothing.
    """
    order, turns, size = span.order, work.TabOutputs.shape[0], work.TabOutputs.shape[1]
    ahead = 0 if team.members == 1 else 1
    q, sent = span.first, 0
    while q < span.last:
        begin = q - q % rule.P
        end = min(begin + rule.P, order.size)
        stop = min(end, span.last)
        tranches = (stop - q + size - 1) // size
        stride = Step(rule.alpha, rule.alpha, rule.alpha)  # of the batch, known at its end
        W = weight(rule, samples.factors, order, begin, end)
        share = (end - begin) / W
        for t in range(tranches + ahead):
            if t < tranches:
                here = q + t * size
                tranche = Tranche(here, min(size, stop - here), (sent + t) % turns, share)
                up(net, samples, span, rule, work, team, tranche, sent + t + 1, shapes)
            if t >= ahead:
                here, turn = q + (t - ahead) * size, (sent + t - ahead) % turns
                tranche = Tranche(here, min(size, stop - here), turn, share)
                down(net, span, rule, work, team, tranche, sent + t - ahead + 1, shapes)
                last = here + tranche.count == end
                if last:
                    stride = stride_of(rule, work.powers, W)
                    if rule.squares:
                        add_squares(net, work, share, shapes)
                at_once = last and rule.method == SGD and rule.decay == 0 and rule.clip_norm == 0
                correction = Correction(here == begin, at_once, stride.size, rule.penalty)
                gradients(net, samples, span, work, rule, tranche, correction, stride, last, shapes)
        sent += tranches
        q = stop
        if stop == end and rule.clip_norm != 0:
            sent += 1
            clipped(net, samples, rule, work, team, stride, sent, shapes)
        if stop == end and rule.max_norm != 0:
            sent += 1
            constrain(net, rule, work, team, sent, shapes)


@kernel
def predict(net, samples, span, rule, work, answers, shapes):
    """The outputs of a span of images, whole or lists. answers: (P, outputs), written. rule: it drops nothing."""
    L, size = net.sizes.size - 1, work.TabOutputs.shape[1]
    for q in range(span.first, span.last, size):
        tranche = Tranche(q, min(size, span.last - q), L - L, 1.0)
        enter_images(samples, span.rows, work, tranche)
        first_layer(net, samples, span.rows, work, tranche, shapes)
        forward(net, span, rule, work, tranche, L - L, shapes)
        for e in range(tranche.count):
            yhat = in_registers(line(work.TabOutputs[tranche.turn], e), net, L)
            outputs(net, in_registers(line(work.Deltas[tranche.turn], e), net, L), yhat)
            for k in range(net.sizes[L]):
                answers[q + e, k] = yhat[k]

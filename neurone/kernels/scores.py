"""The costs and wrong answers of samples whose tau is known, without a correction."""

from neurone.constants import SOFTMAX
from neurone.kernels.elementary import activate, like
from neurone.kernels.jit import kernel
from neurone.kernels.notes import sample_cost, softmax, target, wrong


@kernel
def score(net, labels, targets, taus, y, yhat, tally):
    """Add up the samples' costs in tally[0] and, where there are labels, their wrong answers in tally[1].

    taus: (P, outputs). y, yhat: (outputs,), written.
    """
    for p in range(taus.shape[0]):
        tau = taus[p]
        largest, S = like(net.pente, 0), like(net.pente, 1)
        if net.output == SOFTMAX:
            largest, S = softmax(tau, yhat)
        else:
            for k in range(yhat.size):
                yhat[k] = activate(net.output, tau[k], net.pente)
        target(labels, targets, p, y)
        tally[0] += sample_cost(net, y, yhat, tau, largest, S)
        if labels.size:
            tally[1] += wrong(labels, p, yhat)

"""Predictions of a few images, from the network's own parameters: nothing is copied. Rows of weights from pixels that
are 0 are skipped, as in `sparse.py`."""

from neurone.constants import SOFTMAX
from neurone.kernels.elementary import activate, madd
from neurone.kernels.jit import kernel
from neurone.kernels.notes import neurons, normalisation, row, softmax, with_bias


@kernel
def pre_activation(LesPoids, debut, X, sigma):
    """As in notes.py."""
    m = sigma.size
    sigma[:] = 0
    for i in range(X.size):
        if X[i] != 0:
            w = row(LesPoids, debut, i, m)
            for j in range(m):
                sigma[j] = madd(w[j], X[i], sigma[j])


@kernel
def predict(net, pixels, divisor, states, answers):
    """The outputs of each image. pixels: (P, inputs). answers: (P, outputs), written. states: TabOutput and tau."""
    images, pente, last = pixels.images, net.pente, net.sizes.size - 1
    border = states.size - answers.shape[1]
    TabOutput, tau = states[:border], states[border:]
    for p in range(images.shape[0]):
        normalisation(images[p], divisor, with_bias(TabOutput, net, 0))
        for layer in range(1, last + 1):
            sigma = neurons(TabOutput, net, layer) if layer < last else tau
            pre_activation(net.LesPoids, net.debut[layer - 1], with_bias(TabOutput, net, layer - 1), sigma)
            if layer < last:
                for j in range(sigma.size):
                    sigma[j] = activate(net.activation, sigma[j], pente)
                TabOutput[net.offset[layer] - 1] = 1
        yhat = neurons(TabOutput, net, last)
        if net.output == SOFTMAX:
            softmax(tau, yhat)
        else:
            for k in range(yhat.size):
                yhat[k] = activate(net.output, tau[k], pente)
        for k in range(yhat.size):
            answers[p, k] = yhat[k]

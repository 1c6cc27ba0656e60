"""L-BFGS, by SciPy: our kernels give cost and gradient of the whole set."""

import numpy as np

from neurone.engine.objective import Objective
from neurone.engine.optimizer import PLAIN_SGD
from neurone.floats import exactly
from neurone.training.fit import checked_problem
from neurone.training.reports import Position


@exactly
def minimize(network, images, labels, sample_weight, *, alpha, max_iter, max_fun, tol, threads, loss):
    """Change the network's parameters until they minimise the mean cost with its penalty, alpha / 2 |w|^2 over samples.

    `sample_weight` are proportions. `loss` is called with the mean cost, and returns what the minimiser is told of it.

    Returns
    -------
    scipy.optimize.OptimizeResult
        `fun`, `nit`, `success`, `message`.
    """
    from scipy.optimize import minimize as scipy_minimize  # a part of what scikit-learn needs

    problem = checked_problem(network, images, labels, sample_weight, None, "mean", PLAIN_SGD, threads, Position())
    objective, penalty = Objective(problem), np.full(network.parameters.size, float(alpha))
    for layer in range(len(network.sizes) - 1):
        network.layer(layer, penalty)[0] = 0  # the biases'
    total = len(problem.rows) if sample_weight is None else float(np.sum(sample_weight))

    def cost_and_gradient(x):
        cost, gradient = objective(x.astype(network.dtype))
        penalised = penalty * x
        value = loss(cost / total) + 0.5 * float(penalised @ x) / total
        return value, (gradient.astype(np.float64) + penalised) / total

    start = network.parameters.astype(np.float64)
    options = {"maxiter": max_iter, "maxfun": max_fun, "gtol": tol}
    result = scipy_minimize(cost_and_gradient, start, method="L-BFGS-B", jac=True, options=options)
    network.parameters = result.x.astype(network.dtype)
    return result

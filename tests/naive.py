"""The notes' networks in plain Python, from the formulas of the mathematics: slow, and easy to believe.

Lists and floats only, nothing of the package. Derivatives are taken where the notes take them, at the
pre-activation, and an output's error goes through the derivative of the cost and of the output function
without the cancellations that make it short: what is compared here is the mathematics, to about 1e-12.
"""

import math


def logistic(x, a):
    return 1 / (1 + math.exp(-a * x))


def logistic_slope(x, a):
    return a * math.exp(-a * x) / (1 + math.exp(-a * x)) ** 2


# name: (function, derivative), both of the pre-activation x and the logistic's slope a
FUNCTIONS = {
    "logistic": (logistic, logistic_slope),
    "tanh": (lambda x, a: math.tanh(x), lambda x, a: 1 / math.cosh(x) ** 2),
    "relu": (lambda x, a: max(x, 0.0), lambda x, a: 1.0 if x > 0 else 0.0),
    "identity": (lambda x, a: x, lambda x, a: 1.0),
}


def softmax(tau):
    powers = [math.exp(t) for t in tau]
    return [power / sum(powers) for power in powers]


class Network:
    """weights[layer][i][j] goes from neuron i of a layer to neuron j of the next; neuron 0 is the bias."""

    def __init__(self, weights, activation, output, cost, slope):
        self.weights = [[list(row) for row in layer] for layer in weights]
        self.activation, self.output, self.cost, self.slope = activation, output, cost, slope

    def forward(self, x):
        """(what enters each layer of weights, its pre-activations, the outputs yhat)."""
        entering, sums = [], []
        for number, w in enumerate(self.weights):
            entering.append([1.0, *x])
            sums.append([sum(w[i][j] * u for i, u in enumerate(entering[-1])) for j in range(len(w[0]))])
            last = number == len(self.weights) - 1
            if last and self.output == "softmax":
                x = softmax(sums[-1])
            else:
                g, _ = FUNCTIONS[self.output if last else self.activation]
                x = [g(s, self.slope) for s in sums[-1]]
        return entering, sums, x

    def cost_of(self, yhat, y):
        """The cost of one sample."""
        pairs = list(zip(yhat, y, strict=True))
        if self.cost == "quadratic":
            return sum((h - t) ** 2 for h, t in pairs)
        if self.cost == "half-quadratic":
            return sum((h - t) ** 2 for h, t in pairs) / 2
        if self.output == "softmax":
            return -sum(t * math.log(h) for h, t in pairs)
        return -sum(t * math.log(h) + (1 - t) * math.log(1 - h) for h, t in pairs)

    def output_delta(self, tau, yhat, y):
        """dC/dtau_k, by the chain rule through every yhat_q."""
        pairs = list(zip(yhat, y, strict=True))
        if self.cost == "quadratic":
            slopes = [2 * (h - t) for h, t in pairs]
        elif self.cost == "half-quadratic":
            slopes = [h - t for h, t in pairs]
        elif self.output == "softmax":
            slopes = [-t / h for h, t in pairs]
        else:
            slopes = [(1 - t) / (1 - h) - t / h for h, t in pairs]

        if self.output == "softmax":
            return [
                sum(slopes[q] * yhat[q] * ((1 if q == k else 0) - yhat[k]) for q in range(len(yhat)))
                for k in range(len(yhat))
            ]
        _, derivative = FUNCTIONS[self.output]
        return [slope * derivative(t, self.slope) for slope, t in zip(slopes, tau, strict=True)]

    def gradient(self, x, y):
        """(dE/dw of one sample in the shape of the weights, its cost)."""
        entering, sums, yhat = self.forward(x)
        delta = self.output_delta(sums[-1], yhat, y)
        gradients = []
        for number in reversed(range(len(self.weights))):
            gradients.insert(0, [[d * u for d in delta] for u in entering[number]])
            if number > 0:
                _, derivative = FUNCTIONS[self.activation]
                w = self.weights[number]
                # w[0] is the bias neuron's row: nothing flows back through it.
                delta = [
                    derivative(s, self.slope) * sum(w[1 + j][k] * d for k, d in enumerate(delta))
                    for j, s in enumerate(sums[number - 1])
                ]
        return gradients, self.cost_of(yhat, y)

    def train(self, samples, targets, orders, learning_rates, batch_size, mean):
        """Corrects the weights; returns the mean cost of each epoch."""
        costs = []
        for order, alpha in zip(orders, learning_rates, strict=True):
            total = 0.0
            for first in range(0, len(order), batch_size):
                batch = [self.gradient(samples[p], targets[p]) for p in order[first : first + batch_size]]
                total += sum(cost for _, cost in batch)
                divisor = len(batch) if mean else 1
                for number, w in enumerate(self.weights):
                    for i, row in enumerate(w):
                        for j in range(len(row)):
                            row[j] -= alpha / divisor * sum(gradient[number][i][j] for gradient, _ in batch)
            costs.append(total / len(order))
        return costs

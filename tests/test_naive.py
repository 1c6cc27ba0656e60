"""The package, and the C program too, against the plain Python of `naive.py`.

Tolerance: 1e-12 of the largest number compared. The three add and cancel in different orders and ways, each
operation costing about 1e-16, over some tens of operations and two epochs.
"""

import itertools

import naive
import numpy as np
import pytest
from oracle_c import ACTIVATIONS, OUTPUTS, have_gcc, make_case, run
from test_golden import HIDDEN, train


def make_cases(output, cost):
    product = itertools.product(HIDDEN, ACTIVATIONS, (1, 3, 7), (True, False))
    return [
        make_case(
            seed,
            (5, *hidden, 3),
            activation,
            output,
            cost,
            "float64",
            batch_size=batch_size,
            mean=mean,
            pixels=seed % 4 < 2,
            labels=seed % 3 > 0,
            rate=0.02,
        )
        for seed, (hidden, activation, batch_size, mean) in enumerate(product)
    ]


def train_naively(case):
    """(parameters, costs, outputs), as `train` gives them."""
    flat = iter(case.parameters.tolist())
    weights = [
        [[next(flat) for _ in range(outputs)] for _ in range(1 + inputs)]
        for inputs, outputs in itertools.pairwise(case.sizes)
    ]
    samples = case.images.tolist()
    if case.images.dtype == np.uint8:
        samples = [[pixel / 255 for pixel in image] for image in samples]
    targets = case.targets.tolist()
    if case.targets.dtype == np.int64:
        targets = [[1.0 if k == label else 0.0 for k in range(case.sizes[-1])] for label in targets]

    network = naive.Network(weights, case.activation, case.output, case.cost, case.slope)
    rates = [case.rate * case.decay**epoch for epoch in range(len(case.orders))]  # to 1e-12 as good as products
    orders = [order.tolist() for order in case.orders]
    costs = network.train(samples, targets, orders, rates, case.batch_size, case.mean)
    parameters = [w for layer in network.weights for row in layer for w in row]
    return parameters, costs, [network.forward(x)[2] for x in samples]


def agree(case, naive_results, other_results):
    for ours, theirs in zip(naive_results, other_results, strict=True):
        ours = np.array(ours)
        assert np.abs(ours - theirs).max() <= 1e-12 * np.abs(ours).max(), case


@pytest.mark.parametrize(("output", "cost"), OUTPUTS)
def test_package(output, cost):
    for case in make_cases(output, cost):
        agree(case, train_naively(case), train(case, shuffle=False)[:3])


@pytest.mark.skipif(not have_gcc(), reason="gcc is not installed")
@pytest.mark.parametrize(("output", "cost"), OUTPUTS)
def test_c_program(output, cost):
    cases = make_cases(output, cost)
    for case, result in zip(cases, run(cases), strict=True):
        agree(case, train_naively(case), (result.parameters, result.costs, result.outputs))

"""Seconds of a prediction, after every competitor is seen to answer the same: pytest benchmarks/test_predict.py

neurone is given bytes, and divides them by 255 as it predicts. The others are given floats.
"""

import numpy as np
import pytest
from competitors import COMPETITORS, missing
from processes import THREADS
from workloads import NETWORKS, images

import neurone

# The same function as `fast`, whatever kernels have trained.
PREDICTORS = [name for name in COMPETITORS if name != "notes"]


@pytest.mark.parametrize("competitor", PREDICTORS)
@pytest.mark.parametrize("count", [1, 10_000])
@pytest.mark.parametrize("sizes", [sizes for sizes in NETWORKS if sizes[0] == 784], ids=str)
def test_predict(sizes, count, competitor, benchmark):
    if reason := missing(competitor):
        pytest.skip(reason)
    inputs, labels = images().test_images[:count], images().test_labels[:count]
    network = neurone.Network(sizes)
    runner = COMPETITORS[competitor](network, inputs, labels, 100)
    # Two outputs that are all but equal may change places.
    assert np.mean(runner.predict() != network.predict(inputs)) <= 1e-3
    row = f"{'-'.join(map(str, sizes))}, {count:,} image{'s'[: count > 1]}"
    benchmark.extra_info.update(row=row, competitor=competitor, samples=count, threads=THREADS)
    benchmark.pedantic(runner.predict, rounds=5, iterations=200 if count == 1 else 1, warmup_rounds=1)

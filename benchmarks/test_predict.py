"""Seconds of a prediction, once each competitor has answered the same: pytest benchmarks/test_predict.py

The networks have learnt for an epoch. neurone is given bytes, and divides them by 255 as it predicts. The others are
given floats.
"""

from functools import cache

import numpy as np
import pytest
from competitors import COMPETITORS, missing
from processes import THREADS
from workloads import NETWORKS, images

import neurone

# Whatever kernels have trained, networks predict alike.
PREDICTORS = [name for name in COMPETITORS if name != "notes"]


@cache
def trained(sizes):
    """A network, and its answers to the test images, two at a time: other kernels give them than for many at once."""
    network, data = neurone.Network(sizes), images()
    neurone.fit(network, data.train_images, data.train_labels, batch_size=32, epochs=1)
    answers = np.concatenate([network.predict(data.test_images[first : first + 2]) for first in range(0, 10_000, 2)])
    assert np.mean(answers == data.test_labels) > 0.8
    return network, answers


@pytest.mark.parametrize("competitor", PREDICTORS)
@pytest.mark.parametrize("count", [1, 10_000])
@pytest.mark.parametrize("sizes", [sizes for sizes in NETWORKS if sizes[0] == 784], ids=str)
def test_predict(sizes, count, competitor, benchmark):
    if reason := missing(competitor):
        pytest.skip(reason)
    inputs, labels = images().test_images[:count], images().test_labels[:count]
    network, answers = trained(sizes)
    runner = COMPETITORS[competitor](network, inputs, labels, 100)
    # Two outputs that are all but equal may change places.
    assert np.mean(runner.predict() != answers[:count]) <= 1e-3
    row = f"{'-'.join(map(str, sizes))}, {count:,} image{'s'[: count > 1]}"
    benchmark.extra_info.update(row=row, competitor=competitor, samples=count, threads=THREADS)
    benchmark.pedantic(runner.predict, rounds=5, iterations=200 if count == 1 else 1, warmup_rounds=1)

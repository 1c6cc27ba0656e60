"""Seconds of an epoch, once each competitor has learnt the same parameters: pytest benchmarks/test_epoch.py"""

import numpy as np
import pytest
from competitors import COMPETITORS, missing
from processes import THREADS
from workloads import WORKLOADS, training_set

import neurone

# Float32 rounds differently in every order of summing. A first epoch moves parameters a hundred times as far.
TOLERANCE = 2e-5


def make(workload, competitor, count):
    inputs, labels = training_set(workload.sizes)
    network = neurone.Network(workload.sizes)
    return COMPETITORS[competitor](network, inputs[:count], labels[:count], workload.batch)


def check_same_learning(workload, competitor):
    """A few batches, the last one shorter, give what our `fast` gives; from `notes`, the same bits."""
    count = 2 * (workload.batch or 400) + 200
    ours, theirs = make(workload, "fast", count), make(workload, competitor, count)
    before = ours.parameters().copy()
    ours.epoch()
    theirs.epoch()
    assert abs(ours.parameters() - before).max() > 100 * TOLERANCE
    if competitor == "notes":
        assert ours.parameters().tobytes() == theirs.parameters().tobytes()
    else:
        np.testing.assert_allclose(theirs.parameters(), ours.parameters(), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("competitor", COMPETITORS)
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_epoch(workload, competitor, benchmark):
    if reason := missing(competitor):
        pytest.skip(reason)
    check_same_learning(workload, competitor)
    samples = workload.samples(competitor)
    runner = make(workload, competitor, samples)
    benchmark.extra_info.update(row=workload.name, competitor=competitor, samples=samples, threads=THREADS)
    benchmark.pedantic(runner.epoch, rounds=workload.rounds(), warmup_rounds=1)


@pytest.mark.parametrize("competitor", COMPETITORS)
def test_prepare(competitor, benchmark):
    """What is done once before the first epoch, on all samples."""
    if reason := missing(competitor):
        pytest.skip(reason)
    workload = next(workload for workload in WORKLOADS if workload.batch == 32)
    samples = len(training_set(workload.sizes)[0])
    benchmark.extra_info.update(row=workload.name, competitor=competitor, samples=samples, threads=THREADS)
    benchmark.pedantic(make, (workload, competitor, samples), rounds=3, warmup_rounds=1)

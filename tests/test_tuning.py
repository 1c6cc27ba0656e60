"""Generic kernels first, tuned ones when they are there: the same bits, and no compiling where it does not pay."""

import os
import threading

import pytest

import neurone
from neurone.datasets.digits import digits
from neurone.engine import tuning
from neurone.engine.optimizer import Optimizer
from neurone.kernels import jit
from neurone.training.fit import iterate
from neurone.training.rules import Rules

IMAGES, LABELS = digits(300)
# A shape that no other test compiles for: nothing is ready.
SIZES = (784, 19, 10)


def trained(kernels="fast", told=None, wait=None, **settings):
    """Parameters and costs of a training of two epochs; `wait` is called after each call of a kernel."""
    net = neurone.Network(SIZES)
    settings = dict(batch_size=4, reduction="mean", shuffle=True, seed=0, threads=1, validation=None) | settings
    progress = None if wait is None else lambda _: wait()
    reports = iterate(
        net, IMAGES, LABELS, rules=Rules(0.1), epochs=2, kernels=kernels, told_tuned=told, progress=progress, **settings
    )
    costs = [report.cost for report in reports]
    return net.parameters.tobytes(), costs


@pytest.fixture
def begun(monkeypatch):
    """Compilations in the background, which are begun however short a run is; calls of kernels are short too."""
    started, begin = [], tuning.compile_in_background

    def compile_in_background(*arguments):
        started.append(begin(*arguments))
        return started[-1]

    monkeypatch.setattr(tuning, "compile_in_background", compile_in_background)
    monkeypatch.setattr(tuning, "_LOOKED_FOR", 0)
    monkeypatch.setattr(tuning, "_COMPILED", 0)
    monkeypatch.setattr(tuning.FastLearner, "samples_per_call", lambda _: 7)
    monkeypatch.setattr("neurone.training.fit._CALL_SECONDS", 0)
    return started


@pytest.mark.parametrize(
    "options", [{"batch_size": 1}, {"batch_size": 4}, {"batch_size": 9, "optimizer": Optimizer("adam")}]
)
def test_tuned_kernels_take_over_within_an_epoch(options, begun):
    """As soon as they are compiled, at a batch's end; before that and after it the bits are those of notes."""
    told = []
    found = trained(told=lambda *place: told.append(place), wait=lambda: begun and begun[0].result(), **options)
    assert found == trained("notes", **options)
    assert len(told) == 1 and told[0][0] == 0 and 0 < told[0][1] < 300 and told[0][1] % options["batch_size"] == 0


def test_what_was_compiled_before_takes_over_at_once(begun):
    first, told = trained(tuning="first"), []
    assert trained(told=lambda *place: told.append(place)) == first
    assert not begun and told and told[0][0] == 0


def test_a_run_that_ends_first_ends_the_compilation(begun):
    told = []
    net = neurone.Network((784, 37, 10))
    neurone.fit(net, IMAGES[:8], LABELS[:8], batch_size=4, epochs=2)
    assert len(begun) == 1 and not told
    with pytest.raises(BaseException, match=r"^$") as stopped:
        begun[0].result()
    assert type(stopped.value).__name__ == "Stopped"


def test_short_runs_and_those_that_do_not_want_it_compile_nothing(begun, monkeypatch):
    monkeypatch.setattr(tuning, "_COMPILED", 30.0)
    told, expected = [], trained("notes")
    assert trained(told=lambda *place: told.append(place), batch_size=4) == expected
    monkeypatch.setattr(tuning, "_COMPILED", 0)
    assert trained(tuning="off", told=lambda *place: told.append(place)) == expected
    assert not begun


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_ends_the_compilation_and_not_the_training(begun, monkeypatch):
    def compile_until_stopped(_):
        while threading.current_thread() is not threading.main_thread():
            jit._pause()

    monkeypatch.setattr("neurone.engine.learners.OnlineLearner.ready", lambda _: False)
    monkeypatch.setattr("neurone.engine.learners.OnlineLearner.compile", compile_until_stopped)
    forked, told = [], []

    def fork():
        if begun and not forked:
            child = os.fork()
            if child == 0:
                os._exit(0)
            forked.append(os.waitpid(child, 0)[1])

    found = trained(batch_size=1, wait=fork, told=lambda *place: told.append(place))
    assert found == trained("notes", batch_size=1)
    assert forked == [0] and not told and len(begun) == 1


def test_a_failure_in_the_background_is_told(begun, monkeypatch):
    def fail(_):
        raise MemoryError("no memory to compile")

    monkeypatch.setattr("neurone.engine.learners.OnlineLearner.compile", fail)
    monkeypatch.setattr("neurone.engine.learners.OnlineLearner.ready", lambda _: False)
    with pytest.raises(MemoryError, match="no memory to compile"):
        trained(batch_size=1, wait=lambda: begun and begun[0].join())


def test_unknown_tuning_is_refused():
    with pytest.raises(neurone.InputError, match="tuning is 'never'; choose one of background, first, off"):
        neurone.fit(neurone.Network((784, 3, 10)), IMAGES, LABELS, tuning="never")

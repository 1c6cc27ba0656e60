"""Checkpoints: the same bits wherever a training is resumed, and no other training can resume it."""

import os
import subprocess
import sys

import fuzz
import numpy as np
import pytest

import neurone
from neurone.engine import tuning
from neurone.engine.optimizer import Optimizer
from neurone.training import checkpoint
from neurone.training.fit import iterate
from neurone.training.reports import Position
from neurone.training.rules import Rules

IMAGES = np.random.Generator(np.random.Philox(2)).integers(0, 256, (40, 20), np.uint8)
LABELS = np.arange(40) % 3
RULES = dict(learning_rate=0.5, decay=0.9, schedule="constant", power_t=0.5, patience=None, tol=1e-4, monitor=None)
RULES |= dict(final_rate=0.0, plateau_patience=10, plateau_factor=0.1, warmup=0, max_seconds=None)
OPTIONS = dict(reduction="mean", seed=0)
OPTIMIZER = Optimizer().settings()
PLAIN = {}
# No epoch but the first is an improvement, so patience runs out in every second one; the least loss may come later.
ADAPTIVE = dict(momentum=0.9, alpha=0.01, schedule="adaptive", patience=1, tol=200.0)
# Ends before the last epoch.
PATIENT = dict(momentum=0.5, nesterovs_momentum=False, schedule="invscaling", power_t=0.3, patience=1, tol=200.0)
ADAM = dict(optimizer="adam", beta_1=0.8, weight_decay=0.1, alpha=0.01, learning_rate=0.02, warmup=2)
RPROP = dict(
    optimizer="rprop", weight_decay=0.1, schedule="plateau", plateau_patience=0, plateau_factor=0.5, monitor="cost",
    tol=200.0,
)  # fmt: skip
DISTORTED = dict(distortion=neurone.Distortion(shape=(4, 5), width=1.0))
DROPOUT = dict(momentum=0.5, dropout=0.5, input_dropout=0.3, max_norm=0.7, clip_norm=0.1)
MORE = dict(
    plain=PLAIN, adaptive=ADAPTIVE, patient=PATIENT, adam=ADAM, rprop=RPROP, dropout=DROPOUT, distorted=DISTORTED
)


class StopError(Exception):
    pass


def train(net, position, kernels, threads, batch_size, epochs=3, stop=None, more=PLAIN):
    """From `position` on, by calls of one sample; until `stop`, a number of samples."""
    done = []

    def progress(samples):
        done.append(samples)
        if len(done) == stop:
            raise StopError

    rules = {name: more.get(name, value) for name, value in RULES.items()}
    method, *numbers = (more.get(name, value) for name, value in OPTIMIZER.items())
    validation = IMAGES[:7], LABELS[:7]
    distortion = more.get("distortion")
    for _ in iterate(
        net, IMAGES, LABELS, rules=Rules(**rules), optimizer=Optimizer(method, *numbers), **OPTIONS, shuffle=True,
        batch_size=batch_size, epochs=epochs, kernels=kernels, threads=threads, validation=validation,
        progress=progress, position=position, distortion=distortion,
    ):  # fmt: skip
        pass


def asked(net, batch_size, epochs=3, more=PLAIN):
    place = {"batch_size": batch_size, "epochs": epochs, "validation": 7, "data": "0"}
    chosen = dict(more)
    if "distortion" in more:
        chosen["distortion"] = more["distortion"].width
    return net.settings() | RULES | OPTIONS | OPTIMIZER | place | chosen


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_more_epochs_would_be_another_schedule(schedule, tmp_path):
    net, position, more = neurone.Network((20, 9, 3)), Position(), dict(schedule=schedule)
    train(net, position, "fast", 1, 6, 3, more=more)
    checkpoint.save(tmp_path / "run", asked(net, 6, 3, more), position, net.parameters, end=1.5)
    with pytest.raises(neurone.InputError, match="epochs is 4, and was 3"):
        checkpoint.load(tmp_path / "run", asked(net, 6, 4, more), net, 40)


def test_more_time_may_be_given(tmp_path):
    net, position, more = neurone.Network((20, 9, 3)), Position(), dict(max_seconds=1e-9)
    train(net, position, "fast", 1, 6, 3, more=more)
    checkpoint.save(tmp_path / "run", asked(net, 6, 3, more), position, net.parameters, end=1.5)
    assert len(position.reports) == 1
    assert checkpoint.load(tmp_path / "run", asked(net, 6, 3, more), net, 40)[1] == 1.5
    found, end = checkpoint.load(tmp_path / "run", asked(net, 6, 3, dict(max_seconds=1e9)), net, 40)
    assert end is None
    train(net, found, "fast", 1, 6, 3)
    whole = neurone.Network((20, 9, 3))
    train(whole, Position(), "fast", 1, 6, 3)
    assert np.array_equal(net.parameters, whole.parameters)


def state(position):
    """All that is kept of it; arrays as their bytes."""
    course = vars(position.course)
    best = None if course["parameters"] is None else course["parameters"].tobytes()
    memory = position.memory.shape, position.memory.tobytes()
    powers = position.powers.tolist()
    return vars(position) | {"memory": memory, "powers": powers, "course": course | {"parameters": best}}


def numbers(position):
    """What must be the same after an interruption: all but the seconds."""
    reports = [vars(report) | {"seconds": None} for report in position.reports]
    return state(position) | {"reports": reports, "seconds": None}


@pytest.fixture
def call_of(monkeypatch):
    """Limits kernel calls to a number of samples."""

    def call_of(samples):
        monkeypatch.setattr("neurone.training.fit._CALL_SECONDS", 0)
        monkeypatch.setattr("neurone.engine.windows.WINDOW", 16)
        for learner in tuning.LEARNERS.values():
            monkeypatch.setattr(learner, "samples_per_call", lambda *_: samples)

    return call_of


@pytest.mark.parametrize("kernels", ["fast", "notes"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 6, None])
@pytest.mark.parametrize("more", MORE.values(), ids=MORE)
def test_any_epoch_and_any_sample(more, kernels, threads, batch_size, tmp_path, call_of, teams, tried, torture):
    """From each of 120 or 160 places it reaches the parameters, reports and state of a training that never stopped.

    From each of them where one thread trains by plain SGD, or under torture by its variants; else from every seventh.
    """
    if more in (ADAM, RPROP, DROPOUT, DISTORTED) and (kernels == "notes" or batch_size == 1):
        pytest.skip("their places are those of the others")
    call_of(1)
    epochs = 3 if more is PLAIN else 4
    whole, reference = neurone.Network((20, 9, 3)), Position()
    train(whole, reference, kernels, threads, batch_size, epochs, more=more)
    course = reference.course
    assert (len(reference.reports), course.ended) == ((3, True) if more is PATIENT else (epochs, False))
    if more is ADAPTIVE:
        rates = [0.5, 0.5 * 0.9, 0.5 * 0.9**2, 0.5 * 0.9**3 / 5]
        assert [report.learning_rate for report in reference.reports] == rates
    each = threads == 1 and (more is PLAIN or (torture and more in (ADAPTIVE, PATIENT)))
    for stop in range(1, 40 * len(reference.reports), 1 if each else 7):
        net, position = neurone.Network((20, 9, 3)), Position()
        with pytest.raises(StopError):
            train(net, position, kernels, threads, batch_size, epochs, stop, more)
        checkpoint.save(tmp_path / "run", asked(net, batch_size, epochs, more), position, net.parameters)
        fresh = neurone.Network((20, 9, 3))
        found, end = checkpoint.load(tmp_path / "run", asked(fresh, batch_size, epochs, more), fresh, 40)
        assert (state(found), end) == (state(position), None)
        # Other kernels and threads give the same bits, so they may go on.
        other = "notes" if stop % 2 else kernels
        train(fresh, found, other, 1 if stop % 3 else threads, batch_size, epochs, more=more)
        assert fresh.parameters.tobytes() == whole.parameters.tobytes() and numbers(found) == numbers(reference)
        tried["resumptions"] += 1
    alone = kernels == "notes" or (batch_size == 1 and more is PLAIN)
    most = max(teams, default=1)
    assert most == (1 if alone else threads) or (more is DISTORTED and most == threads + 1)  # who makes images


def test_a_call_that_ends_within_a_batch_leaves_the_place_at_its_beginning(call_of):
    call_of(4)
    net, position = neurone.Network((20, 9, 3)), Position()
    with pytest.raises(StopError):
        train(net, position, "fast", 1, 10, stop=4)  # calls end at 4, 6, 7, 8
    start = neurone.Network((20, 9, 3))
    assert (position.sample, position.cost, position.whole) == (0, 0.0, True)
    assert net.parameters.tobytes() == start.parameters.tobytes()


@pytest.mark.parametrize("more", MORE.values(), ids=MORE)
def test_more_epochs_may_be_asked_for(more, tmp_path):
    """The rest continues from the last parameters, not from the best; a run that patience ended has no rest."""
    long, short, reference, position = neurone.Network((20, 9, 3)), neurone.Network((20, 9, 3)), Position(), Position()
    train(long, reference, "fast", 1, 6, 6, more=more)
    train(short, position, "fast", 1, 6, 4, more=more)
    checkpoint.save(tmp_path / "run", asked(short, 6, 4, more), position, short.parameters, end=1.5)
    fresh = neurone.Network((20, 9, 3))
    found, end = checkpoint.load(tmp_path / "run", asked(fresh, 6, 4, more), fresh, 40)
    assert (state(found), end) == (state(position), 1.5)
    found, end = checkpoint.load(tmp_path / "run", asked(fresh, 6, 6, more), fresh, 40)
    assert end == (1.5 if more is PATIENT else None)
    train(fresh, found, "fast", 1, 6, 6, more=more)
    assert fresh.parameters.tobytes() == long.parameters.tobytes() and numbers(found) == numbers(reference)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"epochs": 3}, "epochs is 3, and was 4"),
        ({"learning_rate": 0.2}, "learning_rate is 0.2, and was 0.1"),
        ({"batch_size": None}, "batch_size is None, and was 5"),
        ({"batch_size": True}, "batch_size is True, and was 5"),
        ({"sizes": [3, 5, 2]}, r"sizes is \[3, 5, 2\], and was \[3, 4, 2\]"),
        ({"dtype": "float64"}, "dtype is 'float64', and was 'float32'"),
        ({"validation": None}, "validation is None, and was 6"),
        ({"momentum": 0.0}, "momentum is 0.0, and was 0.9"),
        ({"patience": 3}, "patience is 3, and was 1"),
        ({"patience": None}, "patience is None, and was 1"),
        ({"schedule": "constant"}, "schedule is 'constant', and was 'adaptive'"),
        ({"data": "1"}, "other data"),
        ({"more": 1}, "it has other options"),
    ],
)
def test_other_options_are_refused(changed, message, tmp_path):
    fuzz._save(tmp_path / "run", fuzz.position())
    net = neurone.Network(fuzz.SIZES)
    with pytest.raises(neurone.InputError, match=message):
        checkpoint.load(tmp_path / "run", fuzz.ASKED | changed, net, fuzz.SAMPLES)


@pytest.mark.parametrize(
    ("position", "end", "message"),
    [
        (fuzz.position(0, 21), None, "sample is 21"),
        (fuzz.position(0, -5), None, "sample is -5"),
        (fuzz.position(0, 5.0), None, "sample is 5.0"),
        (fuzz.position(0, True), None, "sample is True"),
        (fuzz.position(0, 7), None, "sample 7 is not at the end of a batch"),
        (fuzz.position(0, 5, 0.0, 6), None, "wrong is 6"),
        (fuzz.position(0, 0, 1), None, "cost is 1"),
        (fuzz.position(0, 0, "much"), None, "no checkpoint"),
        (fuzz.position(0, 0, 0.0, 0, -1.0), None, "seconds is -1.0"),
        (fuzz.position(0, 0, 0.0, 0, None), None, "no checkpoint"),
        (fuzz.position(), 1.0, "end is 1.0"),
        (fuzz.position(), True, "end is True"),
        (fuzz.position(4, 5), None, "sample is 5"),
        (fuzz.position(3, 5), None, "sample is 5"),  # patience ran out
        (fuzz.position(2), 1.0, "end is 1.0"),
        (fuzz.position(5), None, "history is float64 \\(5, 6\\)"),
        (fuzz.position(2, memory=0), None, "memory are float32 \\(0, 26\\)"),
        (fuzz.position(memory=2), None, "memory are float32 \\(2, 26\\)"),
        (fuzz.position(2, factor=1), None, "factor is 1"),
        (fuzz.position(2, factor=-0.5), None, "factor is -0.5"),
        (fuzz.position(2, factor=1.5), None, "factor is 1.5"),
        (fuzz.position(2, factor="1"), None, "no checkpoint"),
        (fuzz.position(2, rounds=2), None, "rounds is 2"),
        (fuzz.position(2, rounds=-1), None, "rounds is -1"),
        (fuzz.position(2, rounds=True), None, "rounds is True"),
        (fuzz.position(2, rounds=None), None, "no checkpoint"),
        (fuzz.position(rounds=1), None, "rounds is 1"),
        (fuzz.position(best=12.5), None, "best is 12.5"),
        (fuzz.position(2, best=12.0), None, "best is 12.0"),
        (fuzz.position(2, best=12), None, "best is 12"),
        (fuzz.position(2, best=np.inf), None, "best is None"),
        (fuzz.position(2, best="less"), None, "best is 'less'"),
        (fuzz.position(2, parameters=None), None, "best_parameters are float32 \\(0, 26\\)"),
        (fuzz.position(parameters=np.zeros(26)), None, "best_parameters are float32 \\(1, 26\\)"),
        (fuzz.position(2, parameters=np.full(26, np.nan)), None, "best_parameters holds NaN"),
    ],
)
def test_places_that_no_training_leaves_are_refused(position, end, message, tmp_path):
    fuzz._save(tmp_path / "run", position, end)
    net = neurone.Network(fuzz.SIZES, seed=1)
    before = net.parameters.copy()
    with pytest.raises(neurone.InputError, match=message):
        checkpoint.load(tmp_path / "run", fuzz.ASKED, net, fuzz.SAMPLES)
    assert np.array_equal(net.parameters, before)


def test_other_arrays_are_refused(tmp_path, monkeypatch):
    net = neurone.Network(fuzz.SIZES)
    for parameters in (net.parameters[:-1], net.parameters.astype(np.float64), net.parameters.reshape(2, -1)):
        checkpoint.save(tmp_path / "run", fuzz.ASKED, fuzz.position(), parameters)
        with pytest.raises(neurone.InputError, match="parameters are"):
            checkpoint.load(tmp_path / "run", fuzz.ASKED, net, fuzz.SAMPLES)
    net.save(tmp_path / "model")
    with pytest.raises(neurone.InputError, match="'neurone checkpoint' expected"):
        checkpoint.load(tmp_path / "model", fuzz.ASKED, net, fuzz.SAMPLES)
    write = checkpoint.container.write
    monkeypatch.setattr(
        checkpoint.container,
        "write",
        lambda path, kind, head, arrays: write(path, kind, head, {"parameters": arrays["parameters"]}),
    )
    checkpoint.save(tmp_path / "run", fuzz.ASKED, fuzz.position(), net.parameters)
    with pytest.raises(neurone.InputError, match="other settings or arrays"):
        checkpoint.load(tmp_path / "run", fuzz.ASKED, net, fuzz.SAMPLES)


def test_fingerprints_know_types_and_shapes():
    array = np.arange(12, dtype=np.uint8)
    others = array.reshape(3, 4), array.view(np.int8), array[:-1], array[::-1]
    assert len({checkpoint.fingerprint(each) for each in (array, *others)}) == 5
    assert checkpoint.fingerprint(array, array) != checkpoint.fingerprint(np.concatenate([array, array]))
    assert checkpoint.fingerprint(array[::-1]) == checkpoint.fingerprint(array[::-1].copy())


def test_64_bits_do_not_go_on_with_another_c_library(run, small_set, tmp_path):
    """glibc's variants of exp and tanh differ in the last bit; 32 bits use neither."""
    other = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2"}
    code = "from neurone.training.checkpoint import library; print(library())"
    found = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | other, capture_output=True, text=True, check=True
    )
    assert checkpoint.library() == checkpoint.library()
    if found.stdout.strip() == checkpoint.library():
        pytest.skip("this processor and C library have no other variant")
    for dtype, environment, code in (("float64", other, 2), ("float64", {}, 0), ("float32", other, 0)):
        command = ["train", "--data", small_set, "--hidden", 4, "--dtype", dtype, "--checkpoint", tmp_path / dtype]
        assert run(*command, "--epochs", 1, "--resume").returncode == 0
        done = run(*command, "--epochs", 2, "--resume", **environment)
        assert done.returncode == code
        assert ("another C library, whose exp or tanh differ" in done.stderr) == bool(code)

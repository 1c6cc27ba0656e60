"""Checkpoints: the same bits from wherever a training goes on, and no other training goes on from one."""

import fuzz
import numpy as np
import pytest

import neurone
from neurone import checkpoint, learners
from neurone.training import Position, iterate

IMAGES = np.random.Generator(np.random.Philox(2)).integers(0, 256, (40, 20), np.uint8)
LABELS = np.arange(40) % 3
OPTIONS = dict(learning_rate=0.5, decay=0.9, epochs=3, reduction="mean", seed=0)


class StopError(Exception):
    pass


def train(net, position, kernels, threads, batch_size, epochs=3, stop=None):
    """From `position` on, by calls of one sample; until `stop`, a number of samples."""
    done = []

    def progress(samples):
        done.append(samples)
        if len(done) == stop:
            raise StopError

    settings = OPTIONS | dict(batch_size=batch_size, epochs=epochs)
    validation = IMAGES[:7], LABELS[:7]
    for _ in iterate(
        net, IMAGES, LABELS, **settings, shuffle=True, kernels=kernels, threads=threads, validation=validation,
        progress=progress, position=position,
    ):  # fmt: skip
        pass


def asked(net, batch_size, **others):
    return net.settings() | OPTIONS | {"batch_size": batch_size, "validation": 7, "data": "0"} | others


def numbers(position):
    return [(report.cost, report.train_error, report.validation_error) for report in position.reports]


@pytest.fixture
def call_of(monkeypatch):
    """Makes kernel calls of so many samples, or fewer."""

    def call_of(samples):
        monkeypatch.setattr("neurone.training._CALL_SECONDS", 0)
        for learner in learners.LEARNERS.values():
            monkeypatch.setattr(learner, "samples_per_call", lambda *_: samples)

    return call_of


@pytest.mark.parametrize("kernels", ["fast", "notes"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 6, None])
def test_any_epoch_and_any_sample(kernels, threads, batch_size, tmp_path, call_of, teams, tried):
    """From each of 120 places, to the parameters and reports of a training that never stopped."""
    call_of(1)
    whole, reference = neurone.Network((20, 9, 3)), Position()
    train(whole, reference, kernels, threads, batch_size)
    for stop in range(1, 120, 1 if threads == 1 else 7):
        net, position = neurone.Network((20, 9, 3)), Position()
        with pytest.raises(StopError):
            train(net, position, kernels, threads, batch_size, stop=stop)
        checkpoint.save(tmp_path / "run", asked(net, batch_size), position, net.parameters)
        fresh = neurone.Network((20, 9, 3))
        found, end = checkpoint.load(tmp_path / "run", asked(fresh, batch_size), fresh, 40)
        assert (found, end) == (position, None)
        # Other kernels and threads give the same bits, so they may go on.
        train(fresh, found, "notes" if stop % 2 else kernels, 1 if stop % 3 else threads, batch_size)
        assert fresh.parameters.tobytes() == whole.parameters.tobytes() and numbers(found) == numbers(reference)
        tried["resumptions"] += 1
    assert max(teams, default=1) == (1 if batch_size == 1 or kernels == "notes" else threads)


def test_a_call_that_ends_within_a_batch_leaves_the_place_at_its_beginning(call_of):
    call_of(4)
    net, position = neurone.Network((20, 9, 3)), Position()
    with pytest.raises(StopError):
        train(net, position, "fast", 1, 10, stop=4)  # calls end at 4, 6, 7, 8
    start = neurone.Network((20, 9, 3))
    assert (position.sample, position.cost, position.whole) == (0, 0.0, True)
    assert net.parameters.tobytes() == start.parameters.tobytes()


def test_more_epochs_may_be_asked_for(tmp_path):
    long, short = neurone.Network((20, 9, 3)), neurone.Network((20, 9, 3))
    train(long, Position(), "fast", 1, 1, epochs=5)
    position = Position()
    train(short, position, "fast", 1, 1)
    checkpoint.save(tmp_path / "run", asked(short, 1), position, short.parameters, end=1.5)
    fresh = neurone.Network((20, 9, 3))
    assert checkpoint.load(tmp_path / "run", asked(fresh, 1), fresh, 40) == (position, 1.5)
    position, end = checkpoint.load(tmp_path / "run", asked(fresh, 1, epochs=5), fresh, 40)
    assert end is None
    train(fresh, position, "fast", 1, 1, epochs=5)
    assert fresh.parameters.tobytes() == long.parameters.tobytes()


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
        ({"data": "1"}, "other data"),
        ({"more": 1}, "it has other options"),
    ],
)
def test_other_options_are_refused(changed, message, tmp_path):
    fuzz._save(tmp_path / "run", Position())
    net = neurone.Network(fuzz.SIZES)
    with pytest.raises(neurone.InputError, match=message):
        checkpoint.load(tmp_path / "run", fuzz.ASKED | changed, net, fuzz.SAMPLES)


@pytest.mark.parametrize(
    ("position", "end", "message"),
    [
        (Position(sample=21), None, "sample is 21"),
        (Position(sample=-5), None, "sample is -5"),
        (Position(sample=5.0), None, "sample is 5.0"),
        (Position(sample=True), None, "sample is True"),
        (Position(sample=7), None, "sample 7 is not at the end of a batch"),
        (Position(sample=5, wrong=6), None, "wrong is 6"),
        (Position(cost=1), None, "cost is 1"),
        (Position(cost="much"), None, "no checkpoint"),
        (Position(seconds=-1.0), None, "seconds is -1.0"),
        (Position(seconds=None), None, "no checkpoint"),
        (Position(), 1.0, "end is 1.0"),
        (Position(), True, "end is True"),
        (Position(fuzz._REPORTS * 2, sample=5), None, "sample is 5"),
        (Position(fuzz._REPORTS * 3), None, "history is float64 \\(6, 5\\)"),
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
        checkpoint.save(tmp_path / "run", fuzz.ASKED, Position(), parameters)
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
    checkpoint.save(tmp_path / "run", fuzz.ASKED, Position(), net.parameters)
    with pytest.raises(neurone.InputError, match="other settings or arrays"):
        checkpoint.load(tmp_path / "run", fuzz.ASKED, net, fuzz.SAMPLES)


def test_fingerprints_know_types_and_shapes():
    array = np.arange(12, dtype=np.uint8)
    others = array.reshape(3, 4), array.view(np.int8), array[:-1], array[::-1]
    assert len({checkpoint.fingerprint(each) for each in (array, *others)}) == 5
    assert checkpoint.fingerprint(array, array) != checkpoint.fingerprint(np.concatenate([array, array]))
    assert checkpoint.fingerprint(array[::-1]) == checkpoint.fingerprint(array[::-1].copy())

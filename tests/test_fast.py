"""The fast kernels give the bits of `kernels="notes"` in cases that the C program's small ones do not cover."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from mmap import PAGESIZE
from pathlib import Path

import numpy as np
import pytest
from numba import njit
from scipy.sparse import csr_array

import neurone
from neurone import system
from neurone.datasets.arrays import as_images
from neurone.datasets.digits import digits
from neurone.engine import learners, plan, threads
from neurone.engine.plan import group_size, parts
from neurone.engine.samples import grouped, is_dense, lines_of, listed
from neurone.engine.tuning import FastLearner
from neurone.kernels import batch
from neurone.kernels.arguments import Workspace
from neurone.kernels.elementary import activate, derivative, exp, tanh
from neurone.kernels.simd import REGISTER_BYTES, load, store
from neurone.training.fit import iterate
from neurone.training.rules import Rules

# No hidden layer; one block, several, and some that are not full. Few kinds of them, because each is compiled.
SIZES = [(784, 10), (784, 100, 210, 10), (784, 100, 100, 101, 10)]


def both(sizes, images, labels, options=None, **settings):
    """Parameters, costs and outputs from either set of kernels."""
    results = []
    for kernels in ("notes", "fast"):
        net = neurone.Network(sizes, **(options or {}))
        history = neurone.fit(net, images, labels, kernels=kernels, **{"epochs": 2} | settings)
        results.append((net.parameters, np.array([(report.cost, report.train_error or 0) for report in history])))
    return results


def assert_same(results):
    for ours, theirs in zip(*results, strict=True):
        assert np.array_equal(ours.view(np.uint8), theirs.view(np.uint8))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: "-".join(map(str, sizes)))
def test_sizes(sizes, dtype):
    """A batch of 150 has three tranches, the last of them smaller, and the epoch a smaller batch at the end."""
    images, labels = digits(200)
    for batch_size in (1, 32, 150, None):
        assert_same(both(sizes, images, labels, dict(dtype=dtype, activation="tanh"), batch_size=batch_size))


@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("sizes", [(784, 100, 10), (784, 100, 100, 101, 10)])
def test_threads(sizes, threads, teams):
    """More threads than cores, and than blocks and samples in a batch; sparse and dense inputs."""
    images, labels = digits(200)
    dense = np.random.Generator(np.random.Philox(3)).random((200, 784))
    for inputs, dtype in ((images, "float32"), (images, "float64"), (dense, "float32")):
        for batch_size in (2, 8, 32, 150, None):
            teams.clear()
            assert_same(both(sizes, inputs, labels, dict(dtype=dtype), batch_size=batch_size, threads=threads))
            assert max(teams) == threads


@pytest.mark.parametrize("batch_size", [5, 64, None])
def test_many_small_tranches(batch_size, teams, monkeypatch):
    """A thread soon begins one whose message would take the place of one that others have not read yet."""
    monkeypatch.setattr(plan, "_TRANCHE_OF_A_TEAM", 3)
    images, labels = digits(2000)
    assert_same(both((784, 100, 10), images, labels, batch_size=batch_size, threads=3))
    assert max(teams) == 3


@pytest.mark.parametrize("seconds", [0, 1000])
@pytest.mark.parametrize("options", [{}, {"alpha": 0.1}, {"alpha": 0.1, "momentum": 0.9}])
def test_calls_that_end_within_a_batch(options, seconds, teams, monkeypatch):
    """The gradient waits for the next call; for images, and for inputs so few that it is gathered row by row.

    Calls of 7, 3, 1, 1, ... samples, or of 7, 14, 28, ..., in tranches of 3.
    """
    monkeypatch.setattr("neurone.training.fit._CALL_SECONDS", seconds)
    monkeypatch.setattr(FastLearner, "samples_per_call", lambda learner: 7)
    monkeypatch.setattr(plan, "_TRANCHE_OF_A_TEAM", 3)
    images, labels = digits(100)
    few = images.reshape(100, 784) * (np.random.Generator(np.random.Philox(8)).random((100, 784)) < 0.03)
    for inputs in (images, few):
        assert_same(both((784, 100, 10), inputs, labels, batch_size=32, threads=3, **options))
    assert max(teams) == 3


def test_threads_have_parts_of_their_own_shape(gathered, torture):
    """Of 100 neurons, one thread has 7 registers, and the other 6."""
    if not torture:
        pytest.skip("only with --torture: two sets of kernels take half a minute to compile")
    images, labels = digits(200)
    assert [part.registers[1] for part in parts(neurone.Network((784, 100, 10)), 2, 150, True)] == [7, 6]
    assert_same(both((784, 100, 10), images, labels, batch_size=100, threads=2, tuning="first"))
    assert max(gathered) == 2


def test_no_thread_works_in_a_page_of_another(teams, monkeypatch):
    """The other's processor would prefetch what one writes: slow, where cores are far from each other."""

    def pages(*arrays):
        assert not any(array.ctypes.data % PAGESIZE for array in arrays if array.size)
        starts = [(array.ctypes.data, array.ctypes.data + array.nbytes) for array in arrays if array.size]
        return {page for start, end in starts for page in range(start // PAGESIZE, -(-end // PAGESIZE))}

    # tally and squares are written once a batch or less.
    arrays_written = [name for name in Workspace.__annotations__ if name not in ("tally", "squares", "first")]
    made = []
    monkeypatch.setattr(learners.BatchLearner, "train", lambda learner, *arguments: made.append(learner))
    images, labels = digits(200)
    few = images.reshape(200, 784) * (np.random.Generator(np.random.Philox(8)).random((200, 784)) < 0.03)
    for inputs in (images, few, images.reshape(200, 784) + np.float32(1)):
        neurone.fit(neurone.Network((784, 100, 30, 10)), inputs, labels, batch_size=100, momentum=0.9, threads=2)
        learner = made[-1]
        first, second = (
            pages(packed.net.LesPoids, packed.net.Transposed, *(getattr(work, name) for name in arrays_written))
            for packed, work in zip(learner._packed, learner._works, strict=True)
        )
        assert min(len(first), len(second)) > 10
        assert not first & second and not pages(learner._messages) & (first | second)


def test_little_work_is_not_shared_out(monkeypatch):
    """With batches of two, an epoch of a network of 4-3-2 took two threads 12 seconds and one 0.05."""
    monkeypatch.setattr(threads, "_lead", None)
    monkeypatch.setattr(learners, "cores", lambda: 2)
    images, labels = digits(700)
    dense = images.reshape(700, 784) + np.float32(1)
    options = dict(batch_size=8, threads=2, epochs=1)
    neurone.fit(neurone.Network((784, 64, 10)), dense, labels, **options | {"batch_size": 1, "momentum": 0.9})
    neurone.fit(neurone.Network((784, 64, 10)), images, labels, **options)  # pixels of 0 cost nothing
    neurone.fit(neurone.Network((784, 40, 10)), dense, labels, **options)  # too few neurons
    neurone.fit(neurone.Network((784, 64, 10)), dense[:300], labels[:300], **options)  # too short an epoch
    monkeypatch.setattr(learners, "cores", lambda: 1)
    neurone.fit(neurone.Network((784, 64, 10)), dense, labels, **options)
    monkeypatch.setattr(learners, "cores", lambda: 2)
    with pytest.raises(TypeError):
        neurone.fit(neurone.Network((784, 64, 10)), dense, labels, **options)


needs_affinity = pytest.mark.skipif(system.current_core is None, reason="the system does not tell where threads are")


@needs_affinity
def test_each_of_a_team_begins_on_a_core_of_its_own(monkeypatch):
    """The others leave the leader's core, and may then go anywhere."""
    asked = {}

    def place(thread, cores):
        assert thread == 0
        asked.setdefault(threading.get_ident(), []).append(set(cores))

    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: {3, 5, 6, 9})
    monkeypatch.setattr(threads.os, "sched_setaffinity", place)
    monkeypatch.setattr(system, "current_core", lambda: 6)
    names = {}
    threads.team(lambda number: names.update({number: threading.get_ident()}), 3, np.zeros((4, 16), np.int64))
    assert asked == {names[1]: [{9}, {3, 5, 6, 9}], names[2]: [{3}, {3, 5, 6, 9}]}


@needs_affinity
@pytest.mark.parametrize("refused", [False, True])
def test_where_a_team_may_run_does_not_change(refused, monkeypatch):
    """Nor does it matter if the system refuses."""

    def refuse(*_):
        raise PermissionError

    if refused:
        monkeypatch.setattr(threads.os, "sched_setaffinity", refuse)
    monkeypatch.setattr(system, "current_core", lambda: 0)
    seen = []
    threads.team(lambda number: seen.append(os.sched_getaffinity(0)), 3, np.zeros((4, 16), np.int64))
    assert seen == [os.sched_getaffinity(0)] * 3


def test_a_team_leaves_no_thread(teams):
    before, (images, labels) = set(threading.enumerate()), digits(20)
    neurone.fit(neurone.Network((784, 100, 10)), images, labels, batch_size=10, threads=3)
    assert max(teams) == 3
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert set(threading.enumerate()) <= before


def test_calls_of_a_team_begin_with_one_tranche(teams):
    """A call as long as one thread's could last minutes where the threads wait for each other's cores."""
    images, labels = digits(50)
    done = []
    neurone.fit(neurone.Network((784, 16, 10)), images, labels, batch_size=2, epochs=1, threads=2, progress=done.append)
    assert max(teams) == 2 and done[0] == 2 and sum(done) == 50


def test_a_team_can_be_interrupted(interruptible):
    code = (
        "import neurone; from neurone.engine import learners; from neurone.datasets.digits import digits\n"
        "team = learners.team\n"
        "def told(work, threads, *others): print(threads, 'at work', flush=True); team(work, threads, *others)\n"
        "learners.team, learners.cores = told, lambda: 2\n"
        "images, labels = digits(2000); net = neurone.Network((784, 100, 210, 10))\n"
        "images = images.reshape(2000, 784) / 255.0 + 1\n"
        "neurone.fit(net, images, labels, batch_size=50, epochs=10**6, threads=2)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"2 at work\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT and b"KeyboardInterrupt" in errors


def test_several_trainings_at_once(gathered):
    """Each with its own team, from threads of one process."""
    images, labels = digits(300)

    def train(seed, threads):
        net = neurone.Network((784, 100, 210, 10), seed=seed)
        neurone.fit(net, images, labels, batch_size=50, epochs=3, threads=threads)
        return net.parameters.tobytes(), net.predict_proba(images).tobytes()

    alone = [train(seed, 1) for seed in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(train, range(6), [1, 2, 3] * 2)) == alone
    assert set(gathered) == {1, 2, 3}


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # of the test runner's own threads, if it has any
def test_training_goes_on_after_a_fork(gathered):
    images, labels = digits(100)

    def train():
        net = neurone.Network((784, 100, 210, 10))
        neurone.fit(net, images, labels, batch_size=50, threads=2)
        return net.parameters.tobytes()

    before = train()
    assert max(gathered) == 2
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(60)
            code = 0 if train() == before else 1
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError("can't start one")])
def test_a_team_that_cannot_be_gathered_does_not_wait_for_ever(error, monkeypatch, teams):
    start, started = threading.Thread.start, []

    def fail_third(thread):
        if len(started) == 2:
            raise error
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", fail_third)
    images, labels = digits(10)
    with pytest.raises(type(error), match="can't"):
        neurone.fit(neurone.Network((784, 100, 10)), images, labels, batch_size=5, threads=4)
    assert len(started) == 2
    for thread in started:
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_failure_in_a_team_is_told_and_frees_the_others(failing, monkeypatch, teams):
    train = batch.train

    def fail(*arguments):
        if arguments[5].me == failing and len(teams) > 1:
            raise MemoryError("no memory for one of them")
        train(*arguments)

    monkeypatch.setattr(learners.batch, "train", fail)
    monkeypatch.setattr(learners.jit, "prepare", lambda *_: None)
    images, labels = digits(10)
    with pytest.raises(MemoryError, match="no memory for one of them"):
        neurone.fit(neurone.Network((784, 100, 10)), images, labels, batch_size=5, threads=3)


@pytest.mark.parametrize("batch_size", [1, 10])
@pytest.mark.parametrize("share", [0.1, 0.9])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_dense_and_sparse_inputs(dtype, share, batch_size):
    rng = np.random.Generator(np.random.Philox(5))
    images = (rng.integers(1, 256, (90, 57)) * (rng.random((90, 57)) < share)).astype(dtype)
    if dtype != np.uint8:
        images /= -77
    assert is_dense(images, lines_of(images)) == (share > 0.5)
    assert_same(both((57, 5, 4), images, rng.integers(0, 4, 90), batch_size=batch_size))


@pytest.mark.filterwarnings("ignore::neurone.LearningWarning")  # of float32, as pixels that nobody divided
@pytest.mark.parametrize("make", [np.asarray, csr_array])
@pytest.mark.parametrize("hidden", [5, 40, 100])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_groups_of_inputs(dtype, hidden, make, torture):
    """Side by side as in images, and scattered; the last group is not full, and there are several words of bits.

    By tuned kernels in two of the cases only, unless under torture: they take minutes to compile.
    """
    tunings = ("off", "first") if torture or (dtype, hidden) in ((np.uint8, 100), (np.float32, 5)) else ("off",)
    rng = np.random.Generator(np.random.Philox(7))
    values = rng.integers(1, 256, (90, 603))
    runs, scattered = rng.random((90, 51)).repeat(12, axis=1)[:, :603] < 0.3, rng.random((90, 603)) < 0.1
    for where, most in ((runs, {5: 4, 40: 4, 100: 2}[hidden]), (scattered, 1)):
        images = (values * where).astype(dtype)
        members = parts(neurone.Network((603, hidden, 8)), 1, 150, tuned=True)
        assert group_size(images, members, tuned=True) == most
        group = group_size(images, members, tuned=False)
        assert group == (4 if most > 1 else 0)
        cut = grouped(
            make(images) if make is np.asarray else as_images(make(images), 603, np.dtype(np.float32))[0],
            np.float32(1), np.dtype(np.float32), np.r_[0, np.cumsum((images != 0).sum(axis=1))], (), group or 1,
        )  # fmt: skip
        starts, found, presences, group = cut.lines, cut.values, cut.present, group or 1
        padded = np.pad(images, ((0, 0), (0, -603 % group))).reshape(90, -1, group)
        present = padded.any(axis=2)
        assert np.array_equal(found[: starts[-1]].reshape(-1, group), padded[present])
        assert np.array_equal(np.unpackbits(presences.view(np.uint8), axis=1, bitorder="little")[:, : present.shape[1]],
                              present)  # fmt: skip
        for batch_size in (7, 90):
            for tuning in tunings:
                options = dict(batch_size=batch_size, tuning=tuning)
                assert_same(both((603, hidden, 8), make(images), values[:, 0] % 8, **options))


def test_more_inputs_than_16_bits_can_count():
    rng = np.random.Generator(np.random.Philox(6))
    images = np.zeros((20, 70_000), np.uint8)
    images[np.arange(20), rng.integers(65_000, 70_000, 20)] = 200
    images[:, -1] = 100
    assert listed(images, np.float32(255), np.dtype("float32"), lines_of(images)).columns.dtype == np.uint32
    assert_same(both((70_000, 3), images, rng.integers(0, 3, 20)))


def test_old_memory_behind_a_list_is_not_computed_with(monkeypatch):
    """Dropout of inputs multiplies a list's values by a scale, and its room is longer than what is stored."""
    empty = np.empty

    def of_old_values(shape, dtype=float):
        found = empty(shape, dtype)
        if found.dtype.kind == "f":
            found.fill(1e38)
        return found

    images = np.zeros((3, 40), np.float32)
    images[:, 7] = 0.5
    lines = lines_of(images)
    monkeypatch.setattr(np, "empty", of_old_values)
    cut = listed(images, np.float32(1), np.dtype("float32"), lines, scale=np.float32(1e3))
    assert np.array_equal(cut.values, np.r_[[500] * 3, [0] * 40])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: "-".join(map(str, sizes)))
def test_predictions_of_many_and_of_few(sizes, dtype):
    """Few images go through `few.predict`."""
    images, _ = digits(40)
    dense = np.random.Generator(np.random.Philox(9)).random((40, 784))
    net = neurone.Network(sizes, dtype=dtype, init="notes")
    for inputs in (images, dense):
        many = net.predict_proba(inputs)
        few = np.concatenate([net.predict_proba(inputs[first : first + 10]) for first in range(0, 40, 10)])
        assert np.array_equal(many.view(np.uint8), few.view(np.uint8))


@pytest.mark.parametrize("kernels", ["notes", "fast"])
def test_parameters_may_be_changed_between_epochs(kernels):
    images, labels = digits(50)
    options = dict(batch_size=4, epochs=2, reduction="mean", shuffle=False, seed=0)
    net, fresh = neurone.Network((784, 5, 10)), neurone.Network((784, 5, 10), seed=1)
    start = fresh.parameters.copy()
    for report in iterate(
        net, images, labels, rules=Rules(0.1), **options, kernels=kernels, threads=1, validation=None, progress=None
    ):
        if report.epoch == 0:
            net.parameters = start
    neurone.fit(fresh, images, labels, **options | {"epochs": 1}, kernels="notes")
    assert np.array_equal(net.parameters, fresh.parameters)


def test_padding_cannot_diverge():
    """The neurons are saturated and do not learn; those that pad their blocks do, and overflow."""
    images, targets = np.array([[1e4]] * 2), np.array([[1e18], [-1e18]])
    for kernels in ("notes", "fast"):
        net = neurone.Network((1, 1, 1), output="identity", cost="half-quadratic")
        net.parameters = [-1e4, 0, 0, 0]
        neurone.fit(net, images, targets, learning_rate=0.5, epochs=1, shuffle=False, kernels=kernels)
        assert net.parameters.tolist()[:2] == [-1e4, 0]


@pytest.mark.parametrize("sizes", [(784, 10), (784, 100, 10), (784, 300, 100, 10), (50, 33, 70, 5), (9, 1, 2)])
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_parts(sizes, threads):
    """Every neuron of the first hidden layer is one thread's, and the layers above are the last one's."""
    team = parts(neurone.Network(sizes), threads, 20)
    assert 1 <= len(team) <= threads
    assert [part.first for part in team] == [0, *(part.last for part in team[:-1])]
    assert team[-1].sizes == (sizes[0], sizes[1] - team[-1].first, *sizes[2:])
    for part in team[:-1]:
        assert part.first < part.last and part.sizes == (sizes[0], part.last - part.first, sizes[2])


def test_a_team_for_a_first_layer_that_is_small_beside_the_next():
    assert len(parts(neurone.Network((50, 100, 1000, 5)), 2, 50)) == 2


def test_blank_images():
    assert_same(both((784, 5, 8), np.zeros((7, 784), np.uint8), np.arange(7)))


@njit
def _blocks(x, y, shape, function, slope):
    s = load(x, 0, shape)
    if function == 0:
        store(y, 0, exp(s))
    elif function == 1:
        store(y, 0, tanh(s))
    elif function < 6:
        store(y, 0, activate(function - 2, s, slope))
    else:
        store(y, 0, derivative(function - 6, s, slope))


@njit
def _scalars(x, y, function, slope):
    for i in range(x.size):
        if function == 0:
            y[i] = exp(x[i])
        elif function == 1:
            y[i] = tanh(x[i])
        elif function < 6:
            y[i] = activate(function - 2, x[i], slope)
        else:
            y[i] = derivative(function - 6, x[i], slope)


@pytest.mark.parametrize("width", [np.float32, np.float64])
def test_functions_lane_by_lane(width):
    """Blocks of three registers, extremes among the lanes."""
    rng = np.random.Generator(np.random.Philox(8))
    size = 3 * REGISTER_BYTES // np.dtype(width).itemsize
    for function in range(10):
        for power in range(-6, 5):
            x = (rng.standard_normal(size) * 10.0**power).astype(width)
            x[:8] = [np.inf, -np.inf, 0.0, -0.0, 1e-45, 89, -104, 0.34]
            x[8] = np.nan
            vectors, scalars = np.empty_like(x), np.empty_like(x)
            _blocks(x, vectors, (0,) * 3, function, width(1.5))
            _scalars(x, scalars, function, width(1.5))
            number = ~np.isnan(scalars)
            assert np.array_equal(np.isnan(vectors), ~number)
            integers = f"i{x.itemsize}"
            assert np.array_equal(vectors.view(integers)[number], scalars.view(integers)[number])


@pytest.mark.parametrize(("cpu", "register"), [("generic", 16), ("haswell", 32), (None, 64)])
def test_other_processors_give_the_same_bits(cpu, register, tmp_path, torture):
    """Machines without AVX-512, AVX or even a multiply-add, which is then done in 64 bits, not by the C library.

    And registers as wide as those of SSE2 and of AVX-512, by changing one constant in a copy of the package.
    """
    if cpu != "generic" and not torture:
        pytest.skip("only with --torture: most machines are like it, or have such registers")
    copy = tmp_path / "neurone"
    shutil.copytree(Path(neurone.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    simd = (copy / "kernels/simd.py").read_text()
    assert simd.count("REGISTER_BYTES = 32") == 1
    (copy / "kernels/simd.py").write_text(simd.replace("REGISTER_BYTES = 32", f"REGISTER_BYTES = {register}"))
    code = (
        "import hashlib, neurone; from neurone.datasets.digits import digits\n"
        "from neurone.kernels import online, simd\n"
        "for batch_size in (1, 16):\n"
        "    net = neurone.Network((784, 8, 8))\n"
        "    images, labels = digits(100); neurone.fit(net, images, labels % 8, epochs=1, batch_size=batch_size)\n"
        "    print(hashlib.sha256(net.parameters.tobytes()).hexdigest())\n"
        "assembly = ''.join(online.train.inspect_asm().values())\n"
        "print(simd.REGISTER_BYTES, *(name for name in ('ymm', 'zmm', 'fmaf') if name in assembly))"
    )
    features = {"generic": "", "haswell": "+avx,+avx2,+fma,+bmi,+bmi2,+lzcnt,+popcnt,+sse4.1,+sse4.2"}
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NEURONE_CACHE": str(tmp_path / "cache")}
    if cpu:
        environment |= {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features[cpu]}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    images, labels = digits(100)
    expected = []
    for batch_size in (1, 16):
        net = neurone.Network((784, 8, 8))
        neurone.fit(net, images, labels % 8, epochs=1, batch_size=batch_size, kernels="notes")
        expected.append(hashlib.sha256(net.parameters.tobytes()).hexdigest())
    *bits, registers = done.stdout.splitlines()
    assert bits == expected
    assert registers.split()[0] == str(register)
    assert cpu is None or registers.split()[1:] == {"generic": [], "haswell": ["ymm"]}[cpu]

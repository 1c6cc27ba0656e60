"""Another package's floating-point state, subnormal numbers flushed to 0 or another rounding, changes no bit."""

import ctypes
import platform
import shutil
import subprocess
import threading

import numpy as np
import pytest

import neurone
from neurone.datasets.digits import digits
from neurone.floats import are_exact, exactly

# The control bits of x86's MXCSR: flush to zero, subnormal inputs are zeros, and the four roundings.
STATES = {"flush": 0x8000, "inputs": 0x0040, "both": 0x8040, "down": 0x2000, "up": 0x4000, "towards zero": 0x6000}
needs_x86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or not shutil.which("gcc"), reason="needs x86-64 and gcc"
)


@pytest.fixture(scope="module")
def set_bits(tmp_path_factory):
    """A function that sets bits of this thread's MXCSR."""
    folder = tmp_path_factory.mktemp("mxcsr")
    (folder / "set.c").write_text(
        "#include <xmmintrin.h>\nvoid set(unsigned bits) { _mm_setcsr(_mm_getcsr() | bits); }\n"
    )
    subprocess.run(["gcc", "-shared", "-fPIC", folder / "set.c", "-o", folder / "set.so"], check=True)
    return ctypes.CDLL(str(folder / "set.so")).set


def problem(dtype):
    """Parameters, inputs and targets with which hidden neurons and outputs are subnormal numbers."""
    rng, tiny = np.random.Generator(np.random.Philox(5)), float(np.finfo(dtype).tiny)
    first, second = rng.standard_normal((61, 64)) * tiny**0.5 / 30, rng.standard_normal((65, 3)) / 30
    first[0] = second[0] = 0
    parameters = np.concatenate([first.reshape(-1), second.reshape(-1)]).astype(dtype)
    return parameters, rng.standard_normal((400, 60)) * tiny**0.5, rng.standard_normal((400, 3)) * tiny


def trained(dtype, parameters, inputs, targets, threads=1):
    net = neurone.Network((60, 64, 3), activation="identity", output="identity", cost="half-quadratic", dtype=dtype)
    initial = net.parameters.copy()
    net.parameters = parameters
    history = neurone.fit(net, inputs, targets, learning_rate=0.7, batch_size=100, epochs=2, threads=threads)
    outputs = net.predict_proba(inputs), net.predict_proba(inputs[:1]), net.predict(inputs, threads=threads)
    return initial, net.parameters, *outputs, history[-1].cost, digits(3)[0]


def in_a_thread(function):
    """What `function` returns in a thread of its own, whose state ends with it."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


@needs_x86
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_do_not_depend_on_the_state(dtype, state, set_bits):
    given = problem(dtype)
    expected = trained(dtype, *given)
    outputs = expected[2]
    assert ((outputs != 0) & (abs(outputs) < np.finfo(dtype).tiny)).any()

    def other():
        set_bits(STATES[state])
        assert not are_exact()
        found = trained(dtype, *given, threads=2)
        return found, are_exact()

    found, exact_after = in_a_thread(other)
    for ours, theirs in zip(found, expected, strict=True):
        assert np.array_equal(ours, theirs)
    assert not exact_after  # the caller's own state is as it was


@needs_x86
def test_the_state_comes_back_after_an_error(set_bits):
    @exactly
    def fail():
        assert are_exact()
        raise ValueError

    def other():
        set_bits(STATES["both"])
        try:
            fail()
        except ValueError:
            return are_exact()

    assert in_a_thread(other) is False


@needs_x86
def test_what_cannot_be_undone_is_refused(set_bits, monkeypatch):
    class Nothing:
        fegetenv = fesetenv = staticmethod(lambda *_: 0)

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Nothing)

    def other():
        set_bits(STATES["flush"])
        try:
            neurone.Network((2, 1), output="logistic")
        except neurone.NeuroneError as error:
            return str(error)

    assert "flushes subnormal numbers" in in_a_thread(other)

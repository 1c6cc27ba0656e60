"""madd, exp and tanh in 32 bits, against exact rationals and NumPy's 64-bit functions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError
from numba.extending import intrinsic

from neurone.kernels import elementary
from neurone.kernels.elementary import madd
from neurone.kernels.scalars import activate, exp32, tanh32


@njit
def _each(function, x, y):
    for i in range(x.size):
        y[i] = function(x[i])


@njit
def _madd(a, b, s):
    return madd(a, b, s)


def _floats(lowest, highest, step):
    """All positive float32 from `lowest` to `highest`, each `step`-th of them, in blocks."""
    first, last = (int(np.float32(end).view(np.int32)) for end in (lowest, highest))
    for begin in range(first, last + 1, step << 22):
        yield np.arange(begin, min(begin + (step << 22), last + 1), step, np.int32).view(np.float32)


def _units(y, exact):
    """Distance in units in the last place of the exact value, subnormal ones included."""
    unit = 2.0 ** (np.maximum(np.frexp(exact)[1], -125) - 24)
    return np.abs(y - exact) / unit


# A 64-bit library function is off by 1e-9 of these units at most.
@pytest.mark.parametrize(
    ("function", "exact", "allowed", "lowest", "highest"),
    [
        (exp32, np.exp, 1, 2.0**-30, 88.72283),
        (exp32, np.exp, 1, -(2.0**-30), -104.5),
        (tanh32, np.tanh, 2, 2.0**-149, 12.0),
        (tanh32, np.tanh, 2, -(2.0**-149), -12.0),
    ],
)
def test_error_in_units_in_the_last_place(function, exact, allowed, lowest, highest, torture):
    worst = 0.0
    for x in _floats(abs(lowest), abs(highest), 1 if torture else 101):
        x = np.copysign(x, np.float32(lowest))
        y = np.empty_like(x)
        _each(function, x, y)
        worst = max(worst, _units(y, exact(x.astype(np.float64))).max())
    assert 0.5 < worst <= allowed  # below one half, the comparison itself would be wrong


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (0.0, 1.0),
        (-0.0, 1.0),
        (1e-45, 1.0),
        (-1e-45, 1.0),
        (2.0**-26, 1.0),
        (math.inf, math.inf),
        (-math.inf, 0.0),
        (88.72284, math.inf),
        (3.4e38, math.inf),
        (-103.97209, 0.0),
        (-3.4e38, 0.0),
        (-103.97207, 2.0**-149),
    ],
)
def test_exp_at_the_extremes(x, expected):
    assert exp32(np.float32(x)) == np.float32(expected)


@pytest.mark.parametrize("x", [0.0, 1e-45, 1e-38, 1e-20, 9.5, 3.4e38, math.inf])
def test_tanh_at_the_extremes(x):
    expected = np.float32(min(x, 1.0))
    for sign in (np.float32(1), np.float32(-1)):
        y = np.float32(tanh32(sign * np.float32(x)))
        assert y.view(np.int32) == (sign * expected).view(np.int32)  # the sign of 0 included


def test_nan_stays_nan():
    for bits in (0x7FC00000, 0x7F800001, 0xFFC00000):
        x = np.uint32(bits).view(np.float32)
        assert np.isnan(exp32(x)) and np.isnan(tanh32(x))


def test_tanh_is_odd():
    x = np.geomspace(1e-40, 11, 10001, dtype=np.float32)
    y, z = np.empty_like(x), np.empty_like(x)
    _each(tanh32, x, y)
    _each(tanh32, -x, z)
    assert np.array_equal(y, -z)


def test_madd_rounds_once_in_32_bits_and_twice_in_64():
    """1 + 2e + e^2 minus 1 + 2e: only the fused operation sees e^2."""
    for width, epsilon, fused in ((np.float32, 2.0**-23, True), (np.float64, 2.0**-52, False)):
        a, s = width(1 + epsilon), width(-(1 + 2 * epsilon))
        exact = Fraction(float(a)) ** 2 + Fraction(float(s))
        assert exact == Fraction(epsilon) ** 2
        assert _madd(a, a, s) == (width(exact) if fused else 0)


def test_madd_refuses_mixed_widths():
    with pytest.raises(TypingError):
        _madd(np.float32(1), 1.0, np.float32(1))


@pytest.mark.parametrize("width", [np.float32, np.float64])
@pytest.mark.parametrize("code", range(4))
def test_activations_keep_the_width(width, code):
    """A stray 64-bit constant would widen the result."""
    activate(code, width(0.3), width(1.5))
    result = activate.nopython_signatures
    widths = {str(signature.return_type) for signature in result if str(signature.args[1]) == width.__name__}
    assert widths == {width.__name__}


@intrinsic
def _fused_in_double(typingctx, a, b, s):
    return s(a, b, s), lambda context, builder, signature, args: elementary._fused_in_double(builder, *args)


@njit
def _fused_in_double_each(a, b, s, y):
    for i in range(a.size):
        y[i] = _fused_in_double(a[i], b[i], s[i])


def _rounded(exact):
    """A fraction as the nearest float32, ties to even; zero is +0."""
    if exact == 0:
        return np.float32(0)
    exponent = max(math.frexp(float(exact))[1] - 24, -149)  # of the last place
    units = round(exact / Fraction(2) ** exponent)  # ties to even
    return np.float32(np.ldexp(np.float64(units), exponent))


def test_the_fused_multiply_add_of_processors_that_have_none():
    """By exact fractions: random floats of all sizes, ties and their neighbours, results that are subnormal."""
    words = np.random.Philox(31).random_raw(3 * 20_000).astype(np.uint32)
    a, b, s = words.view(np.float32).reshape(3, -1)
    with np.errstate(all="ignore"):  # NaN and infinities are left out below
        s = np.where(np.arange(s.size) % 4, s, (-a.astype(np.float64) * b * (1 + 2.0**-24)).astype(np.float32))
    k, unit = np.arange(1, 201, dtype=np.float32), np.float32(2.0**-23)
    # A product of 2^-24 (1 - k^2 2^-46) beside a float near 1: just below half of its last place.
    near_ties = (1 + k * unit) / 2**12, (1 - k * unit) / 2**12, 1 + k * unit
    ties = np.full_like(k, 2.0**-12), np.full_like(k, 2.0**-12), 1 + k * unit
    tiny = k * np.float32(2.0**-80), np.full_like(k, 2.0**-68), k * np.float32(2.0**-149)
    parts = (a, b, s), near_ties, ties, tiny
    a, b, s = (np.concatenate([np.asarray(part[place], np.float32) for part in parts]) for place in range(3))
    finite = np.isfinite(a) & np.isfinite(b) & np.isfinite(s)
    y = np.empty_like(a)
    _fused_in_double_each(a, b, s, y)
    rounded_twice = 0
    for ours, *numbers in zip(y[finite], a[finite], b[finite], s[finite], strict=True):
        x, z, t = (Fraction(float(number)) for number in numbers)
        with np.errstate(over="ignore"):
            exact = x * z + t
            if abs(exact) < 2**128:
                assert ours == _rounded(exact), numbers
                rounded_twice += ours != np.float32(float(x * z) + float(t))
            else:
                assert np.isinf(ours) and (ours > 0) == (exact > 0)
    assert rounded_twice >= 100  # where that is wrong


def test_signs_of_zero_infinities_and_nan_without_the_instruction():
    nan, inf = np.float32(np.nan), np.float32(np.inf)
    values = np.array([0.0, -0.0, 1.0, -1.0, inf, -inf, nan, 1e-45, -1e-45, 3.4e38], np.float32)
    a, b, s = (grid.reshape(-1) for grid in np.meshgrid(values, values, values))
    y, expected = np.empty_like(a), np.empty_like(a)
    _fused_in_double_each(a, b, s, y)
    for i in range(a.size):
        expected[i] = _madd(a[i], b[i], s[i])
    assert np.array_equal(np.isnan(y), np.isnan(expected))
    known = ~np.isnan(y)
    assert np.array_equal(y[known].view(np.int32), expected[known].view(np.int32))

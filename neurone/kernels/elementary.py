"""madd, exp, tanh and the activations, to the last bit (specification section 7).

One function each, dispatched on the width of its argument: 64-bit is the C library's arithmetic, 32-bit the
project's own list of operations, so that its bits depend on no library. `tests/golden/neurone.c` has the
same list in C. Each 32-bit operation is one that a vector register does lane by lane: multiply-add, divide,
compare-and-select, and integer work on the bits of a float.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neurone.constants import EXPONENTIAL, LOGISTIC, RELU, TANH
from neurone.kernels.compiler import fuses
from neurone.kernels.jit import overload, step
from neurone.kernels.simd import (
    Block,
    exp64,
    is_block,
    joined,
    lane_by_lane,
    lanes_of,
    like,
    pointers,
    registers_of,
    splat,
    tanh64,
)  # fmt: skip


def multiply_add(builder, a, b, s):
    """`madd` of scalars or registers."""
    lanes = a.type.count if isinstance(a.type, ir.VectorType) else 0
    if (a.type.element if lanes else a.type) == ir.DoubleType():
        return builder.fadd(builder.fmul(a, b), s)
    if not fuses():
        return _fused_in_double(builder, a, b, s)
    if not lanes:
        return builder.fma(a, b, s)
    function = ir.FunctionType(a.type, [a.type] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, function, f"llvm.fma.v{lanes}f32"), [a, b, s])


def _fused_in_double(builder, a, b, s):
    """The fused multiply-add of 32 bits by operations of 64, for processors without the instruction (before 2013).

    There LLVM calls the C library for each number, hundreds of times slower, and not every library is right. The
    product is exact in 64 bits. The sum is rounded to odd: where it is inexact, its last bit is set. Rounding it to 32
    bits then gives the bits of a single rounding (Boldo and Melquiond, IEEE Transactions on Computers, 2008).
    """
    single, double, whole = a.type, ir.DoubleType(), ir.IntType(64)
    zero, one, minus_one = double(0.0), whole(1), whole(-1)
    if isinstance(single, ir.VectorType):
        double, whole = ir.VectorType(double, single.count), ir.VectorType(whole, single.count)
        zero, one, minus_one = (
            double([zero] * single.count),
            whole([one] * single.count),
            whole([minus_one] * single.count),
        )
    a, b, s = (builder.fpext(x, double) for x in (a, b, s))
    product = builder.fmul(a, b)
    t = builder.fadd(product, s)
    # The error of the sum, exactly (Knuth).
    z = builder.fsub(t, product)
    e = builder.fadd(builder.fsub(product, builder.fsub(t, z)), builder.fsub(s, z))
    bits_of_t = builder.bitcast(t, whole)
    # Ordered: where the sum is infinite or NaN, the error is NaN, and the sum stays.
    inexact = builder.fcmp_ordered("!=", e, zero)
    even = builder.icmp_signed("!=", builder.and_(bits_of_t, one), one)
    nearer_to_zero = builder.xor(builder.fcmp_ordered(">", e, zero), builder.fcmp_ordered(">", t, zero))
    odd = builder.add(bits_of_t, builder.select(nearer_to_zero, minus_one, one))
    t = builder.bitcast(builder.select(builder.and_(even, inexact), odd, bits_of_t), double)
    return builder.fptrunc(t, single)


@intrinsic
def madd(typingctx, a, b, s):
    """s + a*b: one rounding in 32 bits (fused), two in 64 (a product, then a sum).

    All three must have one width. A float64 literal in a float32 sum would silently change the sum; here it does not
    compile. A scalar among blocks stands for a block full of it.
    """
    if is_block(a, b, s):
        return lane_by_lane(multiply_add, None, (a, b, s))
    if not (a == b == s and a in (types.float32, types.float64)):
        return None
    return s(a, b, s), lambda context, builder, signature, args: multiply_add(builder, *args)


def _splats(context, builder, factors, block):
    """For each scalar of a tuple, a register of `block`'s type with the scalar in every lane."""
    return [
        builder.extract_value(splat(context, builder, factor, block.dtype, block), 0)
        for factor in cgutils.unpack_tuple(builder, factors)
    ]


@intrinsic
def outer(typingctx, sums, factors, array, index):
    """sums[r] + factors[r] * x for each r. `sums`: blocks, joined. `factors`: a tuple. x: the block array[index], ...

    The registers of x are loaded one at a time: all at once, they would push sums out of the machine's registers.
    """
    if not isinstance(sums, Block) or sums.registers % len(factors) or not sums.dtype == factors.dtype == array.dtype:
        return None

    def codegen(context, builder, signature, args):
        totals = registers_of(builder, args[0])
        scalars = _splats(context, builder, args[1], sums)
        count = sums.registers // len(factors)
        for k, pointer in enumerate(pointers(context, builder, array, args[2], index, args[3], count)):
            register = builder.load(pointer, align=array.dtype.bitwidth // 8)
            for r, scalar in enumerate(scalars):
                totals[r * count + k] = multiply_add(builder, scalar, register, totals[r * count + k])
        return joined(builder, totals)

    return sums(sums, factors, array, index), codegen


@intrinsic
def add_inner(typingctx, array, index, factors, rows):
    """Add factors[r] * rows[r] for each r to the block array[index], ... `factors`: a tuple. `rows`: blocks, joined.

    r runs upwards. One register at a time, as in `outer`.
    """
    if not isinstance(rows, Block) or rows.registers % len(factors) or not rows.dtype == factors.dtype == array.dtype:
        return None

    def codegen(context, builder, signature, args):
        registers = registers_of(builder, args[3])
        scalars = _splats(context, builder, args[2], rows)
        count = rows.registers // len(factors)
        for k, pointer in enumerate(pointers(context, builder, array, args[0], index, args[1], count)):
            total = builder.load(pointer, align=array.dtype.bitwidth // 8)
            for r, scalar in enumerate(scalars):
                total = multiply_add(builder, scalar, registers[r * count + k], total)
            builder.store(total, pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, index, factors, rows), codegen


def _greater(builder, a, b, x, y):
    return builder.select(builder.fcmp_ordered(">", a, b), x, y)


@intrinsic
def choose(typingctx, a, b, x, y):
    """x where a > b, else y: in particular y where a or b is NaN."""
    if is_block(a, b, x, y):
        return lane_by_lane(_greater, None, (a, b, x, y))
    if not a == b == x == y or not isinstance(a, types.Float):
        return None
    return a(a, b, x, y), lambda context, builder, signature, args: _greater(builder, *args)


@intrinsic
def bits(typingctx, x):
    """The 32 bits of each float32 as an int32."""
    if is_block(x):
        register = ir.VectorType(ir.IntType(32), lanes_of(types.int32))
        result = Block(types.int32, x.registers)
        return lane_by_lane(lambda builder, value: builder.bitcast(value, register), result, (x,))
    if x != types.float32:
        return None
    return types.int32(x), lambda context, builder, signature, args: builder.bitcast(args[0], ir.IntType(32))


@intrinsic
def from_bits(typingctx, n):
    """The float32 with the low 32 bits of an integer of any width (Numba widens int32 arithmetic to int64)."""
    if is_block(n):
        register = ir.VectorType(ir.FloatType(), lanes_of(types.float32))
        result = Block(types.float32, n.registers)
        return lane_by_lane(lambda builder, value: builder.bitcast(value, register), result, (n,))
    if not isinstance(n, types.Integer):
        return None

    def codegen(context, builder, signature, args):
        low = context.cast(builder, args[0], n, types.int32)
        return builder.bitcast(low, ir.FloatType())

    return types.float32(n), codegen


# e^x = 2^n e^r with n = x / log(2) rounded to the nearest integer, |r| <= log(2) / 2.
_LOG2_E = np.float32(1.4426950408889634)
# log(2) in two parts. The first has 15 bits: n times the first is exact, and so is x minus that product.
_LN2_HIGH = np.float32(0.693145751953125)
_LN2_LOW = np.float32(0.6931471805599453 - float(_LN2_HIGH))
# 1.5 * 2^23: adding it to a small float leaves the nearest integer in the low bits, ties to even.
_ROUNDER = np.float32(12582912.0)
_ROUNDER_BITS = np.int32(0x4B400000)
# (e^r - 1 - r) / r^2 by Taylor: 1/2!, 1/3!, ... 1/8!. A fitted polynomial would save a term or two of the
# seven; this one needs no fit. Without its last term exp is off by 1.03 units in the last place, not 0.96.
_C2, _C3, _C4, _C5, _C6, _C7, _C8 = (np.float32(1.0 / math.factorial(k)) for k in range(2, 9))
# Beyond these e^x is infinity and 0, in float32; NaN passes, since it compares false.
_EXP_HIGHEST = np.float32(89.0)
_EXP_LOWEST = np.float32(-104.0)
# tanh(x) rounds to 1 from 9.011 on.
_TANH_HIGHEST = np.float32(10.0)
_ONE = np.float32(1.0)
_TWO = np.float32(2.0)
_HALF = np.float32(0.5)
_ONE_BITS = np.int32(0x3F800000)
_SIGN_BIT = np.int32(-0x80000000)
_MANTISSA_WIDTH = np.int32(23)
_BIT = np.int32(1)


@step
def reduce32(x):
    """(n, e^r - 1) for e^x = 2^n e^r: n an integer, the second accurate for small r too."""
    shifted = madd(x, _LOG2_E, _ROUNDER)
    n = shifted - _ROUNDER
    r = madd(n, -_LN2_LOW, madd(n, -_LN2_HIGH, x))
    q = madd(_C8, r, _C7)
    q = madd(q, r, _C6)
    q = madd(q, r, _C5)
    q = madd(q, r, _C4)
    q = madd(q, r, _C3)
    q = madd(q, r, _C2)
    # The bits, not a conversion, which is undefined for NaN.
    return bits(shifted) - _ROUNDER_BITS, madd(r * r, q, r)


@step
def power32(n):
    """2^n for -126 <= n <= 127, by writing the exponent's bits."""
    return from_bits((n << _MANTISSA_WIDTH) + _ONE_BITS)


@step
def exp32(x):
    """e^x by `reduce32`; infinity above 88.72, subnormals below -87.33, 0 below -103.97, NaN of NaN."""
    x = choose(x, _EXP_HIGHEST, _EXP_HIGHEST, x)
    x = choose(_EXP_LOWEST, x, _EXP_LOWEST, x)
    n, e = reduce32(x)
    half = n >> _BIT
    # Two factors, because 2^128 and 2^-150 are no float32: the last product rounds, overflows or underflows.
    return ((_ONE + e) * power32(half)) * power32(n - half)


@step
def tanh32(x):
    """m / (m + 2) with m = e^2|x| - 1, formed without cancellation; the sign, even of 0, is that of x.

    Below m = 1 the sum and the quotient would cost 2.4 units in the last place; there the result is m/2 minus a
    small part of it.
    """
    sign = bits(x) & _SIGN_BIT
    a = from_bits(bits(x) ^ sign)
    a = choose(a, _TANH_HIGHEST, _TANH_HIGHEST, a)
    n, e = reduce32(a + a)
    scale = power32(n)
    m = madd(scale, e, scale - _ONE)
    w = m / (m + _TWO)
    h = m * _HALF
    y = choose(_ONE, m, madd(-h, w, h), w)
    return from_bits(bits(y) | sign)


def _root(builder, x):
    name = f"llvm.sqrt.v{x.type.count}f{32 if x.type.element == ir.FloatType() else 64}"
    return builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(x.type, [x.type]), name), [x])


@intrinsic
def _root_of_block(typingctx, x):
    return lane_by_lane(_root, None, (x,)) if is_block(x) else None


# The names by which kernels call the overloads below; called from Python, they do nothing.


def exp(x):
    """e^x: the C library's in 64 bits, `exp32` in 32 (within 1 unit in the last place)."""


def tanh(x):
    """tanh(x): the C library's in 64 bits, `tanh32` in 32 (within 2 units in the last place)."""


def root(x):
    """The square root, correctly rounded in either width."""


@overload(root)
def _root_of(x):
    return (lambda x: _root_of_block(x)) if is_block(x) else (lambda x: math.sqrt(x))


def _of_width(x, of_32, of_64, block_of_64):
    """The implementation for the width of `x`; 32-bit blocks and scalars have one source."""
    if is_block(x):
        return {types.float32: of_32, types.float64: block_of_64}.get(x.dtype)
    return {types.float32: of_32, types.float64: of_64}.get(x)


@overload(exp)
def _exp(x):
    return _of_width(x, lambda x: exp32(x), lambda x: math.exp(x), lambda x: exp64(x))


@overload(tanh)
def _tanh(x):
    return _of_width(x, lambda x: tanh32(x), lambda x: math.tanh(x), lambda x: tanh64(x))


@step
def activate(activation, s, pente):
    """g(s), for the functions of a single neuron (all but softmax); `pente` is the slope a of the logistic."""
    if activation == LOGISTIC:
        return like(s, 1) / (like(s, 1) + exp(-(pente * s)))
    if activation == TANH:
        return tanh(s)
    if activation == RELU:
        return choose(s, like(s, 0), s, like(s, 0))
    if activation == EXPONENTIAL:
        return exp(s)
    return s


@step
def derivative(activation, u, pente):
    """g'(s), from the output u = g(s)."""
    if activation == LOGISTIC:
        return (pente * u) * (like(u, 1) - u)
    if activation == TANH:
        return like(u, 1) - u * u
    if activation == RELU:
        return choose(u, like(u, 0), like(u, 1), like(u, 0))
    return like(u, 1)

"""A vector type for Numba: `Block`, numbers that every operation treats alike, each rounded as a scalar is.

A block is some registers of `lanes_of(dtype)` lanes each. The running sums of a loop stay in registers as long as
the block has fewer than the machine (16 with AVX2, 32 with AVX-512). Nothing here adds lanes to each other: they
run along the neurons of a layer, so that a sum over i keeps its order.

The number of registers is part of a block's type. Kernels are told it by a tuple, of which only the length
matters: a tuple's length is part of its type too, and Numba caches by types.

A scalar among the operands stands for a block with that number in every lane, so the same source serves scalars
and blocks (`elementary.exp32`).
"""

import math
import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, lower_builtin, models, register_model
from numba.np.arrayobj import populate_array

# Bytes of one register: AVX2's. LLVM joins or splits them for other machines; the bits are the same.
REGISTER_BYTES = 32
# The shape of a block of one register.
REGISTER = (0,)


def lanes_of(dtype):
    """Lanes of one register: 8 of 32 bits, or 4 of 64."""
    return REGISTER_BYTES * 8 // dtype.bitwidth


class Block(types.Type):
    """`registers` registers of numbers of type `dtype`."""

    def __init__(self, dtype, registers):
        self.dtype, self.registers = dtype, registers
        super().__init__(f"Block({dtype}, {registers})")


@register_model(Block)
class _BlockModel(models.PrimitiveModel):
    def __init__(self, manager, block):
        register = ir.VectorType(manager[block.dtype].get_value_type(), lanes_of(block.dtype))
        super().__init__(manager, block, ir.ArrayType(register, block.registers))


def registers_of(builder, block):
    """A block's registers, as LLVM values."""
    return [builder.extract_value(block, place) for place in range(block.type.count)]


def joined(builder, registers):
    """The block of these registers."""
    block = ir.Constant(ir.ArrayType(registers[0].type, len(registers)), ir.Undefined)
    for place, register in enumerate(registers):
        block = builder.insert_value(block, register, place)
    return block


def splat(context, builder, value, given, block):
    """`value`, a scalar of type `given`, in every lane of a value of type `block`; a block is returned as it is."""
    if isinstance(given, Block):
        return value
    register = context.get_value_type(block).element
    number = context.cast(builder, value, given, block.dtype)
    single = builder.insert_element(ir.Constant(register, ir.Undefined), number, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), register.count), [0] * register.count)
    return joined(
        builder, [builder.shuffle_vector(single, ir.Constant(register, ir.Undefined), zeros)] * block.registers
    )


def lane_by_lane(operation, result, operands):
    """Signature and code of `operation(builder, *registers)` done for each register of the operands.

    `operands` are Numba types, at least one of them a block. Scalars must be of the block's type, except for integers,
    which are cast to it; else the result is None, and the call does not compile.
    """
    blocks = {operand for operand in operands if isinstance(operand, Block)}
    if len(blocks) != 1:
        return None
    like = next(iter(blocks))
    for operand in operands:
        if not isinstance(operand, Block) and operand != like.dtype and not isinstance(operand, types.Integer):
            return None

    def codegen(context, builder, signature, args):
        parts = [
            registers_of(builder, splat(context, builder, arg, operand, like))
            for arg, operand in zip(args, operands, strict=True)
        ]
        return joined(builder, [operation(builder, *registers) for registers in zip(*parts, strict=True)])

    return (result or like)(*operands), codegen


def is_block(*operands):
    return any(isinstance(operand, Block) for operand in operands)


def _define(symbol, of_floats, of_integers):
    """Define `symbol`, an operator of Python's, for blocks.

    Without Numba's `overload`, which compiles a function for each operator and shape: half a second a kernel.
    """

    def combined(operands):
        block = next(operand for operand in operands if isinstance(operand, Block))
        instruction = of_floats if isinstance(block.dtype, types.Float) else of_integers
        if instruction is None:
            return None
        return lane_by_lane(lambda builder, *registers: getattr(builder, instruction)(*registers), None, operands)

    @infer_global(symbol)
    class Operation(AbstractTemplate):
        def generic(self, operands, _):
            typed = combined(operands) if is_block(*operands) else None
            return typed and typed[0]

    def lower(context, builder, signature, args):
        return combined(signature.args)[1](context, builder, signature, args)

    for operands in ((Block,),) if symbol is operator.neg else ((Block, Block), (Block, types.Any), (types.Any, Block)):
        lower_builtin(symbol, *operands)(lower)


_define(operator.add, "fadd", "add")
_define(operator.sub, "fsub", "sub")
_define(operator.mul, "fmul", "mul")
_define(operator.truediv, "fdiv", None)
_define(operator.lshift, None, "shl")
_define(operator.rshift, None, "ashr")
_define(operator.and_, None, "and_")
_define(operator.or_, None, "or_")
_define(operator.xor, None, "xor")
_define(operator.neg, "fneg", None)


def pointers(context, builder, array_type, array, index_type, index, count):
    """Pointers to `count` registers from array[index] on; no bounds are checked."""
    register = ir.VectorType(context.get_value_type(array_type.dtype), lanes_of(array_type.dtype))
    data = context.make_array(array_type)(context, builder, array).data
    first = builder.gep(data, [context.cast(builder, index, index_type, types.intp)])
    for place in range(count):
        yield builder.bitcast(builder.gep(first, [ir.IntType(64)(place * register.count)]), register.as_pointer())


@intrinsic
def load(typingctx, array, index, shape):
    """array[index], ... of a contiguous array, len(shape) registers of it."""
    block = Block(array.dtype, len(shape))

    def codegen(context, builder, signature, args):
        places = pointers(context, builder, array, args[0], index, args[1], len(shape))
        return joined(builder, [builder.load(place, align=array.dtype.bitwidth // 8) for place in places])

    return block(array, index, shape), codegen


def scalars_at(context, builder, array_type, array, place, stride, count):
    """array[place], array[place + stride], ...: LLVM values."""
    data, scalars = context.make_array(array_type)(context, builder, array).data, []
    for _ in range(count):
        scalars.append(builder.load(builder.gep(data, [place])))
        place = builder.add(place, stride)
    return scalars


@intrinsic
def strided(typingctx, array, index, step, shapes, shape):
    """array[index + r step] for r from 0, len(shapes) / len(shape) of them: a tuple of scalars."""
    count = len(shapes) // len(shape)

    def codegen(context, builder, signature, args):
        place, stride = (context.cast(builder, args[k], (index, step)[k - 1], types.intp) for k in (1, 2))
        return cgutils.pack_array(builder, scalars_at(context, builder, array, args[0], place, stride, count))

    return types.UniTuple(array.dtype, count)(array, index, step, shapes, shape), codegen


@intrinsic
def zeros(typingctx, array, shape):
    """Zeros of `array`'s type, in len(shape) registers."""
    block = Block(array.dtype, len(shape))
    return block(array, shape), lambda context, builder, signature, args: context.get_constant_null(block)


@intrinsic
def store(typingctx, array, index, block):
    """array[index], ... = block."""

    def codegen(context, builder, signature, args):
        places = pointers(context, builder, array, args[0], index, args[1], block.registers)
        for place, value in zip(places, registers_of(builder, args[2]), strict=True):
            builder.store(value, place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, index, block), codegen


@intrinsic
def store_rows(typingctx, array, index, step, shape, blocks):
    """array[index + r step], ... = the r-th of several blocks, joined in one, of len(shape) registers each."""

    def codegen(context, builder, signature, args):
        place, stride = (context.cast(builder, args[k], (index, step)[k - 1], types.intp) for k in (1, 2))
        registers = registers_of(builder, args[4])
        for first in range(0, len(registers), len(shape)):
            row = pointers(context, builder, array, args[0], types.intp, place, len(shape))
            for pointer, value in zip(row, registers[first:], strict=False):
                builder.store(value, pointer, align=array.dtype.bitwidth // 8)
            place = builder.add(place, stride)
        return context.get_dummy_value()

    return types.void(array, index, step, shape, blocks), codegen


@intrinsic
def load_rows(typingctx, array, index, step, shape, shapes):
    """Blocks of len(shape) registers, from array[index], array[index + step], ..., joined in one of len(shapes)."""

    def codegen(context, builder, signature, args):
        place, stride = (context.cast(builder, args[k], (index, step)[k - 1], types.intp) for k in (1, 2))
        registers = []
        for _ in range(0, len(shapes), len(shape)):
            row = pointers(context, builder, array, args[0], types.intp, place, len(shape))
            registers += [builder.load(pointer, align=array.dtype.bitwidth // 8) for pointer in row]
            place = builder.add(place, stride)
        return joined(builder, registers)

    return Block(array.dtype, len(shapes))(array, index, step, shape, shapes), codegen


@intrinsic
def lowest_bit(typingctx, bits):
    """The place of the lowest bit that is set in an integer other than 0."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.IntType(1)(1))

    return bits(bits), codegen


@intrinsic
def prefetch(typingctx, array, index):
    """Ask for the cache line of array[index], which need not exist, without waiting for it."""

    def codegen(context, builder, signature, args):
        data = context.make_array(array)(context, builder, args[0]).data
        address = builder.gep(data, [context.cast(builder, args[1], index, types.intp)])
        byte = ir.IntType(8).as_pointer()
        integer = ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, integer, integer, integer]), "llvm.prefetch.p0"
        )
        read, keep, data_cache = integer(0), integer(3), integer(1)
        builder.call(function, [builder.bitcast(address, byte), read, keep, data_cache])
        return context.get_dummy_value()

    return types.void(array, index), codegen


def _view(context, builder, array_type, array, first, size):
    """`size` numbers of an array, from `first` on: the value of a one-dimensional array."""
    itemsize = context.get_constant(types.intp, array_type.dtype.bitwidth // 8)
    view = context.make_array(types.Array(array_type.dtype, 1, "C"))(context, builder)
    populate_array(
        view,
        data=builder.gep(context.make_array(array_type)(context, builder, array).data, [first]),
        shape=cgutils.pack_array(builder, [size]),
        strides=cgutils.pack_array(builder, [itemsize]),
        itemsize=itemsize,
        meminfo=None,
    )
    return view._getvalue()


@intrinsic
def part(typingctx, array, begin, end):
    """array.flat[begin:end], a view. No bounds are checked; indices do not count from the end."""

    def codegen(context, builder, signature, args):
        first, last = (context.cast(builder, args[k], (begin, end)[k - 1], types.intp) for k in (1, 2))
        return _view(context, builder, array, args[0], first, builder.sub(last, first))

    return types.Array(array.dtype, 1, "C")(array, begin, end), codegen


@intrinsic
def line(typingctx, array, p):
    """array[p], a line of a two-dimensional array: a view. No bounds are checked; p does not count from the end."""

    def codegen(context, builder, signature, args):
        size = builder.extract_value(context.make_array(array)(context, builder, args[0]).shape, 1)
        first = builder.mul(context.cast(builder, args[1], p, types.intp), size)
        return _view(context, builder, array, args[0], first, size)

    return types.Array(array.dtype, 1, "C")(array, p), codegen


def in_place(operation):
    """An intrinsic f(array, index, operands): array[index], ... = operation(builder, array[index], *operands).

    Register by register, each stored before the next is loaded: with a load and a store of whole blocks LLVM would
    load all first, and run out of registers. Scalars of the array's type may stand for blocks.
    """

    def typed(typingctx, array, index, operands):
        block = next(operand for operand in operands if isinstance(operand, Block))
        if any(operand not in (block, block.dtype) for operand in operands) or array.dtype != block.dtype:
            return None

        def codegen(context, builder, signature, args):
            values = [
                registers_of(builder, splat(context, builder, value, operand, block))
                for value, operand in zip(cgutils.unpack_tuple(builder, args[2]), operands, strict=True)
            ]
            places = pointers(context, builder, array, args[0], index, args[1], block.registers)
            for pointer, *parts in zip(places, *values, strict=True):
                old = builder.load(pointer, align=array.dtype.bitwidth // 8)
                builder.store(operation(builder, old, *parts), pointer, align=array.dtype.bitwidth // 8)
            return context.get_dummy_value()

        return types.void(array, index, operands), codegen

    return intrinsic(typed)


@intrinsic
def width(typingctx, array, shape):
    """How many numbers of `array`'s type len(shape) registers hold: a constant."""
    numbers = lanes_of(array.dtype) * len(shape)
    return types.intp(array, shape), lambda context, builder, signature, args: context.get_constant(types.intp, numbers)


@intrinsic
def like(typingctx, x, value):
    """`value` in the type of `x`, a number or a block: a bare 1.0 would turn a float32 sum into a float64 one."""
    number = x.dtype if isinstance(x, Block) else x
    if not isinstance(number, types.Float):
        return None

    def codegen(context, builder, signature, args):
        cast = context.cast(builder, args[1], value, number)
        return splat(context, builder, cast, number, x) if isinstance(x, Block) else cast

    return x(x, value), codegen


def every_lane(function):
    """An intrinsic that calls `function`, one of `math`'s, on each lane: the C library knows no vectors."""

    @intrinsic
    def called(typingctx, a):
        def codegen(context, builder, signature, args):
            scalar = context.get_function(function, a.dtype(a.dtype))
            registers = []
            for register in registers_of(builder, args[0]):
                for lane in range(register.type.count):
                    place = ir.IntType(32)(lane)
                    register = builder.insert_element(
                        register, scalar(builder, [builder.extract_element(register, place)]), place
                    )
                registers.append(register)
            return joined(builder, registers)

        return a(a), codegen

    return called


exp64, tanh64 = every_lane(math.exp), every_lane(math.tanh)

"""The kernels' arguments, grouped by subject and passed by pointer, like structs in C.

A `Struct` is an object with fields. A kernel gets a pointer to them, and reads a field where its source says
`net.LesPoids`. Numba's own way, a named tuple, is copied field by field at every call: a network's arrays make
eighty numbers, and with named tuples batches of 2 took 13 % longer, and compiling 25 %.

Kernels never write a field (only elements of arrays), and nobody changes one while a kernel runs. So LLVM may read a
field once and keep it: `invariant.load`.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import default_manager, models
from numba.core.typing.templates import AttributeTemplate
from numba.core.typing.typeof import typeof
from numba.extending import NativeValue, infer_getattr, lower_getattr_generic, register_model, unbox
from numba.np.numpy_support import from_dtype


class StructType(types.Type):
    """The Numba type of a struct: its class, `of`, and the types of its fields."""

    def __init__(self, of, members):
        self.of, self.members = of, members
        super().__init__(f"{of.__name__}({', '.join(map(str, members))})")

    @property
    def key(self):
        return self.of, self.members


class Struct:
    """Fields in the order of the class's annotations, given by position. A new value must have the type of the old one.

    Arrays are contiguous, and all count as writable: a read-only array would be another type, and need a kernel of its
    own. The caller sees to it that none is written.
    """

    def __init_subclass__(cls):
        cls._number = {name: number for number, name in enumerate(cls.__annotations__)}

    def __init__(self, *values):
        if len(values) != len(self._number):
            raise TypeError(f"{type(self).__name__} has {len(self._number)} fields, not {len(values)}")
        kinds = type(self), *map(_kind, values)
        if kinds not in _KNOWN:
            _KNOWN[kinds] = StructType(type(self), tuple(map(_type_of, values)))
        # In a list, read ten times as fast as attributes: forty of those take as long as a prediction of a few rows.
        self.__dict__.update(_values=list(values), _numba_type_=_KNOWN[kinds])

    def __getattr__(self, name):
        try:
            return self.__dict__["_values"][self._number[name]]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no field {name}") from None

    def __setattr__(self, name, value):
        self._values[self._number[name]] = value


_KNOWN = {}


def _kind(value):
    """A key that decides the type of a field: asking Numba takes ten times as long."""
    if isinstance(value, np.ndarray):
        return value.dtype, value.ndim, value.flags.c_contiguous and value.flags.aligned
    return (len(value), *map(type, value)) if isinstance(value, tuple) else type(value)


def _type_of(value):
    if not isinstance(value, np.ndarray):
        return typeof(value)
    if not value.flags.c_contiguous or not value.flags.aligned:
        raise TypeError(f"an array of strides {value.strides} in a struct; kernels take contiguous, aligned arrays")
    return types.Array(from_dtype(value.dtype), value.ndim, "C")


@register_model(StructType)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, struct):
        fields = ir.LiteralStructType([manager[member].get_data_type() for member in struct.members])
        super().__init__(manager, struct, fields.as_pointer())


def _place(builder, pointer, number):
    return builder.gep(pointer, [ir.IntType(32)(0), ir.IntType(32)(number)], inbounds=True)


@infer_getattr
class _Fields(AttributeTemplate):
    key = StructType

    def generic_resolve(self, struct, name):
        names = list(struct.of.__annotations__)
        return struct.members[names.index(name)] if name in names else None


@lower_getattr_generic(StructType)
def _field(context, builder, struct, pointer, name):
    number = list(struct.of.__annotations__).index(name)
    value = builder.load(_place(builder, pointer, number))
    value.set_metadata("invariant.load", builder.module.add_metadata([]))
    return default_manager[struct.members[number]].from_data(builder, value)


@unbox(StructType)
def _unbox(struct, value, c):
    pointer = cgutils.alloca_once(c.builder, c.context.get_value_type(struct).pointee)
    failed = cgutils.false_bit
    values = c.pyapi.object_getattr_string(value, "_values")
    for number, member in enumerate(struct.members):
        native = c.unbox(member, c.pyapi.list_getitem(values, c.context.get_constant(types.intp, number)))
        data = default_manager[member].as_data(c.builder, native.value)
        c.builder.store(data, _place(c.builder, pointer, number))
        failed = c.builder.or_(failed, native.is_error)
    c.pyapi.decref(values)  # the struct holds it
    # Hides from LLVM where the pointer comes from: the kernel's invariant loads would seem to contradict these stores.
    hidden = ir.InlineAsm(ir.FunctionType(pointer.type, [pointer.type]), "", "=r,0", side_effect=True)
    return NativeValue(c.builder.call(hidden, [pointer]), is_error=failed)

"""Threads that work on one batch together and wait for each other: `meet`.

Every one of a team runs the same kernel and knows its number, `moi`, of `equipe`. They live as long as one kernel
call, so that between calls there is no thread that a fork could lose.
"""

import numpy as np
from numba import types
from numba.extending import intrinsic

from neurone.kernels import step

# Looks before a thread goes to sleep, tens of microseconds' worth, and the microseconds that it then sleeps.
_PATIENCE = 100_000
_NAP = 10
# Places in `rendezvous`: who has come, meetings held, and whether one has failed, so that the rest need not wait.
_COME, _HELD, ABANDONED = range(3)

_usleep = types.ExternalFunction("usleep", types.int32(types.uint32))


def _address(context, builder, array_type, array, index):
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [index])


@intrinsic
def _added(typingctx, array, index, value):
    """array[index] before `value` was added to it, as one step that no other thread sees half of."""

    def codegen(context, builder, signature, args):
        pointer = _address(context, builder, array, args[0], context.cast(builder, args[1], index, types.intp))
        return builder.atomic_rmw("add", pointer, context.cast(builder, args[2], value, array.dtype), "seq_cst")

    return array.dtype(array, index, value), codegen


@intrinsic
def _seen(typingctx, array, index):
    """array[index] as the other threads have left it, and everything that they wrote before."""

    def codegen(context, builder, signature, args):
        pointer = _address(context, builder, array, args[0], context.cast(builder, args[1], index, types.intp))
        return builder.load_atomic(pointer, "seq_cst", array.dtype.bitwidth // 8)

    return array.dtype(array, index), codegen


@step
def meet(rendezvous, equipe):
    """Return when all of the team have called. rendezvous: int64 (3,), zeros.

    Who waits longer sleeps, and so gives its core to others. Only to yield it (`sched_yield`) left two threads that had
    begun on one core there, each waiting for the other, with the second core idle: waking up, they are spread.
    """
    if equipe == 1:
        return
    held = _seen(rendezvous, _HELD)
    if _added(rendezvous, _COME, 1) == equipe - 1:
        _added(rendezvous, _COME, -equipe)
        _added(rendezvous, _HELD, 1)
        return
    patience = _PATIENCE
    while _seen(rendezvous, _HELD) == held and not _seen(rendezvous, ABANDONED):
        if patience:
            patience -= 1
        else:
            _usleep(np.uint32(_NAP))

"""Threads that work on one batch together: what one sends to others, and how they wait for it.

Every one of a team runs the same kernel and knows its number, `moi`, of `equipe`. They live as long as one kernel
call, so that between calls no thread that a fork could lose has anything left to do.

messages      (MESSAGES, ...): by turns, numbers of a layer of m neurons, for each sample of a tranche
rendezvous    int64 (1 + equipe, 16), zeros: how many messages each has sent, in line 1 + moi; and in line 0 whether one
              has failed, so that the rest need not wait. Two cache lines each, since processors fetch them by pairs.
"""

import numpy as np
from numba import types
from numba.extending import intrinsic

from neurone.kernels.jit import step
from neurone.kernels.simd import REGISTER, load, store, width

# Looks before a thread goes to sleep, tens of microseconds' worth, and the microseconds that it then asks to sleep; the
# system adds some.
_PATIENCE = 100_000
_NAP = 10
# Who sends message s has read the errors of s - 2, so that all have sent s - 2; but another may still have to read the
# errors of s - 3. So four are in use.
MESSAGES = 4
# The place in `rendezvous` that is not 0 where one has failed.
ABANDONED = 0, 0

_usleep = types.ExternalFunction("usleep", types.int32(types.uint32))


def _address(context, builder, array_type, array, index):
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [index])


@intrinsic
def _show(typingctx, array, index, value):
    """array.flat[index] = value: who sees it there sees everything that was written before.

    The processor need not wait until it has; for a step that adds one, and cannot be seen half done, it would.
    """

    def codegen(context, builder, signature, args):
        pointer = _address(context, builder, array, args[0], context.cast(builder, args[1], index, types.intp))
        number = context.cast(builder, args[2], value, array.dtype)
        builder.store_atomic(number, pointer, "release", array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, index, value), codegen


@intrinsic
def _seen(typingctx, array, index):
    """array.flat[index] as another thread has shown it."""

    def codegen(context, builder, signature, args):
        pointer = _address(context, builder, array, args[0], context.cast(builder, args[1], index, types.intp))
        return builder.load_atomic(pointer, "acquire", array.dtype.bitwidth // 8)

    return array.dtype(array, index), codegen


@step
def announce(rendezvous, moi, envois):
    """Tell the others that this thread has sent so many messages."""
    _show(rendezvous, (1 + moi) * rendezvous.shape[1], envois)


@step
def wait_for(rendezvous, qui, envois):
    """Return when thread `qui` has sent so many messages.

    Who waits longer sleeps, and so gives its core to others. Only to yield it (`sched_yield`) left two threads that had
    begun on one core there, each waiting for the other, with the second core idle: waking up, they are spread in time.
    """
    patience = _PATIENCE
    while _seen(rendezvous, (1 + qui) * rendezvous.shape[1]) < envois and not _seen(rendezvous, 0):
        if patience:
            patience -= 1
        else:
            _usleep(np.uint32(_NAP))


@step
def send(message, m, echantillons, Tab, rang):
    """Tab[e, rang:] of so many samples, m numbers each, close together: to move a cache line between cores takes about
    as long as a sample.

    In whole registers: what one writes too much the next sample covers, and `message` has room for the last one's.
    """
    for e in range(echantillons):
        for j in range(0, m, width(Tab, REGISTER)):
            store(message, e * m + j, load(Tab, e * Tab.shape[1] + rang + j, REGISTER))


@step
def receive(message, m, echantillons, Tab, rang):
    """And back; behind a sample's m numbers, where Tab has padding, come some of the next one's."""
    for e in range(echantillons):
        for j in range(0, m, width(Tab, REGISTER)):
            store(Tab, e * Tab.shape[1] + rang + j, load(message, e * m + j, REGISTER))

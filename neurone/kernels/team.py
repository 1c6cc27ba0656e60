"""Threads that work on one batch together: how they send each other numbers, and wait for them.

All threads of a team run the same kernel; each has a number `me` of `members`. They live for one kernel call, so that
a fork between calls loses no thread with work left to do.

messages  (MESSAGES, ...), used in turn: the numbers of a layer of m neurons, for each sample of a tranche
meeting   int64 (1 + members, 16), zeros: how many messages each has sent, in line 1 + me; and in line 0 whether one has
          failed, so that the rest need not wait. Two cache lines each, since processors fetch them in pairs.
"""

import numpy as np
from llvmlite.binding import add_symbol
from numba import types
from numba.extending import intrinsic

from neurone.kernels.jit import step
from neurone.kernels.simd import REGISTER, load, store, width
from neurone.system import sleeping

# How often a waiting thread looks before it sleeps, which takes tens of microseconds.
_PATIENCE = 100_000
# A thread that sends message s has read the errors of s - 2, so all have sent s - 2; but another may still have to read
# the errors of s - 3. So four are in use.
MESSAGES = 4
# The element of `meeting` that is not 0 when a thread has failed.
ABANDONED = 0, 0

# Known by a name of our own: an address would be compiled in, and could not be kept in the cache.
_address_of_sleep, _NAP = sleeping()
add_symbol("neurone_sleep", _address_of_sleep)
_sleep = types.ExternalFunction("neurone_sleep", types.void(types.uint32))


def _address(context, builder, array_type, array, index):
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [index])


@intrinsic
def _show(typingctx, array, index, value):
    """array.flat[index] = value: a thread that sees it there also sees everything that was written before.

    The processor does not wait for such a store, as it would for an atomic addition.
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
def announce(team, sent):
    """Tell the others how many messages this thread has sent."""
    _show(team.meeting, (1 + team.me) * team.meeting.shape[1], sent)


@step
def wait_for(team, who, sent):
    """Return when thread `who` has sent this many messages.

    A thread that waits long sleeps, and so leaves its core to others. When it only yielded (`sched_yield`), two threads
    that had begun on one core stayed there, each waiting for the other, with the second core idle. Threads that wake up
    are spread over the cores before long.
    """
    meeting, patience = team.meeting, _PATIENCE
    while _seen(meeting, (1 + who) * meeting.shape[1]) < sent and not _seen(meeting, 0):
        if patience:
            patience -= 1
        else:
            _sleep(np.uint32(_NAP))


@step
def send(message, m, count, Tab, offset):
    """Send Tab[e, offset:] of `count` samples, m numbers each, packed: moving a cache line between cores takes about as
    long as a sample.

    In whole registers: the next sample overwrites what is too much, and `message` has room for it after the last one.
    """
    for e in range(count):
        for j in range(0, m, width(Tab, REGISTER)):
            store(message, e * m + j, load(Tab, e * Tab.shape[1] + offset + j, REGISTER))


@step
def receive(message, m, count, Tab, offset):
    """The reverse of `send`. Tab's padding, after a sample's m numbers, gets some of the next sample's."""
    for e in range(count):
        for j in range(0, m, width(Tab, REGISTER)):
            store(Tab, e * Tab.shape[1] + offset + j, load(message, e * m + j, REGISTER))

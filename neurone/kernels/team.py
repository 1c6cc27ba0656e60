"""Threads that work on one batch together: what one sends to others, and how they wait for it.

Every one of a team runs the same kernel and knows its number, `me`, of `members`. They live as long as one kernel call,
so that between calls no thread that a fork could lose has anything left to do.

messages  (MESSAGES, ...): by turns, numbers of a layer of m neurons, for each sample of a tranche
meeting   int64 (1 + members, 16), zeros: how many messages each has sent, in line 1 + me; and in line 0 whether one has
          failed, so that the rest need not wait. Two cache lines each, since processors fetch them by pairs.
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
# The place in `meeting` that is not 0 where one has failed.
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
def announce(team, sent):
    """Tell the others how many messages this thread has sent."""
    _show(team.meeting, (1 + team.me) * team.meeting.shape[1], sent)


@step
def wait_for(team, who, sent):
    """Return when thread `who` has sent this many messages.

    Who waits longer sleeps, and so gives its core to others. Only to yield it (`sched_yield`) left two threads that had
    begun on one core there, each waiting for the other, with the second core idle: waking up, they are spread in time.
    """
    meeting, patience = team.meeting, _PATIENCE
    while _seen(meeting, (1 + who) * meeting.shape[1]) < sent and not _seen(meeting, 0):
        if patience:
            patience -= 1
        else:
            _usleep(np.uint32(_NAP))


@step
def send(message, m, count, Tab, offset):
    """Tab[e, offset:] of `count` samples, m numbers each, close together: to move a cache line between cores takes
    about as long as a sample.

    In whole registers: what one writes too much the next sample covers, and `message` has room for the last one's.
    """
    for e in range(count):
        for j in range(0, m, width(Tab, REGISTER)):
            store(message, e * m + j, load(Tab, e * Tab.shape[1] + offset + j, REGISTER))


@step
def receive(message, m, count, Tab, offset):
    """And back; behind a sample's m numbers, where Tab has padding, come some of the next one's."""
    for e in range(count):
        for j in range(0, m, width(Tab, REGISTER)):
            store(Tab, e * Tab.shape[1] + offset + j, load(message, e * m + j, REGISTER))

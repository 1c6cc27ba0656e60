"""Threads that work as a team, for one kernel call."""

import _thread
import os
import threading
from bisect import bisect
from contextlib import suppress

from neurone import system
from neurone.kernels.team import ABANDONED


def team(work, threads, meeting):
    """Call work(0), ... work(threads - 1), each in a thread of its own; they wait for each other in `meeting`.

    Either all begin or none, and one that fails releases the others, so that none waits for ever. Ctrl-C may reach the
    main thread at any moment, even while it starts another. So the calling thread only starts a leader and waits for
    it, each in one step. Interrupted, it returns at once, and the others end their call.
    """
    if threads == 1:
        work(0)
        return
    failures, ready, ends, done = [], threading.Event(), threading.Semaphore(0), _thread.allocate_lock()
    done.acquire()
    _thread.start_new_thread(_lead, (work, threads, meeting, failures, ready, ends, done))
    done.acquire()
    if failures:
        raise failures[0]


def _lead(work, threads, meeting, failures, ready, ends, done):
    """Start the other threads of a team, work as one of them, and wait for their end.

    Not by `join`, and not without `daemon`: Python, which does not know this thread, would then list it for ever.
    """
    started, complete = 1, False

    def member(number):
        ready.wait()
        try:
            if complete:
                _place(core, number)
                work(number)
        except BaseException as error:
            meeting[ABANDONED] = 1
            failures.append(error)
        finally:
            ends.release()

    try:
        try:
            core = system.current_core() if system.current_core else None
            for number in range(1, threads):
                threading.Thread(target=member, args=(number,), daemon=True).start()
                started += 1
            complete = True
        finally:
            ready.set()
            member(0)
            for _ in range(started):
                ends.acquire()
    except BaseException as error:
        failures.append(error)
    finally:
        done.release()


def _place(core, number):
    """Move a thread that is on the leader's `core` `number` cores on, and the leader, if it has left its core, back.

    From there it may go anywhere. This comes last before the work, since a thread that waits, even for Python's lock,
    may wake up on another's core. Left alone, two on one core stayed there for milliseconds, with the second core idle:
    epochs of 50-100-5 in batches of 1,000 took 34 ms then instead of 27. (A virtual core that its host has put to sleep
    does not look idle to Linux.)
    """
    if core is None or (system.current_core() == core) == (number == 0):
        return
    with suppress(OSError):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[(bisect(allowed, core) + number - 1) % len(allowed)]})
        os.sched_setaffinity(0, allowed)

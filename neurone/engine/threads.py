"""Threads that train as a team, for as long as one call of a kernel."""

import _thread
import ctypes
import os
import threading
from bisect import bisect
from contextlib import suppress

from neurone.kernels.team import ABANDONED

# The number of the core that a thread is on. Only Linux tells.
_current_core = getattr(ctypes.CDLL(None), "sched_getcpu", None) if hasattr(os, "sched_setaffinity") else None


def cores():
    """How many this process may use, by its affinity."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def team(work, threads, meeting):
    """Call work(0), ... work(threads - 1), each in a thread of its own, which wait for each other in `meeting`.

    All begin or none, and who fails sets the others free: none may wait for ever. Ctrl-C comes to the main thread at
    any moment, the middle of starting another included; so this one only waits, in single steps, for one that leads.
    Interrupted, it returns at once, and the others end their call.
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
    """Gather the others of a team, work as one of them, and see them end.

    Not by `join`, and not without `daemon`: Python would list this thread, which it does not know, for ever.
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
            core = _current_core() if _current_core else None
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
    """Another of the team that is on the leader's `core` goes `number` cores on, and the leader, if it has left, back.

    From there it may go anywhere. Last thing before it works, since whoever waits, for Python's lock too, may wake up
    on another's core. Left alone, two on one core stayed there for milliseconds, the second core idle: epochs of
    50-100-5 in batches of 1,000 took 34 ms then, and not 27. (A virtual core that its host has put to sleep does not
    look idle to Linux.)
    """
    if core is None or (_current_core() == core) == (number == 0):
        return
    with suppress(OSError):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[(bisect(allowed, core) + number - 1) % len(allowed)]})
        os.sched_setaffinity(0, allowed)

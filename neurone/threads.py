"""Threads that train as a team, for as long as one call of a kernel."""

import _thread
import ctypes
import os
import threading
from bisect import bisect
from contextlib import suppress

from neurone.kernels.team import ABANDONED


def cores():
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def team(work, threads, rendezvous):
    """Call work(0), ... work(threads - 1), each in a thread of its own, which wait for each other in `rendezvous`.

    All begin or none, and who fails sets the others free: none may wait for ever. Ctrl-C comes to the main thread at
    any moment, the middle of starting another included; so this one only waits, in single steps, for one that leads.
    """
    if threads == 1:
        work(0)
        return
    failures, ready, ends, done = [], threading.Event(), threading.Semaphore(0), _thread.allocate_lock()
    done.acquire()
    _thread.start_new_thread(_lead, (work, threads, rendezvous, failures, ready, ends, done))
    done.acquire()
    if failures:
        raise failures[0]


def _lead(work, threads, rendezvous, failures, ready, ends, done):
    """Gather the others of a team, work as one of them, and see them end.

    Not by `join`: Python would list this thread, which it does not know, for ever.
    """
    started, complete = 1, False

    def member(number):
        ready.wait()
        try:
            if complete:
                _place(core, number)
                work(number)
        except BaseException as error:
            failures.append(error)
            rendezvous[ABANDONED] = 1
        finally:
            ends.release()

    try:
        core = _core()
        for number in range(1, threads):
            threading.Thread(target=member, args=(number,), daemon=True).start()
            started += 1
        complete = True
    except BaseException as error:
        failures.append(error)
    finally:
        ready.set()
        member(0)
        for _ in range(started):
            ends.acquire()
        done.release()


def _core():
    """The number of the one that this thread is on; 0 where the system does not tell."""
    return ctypes.CDLL(None).sched_getcpu() if hasattr(os, "sched_setaffinity") else 0


def _place(core, number):
    """Move this thread to the `number`-th core behind `core`. From there it may go where it likes.

    Last thing before it works, since whoever waits, for Python's lock too, may wake up on another's core. Left alone,
    two that began on one core stayed there for milliseconds, the second core idle: epochs of 50-100-5 in batches of
    1,000 took 34 ms then, and not 27. (Linux takes a virtual core whose host sleeps for one that is taken.)
    """
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        with suppress(OSError):
            os.sched_setaffinity(0, {allowed[(bisect(allowed, core) + number - 1) % len(allowed)]})
            os.sched_setaffinity(0, allowed)

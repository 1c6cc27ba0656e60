"""Threads that compile kernels in the background, and can be stopped."""

import atexit
import os
import threading


class Stopped(BaseException):
    """A thread that compiled was told to stop. Not an `Exception`, which could be taken for an error in a kernel."""


class _Thread(threading.Thread):
    """A thread in which `function(*arguments)` compiles kernels."""

    def __init__(self, function, arguments):
        super().__init__(name="neurone compiles", daemon=True)
        self._call, self._value, self._error = (function, arguments), None, None
        self.told = False

    def run(self):
        function, arguments = self._call
        del self._call
        try:
            self._value = function(*arguments)
        except BaseException as error:
            self._error = error
        _threads.discard(self)

    def done(self):
        return not self.is_alive()

    def result(self):
        """Wait for the end, and return what `function` returned or raise what it raised, `Stopped` perhaps."""
        self.join()
        if self._error is not None:
            raise self._error
        return self._value

    def stop(self):
        """Tell it to stop before the next step is compiled. What it has compiled is of use later."""
        self.told = True


_threads = set()


def compile_in_background(function, *arguments):
    """Call `function`, which compiles kernels, in a thread of its own: an object with `done`, `result` and `stop`.

    The thread ends with the process, and before a fork: a child would inherit Numba's lock, and nobody to release it.

    >>> import numpy as np
    >>> from neurone.kernels.jit import prepare, ready
    >>> from neurone.kernels.scalars import exp32
    >>> thread = compile_in_background(prepare, exp32, np.float32(1))
    >>> thread.result()
    >>> ready(exp32, np.float32(1))
    True
    """
    thread = _Thread(function, arguments)
    _threads.add(thread)
    thread.start()
    return thread


def in_background():
    """Whether the calling thread is one of these."""
    return isinstance(threading.current_thread(), _Thread)


def check_stopped():
    """Raise `Stopped` in a thread that was told to stop."""
    if in_background() and threading.current_thread().told:
        raise Stopped


def _end_all():
    """Stop all threads, and wait for them: LLVM would crash as the process ends around it."""
    threads = list(_threads)
    for thread in threads:
        thread.stop()
    for thread in threads:
        thread.join()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(before=_end_all)

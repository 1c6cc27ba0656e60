"""How loops are compiled. `kernel` compiles one that Python calls; `step`, one that only kernels call; `inlined`, a
short step; `view`, a function that returns a part of an array; `overload`, a function that depends on types.

What leans on Numba's insides is here, in `structs.py` and in `cache.py`.
"""

import atexit
import os
import threading
import time
from contextlib import contextmanager, nullcontext

from numba import extending, njit
from numba.core import event
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher
from numba.core.typing.typeof import Purpose, typeof

from neurone.kernels import cache

# Seconds between looks at what another process compiles.
_LOOK = 0.02


class _Compiling:
    """What compiling costs the main thread: `seconds`, waiting for others who compile included."""

    def __init__(self):
        self.seconds = 0.0

    @property
    def active(self):
        """Whether the calling thread is inside Numba's compiler, which drops what a signal handler raises in LLVM."""
        return global_compiler_lock.is_locked()

    @contextmanager
    def counted(self):
        begin = time.perf_counter()
        try:
            yield
        finally:
            if threading.current_thread() is threading.main_thread():
                self.seconds += time.perf_counter() - begin


compiling = _Compiling()


class _Kernel(CPUDispatcher):
    """A kernel, which one thread of one process compiles for all."""

    def compile(self, signature):
        """Compile the kernel for `signature`, a tuple of Numba's types, if it is not in the cache.

        Numba holds its lock on all compiling meanwhile. Here others are waited for without that lock, so that another
        thread can compile something else. A kernel that another one calls does not wait: the lock is held already.
        """
        if global_compiler_lock.is_locked() or signature in self.overloads or self.load(signature):
            return super().compile(signature)
        claim = self._cache.claimed(signature, self.targetctx, _pause) if cache.FOLDER else nullcontext()
        with compiling.counted(), claim:
            return super().compile(signature)

    def load(self, signature):
        """Load what the cache has for `signature`; False where it has nothing."""
        with global_compiler_lock:
            if signature in self.overloads:
                return True
            found = self._cache.load_overload(signature, self.targetctx)
            if found is None:
                return False
            self.targetctx.insert_user_function(found.entry_point, found.fndesc, [found.library])
            self.add_overload(found)
            return True


def kernel(function):
    """Compile `function` with Numba: no Python objects, no exceptions, the interpreter's lock released."""
    dispatcher = njit(error_model="numpy", nogil=True, _nrt=False)(function)
    dispatcher.__class__ = _Kernel
    if cache.FOLDER:
        dispatcher._cache = cache.Entries(function)
    return dispatcher


def prepare(kernel, *arguments):
    """Compile `kernel` for these arguments, or load it from the cache, without a call."""
    kernel.compile(_types_of(arguments))


def ready(kernel, *arguments):
    """Whether `kernel` is compiled for these arguments, in this process or in the cache, from which it is then loaded.

    False too while another thread compiles, if it would have to be loaded: nothing is waited for.
    """
    signature = _types_of(arguments)
    if signature in kernel.overloads:
        return True
    lock = global_compiler_lock._lock
    if not lock.acquire(blocking=False):
        return False
    try:
        return kernel.load(signature)
    finally:
        lock.release()


def _types_of(arguments):
    return tuple(typeof(argument, Purpose.argument) for argument in arguments)


class Stopped(BaseException):
    """A thread that compiled was told to stop. Not an `Exception`, which could be taken for an error in a kernel."""


class _Background(threading.Thread):
    """A thread in which `function(*arguments)` compiles kernels."""

    def __init__(self, function, arguments):
        super().__init__(name="neurone compiles", daemon=True)
        self._call, self._told, self._value, self._error = (function, arguments), False, None, None

    def run(self):
        function, arguments = self._call
        del self._call
        try:
            self._value = function(*arguments)
        except BaseException as error:
            self._error = error
        _background.discard(self)

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
        self._told = True

    def check(self):
        if self._told:
            raise Stopped


_background = set()


def compile_in_background(function, *arguments):
    """Call `function`, which compiles kernels, in a thread of its own: an object with `done`, `result` and `stop`.

    The thread ends with the process, and before a fork: a child would inherit Numba's lock, and nobody to release it.

    >>> import numpy as np
    >>> from neurone.kernels.scalars import exp32
    >>> thread = compile_in_background(prepare, exp32, np.float32(1))
    >>> thread.result()
    >>> ready(exp32, np.float32(1))
    True
    """
    thread = _Background(function, arguments)
    _background.add(thread)
    thread.start()
    return thread


def _end_background():
    """Stop all threads, and wait for them: LLVM would crash as the process ends around it."""
    threads = list(_background)
    for thread in threads:
        thread.stop()
    for thread in threads:
        thread.join()


atexit.register(_end_background)
os.register_at_fork(before=_end_background)


def _check_stopped():
    """Raise `Stopped` in a thread that was told to stop."""
    thread = threading.current_thread()
    if isinstance(thread, _Background):
        thread.check()


def _pause():
    time.sleep(_LOOK)
    _check_stopped()


class _BeforeSteps(event.Listener):
    """Numba tells it whenever it begins to compile a function, and when it is done."""

    def on_start(self, _):
        _check_stopped()

    def on_end(self, _):
        pass


event.register("numba:compile", _BeforeSteps())


class _StepLibrary(JITCodeLibrary):
    """The code of a step: handed over as it is to the kernels that call it, and optimised there, once.

    Numba optimises every function by itself, makes machine code of it, and optimises it again within each function that
    calls it, and so on up. That took a third of the time to compile.
    """

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name):
        return 0  # there is no machine code to point to

    @property
    def codegen(self):
        return _NoEnvironment(self._codegen)


class _NoEnvironment:
    """A code generator that does not look for the environment of a function's machine code: there is none."""

    def __init__(self, codegen):
        self.__dict__.update(codegen.__dict__)

    def set_env(self, name, environment):
        pass


class _StepCompiler(Compiler):
    def __init__(self, typingctx, targetctx, library, *arguments):
        super().__init__(typingctx, targetctx, _StepLibrary(targetctx.codegen(), "step"), *arguments)


_STEP = dict(
    error_model="numpy", nogil=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True,
    pipeline_class=_StepCompiler,
)  # fmt: skip


class _Step(CPUDispatcher):
    def __call__(self, *arguments):
        raise TypeError(f"{self.py_func.__name__} is a step of other kernels; only they can call it")


def step(function, inline=False):
    """Compile `function`, which only kernels call: nothing is made for Python to call, and nothing kept on disk.

    That took a quarter of the time to compile. To call one from Python would end the process, so it is refused.
    """
    dispatcher = njit(forceinline=inline, **_STEP)(function)
    dispatcher.__class__ = _Step
    return dispatcher


def inlined(function):
    """As `step`, written out where it is called: for what is called once for every sample, 3 % of an epoch. All steps
    so took a tenth longer to compile, and were no faster."""
    return step(function, inline=True)


def view(function):
    """Write `function`, which returns a part of an array, out where a kernel calls it.

    Kernels do not count an array's users (`_nrt`): they allocate none, and each count is a locked instruction, which
    took a tenth of the time. So an array cannot be returned.
    """
    return njit(error_model="numpy", inline="always")(function)


def overload(function):
    """As Numba's `overload`, the implementations being compiled as steps."""
    return extending.overload(function, jit_options=_STEP)

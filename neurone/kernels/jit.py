"""How loops are compiled. `kernel` compiles one that Python calls; `step`, one that only kernels call; `inlined`, a
short step; `view`, a function that returns a part of an array; `overload`, a function that depends on types.

`prepare` compiles a kernel before it is called, `ready` tells whether it is compiled, and `compile_in_background`
compiles in another thread; `compiling` is what that costs.

What leans on Numba's insides is here, in `structs.py`, in `cache.py` and in `compiler.py`.
"""

import threading
import time
from contextlib import contextmanager, nullcontext

from numba import extending
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher
from numba.core.typing.typeof import Purpose, typeof

from neurone.kernels import cache
from neurone.kernels.background import Stopped, check_stopped, compile_in_background
from neurone.kernels.compiler import KernelCompiler, StepCompiler

__all__ = [
    "Stopped", "compile_in_background", "compiling", "inlined", "kernel", "overload", "prepare", "ready", "step",
    "view",
]  # fmt: skip

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

# No Python objects, no exceptions, the interpreter's lock released. Nobody counts the users of an array: kernels
# allocate none, and each count is a locked instruction, which took a tenth of the time.
_OPTIONS = dict(error_model="numpy", nogil=True, _nrt=False, no_cfunc_wrapper=True, nopython=True, boundscheck=None)
_STEP = dict(no_cpython_wrapper=True, **_OPTIONS)


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


def _pause():
    time.sleep(_LOOK)
    check_stopped()


def kernel(function):
    """Compile `function`, which Python calls and which is kept in the cache."""
    dispatcher = _Kernel(function, targetoptions=dict(_OPTIONS), pipeline_class=KernelCompiler)
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


class _Step(CPUDispatcher):
    def __call__(self, *arguments):
        raise TypeError(f"{self.py_func.__name__} is a step of other kernels; only they can call it")


def step(function, inline=False):
    """Compile `function`, which only kernels call: nothing is made for Python to call, and nothing kept on disk.

    That took a quarter of the time to compile. To call one from Python would end the process, so it is refused.
    """
    return _Step(function, targetoptions=dict(forceinline=inline, **_STEP), pipeline_class=StepCompiler)


def inlined(function):
    """As `step`, written out where it is called: for what is called once for every sample, 3 % of an epoch. All steps
    so took a tenth longer to compile, and were no faster."""
    return step(function, inline=True)


def view(function):
    """As `inlined`, for a function that returns a part of an array."""
    return step(function, inline=True)


def overload(function):
    """As Numba's `overload`, the implementations being compiled as steps."""
    return extending.overload(function, jit_options=dict(pipeline_class=StepCompiler, forceinline=False, **_STEP))

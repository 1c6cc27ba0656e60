"""How loops are compiled. `kernel` compiles one that Python calls; `step`, one that only kernels call; `inlined`, a
short step; `view`, a function that returns a part of an array; `overload`, a function that depends on types.

What leans on Numba's insides is here, in `structs.py` and in `cache.py`.
"""

import time

from numba import config, extending, njit
from numba.core import event
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.registry import CPUDispatcher

from neurone.kernels import cache


class _Clock(event.Listener):
    """Seconds spent compiling, by this process: steps within their kernels counted once."""

    def __init__(self):
        self.seconds, self._depth, self._begin = 0.0, 0, 0.0

    @property
    def active(self):
        return self._depth > 0

    def on_start(self, _):
        if self._depth == 0:
            self._begin = time.perf_counter()
        self._depth += 1

    def on_end(self, _):
        self._depth -= 1
        if self._depth == 0:
            self.seconds += time.perf_counter() - self._begin


compiling = _Clock()
event.register("numba:compile", compiling)


def kernel(function):
    """Compile `function` with Numba: no Python objects, no exceptions, the interpreter's lock released."""
    saved = config.CACHE_DIR
    try:
        if cache.FOLDER is not None:
            config.CACHE_DIR = cache.FOLDER
        dispatcher = njit(cache=cache.FOLDER is not None, error_model="numpy", nogil=True, _nrt=False)(function)
    finally:
        config.CACHE_DIR = saved
    if cache.FOLDER is not None:
        cache.forgive(dispatcher._cache)
    return dispatcher


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


def ready(kernel, *arguments):
    return False

"""How Numba compiles our functions: with fewer passes than others', and each function optimised once.

Half of the time to compile went into Numba's own Python. What our functions do not need is left out: array expressions,
closures, `with`, exceptions, counts of references, annotations. What is asked for again and again is remembered.
"""

from contextlib import contextmanager, nullcontext
from functools import cache

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils, config, errors
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, Flags
from numba.core.ir_utils import build_definitions
from numba.core.lowering import Lower
from numba.core.registry import cpu_target
from numba.core.ssa import reconstruct_ssa
from numba.core.targetconfig import ConfigStack
from numba.core.typed_passes import NativeLowering, NoPythonBackend, PreLowerStripPhis
from numba.core.typeinfer import TypeInferer
from numba.core.untyped_passes import FixupArgs, GenericRewrites, TranslateByteCode

from neurone.kernels.background import check_stopped, in_background


@cache
def fuses():
    """Whether the processor that is compiled for has a fused multiply-add: not looked up, but tried."""
    module, number = ir.Module(), ir.FloatType()
    function = ir.Function(module, ir.FunctionType(number, [number] * 3), "f")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(builder.fma(*function.args))
    machine = cpu_target.target_context.codegen()._tm
    return "fmaf" not in machine.emit_assembly(binding.parse_assembly(str(module)))


class _Library(JITCodeLibrary):
    def _optimize_functions(self, module):
        """Leave that to the kernel, which optimises the whole."""
        module.data_layout = self._codegen._data_layout


class _KernelLibrary(_Library):
    """The code of a kernel and of all steps that it calls."""

    def __init__(self, codegen, name):
        super().__init__(codegen, name)
        self.enable_object_caching()

    def _optimize_final_module(self):
        """Optimise once. Numba does it twice, to get rid of counts of references; then an epoch in batches of 2 took 5
        to 15 % longer."""
        check_stopped()
        passes = self._codegen._module_pass_manager()
        manager, *builder = passes if isinstance(passes, tuple) else [passes]  # Numba 0.61 has no builder
        manager.run(self._final_module, *builder)
        check_stopped()
        for function in self._final_module.functions:
            # Another kernel may have a step of this name, of which the linker would take only one.
            if not function.is_declaration and function.linkage.name == "linkonce_odr":
                function.linkage = "internal"


class _StepLibrary(_Library):
    """The code of a step: handed over as it is to the kernels that call it, and optimised there, once.

    Numba optimises every function by itself, makes machine code of it, and optimises it again within each function that
    calls it, and so on up. That took a third of the time to compile.

    Nor did a kernel run the same code every time. Just compiled, it called the steps' own machine code, since a linker
    takes the first function of a name; loaded from the cache, the copies that stand beside it, optimised once more for
    each level in between (914 bytes of `transpose` against 1,719). And what had been optimised had become too long to
    be written out where it was called: each call passed some fifty numbers, a quarter of an epoch of 50-100-5 in
    batches of 2.
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


class _Flags(Flags):
    """Flags that all count as equal.

    Numba chooses the implementation of each operator by the flags of the function that uses it. What matters there is
    the same in all of ours, and comparing forty options so often took a tenth of the time.
    """

    def __hash__(self):
        return 0

    def __eq__(self, other):
        return isinstance(other, _Flags)


_SIGNATURES = {}


class _Inferer(TypeInferer):
    """Type inference that remembers the signatures of operators and overloaded functions."""

    def resolve_call(self, function, positional, named):
        if type(function) is not types.Function or named:
            return super().resolve_call(function, positional, named)
        signature = _SIGNATURES.get((function, positional))
        if signature is None:
            signature = _SIGNATURES[function, positional] = super().resolve_call(function, positional, named)
        return signature


class _Warnings:
    """Warnings left alone: our functions cause none."""

    @staticmethod
    def catch_warnings(filename=None, lineno=None):
        return nullcontext()


_catch_warnings = errors.WarningsFixer.catch_warnings


def _catch_no_others(self, filename=None, lineno=None):
    """What Numba does as it compiles functions of its own, such as `min`; but nothing in a background thread.

    `warnings.catch_warnings` changes the whole process: the thread would take the warnings of others, and could leave
    Python without any for ever.
    """
    return nullcontext() if in_background() else _catch_warnings(self, filename, lineno)


errors.WarningsFixer.catch_warnings = _catch_no_others


class _Lower(Lower):
    """Lowering without what only a debugger or counts of references need."""

    def alloca_lltype(self, name, lltype, datamodel=None):
        return cgutils.alloca_once(self.builder, lltype, name=name)

    def storevar(self, value, name, argidx=None):
        self._alloca_var(name, self.typeof(name))
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
        else:
            self.builder.store(value, self.getvar(name))


@contextmanager
def _enabled():
    """NUMBA_DISABLE_JIT=1, by which others debug their own functions, would leave us without Numba's."""
    before, config.DISABLE_JIT = config.DISABLE_JIT, 0
    try:
        yield
    finally:
        config.DISABLE_JIT = before


class _Lowering(NativeLowering):
    lowering_class = _Lower


_TRANSLATE = TranslateByteCode(), FixupArgs(), GenericRewrites()
_STRIP_PHIS = PreLowerStripPhis()._strip_phi_nodes
_COMPILE = _Lowering(), NoPythonBackend()


class KernelCompiler(CompilerBase):
    """Numba's compiler for a kernel."""

    _library = _KernelLibrary

    def __init__(self, typingctx, targetctx, library, args, return_type, flags, locals):
        library = self._library(targetctx.codegen(), self._library.__name__)
        super().__init__(typingctx, targetctx, library, args, return_type, _Flags(flags), locals)

    def define_pipelines(self):
        raise NotImplementedError("the passes are in _compile_core")

    def _compile_core(self):
        check_stopped()
        state = self.state
        with ConfigStack().enter(state.flags), _enabled():
            for each in _TRANSLATE:
                each.run_pass(state)
            self._in_place(reconstruct_ssa)
            self._infer_types()
            self._in_place(_STRIP_PHIS)
            for each in _COMPILE:
                each.run_pass(state)
        return state.cr

    def _in_place(self, change):
        self.state.func_ir = change(self.state.func_ir)
        self.state.func_ir._definitions = build_definitions(self.state.func_ir.blocks)

    def _infer_types(self):
        state = self.state
        inferer = _Inferer(state.typingctx, state.func_ir, _Warnings)
        with state.typingctx.callstack.register(state.targetctx.target, inferer, state.func_id, state.args):
            for number, (name, given) in enumerate(zip(state.func_ir.arg_names, state.args, strict=True)):
                inferer.seed_argument(name, number, given)
            inferer.build_constraint()
            inferer.propagate()
            state.typemap, state.return_type, state.calltypes = inferer.unify()
        self._check_returned()

    def _check_returned(self):
        if isinstance(self.state.return_type, types.Array):
            raise errors.TypingError(f"{self.state.func_id.func_name} returns an array: let it write to an argument")


class StepCompiler(KernelCompiler):
    """Numba's compiler for a step. It may return a part of an array: the users of arrays are not counted."""

    _library = _StepLibrary

    def _check_returned(self):
        pass

"""What kernels call of each other becomes machine code once: in the kernel that Python calls.

numba optimises every function with all that it calls, and makes machine code of it, before it does so again in whoever
calls it: over twenty levels of kernels that was half of the time that compiling took. Here a function that only kernels
call stays as numba lowered it, and what Python calls is linked with all that it reaches, optimised and made machine
code. Since nobody else calls that copy, it is the entry's own: the optimiser drops arguments that are not read (of an
array passed, most of its seven words) and errors that cannot be, which made the event loop a tenth faster.
"""

from __future__ import annotations

from graphlib import TopologicalSorter

from llvmlite.binding import Linkage
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering


class _Inside(JITCodeLibrary):
    """Code that nobody calls but what it is linked into."""

    def finalize(self) -> None:
        self._raise_if_finalized()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        return 0  # there is no way in

    @property
    def codegen(self) -> _WithoutEnvironment:
        return _WithoutEnvironment()


class _WithoutEnvironment:
    """Of code that is not in memory."""

    def set_env(self, env_name: str, env: object) -> None:
        """An environment holds what functions need of Python, and these need nothing."""


class _Entry(JITCodeLibrary):
    """Code that Python calls."""

    def finalize(self) -> None:
        self._linking_libraries = _callers_first(self._linking_libraries)
        super().finalize()

    def _optimize_final_module(self) -> None:
        """As numba does, but of what was linked nothing can be called from outside."""
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == Linkage.linkonce_odr:
                function.linkage = "internal"
        super()._optimize_final_module()


def _callers_first(libraries: list[JITCodeLibrary]) -> list[JITCodeLibrary]:
    """Libraries, and what those of them that are linked with nothing yet call in turn.

    Each stands behind all that call it: of a library, only functions that are called by then are linked.
    """
    order, wanted, seen = TopologicalSorter(), list(libraries), set()
    while wanted:
        library = wanted.pop()
        if library not in seen:
            seen.add(library)
            called = library._linking_libraries if isinstance(library, _Inside) else []
            order.add(library, *called)
            wanted.extend(called)
    return list(order.static_order())[::-1]


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):
    """numba's, into a library of one of the two kinds."""

    _name = "lowering_of_kernels"

    def run_pass(self, state) -> bool:
        kind = _Inside if state.flags.no_cpython_wrapper else _Entry
        state.library = kind(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return super().run_pass(state)


class KernelCompiler(Compiler):
    """numba's compiler but for the pass that makes code."""

    def define_pipelines(self) -> list:
        (pipeline,) = super().define_pipelines()
        at = [one for one, _words in pipeline.passes].index(NativeLowering)
        pipeline.passes[at] = (_Lowering, "native lowering")
        pipeline._finalized = False
        pipeline.finalize()
        return [pipeline]

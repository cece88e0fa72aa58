"""Functions of kernels become machine code in the kernel that Python calls, and nowhere else."""

from __future__ import annotations

import numba
import pytest
from llvmlite.binding import Linkage

from gpusim.kernels._jit import inner, outer, part

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")


@inner
def least(a, b):
    return min(a, b)


@part
def doubled(a):
    return 2 * a if a > 0 else min(a, 1)


@inner
def called_from_both_ends(a):
    return least(a, 7) + doubled(a)


@inner
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@outer
def never_inlined(n):
    return fibonacci(n)


@outer
def entry(a):
    return least(called_from_both_ends(a), a) + doubled(a)


@outer
def kernel_of_a_kernel(a):
    return entry(a) + called_from_both_ends(a)


def expected(a):
    """``entry``, written out."""
    both = min(a, 7) + (2 * a if a > 0 else min(a, 1))
    return min(both, a) + (2 * a if a > 0 else min(a, 1)), both


def test_they_compute_what_python_does() -> None:
    for a in (-3, 0, 5, 50):
        found, both = expected(a)
        assert entry(a) == found
        assert kernel_of_a_kernel(a) == found + both


def test_only_what_python_calls_is_machine_code() -> None:
    entry(1)
    kernel_of_a_kernel(1)
    for function, is_code in ((entry, True), (least, False), (doubled, False), (called_from_both_ends, False)):
        assert function.overloads, function
        for compiled in function.overloads.values():
            assert bool(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)) == is_code, function


def test_what_is_linked_is_the_entrys_own() -> None:
    """Nobody else can call it, so that its arguments need not be those that it was lowered with."""
    assert never_inlined(10) == 55
    (compiled,) = never_inlined.overloads.values()
    linked = {
        one.linkage
        for one in compiled.library._final_module.functions
        if "fibonacci" in one.name and not one.is_declaration
    }
    assert linked == {Linkage.internal}

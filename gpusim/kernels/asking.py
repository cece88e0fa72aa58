"""Python asked in the midst of a kernel: somebody's own rule decides about one job, where a built-in one would.

A kernel calls an address (0: nobody is asked) with the row of the job. Who is there reads the fleet, and leaves its
answer in `clock.answer` (`engine/at_events.py`). Where it fails it leaves none, and the built-in rule decides.

Writes: clock.
"""

from __future__ import annotations

import ctypes

import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from gpusim.kernels._jit import inner

ANSWERER = ctypes.CFUNCTYPE(None, ctypes.c_int64)  # what is at such an address
SILENT = -2  # nobody answered


@intrinsic
def _call(_context, address, job):
    """Call a function by its address."""

    def build(context, builder, signature, arguments):
        word = context.get_value_type(types.int64)
        function = builder.inttoptr(arguments[0], ir.FunctionType(ir.VoidType(), [word]).as_pointer())
        builder.call(function, [arguments[1]])
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), build


if numba.config.DISABLE_JIT:

    def _call(address, job):
        ANSWERER(int(address))(int(job))


@intrinsic
def rarely(_context, flag):
    """A flag that is seldom set: the code for that is laid out of the way."""

    def build(context, builder, signature, arguments):
        bit = ir.IntType(1)
        expect = builder.module.declare_intrinsic("llvm.expect", [bit], ir.FunctionType(bit, [bit, bit]))
        return builder.call(expect, [arguments[0], bit(0)])

    return types.boolean(types.boolean), build


if numba.config.DISABLE_JIT:

    def rarely(flag):
        """As plain Python: the flag."""
        return flag


@inner
def ask(f, address, j):
    """What is answered about job ``j``, or SILENT."""
    f.clock[0].answer = SILENT
    _call(address, j)
    return f.clock[0].answer

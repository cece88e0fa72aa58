"""Rows brought into the processor's cache before they are read."""

from __future__ import annotations

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LINE_BYTES = 64
MOST_BYTES = 192  # of a row: what events touch comes first
_WORD = ir.IntType(32)
_READ, _KEEP, _DATA = _WORD(0), _WORD(3), _WORD(1)


@intrinsic
def prefetch(_context, rows, row):
    """Have the beginning of a row of an array of records fetched; nothing waits for it, and nothing is computed."""

    def build(context, builder, signature, arguments):
        kind = signature.args[0]
        array = context.make_array(kind)(context, builder, arguments[0])
        first = builder.bitcast(
            cgutils.get_item_pointer(context, builder, kind, array, [arguments[1]]), cgutils.voidptr_t
        )
        fetch = builder.module.declare_intrinsic(
            "llvm.prefetch", [cgutils.voidptr_t], ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, *[_WORD] * 3])
        )
        for byte in range(0, min(kind.dtype.size, MOST_BYTES), LINE_BYTES):
            builder.call(fetch, [builder.gep(first, [_WORD(byte)]), _READ, _KEEP, _DATA])
        return context.get_dummy_value()

    return types.none(rows, row), build


if numba.config.DISABLE_JIT:

    def prefetch(_rows, _row):
        """As plain Python: nothing."""

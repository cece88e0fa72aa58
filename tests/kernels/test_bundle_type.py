"""Kernels take bundles of any kind, and see what stands in them when they are called."""

from __future__ import annotations

import sys

import numba
import numpy as np
import pytest

from gpusim.kernels._jit import kernel
from gpusim.kernels.bundle_type import teach
from gpusim.kernels.showing import as_array
from gpusim.kernels.state.bundle import Bundle, records
from tests.checked_rows import checked

CLOCK = np.dtype([("now_s", "f8"), ("count", "i8")])


class Queue(Bundle):
    """Another bundle than the fleet."""

    ARRAYS = {"clock": (CLOCK, 1), "tokens": (np.dtype("i8"), 2)}
    __slots__ = (*ARRAYS, "table")


teach(Queue)


@kernel
def total(q, row):
    q.clock[0].count += 1
    q.clock[0].now_s = 1.5
    found = 0
    for column in range(q.tokens.shape[1]):
        found += q.tokens[row, column]
    return found


def bundle(rows: int) -> Queue:
    return Queue(clock=records(CLOCK, 1), tokens=np.arange(3 * rows).reshape(rows, 3))


def test_a_kernel_reads_and_writes_a_bundle_of_another_kind():
    queue = bundle(2)
    assert (total(queue, 0), total(queue, 1)) == (3, 12)
    assert (queue.clock[0].count, queue.clock[0].now_s) == (2, 1.5)


@kernel
def last(q, rows):
    return rows[len(rows) - 1].now_s + q.clock[0].now_s


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_to_call_a_kernel_runs_no_python():
    """Nobody could raise what Ctrl-C does there: it would be lost, or end the process in a crash."""
    queue, rows = bundle(2), records(CLOCK, 3)
    assert total(queue, 0) + last(queue, rows) + last(queue, as_array(rows)) == 6.0

    def ran(*arguments) -> list[str]:
        found = []
        sys.setprofile(lambda frame, event, _what: found.append(frame.f_code.co_name) if event == "call" else None)
        try:
            last(*arguments)
        finally:
            sys.setprofile(None)
        return [name for name in found if name != "last"]

    assert ran(queue, as_array(rows)) == []
    assert ran(queue, rows) != []  # a record array's look-up of attributes


def test_arrays_may_grow_and_nothing_else():
    queue = bundle(2)
    queue.put("tokens", np.ones((5, 3), "i8"))
    assert total(queue, 4) == 3
    with pytest.raises(TypeError, match="queue array 'tokens' has 5 rows, found 4; it may only grow"):
        queue.put("tokens", np.ones((4, 3), "i8"))
    with pytest.raises(TypeError, match="must be a C-contiguous 2-d array of int64"):
        queue.put("tokens", np.ones(9, "i8"))
    with pytest.raises(AttributeError, match="cannot be assigned"):
        queue.tokens = np.ones((9, 3), "i8")


@pytest.mark.parametrize("rows", [records(CLOCK, 3), np.zeros(3)])
def test_as_plain_python_rows_refuse_a_wrong_index(rows):
    """Compiled kernels do not look: that they need not is seen where all kinds of cases are played as plain Python."""
    looked_at = checked(rows)
    looked_at[2], looked_at[0] = rows[0], rows[0]
    for i in (-1, 3, np.int64(-1)):
        with pytest.raises(IndexError):
            looked_at[i]
        with pytest.raises(IndexError):
            looked_at[i] = rows[0]

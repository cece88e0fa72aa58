"""Each module of kernels says at the end of its docstring what it reads and writes, and in what units."""

from __future__ import annotations

import ast

import pytest

from tests.kernels import tables_told as told

STRUCTURES = {f"gpusim.kernels.{name}" for name in ("bitset", "heap")}  # modules that say for all of their functions

SAMPLE = """
def sample(f, j, keys, out, now):
    pool, job = f.pools[f.jobs[j].pool], f.jobs[j]
    node = f.nodes[job.first_node]
    lane = f.lanes[0] if now > 0.0 else f.lanes[1]
    pool.free -= node.free
    lane.blocked_s[2], job.held[0] = now, f.held[j, 0]
    keys[0] = out[0]
"""


@pytest.mark.parametrize("module", told.modules())
def test_a_docstring_says_what_its_module_reads_and_writes(module) -> None:
    """What it says is written by ``python -m tests.kernels.tables_told``."""
    docstring = ast.get_docstring(told.modules()[module])
    assert docstring == f"{told.without(docstring)}\n\n{told.told(module)}"


def test_what_python_calls_names_the_arrays_that_it_fills() -> None:
    silent = [
        f"{one.module}.{one.node.name}: {name}"
        for one in told.functions().values()
        if "kernel" in told.decorators(one.node) and one.module not in STRUCTURES
        for name in (one.arguments[k] for k in one.writes_arguments)
        if f"``{name}``" not in (ast.get_docstring(one.node) or "")
    ]
    assert silent == []


def test_rows_are_followed_to_their_tables() -> None:
    found = told.Function("sample", ast.parse(SAMPLE).body[0])
    assert found.writes == {"pools", "lanes", "jobs"}
    assert found.reads == {"pools", "lanes", "jobs", "nodes", "held"}
    assert found.writes_arguments == {2}  # keys


def test_what_is_done_to_an_array_counts_where_it_is_passed() -> None:
    push = told.functions()["gpusim.kernels.heap.push"]
    assert {push.arguments[k] for k in push.writes_arguments} == {"keys", "ids", "pos"}
    assert {"heap_keys", "heap_ids"} <= told.functions()["gpusim.kernels.expecting.on_give"].writes

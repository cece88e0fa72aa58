"""How many nodes and GPUs a job holds: one rule, the same for one job, many jobs and kernels."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from gpusim import gangs
from gpusim.kernels import gang
from gpusim.kernels._jit import outer
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.capacity import POOL

PACKAGE = Path(__file__).parents[1] / "gpusim"
# Files that round up to nodes besides: twins, which must not share the rule; nodes of a range.
OTHERS = {"validation/plain.py", "validation/plain_easy.py", "validation/plain_in_turn.py", "inputs/failures.py"}


@outer
def ask_kernels(pools, jobs, out):
    for i in range(len(jobs)):
        out[i, 0] = gang.n_nodes(pools[0], jobs[i])
        out[i, 1] = gang.on_node(pools[0], jobs[i])
        out[i, 2] = gang.held_gpus(pools[0], jobs[i])


def by_hand(gpus: int, size: int) -> tuple[int, int, int]:
    """Nodes, GPUs on each and in all: GPUs are dealt out one by one; who begins a second node has all of each."""
    taken = Counter(i // size for i in range(gpus))
    most = max(taken.values())
    return len(taken), most, len(taken) * most


@pytest.mark.parametrize("size", [1, 4, 8])
def test_one_job_many_jobs_and_kernels_agree(size: int) -> None:
    pools, jobs = records(POOL, 1), np.arange(1, 40)
    pools.gpus_per_node = size
    in_kernels = np.zeros((len(jobs), 3), "i8")
    ask_kernels(pools, jobs, in_kernels)
    expected = [by_hand(gpus, size) for gpus in jobs.tolist()]
    rules = gangs.n_nodes, gangs.on_node, gangs.held_gpus
    assert [tuple(rule(gpus, size) for rule in rules) for gpus in jobs.tolist()] == expected
    assert in_kernels.tolist() == [list(one) for one in expected]
    assert gangs.held_of_each(jobs, size).tolist() == [held for _nodes, _each, held in expected]


# A quotient rounded up, by a name for the GPUs of a node.
ROUNDS_UP = re.compile(r"(?:-\(-|ceil\(|- 1\)).* //? (?:\w+\.)?(?:size|node|(?:gpus_)?per_node)\b")


def test_gangs_are_rounded_to_whole_nodes_nowhere_else() -> None:
    files = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    found = {name for name, text in files.items() if ROUNDS_UP.search(text)}
    assert found == OTHERS | {"gangs.py"}

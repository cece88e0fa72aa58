"""Who holds GPUs, a job or a replica, is asked in few places: all else works on the record of the holding."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "gpusim" / "kernels"
FILES = {str(path.relative_to(FOLDER)): ast.parse(path.read_text(encoding="utf-8")) for path in FOLDER.rglob("*.py")}


def files_with(is_it) -> set[str]:
    """Files of the kernels in which some part of the code is so."""
    return {name for name, tree in FILES.items() if any(is_it(node) for node in ast.walk(tree))}


def calls(name: str) -> set[str]:
    """Files that call a function of this name."""
    return files_with(lambda node: isinstance(node, ast.Call) and getattr(node.func, "id", "") == name)


def assigns(field: str) -> set[str]:
    """Files that set a field of a record."""

    def is_it(node: ast.AST) -> bool:
        return isinstance(node, ast.Attribute) and node.attr == field and isinstance(node.ctx, ast.Store)

    return files_with(is_it)


def test_kinds_of_owners_are_told_apart_in_one_place():
    """Those who begin a holding say whose it is; who leaves, ``leaving`` knows, and the jobs on a node, ``jobs_on``."""
    begin = {"running.py", "sharing.py", "serving/replicas.py"}
    by_name = files_with(lambda node: isinstance(node, ast.Name) and node.id == "Owner")
    read = files_with(lambda node: isinstance(node, ast.Attribute) and node.attr == "kind")
    assert by_name == begin | {"leaving.py", "jobs_on.py"}
    assert read == {"holding.py", "leaving.py", "jobs_on.py"}
    assert calls("begin_holding") == begin
    assert calls("stop_replica") == {"leaving.py", "serving/replicas.py"}


def test_jobs_on_nodes_are_sought_only_where_jobs_alone_matter():
    """Their rates, caps, CPUs and memory, what policies see of them, and who is evicted for whom is more urgent."""
    wanted = {"pace.py", "capping.py", "cpu_memory.py", "rounds.py", "preemption.py"}
    seekers = set.union(*(calls(name) for name in ("first_of", "next_of", "first_on", "next_on")))
    assert seekers == wanted | {"jobs_on.py"}


def test_one_function_says_what_is_lacking():
    assert calls("shortage") == {"lacking.py"}
    assert calls("lacks_cpu_memory") == {"lacking.py"}
    assert calls("lacks") == {"lacking.py", "serving/starting.py"}
    assert {"scheduling.py", "targets.py"} <= calls("job_lacks") | calls("why_waits")
    assert files_with(lambda node: isinstance(node, ast.Attribute) and node.attr == "cap_wait") == {"lacking.py"}


@pytest.mark.parametrize(
    ("field", "files"),
    [
        ("n_idle_heap", {"expecting.py"}),
        ("n_releases", {"expecting.py", "claiming.py"}),  # with reservations another heap is there
        ("unsettled", {"expecting.py", "reservation.py"}),
        ("relief_w", {"expecting.py", "promise.py", "site_load.py"}),
    ],
)
def test_what_easy_reckons_with_is_kept_in_one_place(field, files):
    assert assigns(field) == files


def test_draws_are_counted_in_one_place():
    added = files_with(lambda node: isinstance(node, ast.AugAssign) and "cap_loads" in ast.unparse(node.target))
    assert added == {"drawing.py"}
    assert calls("feed") == calls("on_draw") == {"drawing.py"}

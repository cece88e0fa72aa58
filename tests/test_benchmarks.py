"""The benchmarks: what counts as slower; cases run in a process of their own; a revision that is not there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def rounds():
    spec = importlib.util.spec_from_file_location("rounds", FOLDER / "rounds.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("new", "verdict"),
    [
        ([1.2] * 5, True),
        ([1.2, 1.2, 0.9, 1.2, 1.2], True),  # four of five
        ([1.2, 0.9, 0.9, 1.2, 1.2], False),
        ([1.11] * 4, True),
        ([1.09] * 5, False),
        ([0.5] * 5, False),
    ],
)
def test_slower_is_ten_percent_in_four_of_five(rounds, new, verdict):
    old = [1.0] * len(new)
    assert rounds.slower(old, new) is verdict
    assert rounds.told("easy", old, new).endswith("SLOWER") is verdict


def test_rounds_are_by_turns(rounds, monkeypatch, capsys):
    order = []

    def measured(tree, days):
        order.append(tree)
        return {"fleet": 2.0 if tree == "then" else 2.5, "import": 1.0}

    monkeypatch.setattr(rounds, "measured", measured)
    monkeypatch.setattr(rounds, "tree_of", lambda revision: "then")
    assert rounds.main(["then", "--rounds", "2"]) == 1
    new = rounds.ROOT
    assert order == ["then", new, "then", new, new, "then"]
    assert re.findall(r"^\w+(?=.*SLOWER)", capsys.readouterr().out, re.MULTILINE) == ["fleet"]


def test_a_revision_that_is_not_there(rounds):
    with pytest.raises(SystemExit, match=r"BASE=no-such-one: no such revision; give a branch, tag or commit"):
        rounds.tree_of("no-such-one")


def test_cases_run(rounds):
    found = rounds.measured(rounds.ROOT, 0.01)
    assert set(found) == {"import", "fleet", "easy", "preempted", "requests"}
    assert min(found.values()) > 0.0

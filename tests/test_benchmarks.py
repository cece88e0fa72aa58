"""`make bench` calls a case slower if over 10% more time is spent in four of five rounds, and not otherwise."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROUNDS = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "rounds.py"))


@pytest.mark.parametrize(
    ("ratios", "slower"),
    [
        ([1.2, 1.2, 1.2, 1.2, 0.9], True),
        ([1.2, 1.2, 1.2, 1.0, 0.9], False),
        ([1.09] * 5, False),
        ([1.11] * 4, True),
        ([0.5] * 5, False),
    ],
)
def test_four_of_five(ratios: list[float], slower: bool) -> None:
    old = [2.0, 1.0, 4.0, 3.0, 1.0][: len(ratios)]
    new = [before * ratio for before, ratio in zip(old, ratios)]
    assert ROUNDS["slower"](old, new) is slower
    assert ROUNDS["told"]("case", old, new).endswith("SLOWER") is slower


def test_an_unknown_revision_is_told() -> None:
    with pytest.raises(SystemExit, match="BASE=no-such: no such revision"):
        ROUNDS["main"](["no-such"])

"""Ledger beside relief: ranks, correlation, explanations, knees."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from gpusim.relief.agreement import agreement, explanations, groups, knees

NAN = math.nan


def ranking(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["relief", "group", "gain", "ledger_gpu_hours"])


def test_alternatives_count_as_one_with_the_best_gain() -> None:
    table = groups(ranking(("mw", "power", 5.0, 80.0), ("date", "power", 9.0, 90.0), ("gpus", "GPUs", 7.0, 50.0)))
    assert table["group"].tolist() == ["power", "GPUs"]
    assert table["relief"].tolist() == ["date", "gpus"]
    assert table["ledger_gpu_hours"].tolist() == [90.0, 50.0]
    assert agreement(table)["top1"] is True


def test_rank_correlation() -> None:
    same = groups(ranking(("a", "a", 3.0, 30.0), ("b", "b", 2.0, 20.0), ("c", "c", 1.0, 10.0)))
    turned = groups(ranking(("a", "a", 3.0, 10.0), ("b", "b", 2.0, 20.0), ("c", "c", 1.0, 30.0)))
    assert agreement(same) == {"top1": True, "kendall": pytest.approx(1.0), "spearman": pytest.approx(1.0), "groups": 3}
    assert agreement(turned)["kendall"] == pytest.approx(-1.0)
    assert agreement(turned)["top1"] is False


def test_what_the_ledger_cannot_see_is_in_no_correlation_and_may_be_first() -> None:
    table = groups(ranking(("r", "residency", 9.0, NAN), ("a", "a", 3.0, 30.0), ("b", "b", 2.0, 20.0)))
    found = agreement(table)
    assert found["top1"] is False
    assert found["groups"] == 2
    assert math.isnan(found["kendall"])
    text = told(table, [])
    assert text[0].startswith("residency: first by relief (useful GPU time +9 GPU-hours), and not in the ledger")


def told(table: pd.DataFrame, moved: list[tuple], causes: dict | None = None, waits: float = 0.0) -> list[str]:
    moves = pd.DataFrame(moved, columns=["relief", "pool", "cause", "base", "difference"])
    names = table["relief"]
    return explanations(
        table, moves, {name: (causes or {}).get(name, frozenset()) for name in names},
        pd.Series(waits, index=names), "useful_gpu_hours",
    )  # fmt: skip


@pytest.fixture
def disagreeing() -> pd.DataFrame:
    """The ledger's first is last by relief."""
    return groups(ranking(("gpus", "GPUs x", 0.1, 900.0), ("a", "a", 3.0, 30.0), ("b", "b", 2.0, 20.0)))


CAUSES = {"gpus": frozenset({("x", "busy")})}


def test_a_bottleneck_that_moved(disagreeing: pd.DataFrame) -> None:
    moved = [("gpus", "x", "busy", 900.0, -500.0), ("gpus", "x", "not_energised", 100.0, 300.0)]
    text = next(t for t in told(disagreeing, moved, CAUSES) if t.startswith("GPUs x"))
    assert "first in the ledger, third by relief" in text
    assert "500 GPU-hours went away and 300 came back as 'grid connection too small' at x" in text


def test_a_step_too_small(disagreeing: pd.DataFrame) -> None:
    text = next(t for t in told(disagreeing, [("gpus", "x", "busy", 900.0, -5.0)], CAUSES) if t.startswith("GPUs x"))
    assert "too small for what waits: of 900 GPU-hours" in text


def test_work_that_was_done_anyway(disagreeing: pd.DataFrame) -> None:
    moved = [("gpus", "x", "busy", 900.0, -500.0)]
    text = next(t for t in told(disagreeing, moved, CAUSES, waits=-70.0) if t.startswith("GPUs x"))
    assert "Jobs waited 70 hours less, but nearly the same work was done within the run" in text


def test_agreement_needs_no_words() -> None:
    assert told(groups(ranking(("a", "a", 3.0, 30.0), ("b", "b", 2.0, 20.0))), []) == []


def knee(amounts: list[float], gains: list[float]) -> list[int]:
    return list(knees(pd.DataFrame({"relief": "one", "amount": amounts, "gain": gains})))


def test_knee_of_a_curve_that_saturates() -> None:
    assert knee([1, 2, 4, 8], [10, 20, 21, 22]) == [1]


def test_a_straight_or_flat_curve_has_none() -> None:
    assert knee([1, 2, 4, 8], [1, 2, 4, 8]) == []
    assert knee([1, 2, 4, 8], [0, 0, 0, 0]) == []
    assert knee([1, 2, 4, 8], [-1, -2, -4, -8]) == []


def test_knee_is_scale_free() -> None:
    x = np.array([0.5, 1, 2, 4, 8.0])
    y = 1.0 - np.exp(-x)
    assert knee((x * 1e6).tolist(), (y * 1e-3).tolist()) == knee(x.tolist(), y.tolist()) == [2]

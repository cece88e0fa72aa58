"""Ledger beside relief: ranks, correlation, explanations, knees."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gpusim.results.levelling import beyond
from gpusim.studies.relief.agreement import agreement, explanations, groups, knees

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
    assert text[0].startswith("residency: #1 by relief (useful GPU time +9 GPU-hours), and not in the ledger")


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
    assert "#1 in the ledger, #3 by relief" in text
    assert "500 GPU-hours went away and 300 came as 'grid connection too small' (x)" in text


def test_a_step_too_small(disagreeing: pd.DataFrame) -> None:
    text = next(t for t in told(disagreeing, [("gpus", "x", "busy", 900.0, -5.0)], CAUSES) if t.startswith("GPUs x"))
    assert "too small for what waits: 5 of 900 GPU-hours" in text


def test_work_that_was_done_anyway(disagreeing: pd.DataFrame) -> None:
    moved = [("gpus", "x", "busy", 900.0, -500.0)]
    text = next(t for t in told(disagreeing, moved, CAUSES, waits=-70.0) if t.startswith("GPUs x"))
    assert "500 of 900 GPU-hours went away, and jobs waited 70 hours less; the gain is what came of that" in text


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


# Sentences against the numbers beside them ----------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.floats(-50.0, 100.0), st.sampled_from([NAN, 0.0, 5.0, 5.0, 80.0])),
        min_size=1,
        max_size=12,
    )
)
def test_numbers_in_sentences_are_those_of_the_ranking(rows: list[tuple]) -> None:
    """Every "#n" is the row of the ranking table, which shows ``rank`` and ``ledger_rank`` of each counterfactual."""
    table = ranking(*((f"r{i}", group, gain, hours) for i, (group, gain, hours) in enumerate(rows)))
    shown = table.sort_values("gain", ascending=False, kind="stable", ignore_index=True)
    shown["rank"] = np.arange(1, len(shown) + 1)
    shown["ledger_rank"] = shown["ledger_gpu_hours"].rank(ascending=False, method="min")
    for text in told(groups(table), []):
        mine = shown[shown["group"] == text.partition(":")[0]]
        assert int(re.search(r"#(\d+) by relief", text)[1]) == mine["rank"].min()
        if "in the ledger, #" in text:
            assert int(re.search(r"#(\d+) in the ledger", text)[1]) == mine["ledger_rank"].min()


@settings(max_examples=150, deadline=None)
@example([2.2e-309, -1.0])
@given(st.lists(st.floats(-10.0, 100.0), min_size=2, max_size=6))
def test_a_curve_levels_off_only_where_it_does(gains: list[float]) -> None:
    amounts = [0.5 * 2**i for i in range(len(gains))]
    curve = pd.DataFrame({"relief": "one", "amount": amounts, "gain": gains})
    curve["knee"] = curve.index.isin(list(knees(curve)))
    found = beyond(curve)
    if found is None:
        return
    at = amounts.index(found.amount)
    later = np.array(gains[at + 1 :])
    if found.how == "rise":
        best = int(np.argmax(gains))
        assert best > at
        assert gains[best] > 1.05 * gains[at]
        assert found.share == gains[at] / gains[best]
        before, after = gains[at] / amounts[at], (gains[best] - gains[at]) / (amounts[best] - amounts[at])
        assert after < before  # "more slowly"
    else:
        assert not (later > 1.05 * gains[at]).any()
        assert (found.how == "fall") == bool((later < 0.95 * gains[at]).any())


def test_gains_that_go_on_rising_do_not_level_off() -> None:
    curve = pd.DataFrame({"amount": [48, 96, 192, 384.0], "gain": [60, 100, 120, 150.0], "knee": [0, 1, 0, 0]})
    assert beyond(curve) == ("rise", 96.0, pytest.approx(2.0 / 3.0), 384.0)
    assert beyond(curve.assign(gain=[60, 100, 102, 99.0])).how == "level"
    assert beyond(curve.assign(gain=[100, 100, 60, 40.0])).most == curve["amount"].iloc[1]
    assert beyond(curve.assign(gain=[60, 100, 90, 70.0])).how == "fall"
    assert beyond(curve.assign(knee=False)) is None

"""Rank frequencies of causes over runs, against loops over the rows; intervals against what they promise."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from gpusim.causes import SLACK, WORDS
from gpusim.studies.replications import ranks
from gpusim.studies.replications.verdict import verdict
from gpusim.studies.statistics.proportions import proportion

CAUSES = ["idle_quota", "idle_power", "busy", "backlog", "idle_no_demand", "not_energised", "rejected_type"]


def outcomes(seed: int, runs: int = 9) -> pd.DataFrame:
    """Outcomes by hand: causes that come and go from run to run, at pools and of rejected jobs."""
    rng, rows = np.random.default_rng(seed), []
    for run in range(runs):
        rows.append(("fleet", "", "", "planned_gpu_hours", 1000.0))
        for cause in CAUSES:
            kind, places = ("rejection", ["H100 in EU"]) if cause.startswith("rej") else ("pool", ["a/H100", "b/A100"])
            for place in places:
                if rng.random() < 0.7:
                    held = 0.0 if cause == "idle_no_demand" else float(rng.exponential(40.0))
                    figures = {"gpu_hours_held_back": held, "gpu_hours_lost": 60.0, "usd": 2.0 * held}
                    rows += [(kind, place, cause, name, value) for name, value in figures.items()]
        rows = [(*row[:5], run) if len(row) == 5 else row for row in rows]
    return pd.DataFrame(rows, columns=["kind", "name", "cause", "measure", "value", "seed"])


def by_hand(table: pd.DataFrame) -> dict[int, dict[str, float]]:
    held = defaultdict(lambda: defaultdict(float))
    for row in table.itertuples():
        if row.measure == "gpu_hours_held_back" and row.cause not in SLACK:
            held[row.seed][row.cause] += row.value
    return held


@pytest.mark.parametrize("seed", range(5))
def test_frequencies_against_loops(seed: int) -> None:
    table = outcomes(seed)
    held = by_hand(table)
    counts, sums = defaultdict(int), defaultdict(float)
    for mine in held.values():
        for rank, cause in enumerate(sorted((c for c in mine if mine[c] > 0.0), key=lambda c: -mine[c]), 1):
            counts[cause, rank] += 1
        for cause, hours in mine.items():
            sums[cause] += hours / 9
    runs = ranks.by_run(table)
    found, causes = ranks.frequencies(runs), ranks.causes(runs).set_index("cause")
    for cause in found.index:
        for rank in found:
            assert found.loc[cause, rank] == counts[cause, rank]
        assert causes.loc[cause, "first"] == counts[cause, 1]
        assert causes.loc[cause, "mean"] == pytest.approx(sums[cause])
        assert causes.loc[cause, "low"] <= sums[cause] <= causes.loc[cause, "high"]
    assert causes["first"].sum() == 9
    assert set(found.index) == {c for c in sums if sums[c] > 0.0}
    assert not {"backlog", "idle_no_demand"} & set(found.index)  # what a build-out is for, and what nobody asked for
    places = ranks.places(runs)
    assert places["mean"].sum() == pytest.approx(causes["mean"].sum())
    assert places["usd"].sum() == pytest.approx(2.0 * causes["mean"].sum())


def test_balance_counts_runs_in_which_demand_binds() -> None:
    table = outcomes(3)
    found, by_demand = ranks.balance(table)
    idle, held = defaultdict(float), defaultdict(float)
    for row in table.itertuples():
        if row.cause == "idle_no_demand" and row.measure == "gpu_hours_lost":
            idle[row.seed] += row.value
        elif row.measure == "gpu_hours_held_back" and not row.cause.startswith("rejected"):
            held[row.seed] += row.value
    assert by_demand.times == sum(idle[run] > held[run] for run in range(9))
    assert found.idle == pytest.approx(sum(idle.values()) / 9)
    assert found.held == pytest.approx(sum(held.values()) / 9)


def test_of_a_build_out_live_gpus_are_the_measure() -> None:
    """What is not there yet is told apart; here half of what is planned is live."""
    table = outcomes(3)
    live = table[table["measure"] == "planned_gpu_hours"].assign(measure="online_gpu_hours")
    live["value"] /= 2.0
    built = pd.concat([table, live, table.iloc[:1].assign(kind="project", measure="late_days")])
    (found, by_demand), (plain, _same) = ranks.balance(built), ranks.balance(table)
    assert (found.whole, found.idle, found.held) == pytest.approx((plain.whole / 2.0, plain.idle, plain.held))
    text = verdict(ranks.causes(ranks.by_run(built)), found, by_demand, "at market prices")
    assert text.startswith("Among live GPUs, ")
    assert "of live GPU-time" in text
    assert "planned" not in text


def test_the_verdict_says_how_often() -> None:
    runs = ranks.by_run(outcomes(1))
    causes = ranks.causes(runs)
    text = verdict(causes, *ranks.balance(outcomes(1)), "at market prices")
    first = causes.iloc[0]
    assert f"'{WORDS[first['cause']].short}', first in {first['first']} of 9 runs (" in text
    assert text.split()[1:4] == ["binds", "before", "demand"] or text.split()[1:4] == ["binds", "before", "supply"]


def test_nothing_was_held_back() -> None:
    table = outcomes(0)
    quiet = table[table["cause"].isin(["", "idle_no_demand"])]
    runs = ranks.by_run(quiet)
    assert ranks.causes(runs).empty
    text = verdict(ranks.causes(runs), *ranks.balance(quiet), "at market prices")
    assert text.endswith("No work was held back in any of 9 runs.")
    assert "Demand binds before supply in 9 of 9 runs" in text


def test_a_better_plan_or_a_larger_grid_is_one_cause() -> None:
    """What a pool lacks of power ranks as one, whichever of the two it is called from run to run."""
    held = {"not_energised": [60.0, 0.0, 0.0], "power_plan": [0.0, 55.0, 65.0], "busy": [50.0, 50.0, 50.0]}
    rows = [("pool", "a/H100", cause, ranks.HELD, hours[run], run) for cause, hours in held.items() for run in range(3)]
    rows += [("pool", "b/H100", "not_energised", ranks.HELD, 1.0, run) for run in range(3)]  # its grid is too small
    found = ranks.causes(
        ranks.by_run(pd.DataFrame(rows, columns=["kind", "name", "cause", "measure", "value", "seed"]))
    )
    assert found["cause"].tolist() == ["power_plan", "busy", "not_energised"]
    assert found["first"].tolist() == [3, 0, 0]
    assert found.loc[0, "mean"] == pytest.approx(60.0)


@pytest.mark.parametrize("n", [1, 8, 30])
def test_the_interval_of_a_share_covers_as_it_says(n: int) -> None:
    """For every true share: the chance of an interval that holds it, summed over outcomes."""
    intervals = [proportion(k, n) for k in range(n + 1)]
    for true in np.linspace(0.01, 0.99, 25):
        covered = sum(binom.pmf(k, n, true) for k, one in enumerate(intervals) if one.low <= true <= one.high)
        assert covered >= 0.95
    assert intervals[n].low == pytest.approx(0.025 ** (1.0 / n))  # Clopper and Pearson of n out of n
    assert proportion(0, 0)[2:] == (0.0, 1.0)

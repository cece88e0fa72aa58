"""How often each cause ranks first over replications, and how much it held back, each with an interval."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.causes import NOT_ENERGISED, POWER_PLAN, SLACK, WORDS
from gpusim.results.bottlenecks import Balance
from gpusim.studies.statistics.intervals import Moments
from gpusim.studies.statistics.proportions import Proportion, proportion

PLACES = ["pool", "rejection"]  # kinds of things in an outcome that have causes
HELD = "gpu_hours_held_back"
SUMS = (HELD, "gpu_hours_asked", "gpu_hours_lost", "job_hours_waited", "usd")


def by_run(outcomes: pd.DataFrame) -> pd.DataFrame:
    """What each cause held back at each place in each run, slack left out.

    Parameters
    ----------
    outcomes : DataFrame
        seed, kind, name, cause, measure, value: the outcomes of runs that differ in their seed only.

    Returns
    -------
    DataFrame
        cause, place, seed, and the figures of ``SUMS``; a cause that a run has no row of there has 0 in it.
    """
    rows = outcomes[outcomes["kind"].isin(PLACES) & (outcomes["cause"] != "") & outcomes["measure"].isin(SUMS)]
    rows = _one_power(rows[~rows["cause"].isin(SLACK)])
    sums = rows.pivot_table(index=["cause", "name", "seed"], columns="measure", values="value", aggfunc="sum")
    seeds = outcomes["seed"].unique()
    places = sums.index.droplevel("seed").unique()
    index = [(*place, seed) for place in places for seed in seeds]
    if not index:
        return pd.DataFrame(columns=["cause", "place", "seed", *SUMS])
    whole = sums.reindex(pd.MultiIndex.from_tuples(index, names=["cause", "place", "seed"]), fill_value=0.0)
    return whole.reindex(columns=list(SUMS)).fillna(0.0).reset_index()


def places(runs: pd.DataFrame) -> pd.DataFrame:
    """Causes by place, the largest mean of what they held back first.

    Parameters
    ----------
    runs : DataFrame
        Of ``by_run``.

    Returns
    -------
    DataFrame
        cause, place (of jobs that no queue turned away what they asked for), first (runs in which it ranks first among
        causes at places), mean, low, high (GPU-hours held back and the 95% interval of the mean), and means of the
        other figures.
    """
    return _ranked(runs, ["cause", "place"])


def causes(runs: pd.DataFrame) -> pd.DataFrame:
    """Causes over the whole fleet, by how often they rank first and then by what they held back.

    Returns
    -------
    DataFrame
        cause; first (runs in which it held back most), first_low and first_high (the 95% interval of that share: exact
        binomial, each for itself); mean, low, high as ``places``, and means of the other figures; place and place_share
        (where most of it is, and which share of it).
    """
    whole = runs.groupby(["cause", "seed"], as_index=False)[list(SUMS)].sum()
    table = _ranked(whole, ["cause"]).sort_values("first", ascending=False, kind="stable", ignore_index=True)
    n = whole["seed"].nunique()
    shares = [proportion(int(first), n) for first in table["first"]]
    most = runs.groupby(["cause", "place"])[HELD].sum().unstack("place").reindex(table["cause"])
    return table.assign(
        first_low=[one.low for one in shares], first_high=[one.high for one in shares],
        place=most.idxmax(axis=1).tolist() if len(table) else [],
        place_share=(most.max(axis=1) / most.sum(axis=1)).tolist() if len(table) else [],
    )  # fmt: skip


def frequencies(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs in which a cause has a rank, of those in which it held anything back.

    Returns
    -------
    DataFrame
        A row per cause, in the order of ``causes``, and a column per rank from 1.
    """
    held = _held(runs.groupby(["cause", "seed"], as_index=False)[HELD].sum(), ["cause"])
    ranks = held.rank(ascending=False, method="first").where(held > 0.0)
    counts = {rank: (ranks == rank).sum(axis=1) for rank in range(1, len(held) + 1)}
    table = pd.DataFrame(counts, index=held.index).reindex(causes(runs)["cause"])
    return table.loc[:, table.any()]


def balance(outcomes: pd.DataFrame) -> tuple[Balance, Proportion]:
    """Planned, idle and held back GPU-hours, means over runs; and in how many of them demand binds before supply.

    Where there are projects, live GPU-hours in place of planned ones.
    """
    is_built = bool((outcomes["kind"] == "project").any())
    whole = "online_gpu_hours" if is_built else "planned_gpu_hours"
    planned = outcomes[(outcomes["kind"] == "fleet") & (outcomes["measure"] == whole)]
    rows = outcomes[outcomes["kind"].isin(PLACES) & (outcomes["cause"] != "")]
    each = []
    for seed, hours in zip(planned["seed"], planned["value"], strict=True):
        mine = rows[rows["seed"] == seed]
        sums = mine.pivot_table(index="cause", columns="measure", values="value", aggfunc="sum")
        each.append(Balance.of(sums.reindex(columns=["gpu_hours_lost", HELD]).fillna(0.0).reset_index(), hours))
    mean = np.mean([one[:3] for one in each], axis=0)
    return Balance(*mean, is_built), proportion(sum(one.by_demand for one in each), len(each))


def _one_power(rows: pd.DataFrame) -> pd.DataFrame:
    """GPUs without power under one cause in all runs, that of most of a pool's: the grid or the power plan."""
    dark = rows["cause"].isin([NOT_ENERGISED, POWER_PLAN])
    held = rows[dark].assign(value=rows["value"].where(rows["measure"] == HELD, 0.0))
    most = held.pivot_table(index="name", columns="cause", values="value", aggfunc="sum", observed=True).idxmax(axis=1)
    return rows.assign(cause=rows["cause"].astype(str).where(~dark, rows["name"].map(most))) if len(most) else rows


def _ranked(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Rows of ``keys`` with their means over seeds, and the runs in which each held back most."""
    if table.empty:
        return pd.DataFrame(columns=[*keys, "first", "mean", "low", "high", *SUMS])
    held = _held(table, keys)
    moments = Moments.of(held.to_numpy())
    low, high = moments.limits(0.95, least=0.0)
    best = held.idxmax(axis=0)[held.max(axis=0) > 0.0].value_counts()
    means = table.groupby(keys)[list(SUMS)].mean().reindex(held.index)
    found = means.assign(first=best.reindex(held.index).fillna(0).astype(int), mean=moments.mean, low=low, high=high)
    return found[found["mean"] > 0.0].sort_values("mean", ascending=False, kind="stable").reset_index()


def _held(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """GPU-hours held back, a row per entry of ``keys`` and a column per seed; causes in the order of their table."""
    held = table.pivot_table(index=keys, columns="seed", values=HELD, aggfunc="sum", fill_value=0.0)
    order = {cause: i for i, cause in enumerate(WORDS)}
    return held.sort_index(key=lambda level: level.map(order) if level.name == "cause" else level)

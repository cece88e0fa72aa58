"""Two scenarios under the same seeds: differences of their figures, paired by seed, with intervals."""

from __future__ import annotations

import pandas as pd

from gpusim.analysis.measure import FLEET, MONEY, OF_REQUESTS
from gpusim.studies.replications.ranks import HELD, by_run
from gpusim.studies.statistics.intervals import CONFIDENCE, paired_interval

PAIRED = ["first", "second", "difference", "low", "high", "n"]


def seeds_of_both(first: pd.DataFrame, second: pd.DataFrame) -> list[int]:
    """Seeds under which both have finished runs, in order."""
    return sorted(set(first["seed"]) & set(second["seed"]))


def figures(first: pd.DataFrame, second: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Figures of the fleet.

    Parameters
    ----------
    first, second : DataFrame
        Outcomes of replications: seed, kind, measure, value, ...

    Returns
    -------
    DataFrame
        By measure: first and second (means over the seeds that both have), difference (second - first, mean of the
        pairs), low and high (its interval: Law 2015, section 10.2.1), n (pairs in which both have the figure).
    """
    wide = [_figures(one).pivot(index="measure", columns="seed", values="value") for one in (first, second)]
    names = list(dict.fromkeys([*FLEET, *MONEY, *wide[0].index, *wide[1].index]))
    there = [name for name in names if any(name in one.index for one in wide)]
    return _paired(*wide, pd.Index(there, name="measure"), seeds_of_both(first, second), confidence)


def _figures(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Figures of the fleet, and of the requests of services under the names that studies give them."""
    of_fleet = (outcomes["kind"] == "fleet") & outcomes["measure"].isin((*FLEET, *MONEY))
    of_service = (outcomes["kind"] == "service") & outcomes["measure"].isin(OF_REQUESTS)
    rows = outcomes[of_fleet | (of_service & outcomes["value"].notna())]  # services without a model have none
    named = ("service " + rows["name"].astype(str) + " ").where(rows["kind"] == "service", "")
    return rows.assign(measure=named + rows["measure"].astype(str))


def held_back(first: pd.DataFrame, second: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """GPU-hours held back by cause and place, the largest difference first; columns as ``figures``."""
    keys, seeds = ["cause", "place"], seeds_of_both(first, second)
    wide = [
        by_run(one).pivot_table(index=keys, columns="seed", values=HELD, aggfunc="sum").reindex(columns=seeds)
        for one in (first, second)
    ]
    index = wide[0].index.union(wide[1].index)
    table = _paired(*(one.reindex(index, fill_value=0.0) for one in wide), index, seeds, confidence)
    return table.loc[table["difference"].abs().sort_values(ascending=False, kind="stable").index].reset_index()


def _paired(
    first: pd.DataFrame, second: pd.DataFrame, index: pd.Index, seeds: list[int], confidence: float
) -> pd.DataFrame:
    rows = []
    for a, b in zip(*(one.reindex(index)[seeds].to_numpy(float) for one in (first, second)), strict=True):
        found = paired_interval(a, b, confidence)
        rows.append((a.mean(), b.mean(), found.mean, found.low, found.high, found.n))
    return pd.DataFrame(rows, index, PAIRED)

"""What sites pay and get besides capital and energy: rent, charges of rules, and what old GPUs bring."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from gpusim.commerce.cents import cents
from gpusim.results.tables.rules import charges
from gpusim.scenario.scenario import Scenario
from gpusim.units import MONTH_S

# Rent of leased halls: from when they are handed over, whether GPUs are in them or not.

LEASES = ["time_s", "site", "usd_per_month"]


def leases_of(scenario: Scenario, tasks: pd.DataFrame) -> pd.DataFrame:
    """What projects lease: the halls of each, from the end of the task that bears their rent.

    Parameters
    ----------
    tasks : DataFrame
        project, site, task, end_s [s]; NaN or inf: never.

    Returns
    -------
    DataFrame
        time_s, site, usd_per_month (of 30.4375 days).
    """
    rows = []
    for row in tasks[["project", "site", "task", "end_s"]].itertuples(index=False):
        project = scenario.projects[row.project]
        task = project.tasks.get(row.task)  # rules add tasks of their own, without rent
        usd = task.rent_usd_per_mw_month * (project.adds.hall_mw or 0.0) if task else 0.0
        if usd > 0.0 and np.isfinite(row.end_s):
            rows.append((row.end_s, row.site, usd))
    return pd.DataFrame(rows, columns=LEASES)


def standing_leases(scenario: Scenario) -> pd.DataFrame:
    """What sites lease of themselves, as ``leases_of``: a row for each step of ``hall_mw``."""
    rows = []
    for name, site in scenario.sites.items():
        if site.rent_usd_per_mw_month and site.hall_mw is not None:
            times_s, levels = zip(*site.hall_mw.steps(scenario.run.start), strict=True)
            changes = np.diff(levels, prepend=0.0) * site.rent_usd_per_mw_month
            rows += [(time_s, name, usd) for time_s, usd in zip(times_s, changes, strict=True)]
    return pd.DataFrame(rows, columns=LEASES)


def rent(leases: pd.DataFrame, places: list[str], months_s: np.ndarray) -> np.ndarray:
    """Cents by place and month, shape (places, months); what began before the run is paid from its start."""
    usd = np.zeros((len(places), len(months_s) - 1))
    time_s = leases["time_s"].to_numpy(dtype=float)[:, None]
    months = np.clip(months_s[1:] - time_s, 0.0, np.diff(months_s)) / MONTH_S
    at = [places.index(site) for site in leases["site"]]
    np.add.at(usd, at, months * leases["usd_per_month"].to_numpy(dtype=float)[:, None])
    return cents(usd)


# Money that rules cost by site and month: transmission, capacity, fines and purchases, as a run says.


def of_rules(rules: pd.DataFrame, places: list[str], months_s: np.ndarray) -> np.ndarray:
    """Cents by place and month, shape (places, months): each charge even over the time that it is for.

    Parameters
    ----------
    rules : DataFrame
        Table ``rules`` of a result.
    places : list of str
        Sites, and what belongs to none.
    months_s : ndarray, shape (months + 1,)
        [s] Edges. What a charge is for before and after the run counts in it.
    """
    paid = charges(rules)
    first_s = np.clip(paid["start_s"].to_numpy(dtype=float), 0.0, months_s[-1] - 1.0)
    last_s = np.clip(paid["end_s"].to_numpy(dtype=float), first_s + 1.0, months_s[-1])
    gone = np.clip((months_s[:, None] - first_s) / (last_s - first_s), 0.0, 1.0)
    parts = np.diff(cents(gone * paid["usd"].to_numpy(dtype=float)), axis=0)
    found = np.zeros((len(places), len(months_s) - 1), np.int64)
    np.add.at(found, [places.index(site) for site in paid["site"]], parts.T)
    return found


# GPUs that are taken out and sold: what they bring, and the book value that goes with them.


def retired(scenario: Scenario, months_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """GPUs sold by month: those by which the levels of pools fall.

    Parameters
    ----------
    scenario : Scenario
        Whose money has ``resale``.
    months_s : ndarray, shape (months + 1,)
        [s] Edges.

    Returns
    -------
    (int64 ndarray, ndarray), shape (months,)
        Proceeds [cents], and the share of the GPUs of the first day that is gone by the end of the month: by rated
        power, and before those that came later by a level of their pool. These have no book value: only projects
        spend, and the GPUs that they add stay.
    """
    proceeds, gone_w, first_w = np.zeros(len(months_s) - 1, np.int64), np.zeros(len(months_s) - 1), 0.0
    for site in scenario.sites.values():
        for kind, pool in site.pools.items():
            steps, rated_w = pool.gpus.steps(scenario.run.start), scenario.gpus[kind].rated_it_w_per_gpu
            first = steps[0][1]
            first_w += first * rated_w
            for (_, before), (time_s, after) in pairwise(steps):
                month = int(np.searchsorted(months_s, time_s, side="right")) - 1
                if after < before and month < len(proceeds):
                    sold, old = before - after, min(before - after, first)
                    proceeds[month] += cents(sold * scenario.money.resale.usd(kind, time_s))
                    gone_w[month] += old * rated_w
                    first -= old
    return proceeds, np.cumsum(gone_w) / first_w if first_w > 0.0 else gone_w


def written_off(left: int, wear: np.ndarray, gone: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """[cents] Depreciation of a plant, and the book value of what leaves it, by month, shape (months,).

    Parameters
    ----------
    left : int
        [cents] Its book value on the first day.
    wear : ndarray of int64, shape (months,)
        [cents] Its depreciation if nothing left.
    gone : ndarray, shape (months,)
        Share of its GPUs that has left by the end of the month: early in it, before the month's depreciation.
    share : float
        What GPUs are of it. The rest stays.
    """
    worn = np.rint(np.cumsum(wear) * share).astype(np.int64)
    whole = round(left * share) - worn
    before = np.concatenate([[round(left * share)], whole[:-1]])
    since = np.concatenate([[0.0], gone[:-1]])
    held, rest, end = (
        np.rint(value * (1.0 - share)).astype(np.int64)
        for value, share in ((before, since), (before, gone), (whole, gone))
    )
    return rest - end + wear - np.diff(worn, prepend=0), held - rest

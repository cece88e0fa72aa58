"""Rent of leased halls: from when they are handed over, whether GPUs are in them or not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.commerce.cents import cents
from gpusim.scenario.scenario import Scenario
from gpusim.units import MONTH_S

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

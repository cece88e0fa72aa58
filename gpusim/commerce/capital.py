"""Capital: what the build-out costs and how it wears, by site and month in cents."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.commerce.cents import cents, in_usd
from gpusim.commerce.loans import even
from gpusim.errors import CommerceError, did_you_mean
from gpusim.scenario.money import Money
from gpusim.units import DAY_S

SPENDING = ("time_s", "site", "project", "item", "usd", "life_years", "service_s")


def capex(
    spending: pd.DataFrame, sites: list[str], months_s: np.ndarray, live_s: np.ndarray, money: Money
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Capital expenditure, what of it comes into service, and its depreciation.

    Straight line over each item's life, from the month after it is in service, paid for, and its site has GPUs that are
    live; what never comes to that does not wear in the run.

    Parameters
    ----------
    spending : DataFrame
        time_s [s], site, project, item, usd, life_years: NaN stands for the lives of ``money``, by item "gpus" and
        others; service_s [s]: when it is in service, NaN: with the first GPUs of its site, inf: never. What is paid
        after the run is left out.
    sites : list of str
    months_s : ndarray, shape (months + 1,)
        [s] Edges.
    live_s : ndarray, shape (sites,)
        [s] When a site's first GPUs are live; inf: never.

    Returns
    -------
    (int64 ndarray, int64 ndarray, int64 ndarray), shape (sites, months)
        Paid, put into service, and written off.

    Raises
    ------
    CommerceError
        If columns are missing, or a site is unknown.
    """
    if missing := [name for name in SPENDING if name not in spending]:
        raise CommerceError(f"spending: columns {', '.join(missing)} missing; give {', '.join(SPENDING)}")
    if unknown := sorted(set(spending["site"]) - set(sites)):
        raise CommerceError(f"spending: unknown site {unknown[0]!r}{did_you_mean(unknown[0], sites)}")
    n = len(months_s) - 1
    time_s = np.maximum(spending["time_s"].to_numpy(dtype=float), 0.0)
    within = time_s < months_s[-1]
    site = np.array([sites.index(name) for name in spending["site"]], int)[within]
    lives = np.where(spending["item"].isin(money.gpu_items), money.gpu_life_years, money.site_life_years)
    life_years = spending["life_years"].to_numpy(dtype=float)
    life_months = 12.0 * np.where(np.isnan(life_years), lives, life_years)[within]
    paid = cents(spending["usd"].to_numpy(dtype=float))[within]
    spent, used, worn = np.zeros((3, len(sites), n), np.int64)
    np.add.at(spent, (site, _month(months_s, time_s[within])), paid)
    service_s = np.fmax(spending["service_s"].to_numpy(dtype=float)[within], live_s[site])
    begins = _month(months_s, np.maximum(time_s[within], service_s))
    np.add.at(used, (site[begins < n], begins[begins < n]), paid[begins < n])
    np.add.at(worn, site, even(paid, begins + 1, life_months, n))
    return spent, used, worn


def spending_of(tasks: pd.DataFrame, projects: pd.DataFrame, months_s: np.ndarray, money: Money) -> pd.DataFrame:
    """Spending of a build-out, as ``capex`` takes it: the cost of each task, even from its start to its end, by month.

    GPUs are paid ``gpus_paid_ahead_days`` before that. All is in service when its project is delivered; what a project
    that adds nothing pays for, with the first GPUs of its site.

    Parameters
    ----------
    tasks : DataFrame
        site, project, kind, start_s, end_s [s], usd. What was spent before the run counts at its start; a task that
        never ends costs nothing.
    projects : DataFrame
        project, component (that came last; empty: it adds nothing), delivered_s [s], NaN: never.
    months_s : ndarray, shape (months + 1,)
        [s] Edges.
    money : Money
    """
    paid = tasks[(tasks["usd"] > 0.0) & tasks["start_s"].notna() & tasks["end_s"].notna()]
    ahead_s = np.where(paid["kind"].isin(money.gpu_items), money.gpus_paid_ahead_days * DAY_S, 0.0)
    start_s = paid["start_s"].to_numpy(dtype=float) - ahead_s
    end_s = paid["end_s"].to_numpy(dtype=float) - ahead_s
    delivered_s = projects["delivered_s"].fillna(np.inf).where(projects["component"] != "")
    service_s = delivered_s.set_axis(projects["project"]).reindex(paid["project"]).to_numpy(dtype=float)
    edges_s = np.concatenate([[-np.inf], months_s[1:]])
    gone = np.clip((edges_s - start_s[:, None]) / np.maximum(end_s - start_s, 1.0)[:, None], 0.0, 1.0)
    spent = np.diff(cents(gone * paid["usd"].to_numpy(dtype=float)[:, None]), axis=1)
    task, month = np.nonzero(spent)
    return pd.DataFrame(
        {
            "time_s": months_s[month].astype(float),
            "site": paid["site"].to_numpy()[task],
            "project": paid["project"].to_numpy()[task],
            "item": paid["kind"].to_numpy()[task],
            "usd": in_usd(spent[task, month]),
            "life_years": np.nan,
            "service_s": service_s[task],
        }
    )


def opening_plant(money: Money) -> int:
    """[cents] Book value of the plant that was in use before the run."""
    return 0 if money.opening is None else int(cents(money.opening.plant_usd - money.opening.depreciation_usd))


def opening_wear(money: Money, n: int) -> np.ndarray:
    """[cents] Depreciation of the plant that was in use before the run, by month, shape (n,)."""
    opening = money.opening
    if opening is None or opening.plant_usd == 0.0:
        return np.zeros(n, np.int64)
    left = 1.0 - opening.depreciation_usd / opening.plant_usd
    months = max(12.0 * money.gpu_life_years * left, 1.0)
    return even(cents([opening.plant_usd - opening.depreciation_usd]), np.zeros(1), np.array([months]), n)[0]


def from_construction(spent: np.ndarray, money: Money) -> np.ndarray:
    """[cents] What of each month's spending, shape (months,), had been paid before the run."""
    paid = 0 if money.opening is None else int(cents(money.opening.construction_usd))
    return np.diff(np.minimum(np.cumsum(spent), paid), prepend=0)


def _month(months_s: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Month of each moment from the start of the run on; behind the last if it is after the run."""
    return np.searchsorted(months_s, time_s, side="right") - 1

"""Whether GPUs without power lacked a grid connection, or a plan that trusts what GPUs draw and not their nameplate."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.causes import NOT_ENERGISED, POWER_PLAN
from gpusim.tables.record import Record

RESERVE = 0.1  # of a grid connection that a plan leaves unused (assumption; caps act on the rest)


def named(result: Record, entries: pd.DataFrame) -> pd.DataFrame:
    """Entries of the books in which pools that lacked a better plan, and not a grid connection, have that cause.

    GPUs are energised by nameplate. Where a site never drew more than the share u of its connection, the connection
    would have carried (1 - ``RESERVE``) / u times those that it did, at the same draw. If these are most of the GPUs
    of a pool that stood without power, the plan is at fault for all of them, else the grid: each has one cause.

    Parameters
    ----------
    entries : DataFrame
        site, gpu_type, start_s, end_s, cause, lost_s, asked_s, held_s (``gpusim.analysis.ledger``).
    """
    dark = (entries["cause"] == NOT_ENERGISED).to_numpy()
    if not dark.any():
        return entries
    mine = entries[dark]
    spare = _spare(result)[_row_of(result, mine)] * _energised(result, mine)
    without = np.maximum((mine["lost_s"] / (mine["end_s"] - mine["start_s"])).to_numpy(), 1e-9)
    carried = np.minimum(spare / without, 1.0)
    pool, _names = pd.factorize(_pools(mine))
    share = np.full(len(_names), np.nan)
    for amount in ("asked_s", "lost_s", "held_s"):  # of what was held back; if nothing, of all
        parts_s, whole_s = (np.bincount(pool, mine[amount] * factor) for factor in (carried, 1.0))
        np.divide(parts_s, whole_s, out=share, where=whole_s > 0.0)
    causes = entries["cause"].to_numpy(object, copy=True)
    causes[np.flatnonzero(dark)[share[pool] > 0.5]] = POWER_PLAN
    return entries.assign(cause=pd.array(causes, dtype="str"))


def _spare(result: Record) -> np.ndarray:
    """GPUs more, of each that is energised, that the connection of a site would carry by what the site drew at most.

    The limit of an interval is that at its start, or at its end if that is more: in between the connection may have
    grown, or the site's own plant started. Shape (n_sites,), as the rows of the table of sites.
    """
    power = result.power
    after_w = power.groupby("site", observed=True)["limit_w"].shift(-1)  # rows are in the order of time
    power = power.assign(limit_w=np.fmax(power["limit_w"], after_w))
    power = power[np.isfinite(power["limit_w"]) & (power["limit_w"] > 0.0)]
    at, limit_w = _row_of(result, power), power["limit_w"].to_numpy()
    most_w, used = np.zeros((2, len(result.sites)))
    np.maximum.at(most_w, at, limit_w)
    np.maximum.at(used, at, power["facility_w"].to_numpy() / limit_w)
    np.maximum.at(used, at, result.sites["peak_facility_w"].to_numpy()[at] / most_w[at])
    spare = np.maximum((1.0 - RESERVE) / np.maximum(used, 1e-9) - 1.0, 0.0)
    return np.where(most_w > 0.0, spare, 0.0)


def _energised(result: Record, mine: pd.DataFrame) -> np.ndarray:
    """GPUs energised in the pool and record interval of each entry, shape (n_entries,); 0 where no row tells."""
    pools = result.pools
    names, starts_s = pd.Index(pd.unique(_pools(pools))), pd.Index(np.unique(pools["start_s"]))

    def cell(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        return names.get_indexer(_pools(rows)), starts_s.get_indexer(rows["start_s"])

    table = np.zeros((len(names) + 1, len(starts_s) + 1))  # what is not found has index -1: the row and column beyond
    table[cell(pools)] = pools["energised_gpus"]
    return table[cell(mine)]


def _row_of(result: Record, rows: pd.DataFrame) -> np.ndarray:
    """Where the site of each row stands in the table of sites."""
    return pd.Index(result.sites["site"].astype(str)).get_indexer(rows["site"].astype(str))


def _pools(rows: pd.DataFrame) -> pd.Series:
    """Pool of each row: SITE/TYPE."""
    return rows["site"].astype(str) + "/" + rows["gpu_type"].astype(str)

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
        site, gpu_type, start_s, end_s, cause, lost_s, asked_s, held_s (``gpusim.analysis.books``).
    """
    dark = (entries["cause"] == NOT_ENERGISED).to_numpy()
    if not dark.any():
        return entries
    mine = entries[dark]
    spare = mine["site"].astype(str).map(_spare(result)).to_numpy(float) * _energised(result, mine)
    without = np.maximum((mine["lost_s"] / (mine["end_s"] - mine["start_s"])).to_numpy(), 1e-9)
    planned = pd.DataFrame({"held": mine["held_s"], "lost": mine["lost_s"], "asked": mine["asked_s"]})
    pool = [mine["site"].astype(str), mine["gpu_type"].astype(str)]
    carried = planned.mul(np.minimum(spare / without, 1.0), axis=0)
    parts, whole = carried.groupby(pool).sum(), planned.groupby(pool).sum()
    share = (parts / whole.where(whole > 0.0)).bfill(axis=1)["held"]  # of what was held back; if nothing, of all
    at_fault = share.reindex(pd.MultiIndex.from_arrays(pool)).to_numpy() > 0.5
    causes = entries["cause"].to_numpy(object, copy=True)
    causes[np.flatnonzero(dark)[at_fault]] = POWER_PLAN
    return entries.assign(cause=pd.array(causes, dtype="str"))


def _spare(result: Record) -> pd.Series:
    """GPUs more, of each that is energised, that the connection of a site would carry by what the site drew at most."""
    power = result.power[np.isfinite(result.power["limit_w"]) & (result.power["limit_w"] > 0.0)]
    site = power["site"].astype(str)
    used = (power["facility_w"] / power["limit_w"]).groupby(site).max()
    at_once = result.sites.set_index("site")["peak_facility_w"] / power["limit_w"].groupby(site).max()
    used = np.maximum(used, at_once.reindex(used.index))
    return ((1.0 - RESERVE) / used.clip(lower=1e-9) - 1.0).clip(lower=0.0).reindex(result.sites["site"], fill_value=0.0)


def _energised(result: Record, mine: pd.DataFrame) -> np.ndarray:
    """GPUs energised in the pool and record interval of each entry, shape (n_entries,)."""
    keys = ["site", "gpu_type", "start_s"]
    pools = result.pools.set_index([result.pools[name].astype(str) if name != "start_s" else name for name in keys])
    return pools["energised_gpus"].reindex(pd.MultiIndex.from_frame(mine[keys])).fillna(0.0).to_numpy()

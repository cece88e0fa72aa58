"""Whether GPUs without power lacked a grid connection, or a plan that trusts what GPUs draw and not their nameplate."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.causes import NOT_ENERGISED, POWER_PLAN
from gpusim.tables.record import Record

RESERVE = 0.1  # of a grid connection that a plan leaves unused (assumption; caps act on the rest)


def split(result: Record, entries: pd.DataFrame) -> pd.DataFrame:
    """Entries of the books in which GPUs that the connection could have powered have a cause of their own.

    GPUs are energised by nameplate. Where a site never drew more than the share u of its connection, the connection
    would have carried (1 - ``RESERVE``) / u times those that it did, at the same draw. Of the GPUs without power so
    many are put down to the plan, and only the rest to the grid.

    Parameters
    ----------
    entries : DataFrame
        site, gpu_type, start_s, cause, and columns of sums (``gpusim.analysis.books``).
    """
    dark = (entries["cause"] == NOT_ENERGISED).to_numpy()
    if not dark.any():
        return entries
    mine = entries[dark]
    planned = mine["site"].map(_spare(result)).to_numpy(float) * _energised(result, mine)
    counts = np.maximum(mine["lost_s"] / (mine["end_s"] - mine["start_s"]), 1e-9).to_numpy()  # or all
    share = np.minimum(planned / counts, 1.0)
    sums = [name for name in mine if name.endswith("_s") and name not in ("start_s", "end_s")]
    by_plan, by_grid = mine[sums].mul(share, axis=0), mine[sums].mul(1.0 - share, axis=0)
    parts = (entries[~dark], mine.assign(**by_grid)[share < 1.0], mine.assign(cause=POWER_PLAN, **by_plan)[share > 0.0])
    return pd.concat(parts, ignore_index=True)


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

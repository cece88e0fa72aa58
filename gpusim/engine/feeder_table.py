"""The table of nodes, racks, busways and halls at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gpusim.engine.build import Names
from gpusim.engine.hall_cooling import HallCooling
from gpusim.kernels.state.codes import Tier
from gpusim.kernels.state.fleet import Fleet


def feeders_table(fleet: Fleet, names: Names, now_s: float, halls: Sequence[HallCooling]) -> pd.DataFrame:
    """One row per feeder: where it is, what it may carry, what was asked of it at most, how long it capped runs.

    Where hot days limit some ``halls``, ``least_limit_w`` is the least that each feeder carried.
    """
    feeders = fleet.feeders
    pool, tier = feeders["pool"], feeders["tier"]
    first = fleet.pools["first_feeder"][pool, tier]
    since_s = np.where(feeders["cap_step"] > 0, feeders["since_s"], now_s)
    limit_w = feeders["limit_w"].copy()
    least_w = limit_w.copy()
    for hall in halls:
        mine = (pool == hall.pool) & (tier == Tier.HALL)
        limit_w[mine], least_w[mine] = hall.limit_w, hall.least_w
    return pd.DataFrame(
        {
            "site": [names.pools[p][0] for p in pool],
            "gpu_type": [names.pools[p][1] for p in pool],
            "tier": [Tier(t).name.lower() for t in tier],
            "feeder": np.arange(len(feeders)) - first,
            "nodes": feeders["n_nodes"],
            "limit_w": limit_w,
            **({"least_limit_w": least_w} if halls else {}),
            "asked_w": feeders["asked_w"],
            "capped_s": feeders["capped_s"] + (now_s - since_s),
        }
    )

"""GPUs that no contract has, sold by the hour: on demand and as spot."""

from __future__ import annotations

import numpy as np

from gpusim.commerce.allocation import Allocation
from gpusim.commerce.book import levels_of
from gpusim.commerce.cents import cents
from gpusim.units import HOUR_S


def market(allocation: Allocation) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What was sold by the hour.

    Returns
    -------
    dict of str to (ndarray, int64 ndarray), shape (pools, months)
        ``on_demand`` and ``spot``: GPU-seconds, and cents at the type's list price times the market's.
    """
    book = allocation.book
    scenario = book.scenario
    list_usd = np.array([scenario.gpus[kind].usd_per_gpu_hour for _site, kind in allocation.pools])[:, None]
    sold = {}
    for kind in ("on_demand", "spot"):
        share, price = (
            levels_of(getattr(scenario.market, f"{kind}_{what}"), scenario.run.start).at(allocation.edges_s[:-1])
            for what in ("share", "price")
        )
        gpu_s, usd_s = (allocation.by_month(allocation.left * part) for part in (share, share * price))
        sold[kind] = gpu_s, cents(usd_s / HOUR_S * list_usd)
    return sold

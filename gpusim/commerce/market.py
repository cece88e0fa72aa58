"""GPUs that no contract has, sold by the hour: on demand and as spot."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from gpusim.commerce.allocation import Allocation
from gpusim.commerce.book import step_function
from gpusim.commerce.cents import cents
from gpusim.errors import CommerceError
from gpusim.scenario.steps import Steps
from gpusim.units import HOUR_S


def market(allocation: Allocation, prices: pd.DataFrame | None = None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What was sold by the hour.

    Parameters
    ----------
    prices : DataFrame, optional
        As ``gpusim.commerce.scarcity.prices`` finds them; needed if the market has an index.

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
        share = step_function(getattr(scenario.market, f"{kind}_share"), scenario.run.start).at(allocation.edges_s[:-1])
        if scenario.market.index is not None:
            price = _indexed(allocation, prices, f"{kind}_price_ratio")
        else:
            price = _fixed(allocation, getattr(scenario.market, f"{kind}_ratio"))
        if scenario.market.demand is not None:
            asked_for = _indexed(allocation, prices, "on_demand_share")
            share = asked_for if kind == "on_demand" else (1.0 - asked_for) * share
        gpu_s, usd_s = (allocation.by_month(allocation.left * part) for part in (share, share * price))
        sold[kind] = gpu_s, cents(usd_s / HOUR_S * list_usd)
    return sold


def _fixed(allocation: Allocation, ratio: Callable[[dict], Steps]) -> np.ndarray:
    """Prices over list of the pools' types, shape (pools, intervals)."""
    scenario = allocation.book.scenario
    kinds = [scenario.gpus[kind].model_dump() for _site, kind in allocation.pools]
    at_s = allocation.edges_s[:-1]
    return np.array([step_function(ratio(gpu), scenario.run.start).at(at_s) for gpu in kinds]).reshape(-1, len(at_s))


def _indexed(allocation: Allocation, prices: pd.DataFrame | None, column: str) -> np.ndarray:
    """A column of the prices, shape (pools, intervals): that of the pool's type in the month."""
    if prices is None:
        raise CommerceError("market.index: the prices are missing; give those of gpusim.commerce.scarcity.prices")
    book, n = allocation.book, len(allocation.book.months_s) - 1
    kinds = list(prices["gpu_type"].iloc[::n])
    by_type = prices[column].to_numpy(float).reshape(len(kinds), n)
    month = np.searchsorted(book.months_s, allocation.edges_s[:-1], side="right") - 1
    values = by_type[[kinds.index(kind) for _site, kind in allocation.pools]]
    return values[:, np.minimum(month, n - 1)]

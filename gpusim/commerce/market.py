"""GPUs that no contract has, sold by the hour: on demand and as spot."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pandas as pd

from gpusim.commerce.allocation import Allocation
from gpusim.commerce.book import step_function
from gpusim.commerce.cents import cents
from gpusim.errors import CommerceError
from gpusim.scenario.market import Market
from gpusim.scenario.steps import Steps
from gpusim.units import HOUR_S

HOURLY = ("on_demand", "spot")


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
    list_usd = np.array([allocation.book.scenario.gpus[kind].usd_per_gpu_hour for _site, kind in allocation.pools])
    sold = {}
    for kind, gpus in let(allocation, prices).items():
        price = _price(allocation, prices, kind)
        gpu_s, usd_s = (allocation.by_month(values) for values in (gpus, gpus * price))
        sold[kind] = gpu_s, cents(usd_s / HOUR_S * list_usd[:, None])
    return sold


def let(allocation: Allocation, prices: pd.DataFrame | None = None) -> dict[str, np.ndarray]:
    """GPUs that are let by the hour, by ``HOURLY``, shape (pools, intervals); ``prices`` as of ``market``."""
    scenario = allocation.book.scenario
    shares = {
        kind: step_function(getattr(scenario.market, f"{kind}_share"), scenario.run.start).at(allocation.edges_s[:-1])
        for kind in HOURLY
    }
    if scenario.market.demand is not None:
        asked_for = _indexed(allocation, prices, "on_demand_share")
        shares = {"on_demand": asked_for, "spot": (1.0 - asked_for) * shares["spot"]}
    return {kind: allocation.left * share for kind, share in shares.items()}


def _price(allocation: Allocation, prices: pd.DataFrame | None, kind: str) -> np.ndarray:
    """Prices over list of what is let in one way, shape (pools, intervals)."""
    market = allocation.book.scenario.market
    if market.index is not None:
        new = _indexed(allocation, prices, f"{kind}_price_ratio")
    else:
        new = _fixed(allocation, getattr(market, f"{kind}_ratio"))
    start, starts_s = allocation.book.scenario.run.start, allocation.edges_s[:-1]
    return new * np.array([aged(market, one, start, starts_s) for _site, one in allocation.pools]).reshape(new.shape)


def aged(market: Market, kind: str, start: datetime, at_s: np.ndarray) -> np.ndarray:
    """Share of its price that a GPU type still has at some times [s], shape of ``at_s``."""
    times_s, shares = np.array([(-np.inf, 1.0), *market.aged(kind, start)]).T
    return shares[np.searchsorted(times_s, at_s, side="right") - 1]


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

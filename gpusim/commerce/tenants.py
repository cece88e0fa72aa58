"""Tenants who hire by the hour: how what they ask for divides among us and the rivals.

    attraction = GPUs for hire x price ^ -elasticity
    share      = attraction / sum of attractions

An attraction model of market shares (Bell, Keeney and Little, "A Market Share Theorem", Journal of Marketing Research
12, 1975), multiplicative in capacity and price. Nobody lets more than it has: what one cannot serve goes to the others.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.commerce.allocation import Allocation
from gpusim.commerce.book import Book
from gpusim.errors import CommerceError
from gpusim.units import DAY_S, YEAR_S

REQUESTS = ("taker", "is_rival", "supply", "units", "received_s")
SHARES = ("asked_gpus", "rivals_gpus", "rivals_sold_gpus", "on_demand_share")


def shares(allocation: Allocation, requests: pd.DataFrame | None) -> dict[str, np.ndarray]:
    """What is asked for and sold on demand, by GPU type and month.

    Capacity is ours as mean of the month, the rivals' as the month begins.

    Parameters
    ----------
    allocation : Allocation
        Of a scenario whose market has a demand.
    requests : DataFrame
        Table ``requests`` of a build-out: ``REQUESTS``.

    Returns
    -------
    dict of str to ndarray, shape (types of the scenario, months)
        ``SHARES``: GPUs asked for, those that rivals have for hire and let, and the share that we sell of the GPUs that
        contracts leave.
    """
    if requests is None:
        raise CommerceError("market.demand: the requests are missing; give those of the build-out")
    if missing := [name for name in REQUESTS if name not in requests]:
        raise CommerceError(f"requests: columns {', '.join(missing)} missing; give {', '.join(REQUESTS)}")
    book = allocation.book
    demand, months_s = book.scenario.market.demand, book.months_s
    letting = {name: rival.lets for name, rival in book.scenario.rivals.items() if rival.lets is not None}
    prices = np.array([1.0, *(lets.price for lets in letting.values())])
    ours = allocation.by_month(allocation.left) / np.diff(months_s)  # (pools, months)
    found = {name: np.zeros((len(book.scenario.gpus), len(months_s) - 1)) for name in SHARES}
    for k, kind in enumerate(book.scenario.gpus):
        if kind not in demand.gpus:
            continue
        spec = demand.gpus[kind]
        asked = spec.at_start * (1.0 + spec.growth_per_year) ** (months_s[:-1] / YEAR_S)
        own = ours[[of == kind for _site, of in allocation.pools]].sum(axis=0)
        theirs = [_for_hire(book, name, kind, requests) for name in letting]
        sold = divided(asked, np.array([own, *theirs]), prices, demand.elasticity)
        share = np.divide(sold[0], own, out=np.zeros(len(own)), where=own > 0.0)
        for name, values in zip(SHARES, (asked, sum(theirs), sold[1:].sum(axis=0), share), strict=True):
            found[name][k] = values
    return found


def divided(asked: np.ndarray, have: np.ndarray, prices: np.ndarray, elasticity: float) -> np.ndarray:
    """What each provider sells of what is asked for.

    All sell the same multiple of their attraction, up to what they have. So the cheapest is sold out first, and in
    order of price nobody need be looked at twice.

    Parameters
    ----------
    asked : ndarray, shape (months,)
    have : ndarray, shape (providers, months)
    prices : ndarray, shape (providers,)
        Greater than 0, in any unit.

    Returns
    -------
    ndarray, shape (providers, months)
    """
    order = np.argsort(prices, kind="stable")
    attraction = (have * (prices[:, None] / prices.min()) ** -elasticity)[order]
    pull = np.cumsum(attraction[::-1], axis=0)[::-1]  # of a provider and all dearer ones
    share = np.divide(attraction, pull, out=np.zeros(have.shape), where=pull > 0.0)
    sold, left = np.zeros(have.shape), asked.astype(float)
    for place, provider in enumerate(order):
        sold[provider] = np.minimum(have[provider], left * share[place])
        left = left - sold[provider]
    return sold


def _for_hire(book: Book, rival: str, kind: str, requests: pd.DataFrame) -> np.ndarray:
    """GPUs of a type that a rival has for hire as each month begins."""
    lets, starts_s = book.scenario.rivals[rival].lets, book.months_s[:-1]
    gpus = np.full(len(starts_s), lets.gpus.get(kind, 0.0))
    if kind in lets.supplies:
        mine = requests[(requests["taker"] == rival) & (requests["supply"] == lets.supplies[kind])]
        mine = mine[mine["is_rival"] & mine["received_s"].notna()].sort_values("received_s", kind="stable")
        ready_s = mine["received_s"].to_numpy(float) + lets.ready_days * DAY_S
        received = np.concatenate([[0.0], mine["units"].to_numpy(float).cumsum()])
        gpus += received[np.searchsorted(ready_s, starts_s, side="right")]
    return gpus

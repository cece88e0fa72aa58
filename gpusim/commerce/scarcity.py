"""Prices by the hour that follow scarcity, and how tenants who rent so divide among us and the rivals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.play import line_of, play, requests_of
from gpusim.buildout.schedule import Schedule
from gpusim.commerce.allocation import Allocation
from gpusim.commerce.book import Book, constant, months_of
from gpusim.commerce.market import aged
from gpusim.errors import CommerceError
from gpusim.results.tables.record import Record
from gpusim.scenario.market import PriceIndex
from gpusim.units import DAY_S, MONTH_S, YEAR_S

# Tenants who rent by the hour: how what they ask for divides among us and the rivals.
#
#     attraction = GPUs for rent x price ^ -elasticity
#     share      = attraction / sum of attractions
#
# An attraction model of market shares (Bell, Keeney and Little, "A Market Share Theorem", Journal of Marketing Research
# 12, 1975), multiplicative in capacity and price. Nobody lets more than it has: what one cannot serve goes to the
# others.

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
        ``SHARES``: GPUs asked for, those that rivals have for rent, those that they rent out, and the share
        that we sell of the GPUs that contracts leave.
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
    """GPUs of a type that a rival has for rent as each month begins."""
    lets, starts_s = book.scenario.rivals[rival].lets, book.months_s[:-1]
    gpus = np.full(len(starts_s), lets.gpus.get(kind, 0.0))
    if kind in lets.supplies:
        mine = requests[(requests["taker"] == rival) & (requests["supply"] == lets.supplies[kind])]
        mine = mine[mine["is_rival"] & mine["received_s"].notna()].sort_values("received_s", kind="stable")
        ready_s = mine["received_s"].to_numpy(float) + lets.ready_days * DAY_S
        received = np.concatenate([[0.0], mine["units"].to_numpy(float).cumsum()])
        gpus += received[np.searchsorted(ready_s, starts_s, side="right")]
    return gpus


# Prices by the hour that follow scarcity: a price index by GPU type and month, by a stated rule.
#
#     scarcity  = (cover + wanted) / (cover + free)
#     on demand = list x clip(balance x scarcity ^ elasticity, least, most)
#     spot      = on demand x clip(spot x scarcity ^ elasticity, spot_least, spot_most)
#
# ``cover`` is what the type's stock brings in ``cover_days`` at its present pace; ``wanted`` is the line for it: what
# rivals wait for, and the greater of what our projects wait for and what our contracts lack, which is the same demand.

LINE = ("month", "supply", "waiting_own_units", "waiting_rivals_units", "free_units", "units_per_month")
PRICES = [
    "gpu_type", "month", "wanted_gpus", "free_gpus", "cover_gpus", "scarcity", "on_demand_price_ratio",
    "spot_price_ratio",
]  # fmt: skip


def prices(allocation: Allocation, line: pd.DataFrame, requests: pd.DataFrame | None = None) -> pd.DataFrame:
    """Prices by GPU type and month, as the month begins, and what is sold at them.

    Parameters
    ----------
    allocation : Allocation
        Of a scenario whose market has an index.
    line : DataFrame
        Table ``line`` of a build-out: ``LINE``.
    requests : DataFrame, optional
        Its table ``requests``; needed if the market has a demand.

    Returns
    -------
    DataFrame
        ``PRICES``, by type in the order of the scenario, then by month: GPUs wanted, free and covered, scarcity (1:
        balance), and prices over the list price; with a demand ``gpusim.commerce.scarcity.SHARES`` too.

    Raises
    ------
    CommerceError
        If the market has no index, or the line leaves out a supply or a month of it, or with a demand the requests are
        missing.
    """
    book = allocation.book
    index = book.scenario.market.index
    if index is None:
        raise CommerceError("market.index: is missing; add [market.index] with supplies of GPU types")
    if missing := [name for name in LINE if name not in line]:
        raise CommerceError(f"line: columns {', '.join(missing)} missing; give {', '.join(LINE)}")
    months, kinds = months_of(book), list(book.scenario.gpus)
    lines = {supply: _of(line, supply, months) for supply in set(index.supplies.values())}
    lacking = _lacking(allocation)
    wanted, free, cover = np.zeros((3, len(kinds), len(months)))
    for k, kind in enumerate(kinds):
        if kind in index.supplies:
            stock, supply = lines[index.supplies[kind]], index.supplies[kind]
            ours = sum(lacking.get(other, 0.0) for other, name in index.supplies.items() if name == supply)
            wanted[k] = stock["waiting_rivals_units"] + np.maximum(stock["waiting_own_units"], ours)
            free[k] = stock["free_units"]
            cover[k] = stock["units_per_month"] * (index.cover_days * DAY_S / MONTH_S)
    values = wanted, free, cover, *rule(index, wanted, free, cover)
    table = {
        "gpu_type": np.repeat(np.array(kinds, object), len(months)),
        "month": np.tile(np.array(months, object), len(kinds)),
        **{name: value.ravel() for name, value in zip(PRICES[2:], values, strict=True)},
    }
    if book.scenario.market.demand is not None:
        table |= {name: value.ravel() for name, value in shares(allocation, requests).items()}
    return pd.DataFrame(table)


def prices_of(allocation: Allocation, network: TaskNetwork, schedule: Schedule) -> pd.DataFrame | None:
    """Prices in a replication of the build-out; None if its market has no index."""
    market = allocation.book.scenario.market
    if market.index is None:
        return None
    requests = None if market.demand is None else requests_of(network, schedule)
    return prices(allocation, line_of(schedule), requests)


def prices_of_run(allocation: Allocation, result: Record) -> pd.DataFrame | None:
    """Prices in a run of the fleet; None if its market has no index. ``allocation`` is that of the run."""
    scenario = allocation.book.scenario
    if scenario.market.index is None:
        return None
    if scenario.projects:
        return prices(allocation, result.build_line, result.build_requests)
    build_out = play(scenario, result.manifest["seed"])  # nothing is built, but rivals order all the same
    return prices(allocation, build_out.line, build_out.requests)


def priced(allocation: Allocation, prices: pd.DataFrame) -> Allocation:
    """The allocation with the prices of contracts at the index: those on demand in the month of signing, times a share.

    Prices decide nothing about who gets what. A contract signed before the run has the price of its first month, one
    that is signed after it that of its last.
    """
    book = allocation.book
    by_type = prices.pivot(index="gpu_type", columns="month", values="on_demand_price_ratio")
    listed = book.scenario.gpus
    contracts = []
    for terms in book.contracts:
        if (share := terms.spec.price_index) is not None:
            kind = terms.spec.gpu_types[0]
            month = months_of(book)[int(np.searchsorted(book.months_s[1:-1], terms.signed_s, side="right"))]
            usd = listed[kind].usd_per_gpu_hour * float(by_type.loc[kind, month]) * share
            usd *= float(aged(book.scenario.market, kind, book.scenario.run.start, np.array([terms.signed_s]))[0])
            terms = replace(terms, price=constant(usd))
        contracts.append(terms)
    return replace(allocation, book=replace(book, contracts=tuple(contracts)))


def rule(
    index: PriceIndex, wanted: np.ndarray, free: np.ndarray, cover: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(scarcity, on-demand and spot price as multiples of list) for GPUs wanted, free and covered.

    Where there is neither supply nor demand the market is in balance.
    """
    demand, supply = cover + wanted, cover + free
    with np.errstate(divide="ignore", invalid="ignore"):
        scarcity = np.where((demand == 0.0) & (supply == 0.0), 1.0, demand / supply)
        pull = scarcity**index.elasticity
        on_demand = np.clip(index.balance * pull, index.least, index.most)
        spot = np.clip(index.spot * pull, index.spot_least, index.spot_most)
    return scarcity, on_demand, on_demand * spot


def _of(line: pd.DataFrame, supply: str, months: list[str]) -> dict[str, np.ndarray]:
    """Columns of a supply, by month."""
    rows = line[line["supply"] == supply].set_index("month")
    if missing := [month for month in months if month not in rows.index]:
        raise CommerceError(f"line: nothing of supply {supply!r} in {missing[0]}; give the build-out of this scenario")
    return {name: rows.loc[months, name].to_numpy(dtype=float) for name in LINE[2:]}


def _lacking(allocation: Allocation) -> dict[str, np.ndarray]:
    """GPUs that contracts lack at the start of each month, under the type that each names first."""
    firsts = np.searchsorted(allocation.edges_s, allocation.book.months_s[:-1])
    missing = allocation.missing[:, firsts]
    lacking: dict[str, np.ndarray] = {}
    for terms, gpus in zip(allocation.book.contracts, missing, strict=True):
        for kind in terms.spec.gpu_types[:1]:
            lacking[kind] = lacking.get(kind, 0.0) + gpus
    return lacking

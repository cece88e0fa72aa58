"""The bill for electricity by site and month: as a run of the fleet metered it, or from stated figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.commerce.accounts import Accounts
from gpusim.commerce.allocation import Allocation
from gpusim.commerce.book import months_of
from gpusim.commerce.cents import cents
from gpusim.commerce.market import market
from gpusim.results.tables.names import CHARGED
from gpusim.results.tables.record import Record
from gpusim.units import HOUR_S, JOULE_PER_MWH, WATT_PER_MW


def live_mw(allocation: Allocation) -> np.ndarray:
    """[MW] Mean rated IT power of live GPUs, shape (sites, months)."""
    return _rated_mw(allocation, allocation.by_month(allocation.live))


def _rated_mw(allocation: Allocation, gpu_s: np.ndarray) -> np.ndarray:
    """[MW] Mean rated IT power of GPU-seconds of shape (pools, months), shape (sites, months)."""
    book = allocation.book
    scenario, sites = book.scenario, list(book.scenario.sites)
    mw = np.zeros((len(sites), len(book.months_s) - 1))
    for (site, kind), row in zip(allocation.pools, gpu_s):
        mw[sites.index(site)] += row * scenario.gpus[kind].rated_it_w_per_gpu / WATT_PER_MW
    return mw / np.diff(book.months_s)


def stated(accounts: Accounts, prices: pd.DataFrame | None = None) -> tuple[np.ndarray, np.ndarray]:
    """[MWh] and cents, shape (sites, months): live GPUs at the stated loads, PUE and price.

    With ``money.idle_load`` GPUs that nobody uses draw that. ``prices`` by the hour are needed if the market has an
    index, as they say what is let.
    """
    allocation = accounts.allocation
    book = allocation.book
    money, usd_per_mwh = book.scenario.money, book.energy_usd_per_mwh
    if usd_per_mwh is None:
        constant = [site.price_usd_per_mwh for site in book.scenario.sites.values()]
        usd_per_mwh = np.array([money.energy_usd_per_mwh if price is None else price for price in constant])[:, None]
    drawn_mw = live_mw(allocation) * money.load
    if money.idle_load is not None:
        idle_s = allocation.by_month(allocation.live) - used_gpu_s(accounts, prices)
        drawn_mw += _rated_mw(allocation, idle_s) * (money.idle_load - money.load)
    mwh = drawn_mw * money.pue * np.diff(book.months_s) / HOUR_S
    return mwh, cents(mwh * usd_per_mwh)


def used_gpu_s(accounts: Accounts, prices: pd.DataFrame | None) -> np.ndarray:
    """[GPU-s] That contracts use and that are let by the hour, shape (pools, months)."""
    allocation = accounts.allocation
    share = accounts.gpu_s["used"] / np.maximum(accounts.gpu_s["delivered"], 1)
    used = (allocation.by_month(allocation.delivered) * share[:, None]).sum(axis=0)
    return used + sum(gpu_s for gpu_s, _cents in market(allocation, prices).values())


def metered(allocation: Allocation, result: Record) -> tuple[np.ndarray, np.ndarray]:
    """[MWh] and cents, shape (sites, months): record intervals of a run, spread evenly over the months they touch.

    A site with a tariff pays its bill, but for what rules charge: statements have that by itself.
    """
    months_s = allocation.book.months_s
    sites, power = list(allocation.book.scenario.sites), result.power
    site = np.array([sites.index(name) for name in power["site"]], int)
    start_s, end_s = power["start_s"].to_numpy(), power["end_s"].to_numpy()
    shares = np.diff(np.clip((months_s[:, None] - start_s) / (end_s - start_s), 0.0, 1.0), axis=0)
    mwh, usd = np.zeros((2, len(sites), len(months_s) - 1))
    np.add.at(mwh, site, (shares * power["facility_w"].to_numpy() * (end_s - start_s) / JOULE_PER_MWH).T)
    np.add.at(usd, site, (shares * power["cost_usd"].to_numpy()).T)
    if "bill" in result.tables:
        bill = result.tables["bill"]
        labels, due = months_of(allocation.book), bill[~bill["component"].isin(CHARGED.values())]
        for name, rows in due.groupby("site", sort=False):
            by_month = rows.groupby("month")["usd"].sum()
            usd[sites.index(name)] = [by_month.get(month, 0.0) for month in labels]
    return mwh, cents(usd)

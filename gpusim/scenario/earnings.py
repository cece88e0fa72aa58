"""What a GPU-hour would have earned: the price at which hours that are lost, or come late, are valued."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import numpy as np

from gpusim.scenario.base import moment
from gpusim.scenario.contract import Contract
from gpusim.scenario.market import Market
from gpusim.scenario.scenario import Scenario
from gpusim.units import HOUR_S


class Location(NamedTuple):
    """Where a GPU stands, as far as contracts ask; "" is anywhere."""

    site: str = ""
    region: str = ""
    jurisdiction: str = ""


class Earnings:
    """Prices of GPU-hours by pool and time.

    Contract: the mean price, weighted by GPUs, of the contracts that are in force at the time and may have the GPU.
    Where there is none, the market: the price on demand, at balance if it follows scarcity. With
    ``market.valuation = "list"`` the list price, always.

    Parameters
    ----------
    gpus : mapping of str to mapping
        GPU types by name: ``usd_per_gpu_hour``, ``market_usd_per_gpu_hour`` and ``rated_it_w_per_gpu`` of each.
    market : Market
    contracts : mapping of str to Contract
    sites : mapping of str to Location
    start : datetime
    """

    def __init__(
        self,
        gpus: Mapping[str, Mapping],
        market: Market,
        contracts: Mapping[str, Contract],
        sites: Mapping[str, Location],
        start: datetime,
    ):
        self._gpus, self._market, self._sites, self._start = gpus, market, sites, start
        self._contracts = list(contracts.values())
        self._known: dict[tuple[str, str], tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    @classmethod
    def of(cls, scenario: Scenario) -> Earnings:
        """Of a scenario."""
        sites = {name: Location(name, site.region, site.jurisdiction) for name, site in scenario.sites.items()}
        gpus = {name: gpu.model_dump() for name, gpu in scenario.gpus.items()}
        return cls(gpus, scenario.market, scenario.contracts, sites, scenario.run.start)

    @classmethod
    def of_manifest(cls, manifest: Mapping) -> Earnings:
        """Of the scenario of a result."""
        tables = manifest["scenario"]
        sites = {
            name: Location(name, site.get("region", ""), site.get("jurisdiction", ""))
            for name, site in tables.get("sites", {}).items()
        }
        contracts = {name: Contract.model_validate(one) for name, one in tables.get("contracts", {}).items()}
        market = Market.model_validate(tables.get("market", {}))
        return cls(manifest["gpus"], market, contracts, sites, moment(manifest["start"]))

    @property
    def basis(self) -> str:
        """The prices in words, behind a sum: ``"at market prices"``."""
        return _basis(self._market.valuation, bool(self._contracts))

    def at(self, site: str, gpu_type: str, time_s: float | np.ndarray) -> np.ndarray:
        """[USD/h] Price of a GPU at a moment; ``site`` "" is any."""
        times_s, usd, _sums = self._steps(site, gpu_type)
        return usd[np.maximum(np.searchsorted(times_s, time_s, side="right") - 1, 0)]

    def usd(self, site: str, gpu_type: str, from_s: float | np.ndarray, to_s: float | np.ndarray) -> np.ndarray:
        """[USD] What one GPU would have earned from ``from_s`` to ``to_s``."""
        times_s, usd, sums = self._steps(site, gpu_type)

        def earned(time_s: float | np.ndarray) -> np.ndarray:
            row = np.maximum(np.searchsorted(times_s, time_s, side="right") - 1, 0)
            return sums[row] + (time_s - times_s[row]) / HOUR_S * usd[row]

        return earned(to_s) - earned(from_s)

    def _steps(self, site: str, gpu_type: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if (site, gpu_type) not in self._known:
            self._known[site, gpu_type] = self._steps_of(site, gpu_type)
        return self._known[site, gpu_type]

    def _steps_of(self, site: str, gpu_type: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """[s] from when on, [USD/h] prices, [USD] earned by one GPU until then."""
        terms = [] if self._market.valuation == "list" else self._terms(site, gpu_type)
        times_s = np.unique([0.0, *(t for levels, end_s, _p in terms for t in (*(s for s, _n in levels), end_s)),
                             *(t for t, _v in self._market_steps(gpu_type)),
                             *(t for *_, prices in terms for t, _v in prices)])  # fmt: skip
        times_s = times_s[times_s >= 0.0]
        usd = np.array([self._price(terms, gpu_type, time_s) for time_s in times_s])
        sums = np.concatenate([[0.0], np.cumsum(np.diff(times_s) / HOUR_S * usd[:-1])])
        return times_s, usd, sums

    def _price(self, terms: list, gpu_type: str, time_s: float) -> float:
        gpus = [_level(levels, time_s) if time_s < end_s else 0.0 for levels, end_s, _prices in terms]
        if sum(gpus) > 0.0:
            return float(np.average([_level(prices, time_s) for *_, prices in terms], weights=gpus))
        return _level(self._market_steps(gpu_type), time_s)

    def _market_steps(self, gpu_type: str) -> list[tuple[float, float]]:
        """([s], [USD/h]) of the market, or of the list."""
        gpu, market = self._gpus[gpu_type], self._market
        listed = gpu["usd_per_gpu_hour"]
        if market.valuation == "list":
            return [(0.0, listed)]
        if market.index is not None:
            new = [(0.0, listed * market.index.balance)]
        else:
            new = [(time_s, listed * ratio) for time_s, ratio in market.on_demand_ratio(gpu).steps(self._start)]
        aged = [(-math.inf, 1.0), *market.aged(gpu_type, self._start)]
        times_s = sorted({new[0][0], *(time_s for time_s, _v in (*new, *aged) if time_s > new[0][0])})
        return [(time_s, _level(new, time_s) * _level(aged, time_s)) for time_s in times_s]

    def _terms(self, site: str, gpu_type: str) -> list[tuple[list, float, list]]:
        """([s], GPUs), [s] of the end, ([s], [USD/h]) of the contracts that may have the pool's GPUs."""
        place, found = self._sites.get(site, Location()), []
        for one in self._contracts:
            lists = ((one.gpu_types, gpu_type), (one.sites, place.site), (one.regions, place.region),
                     (one.residency, place.jurisdiction))  # fmt: skip
            if all(not allowed or not value or value in allowed for allowed, value in lists):
                kind = one.gpu_types[0] if one.it_mw is not None else gpu_type
                levels = one.commitment(self._start, self._gpus[kind]["rated_it_w_per_gpu"])
                end_s = one.end_s(self._start)
                found.append((levels, end_s, self._prices(one, levels, end_s)))
        return found

    def _prices(self, one: Contract, levels: list[tuple[float, int]], end_s: float) -> list[tuple[float, float]]:
        if one.price_index is not None:
            return [(0.0, one.price_index * self._market_steps(one.gpu_types[0])[0][1])]
        if one.value_usd is not None:
            return [(0.0, one.even_usd_per_gpu_hour(levels, end_s))]
        assert one.price_usd_per_gpu_hour is not None  # one of the three is given
        return one.price_usd_per_gpu_hour.steps(self._start)


def basis(tables: Mapping) -> str:
    """The prices at which GPU-hours are valued, in words, of a scenario as nested tables."""
    return _basis(tables.get("market", {}).get("valuation", "earned"), bool(tables.get("contracts")))


def _basis(valuation: str, has_contracts: bool) -> str:
    if valuation == "list":
        return "at list price"
    return "at contract and market prices" if has_contracts else "at market prices"


def _level(steps: list[tuple[float, float]], time_s: float) -> float:
    """The value of the last step at or before a moment, 0 before the first."""
    return float(next((value for at_s, value in reversed(steps) if at_s <= time_s), 0.0))

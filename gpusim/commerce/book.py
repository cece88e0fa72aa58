"""The book of contracts: their terms as whole seconds, GPUs and prices, ready to be held against any capacity.

It depends on the scenario alone, so that many replications of the capacity share one. Times are rounded to the second:
GPUs times seconds are then whole numbers, and what is delivered and missing sums to what was committed, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import pandas as pd

from gpusim.results.tables.record import timestamps
from gpusim.scenario.contract import Contract
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.steps import Steps, elapsed_s
from gpusim.units import DAY_S, calendar, seconds_between


@dataclass(frozen=True)
class StepFunction:
    """A step function of time: 0 before the first step.

    Attributes
    ----------
    times_s : int64 ndarray, shape (steps,)
        Ascending, from 0 on.
    values : ndarray, shape (steps,)
    """

    times_s: np.ndarray
    values: np.ndarray

    def at(self, time_s: np.ndarray) -> np.ndarray:
        """Level at moments [s], shape of ``time_s``."""
        return np.concatenate([[0], self.values])[np.searchsorted(self.times_s, time_s, side="right")]

    def least(self, from_s: np.ndarray, to_s: np.ndarray) -> np.ndarray:
        """Least level anywhere in [from_s, to_s], shape of both."""
        values = np.concatenate([[0], self.values])
        steps = np.arange(len(values))
        spans = np.where(steps[None, :] >= steps[:, None], values[None, :], values[:, None])
        least = np.minimum.accumulate(spans, axis=1)  # [a, b]: from step a to step b
        first, last = (np.searchsorted(self.times_s, time_s, side="right") for time_s in (from_s, to_s))
        return least[first, last]


@dataclass(frozen=True)
class Terms:
    """One contract.

    Attributes
    ----------
    name : str
    spec : Contract
    signed_s, end_s : int
        [s] From the start of the run, 0 at the least.
    gpus : StepFunction
        Committed in all, until the end of the term, where they are 0.
    price : StepFunction
        [USD/GPU-hour]; NaN of a contract at the index, until ``gpusim.commerce.scarcity.priced``.
    due_s, due_gpus : int64 ndarrays, shape (milestones,)
        The steps up of the commitment.
    """

    name: str
    spec: Contract
    signed_s: int
    end_s: int
    gpus: StepFunction
    price: StepFunction
    due_s: np.ndarray
    due_gpus: np.ndarray

    @property
    def over_s(self) -> int:
        """[s] From when on nothing is made good any more; the end of the term where nothing is."""
        return self.end_s + round((self.spec.make_good_days or 0.0) * DAY_S)

    def may_use(self, site: str, gpu_type: str, scenario: Scenario) -> bool:
        """Whether the contract may be served at a site with GPUs of a type."""
        spec, where = self.spec, scenario.sites[site]
        return (
            (not spec.gpu_types or gpu_type in spec.gpu_types)
            and (not spec.sites or site in spec.sites)
            and (not spec.regions or where.region in spec.regions)
            and (not spec.residency or where.jurisdiction in spec.residency)
        )


@dataclass(frozen=True)
class Book:
    """All contracts of a scenario.

    Attributes
    ----------
    scenario : Scenario
    contracts : tuple of Terms
        In the order in which they are served: priority, then signed, then name.
    months_s : int64 ndarray, shape (months + 1,)
        [s] Edges of the calendar months (UTC) of the run; the first and the last month may be parts.
    moments_s : int64 ndarray
        [s] All moments at which something may change that does not depend on the capacity.
    energy_usd_per_mwh : ndarray, shape (sites, months), optional
        [USD/MWh] Of energy without a run of the fleet. Absent: the sites' constant prices, else that of ``money``.
    """

    scenario: Scenario
    contracts: tuple[Terms, ...]
    months_s: np.ndarray
    moments_s: np.ndarray
    energy_usd_per_mwh: np.ndarray | None = None

    @classmethod
    def of(cls, scenario: Scenario) -> Book:
        """The contracts of a scenario."""
        terms = [_terms(name, contract, scenario) for name, contract in scenario.contracts.items()]
        terms.sort(key=lambda one: (-one.spec.priority, one.signed_s, one.name))
        months_s = _months(scenario.run.start, round(scenario.run.days * DAY_S))
        market = scenario.market
        steps = [
            np.array([round(time_s) for time_s, _value in levels.steps(scenario.run.start)])
            for levels in (market.on_demand_share, market.on_demand_price, market.spot_share, market.spot_price)
            if levels is not None
        ]
        aged = [market.aged(kind, scenario.run.start) for kind in scenario.gpus]
        ages = np.array([round(time_s) for one in aged for time_s, _share in one], np.int64)
        moments = np.concatenate([months_s, *steps, ages, *(_moments(one) for one in terms)])
        end_s = max([months_s[-1], *(one.end_s for one in terms)])
        return cls(scenario, tuple(terms), months_s, np.unique(moments[(moments >= 0) & (moments <= end_s)]))

    @property
    def run_s(self) -> int:
        """[s] Length of the run."""
        return int(self.months_s[-1])

    @cached_property
    def _month_names(self) -> list[str]:
        """The months of the run as text: ``2026-06``."""
        return [f"{calendar(self.scenario.run.start, float(edge_s)):%Y-%m}" for edge_s in self.months_s[:-1]]


def contracts(scenario: Scenario) -> pd.DataFrame:
    """The contracts of a scenario, in the order in which they are served.

    Returns
    -------
    DataFrame
        contract, tenant, signed_utc, gpus (at most), first_due_utc and last_due_utc (of the steps up), value_usd (as
        written; NaN: a price is), usd_per_gpu_hour (of the first GPUs; NaN: at the index of the market).
    """
    terms = Book.of(scenario).contracts

    def dates(times_s: list[float]) -> pd.DatetimeIndex:
        return timestamps(np.array(times_s, float), scenario.run.start)

    return pd.DataFrame(
        {
            "contract": [one.name for one in terms],
            "tenant": [one.spec.tenant for one in terms],
            "signed_utc": dates([elapsed_s(one.spec.signed, scenario.run.start) for one in terms]),
            "gpus": [int(one.gpus.values.max()) for one in terms],
            "first_due_utc": dates([one.due_s[0] if len(one.due_s) else np.nan for one in terms]),
            "last_due_utc": dates([one.due_s[-1] if len(one.due_s) else np.nan for one in terms]),
            "value_usd": np.array([one.spec.value_usd for one in terms], float),
            "usd_per_gpu_hour": [float(one.price.values[0]) for one in terms],
        }
    )


def step_function(steps: Steps, start: datetime) -> StepFunction:
    """Steps of a scenario from the start of the run on."""
    times_s, values = zip(*steps.steps(start), strict=True)
    return StepFunction(np.round(times_s).astype(np.int64), np.array(values))


def _terms(name: str, spec: Contract, scenario: Scenario) -> Terms:
    start = scenario.run.start
    gpu_w = scenario.gpus[spec.gpu_types[0]].rated_it_w_per_gpu if spec.it_mw is not None else 1.0
    steps = [(round(time_s), gpus) for time_s, gpus in spec.commitment(start, gpu_w)]
    end_s = round(spec.end_s(start))
    price = _price(spec, start, steps, end_s)
    gpus = _from_start([step for step in steps if step[0] < end_s] + [(end_s, 0)])
    before = np.concatenate([[0], gpus.values[:-1]])
    ups = (gpus.values > before) & (gpus.times_s < end_s)
    signed_s = max(round(elapsed_s(spec.signed, start)), 0)
    return Terms(name, spec, signed_s, max(end_s, 0), gpus, price, gpus.times_s[ups], gpus.values[ups])


def _price(spec: Contract, start: datetime, steps: list[tuple[int, int]], end_s: int) -> StepFunction:
    if spec.price_index is not None:
        return constant(np.nan)
    if spec.value_usd is not None:
        return constant(spec.even_usd_per_gpu_hour(steps, end_s))
    return step_function(spec.price_usd_per_gpu_hour, start)


def constant(value: float) -> StepFunction:
    """The same level from 0 on."""
    return StepFunction(np.zeros(1, np.int64), np.array([value]))


def _from_start(steps: list[tuple[int, int]]) -> StepFunction:
    """Steps from 0 on: what was committed before holds from 0."""
    held = [gpus for time_s, gpus in steps if time_s <= 0]
    later = [step for step in steps if step[0] > 0]
    times_s, gpus = zip(*([(0, held[-1])] if held else []), *later, strict=True)
    return StepFunction(np.array(times_s, np.int64), np.array(gpus, np.int64))


def _moments(terms: Terms) -> np.ndarray:
    """[s] When a contract may change: its steps, prices, signing, and when what is due becomes late or too late."""
    spec = terms.spec
    grace_s = round(spec.grace_days * DAY_S)
    moments = [terms.gpus.times_s, terms.price.times_s, [terms.signed_s, terms.over_s], terms.gpus.times_s + grace_s]
    if spec.terminate_after_days is not None:
        moments.append(terms.due_s + round(spec.terminate_after_days * DAY_S))
    return np.concatenate(moments).astype(np.int64)


def _months(start: datetime, run_s: int) -> np.ndarray:
    year, month = start.year, start.month
    edges = [0]
    while True:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        edge_s = round(seconds_between(start, datetime(year, month, 1, tzinfo=UTC)))
        if edge_s >= run_s:
            return np.array([*edges, run_s], np.int64)
        if edge_s > 0:
            edges.append(edge_s)


def months_of(book: Book) -> list[str]:
    """The months of the run as text: ``2026-06``."""
    return book._month_names

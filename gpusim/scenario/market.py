"""The market by the hour: GPUs that no contract has, and prices that may follow scarcity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from gpusim.scenario.base import Model, Share, UtcTime
from gpusim.scenario.faults import dotted
from gpusim.scenario.references import find
from gpusim.scenario.steps import Step, Steps
from gpusim.units import MONTH_S, seconds_between

MONTHS = 240  # over which prices fall with age
SPOT = 0.45  # price of spot over that on demand


class PriceIndex(Model):
    """Hourly prices that follow scarcity: balance x scarcity ^ elasticity, within bounds.

    Scarcity is the demand for a GPU type over its supply; see docs/competition.md.
    """

    supplies: dict[str, str] = {}
    """Stock of ``supplies`` from which the GPUs of a type come. Types not listed are at balance."""
    cover_days: float = Field(365.0, gt=0, le=36525)
    """[d] Supply to which the line is compared: a line this long doubles scarcity."""
    balance: float = Field(0.276, gt=0, le=10)
    """On-demand price at balance, as a multiple of list: H100 at 1.70 of 6.16 USD (index low, October 2025; list,
    February 2026)."""
    elasticity: float = Field(1.0, ge=0, le=10)
    """Elasticity of the price with respect to scarcity (assumption)."""
    least: float = Field(0.15, gt=0, le=10)
    """Lower bound of the price, as a multiple of list (assumption)."""
    most: float = Field(1.0, gt=0, le=10)
    """Upper bound of the price, as a multiple of list: no tenant pays more than list (assumption)."""
    spot: Share = 0.45
    """Spot price at balance, as a share of the on-demand price; the share follows scarcity with the same elasticity."""
    spot_least: Share = 0.2
    """Lower bound of that share: 80% below on demand (gridstackhub.ai, secondary, 2026)."""
    spot_most: Share = 0.67
    """Upper bound of that share: 33% below on demand (gridstackhub.ai, secondary, 2026)."""


class Asked(Model):
    """Total hourly demand for GPUs of a type."""

    at_start: float = Field(ge=0, le=1e9)
    """GPUs at the start of the run."""
    growth_per_year: float = Field(0.0, gt=-1, le=100)
    """Growth a year, compound: 1.0 doubles them."""


class Demand(Model):
    """Tenants who rent by the hour, and choose between us and rivals: see docs/competition.md."""

    gpus: dict[str, Asked] = Field(min_length=1)
    """Their demand by GPU type; there is none for other types."""
    elasticity: float = Field(3.0, ge=0, le=100)
    """Elasticity of a provider's sales with respect to its price, at equal capacity (assumption)."""


class Ageing(Model):
    """How the price by the hour of a GPU type falls as newer ones come."""

    per_year: dict[str, Annotated[float, Field(ge=0, lt=1)]] = Field(min_length=1)
    """Fall a year by type, compound; other types keep their price. H100: 15% from about 4 USD at the end of 2023 (from
    memory) to 2.60 in the middle of 2026 (Silicon Data), 35% to the 1.70 of October 2025."""
    since: UtcTime = datetime(2026, 7, 1, tzinfo=UTC)
    """When the prices of the catalogue hold. From then on they fall month by month, for 20 years."""

    def steps(self, kind: str, start: datetime) -> list[tuple[float, float]]:
        """([s] since ``start``, share of its price that a type still has)."""
        fall, since_s = self.per_year.get(kind, 0.0), seconds_between(start, self.since)
        if fall == 0.0:
            return [(since_s, 1.0)]
        return [(since_s + month * MONTH_S, (1.0 - fall) ** (month / 12.0)) for month in range(MONTHS + 1)]


class Market(Model):
    """GPUs without a contract, sold by the hour without commitment."""

    on_demand_share: Steps = Steps(0.0)
    """Share of GPUs without a contract that is sold on demand."""
    on_demand_price: Steps | None = None
    """On-demand price as a multiple of the type's list price. Absent: the type's market price."""
    spot_share: Steps = Steps(0.0)
    """Share of GPUs without a contract that is sold as spot."""
    spot_price: Steps | None = None
    """Spot price as a multiple of the type's list price. Absent: 0.45 of the on-demand price (33 to 80% below it:
    gridstackhub.ai, secondary, 2026)."""
    index: PriceIndex | None = None
    """Prices that follow scarcity, in place of ``on_demand_price`` and ``spot_price``. Absent: constant prices."""
    ageing: Ageing | None = None
    """How prices fall as types age, scarcity apart. Absent: they do not."""
    demand: Demand | None = None
    """Hourly demand, in place of ``on_demand_share``; ``spot_share`` is then a share of what it leaves. Absent: those
    shares."""
    valuation: Literal["earned", "list"] = "earned"
    """Prices at which lost or late GPU-hours are valued. "earned": those of the contracts in force that may have the
    GPU, else of the market (with an index, at balance). "list": list price."""

    def aged(self, kind: str, start: datetime) -> list[tuple[float, float]]:
        """([s] since ``start``, share of its price that a type still has); before the first all of it."""
        return [] if self.ageing is None else self.ageing.steps(kind, start)

    def on_demand_ratio(self, gpu: Mapping) -> Steps:
        """Price on demand of a GPU type as a multiple of its list price; not of an index."""
        if self.on_demand_price is not None:
            return self.on_demand_price
        listed, sold = gpu["usd_per_gpu_hour"], gpu.get("market_usd_per_gpu_hour")
        return Steps(1.0 if sold is None or listed == 0.0 else sold / listed)

    def spot_ratio(self, gpu: Mapping) -> Steps:
        """Price of spot of a GPU type as a multiple of its list price; not of an index."""
        if self.spot_price is not None:
            return self.spot_price
        on_demand = self.on_demand_ratio(gpu).root
        if isinstance(on_demand, float):
            return Steps(SPOT * on_demand)
        return Steps([Step(at=step.at, value=SPOT * step.value) for step in on_demand])


def faults_of_market(data: dict) -> Iterator[str]:
    """A fault for each contradiction in the market of nested tables."""
    for _place, table in find(data, ("market",)):
        try:
            market = Market.model_validate(table)
        except ValidationError:
            continue
        if market.demand is not None:
            yield from _faults_of_demand(market)
        shares = market.on_demand_share.peak() + market.spot_share.peak()
        if shares > 1.0:
            yield f"market.spot_share: found {shares:g} with on_demand_share, at their peaks; give 1 at most together"
        if market.index is not None:
            yield from _faults_of_index(data, market, market.index)


def _faults_of_demand(market: Market) -> Iterator[str]:
    """What is sold on demand is given once, and rivals' prices are multiples of the index."""
    if market.on_demand_share != Market.model_fields["on_demand_share"].default:
        yield "market.on_demand_share: found with market.demand, which sets it; remove one of them"
    if market.index is None:
        yield "market.demand: found without prices that follow scarcity; add [market.index]"


def _faults_of_index(data: dict, market: Market, index: PriceIndex) -> Iterator[str]:
    """Prices are given once, bounds are in order, and GPUs come from stocks."""
    for key in ("on_demand_price", "spot_price"):
        if getattr(market, key) != Market.model_fields[key].default:
            yield f"market.{key}: found with market.index, which sets it; remove one of them"
    for low, high in (("least", "most"), ("spot_least", "spot_most")):
        if getattr(index, low) > getattr(index, high):
            found = f"{getattr(index, low):g}, above {high} of {getattr(index, high):g}"
            yield f"market.index.{low}: found {found}; give less"
    for kind, supply in index.supplies.items():
        for _place, form in find(data, ("supplies", supply, "kind")):
            if form == "crew":
                yield f"{dotted(('market', 'index', 'supplies', kind))}: found a crew; name a stock"

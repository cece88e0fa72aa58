"""Rivals: other providers who order from the same supplies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, UtcTime
from gpusim.scenario.faults import dotted
from gpusim.scenario.project import Supply
from gpusim.scenario.references import find
from gpusim.units import DAY_S, MONTH_S, YEAR_S, seconds_between

MOST_ORDERS = 200_000


class Orders(Model):
    """A rival's orders from one supply, at random times (Poisson)."""

    per_month: float = Field(ge=0, le=1e6)
    """Mean number of orders per month (30.4375 days) at the rival's start."""
    units: float = Field(1.0, gt=0, le=1e9)
    """Median units of an order."""
    units_p90: float | None = Field(None, gt=0, le=1e9)
    """Units that an order exceeds with probability 0.1 (lognormal); absent: all orders have the same size."""
    held_days: float | None = Field(None, gt=0, le=36525)
    """[d] How long it holds units of a crew; a stock's are taken for good."""

    @model_validator(mode="after")
    def _possible(self) -> Orders:
        if self.units_p90 is not None and self.units_p90 < self.units:
            fault = f"units_p90 of {self.units_p90:g} below units of {self.units:g}; give the median or more"
            raise PydanticCustomError("orders", "{fault}", {"fault": fault})
        return self


class Reaction(Model):
    """How a rival reacts to an order that waits."""

    wait_days: float | None = Field(None, gt=0, le=36525)
    """[d] It reacts once to each order that has waited this long; absent: never."""
    again: float = Field(0.0, ge=0, le=10)
    """Share of the order's units that it orders again, in the same line (double ordering)."""
    cancels: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Probability that it cancels the order still waiting when the other arrives."""
    priority: int = Field(0, ge=0, le=1_000_000)
    """By how much it raises its priority."""

    @model_validator(mode="after")
    def _does_something(self) -> Reaction:
        acts = bool(self.again or self.priority)
        if acts != (self.wait_days is not None):
            fault = "again or priority without wait_days; give it" if acts else "wait_days alone; add again or priority"
            raise PydanticCustomError("reaction", "{fault}", {"fault": fault})
        return self


class Letting(Model):
    """GPUs that a rival rents out by the hour, in competition with us: see ``market.demand``."""

    price: float = Field(1.0, gt=0, le=1000)
    """Its price, as a multiple of the price index."""
    gpus: dict[str, Annotated[float, Field(ge=0, le=1e9)]] = {}
    """GPUs it has for rent at the start, by type."""
    supplies: dict[str, str] = {}
    """Stock of ``supplies`` by GPU type: what it receives from it is for rent as that type."""
    ready_days: float = Field(0.0, ge=0, le=36525)
    """[d] Time from receipt until GPUs are for rent."""


class Rival(Model):
    """Another provider, which orders from supplies as projects do, whether served or not. See docs/competition.md."""

    start: UtcTime | None = None
    """Date of its first orders; absent: the run's start."""
    end: UtcTime | None = None
    """Date of its last orders; absent: the run's end."""
    priority: int = 0
    """Its place in line with projects: higher goes first, then the earlier."""
    growth_per_year: float = Field(0.0, gt=-1, le=100)
    """Growth of its orders a year, compound: 1.0 doubles them."""
    orders: dict[str, Orders] = Field(min_length=1)
    """What it orders, by supply."""
    reaction: Reaction = Reaction()
    """How it reacts to an order that waits."""
    lets: Letting | None = None
    """GPUs it rents out by the hour. Absent: none."""

    def span_s(self, start: datetime, days: float) -> tuple[float, float]:
        """(from, to) [s] since ``start`` in which it orders; ``days`` is the length of the run."""
        from_s = 0.0 if self.start is None else seconds_between(start, self.start)
        return from_s, days * DAY_S if self.end is None else seconds_between(start, self.end)

    def count(self, per_month: float, elapsed_s: float) -> float:
        """Mean number of orders in the time [s] since its start: the integral of their rate."""
        growth = math.log1p(self.growth_per_year) / YEAR_S
        if growth == 0.0:
            return per_month / MONTH_S * elapsed_s
        exponent = growth * elapsed_s
        return math.inf if exponent > 700.0 else per_month / MONTH_S * math.expm1(exponent) / growth


def faults_of_rivals(data: dict, start: datetime | None, days: float | None) -> Iterator[str]:
    """A fault for each thing that rivals say of supplies, or of dates, and that cannot be."""
    for place, table in find(data, ("rivals", "*")):
        try:
            rival = Rival.model_validate(table)
        except ValidationError:
            continue
        if start is not None and days is not None:
            yield from _period(place, rival, start, days)
        for name, orders in rival.orders.items():
            for _place, supply in find(data, ("supplies", name)):
                yield from _supply((*place, "orders", name), orders, rival.reaction, supply)
        if rival.lets is not None:
            yield from _letting(data, (*place, "lets"), rival.lets.supplies, rival)


def _letting(data: dict, place: tuple, supplies: dict[str, str], rival: Rival) -> Iterator[str]:
    """What is for rent was ordered, is no crew, and is of one type."""
    if not any(find(data, ("market", "demand"))):
        yield f"{dotted(place)}: there is no hourly demand; add [market.demand], or remove it"
    for kind, supply in supplies.items():
        where = dotted((*place, "supplies", kind))
        if any(form == "crew" for _place, form in find(data, ("supplies", supply, "kind"))):
            yield f"{where}: found a crew; name a stock"
        elif supply not in rival.orders:
            yield f"{where}: found {supply}, of which it orders nothing; name one of {', '.join(rival.orders)}"
        elif list(supplies.values()).count(supply) > 1:
            yield f"{where}: found {supply} for two types; name it for one of them"


def _period(place: tuple, rival: Rival, start: datetime, days: float) -> Iterator[str]:
    from_s, to_s = rival.span_s(start, days)
    if to_s <= from_s:
        until = rival.end or start + timedelta(days=days)
        yield f"{dotted((*place, 'end'))}: found {until:%Y-%m-%d}, not after its start; give a later one"
        return
    count = sum(rival.count(orders.per_month, to_s - from_s) for orders in rival.orders.values())
    if count > MOST_ORDERS:
        yield (
            f"{dotted((*place, 'orders'))}: found {count:.2g} orders until its end; give {MOST_ORDERS:,} at most, in"
            " fewer and larger ones"
        )


def _supply(place: tuple, orders: Orders, reaction: Reaction, table: object) -> Iterator[str]:
    """Crews are held for a time, and are at some time as large as an order; a stock is not held."""
    try:
        supply = Supply.model_validate(table)
    except ValidationError:
        return
    if supply.kind == "stock":
        if orders.held_days is not None:
            yield f"{dotted((*place, 'held_days'))}: is for a crew, and this is a stock; remove it"
        return
    if orders.held_days is None:
        yield f"{dotted((*place, 'held_days'))}: is missing, and this is a crew; give it"
    if orders.units_p90 is not None:
        yield f"{dotted((*place, 'units_p90'))}: is for a stock; orders of a crew are all of the same size, remove it"
    most, peak = orders.units * max(1.0, reaction.again), supply.level.peak()
    if most > peak:
        yield f"{dotted((*place, 'units'))}: found {most:g} in one order, but the crew never has more than {peak:g}"

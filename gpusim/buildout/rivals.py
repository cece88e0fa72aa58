"""Rivals: what they order of shared supplies, and what they do when it does not come."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import inf, log
from typing import NamedTuple

import numpy as np
from simpy import Event

from gpusim import rng
from gpusim.buildout.activity import P90
from gpusim.buildout.supply import Calendar, SharedSupply
from gpusim.scenario.rival import Reaction, Rival
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, MONTH_S, YEAR_S


class PurchaseOrder(NamedTuple):
    """What a rival wants of a supply from a time on."""

    at_s: float
    rival: str
    supply: str
    units: float
    coin: float  # uniform on [0, 1): whether, if it is ordered again, the later of both is cancelled


@dataclass
class Request:
    """An order in the line of its supply."""

    number: int  # in the line, behind those of tasks
    order: PurchaseOrder
    is_again: bool
    units: float
    priority: int
    asked_s: float
    granted: Event
    paid_s: float = inf
    cancelled_s: float = inf


def ordered(scenario: Scenario, seed: int) -> list[PurchaseOrder]:
    """Orders of all rivals in order of time: for each rival and supply a Poisson process of its own.

    A rate that grows is a process of constant rate in stretched time (Cinlar, 1975).
    """
    orders = []
    for name, rival in scenario.rivals.items():
        from_s, to_s = rival.span_s(scenario.run.start, scenario.run.days)
        for supply, spec in rival.orders.items():
            most = rival.count(spec.per_month, to_s - from_s)
            counts = _counts(rng.stream(seed, "rival", name, supply, "times"), most)
            sizes, coins = (rng.stream(seed, "rival", name, supply, what) for what in ("units", "coins"))
            units = np.full(len(counts), spec.units)
            if spec.units_p90 is not None:
                units *= np.exp(log(spec.units_p90 / spec.units) / P90 * sizes.standard_normal(len(counts)))
            times_s = from_s + _elapsed_s(rival, spec.per_month, counts)
            rows = zip(times_s.tolist(), units.tolist(), coins.random(len(counts)).tolist(), strict=True)
            orders += [PurchaseOrder(at_s, name, supply, size, coin) for at_s, size, coin in rows]
    return sorted(orders, key=lambda order: order.at_s)


def _counts(random: np.random.Generator, most: float) -> np.ndarray:
    """Points of a Poisson process of rate 1 up to ``most``."""
    gaps: list[np.ndarray] = []
    while sum(part.sum() for part in gaps) <= most:
        gaps.append(random.exponential(size=256))
    points = np.cumsum(np.concatenate(gaps))
    return points[points <= most]


def _elapsed_s(rival: Rival, per_month: float, counts: np.ndarray) -> np.ndarray:
    """[s] since its start at which a mean number of orders is reached: the inverse of ``Rival.count``."""
    growth = log(1.0 + rival.growth_per_year) / YEAR_S
    if growth == 0.0 or not len(counts):
        return counts * (MONTH_S / per_month) if len(counts) else counts
    return np.log1p(growth * counts * (MONTH_S / per_month)) / growth


class Rivals:
    """Places orders as they fall due, in the lines in which tasks wait, and reacts to those that wait.

    Attributes
    ----------
    requests : list of Request
        All that was asked, in order.
    """

    def __init__(
        self,
        env: Calendar,
        scenario: Scenario,
        supplies: dict[str, SharedSupply],
        orders: list[PurchaseOrder],
        first: int,
    ):
        self.env, self.specs, self.supplies, self.first = env, scenario.rivals, supplies, first
        self.requests: list[Request] = []
        if orders:
            env.process(self._place([order for order in orders if order.at_s >= env.now]))

    def _place(self, orders: list[PurchaseOrder]) -> Generator:
        for order in orders:
            yield self.env.at(order.at_s)
            request = self._ask(order, order.units, self.specs[order.rival].priority)
            reaction = self.specs[order.rival].reaction
            if reaction.wait_days is not None:
                self.env.process(self._watch(request, reaction))
            elif self.supplies[order.supply].is_crew:
                self.env.process(self._hold(request))

    def _ask(self, order: PurchaseOrder, units: float, priority: int, is_again: bool = False) -> Request:
        number = self.first + len(self.requests)
        granted = self.supplies[order.supply].ask(number, units, priority)
        request = Request(number, order, is_again, units, priority, self.env.now, granted)
        self.requests.append(request)
        return request

    def _watch(self, request: Request, reaction: Reaction) -> Generator:
        """Wait for an order; pay its way up or order again when it has waited too long."""
        env, supply, kept = self.env, self.supplies[request.order.supply], [request]
        yield request.granted | env.at(request.asked_s + reaction.wait_days * DAY_S)
        if not request.granted.triggered:
            if reaction.priority:
                supply.withdraw(request.number)
                request.priority, request.paid_s = request.priority + reaction.priority, env.now
                request.granted = supply.ask(request.number, request.units, request.priority)
            if reaction.again:
                second = self._ask(request.order, request.units * reaction.again, request.priority, is_again=True)
                yield request.granted | second.granted
                kept = self._after_one_came([request, second], reaction)
        if supply.is_crew:
            for one in kept:
                env.process(self._hold(one))

    def _after_one_came(self, both: list[Request], reaction: Reaction) -> list[Request]:
        """What is left of an order and its double: of two that come at one instant the first asked counts as there."""
        first, other = both if both[0].granted.triggered else both[::-1]
        if first.order.coin >= reaction.cancels:
            return both
        self.supplies[first.order.supply].withdraw(other.number)
        other.cancelled_s = self.env.now
        return [first]

    def _hold(self, request: Request) -> Generator:
        """Units of a crew come back when they have been held for their time."""
        yield request.granted
        yield self.env.at(self.env.now + self.specs[request.order.rival].orders[request.order.supply].held_days * DAY_S)
        self.supplies[request.order.supply].give_back(request.units)

"""One counterfactual: a constraint of a scenario, at some place of the ledger, loosened by a stated step."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gpusim.scenario.scenario import Scenario
from gpusim.studies.lever import Lever, turned
from gpusim.units import number_of

# Places of the ledger: pools at sites, and what is booked in them.


def pools_at(scenario: Scenario, sites: Collection[str]) -> list[str]:
    """Pools of some sites, as ``SITE/TYPE``."""
    return [f"{site}/{kind}" for site, spec in scenario.sites.items() if site in sites for kind in spec.pools]


def booked(pools: Collection[str], *causes: str) -> frozenset[tuple[str, str]]:
    """(pool, cause) of the ledger, for all of both."""
    return frozenset((pool, cause) for pool in pools for cause in causes)


def pools_of(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    """(site, type, pool) of all pools."""
    for site, spec in scenario.sites.items():
        for kind in spec.pools:
            yield site, kind, f"{site}/{kind}"


# One counterfactual: a constraint of a scenario loosened by a stated step.

Held = Mapping[tuple[str, str], float]  # (pool, cause) -> GPU-hours held back


def counted(amount: float, unit: str) -> str:
    """An amount with its unit: ``"2 days"``, ``"1 day"``, ``"0.08 MW"``."""
    written = f"{amount:,.4g}"
    return number_of(written, unit) if unit in ("GPU", "day", "job", "replica", "unit") else f"{written} {unit}"


class Turn(NamedTuple):
    """A lever that is turned along with another."""

    lever: Lever
    amount: float


@dataclass(frozen=True)
class Counterfactual:
    """A constraint and the step by which it is loosened.

    Attributes
    ----------
    resource : str
        What is short: "GPUs", "power", "delivery", ...; counterfactuals of one resource at one place are alternatives.
    place : str
        Where: a pool as ``SITE/TYPE``, a site, a tenant, a stream, or "" for the fleet.
    constraint : str
        The constraint, in the words of a scenario: ``grid_mw``, ``gpus``, ``backfill``, ...
    text : str
        The step in words.
    lever : Lever
        What is turned.
    amount : object
        To what, by how much, or by which factor.
    unit : str
        Of the amount: GPU, MW, day, job, replica, unit; "%" of a factor; "rule" of what is set, of which there is no
        more or less.
    causes : frozenset of (str, str)
        (pool, cause) of the ledger that it relieves, or (what rejected jobs asked for, cause); none where the ledger
        cannot see the constraint.
    usd : float
        Cost of the step over the run; NaN where the catalogue has none.
    quantum : float
        Amounts are whole multiples of it (a node's GPUs); 0: any amount.
    most : float
        Greatest multiple of the step that makes a difference: a date cannot come before the start.
    unseen : bool
        It may bind without an entry of its causes in the ledger, which books what waits, not what went elsewhere.
    along : tuple of Turn
        What is added in proportion, without which the step would be of no use: the power of GPUs.
    """

    resource: str
    place: str
    constraint: str
    text: str
    lever: Lever
    amount: object
    unit: str
    causes: frozenset[tuple[str, str]]
    usd: float = float("nan")
    quantum: float = 0.0
    most: float = float("inf")
    unseen: bool = False
    along: tuple[Turn, ...] = ()

    def booked(self, held: Held) -> float:
        """GPU-hours that the ledger has under its causes; NaN where it cannot see the constraint."""
        hours = sum(held.get(place, 0.0) for place in self.causes)
        return float("nan") if not self.causes or (self.unseen and hours == 0.0) else hours

    @property
    def name(self) -> str:
        """Unique among the counterfactuals of a scenario."""
        return " ".join(part for part in (self.constraint, self.place) if part)

    @property
    def group(self) -> str:
        """Resource and place: what alternatives share."""
        return " ".join(part for part in (self.resource, self.place) if part)

    @property
    def is_quantity(self) -> bool:
        """Whether more of it can be had: levers with an amount, not rules."""
        return self.unit != "rule"

    def scenario(self, base: Scenario, multiple: float = 1.0) -> Scenario:
        """The scenario with the constraint loosened by a multiple of the step."""
        beside = [(lever, amount * multiple) for lever, amount in self.along]
        return turned(base, [(self.lever, self._times(multiple)), *beside])

    def size(self, multiple: float = 1.0) -> float:
        """A multiple of the step in ``unit``."""
        if not self.is_quantity:
            return 1.0
        amount = self._times(multiple)
        return 100.0 * abs(amount - 1.0) if self.lever.how == "scale" else abs(amount)

    def _times(self, multiple: float) -> object:
        if not self.is_quantity:
            return self.amount
        if self.lever.how == "scale":
            return self.amount**multiple  # the same factor again and again
        amount = self.amount * multiple
        if not self.quantum:
            return amount
        return max(round(amount / self.quantum), 1) * self.quantum

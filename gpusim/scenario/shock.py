"""Shocks: what happens to supplies, to kinds of work and to contracts from outside."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, UtcTime

# What is affected -> keys that say it.
OF_EFFECT = {"supply": ("supply",), "kind": ("kind", "jurisdiction", "projects"), "tenant": ("tenant", "contracts")}


class Shock(Model):
    """A supplier slips, a moratorium, a tenant that defaults: from a date, possibly uncertain, for some time."""

    at: UtcTime
    """Date of the shock; the median if it is uncertain."""
    at_p90: UtcTime | None = None
    """Date that it misses with probability 0.1: normal through both. Absent: the date is certain."""
    probability: float = Field(1.0, ge=0, le=1)
    """Probability that it happens at all."""
    days: float | None = Field(None, gt=0, le=36525)
    """[d] How long it lasts; absent: for good."""
    effect: Literal["supply", "stop", "duration", "demand"]
    """``supply``: multiplies a supply by ``factor``. ``stop``: stops one kind of work, a moratorium. ``duration``: one
    kind of work takes ``factor`` times as long. ``demand``: a tenant keeps ``factor`` of what its contracts commit, for
    good, and pays no more for the rest: 0 is a default."""
    factor: float | None = Field(None, ge=0)
    """By how much."""
    supply: str | None = None
    """Supply affected."""
    kind: str | None = None
    """Kind of work affected."""
    jurisdiction: str | None = None
    """Jurisdiction in which that kind is affected; absent: everywhere."""
    projects: list[str] = []
    """Projects in which that kind is affected; none: all."""
    tenant: str | None = None
    """Tenant that cuts back."""
    contracts: list[str] = []
    """Contracts of the tenant that it cuts; none: all that are signed by then."""

    @model_validator(mode="after")
    def _whole(self) -> Shock:
        faults = []
        wanted = {"supply": "supply", "demand": "tenant"}.get(self.effect, "kind")
        if not getattr(self, wanted):
            faults.append(f'effect = "{self.effect}" needs {wanted}')
        faults += [
            f'{key} is not for effect = "{self.effect}"; remove it'
            for of, keys in OF_EFFECT.items()
            for key in keys
            if of != wanted and getattr(self, key)
        ]
        if self.effect == "demand" and self.days is not None:
            faults.append("days: a tenant cuts back for good; remove days")
        if self.effect == "demand" and (self.factor or 0.0) >= 1.0:
            faults.append(f"factor of {self.factor:g} cuts nothing; give less than 1")
        if (self.factor is None) != (self.effect == "stop"):
            faults.append('effect = "stop" has no factor' if self.effect == "stop" else "factor is missing")
        if self.effect == "duration" and self.factor == 0.0:
            faults.append("factor of 0 on durations; give more than 0")
        if self.effect == "stop" and self.days is None:
            faults.append("would stop work for good; give days")
        if self.at_p90 is not None and self.at_p90 < self.at:
            faults.append("at_p90 before at; give a later date")
        if faults:
            raise PydanticCustomError("shock", "{faults}", {"faults": "; ".join(faults)})
        return self

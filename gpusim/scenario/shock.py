"""Shocks: what happens to supplies and to kinds of work from outside."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, Moment


class Shock(Model):
    """A supplier slips, a moratorium, a reform of the grid queue: from a date, possibly uncertain, for some time."""

    at: Moment
    """Date of the shock; the median if it is uncertain."""
    at_p90: Moment | None = None
    """Date that it misses with probability 0.1: normal through both. Absent: the date is certain."""
    probability: float = Field(1.0, ge=0, le=1)
    """Probability that it happens at all."""
    days: float | None = Field(None, gt=0, le=36525)
    """[d] How long it lasts; absent: for good."""
    effect: Literal["supply", "stop", "duration"]
    """``supply``: multiplies a supply by ``factor``. ``stop``: stops one kind of work, a moratorium. ``duration``: one
    kind of work takes ``factor`` times as long."""
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

    @model_validator(mode="after")
    def _whole(self) -> Shock:
        faults = []
        wanted, other = ("supply", "kind") if self.effect == "supply" else ("kind", "supply")
        if not getattr(self, wanted):
            faults.append(f'effect = "{self.effect}" needs {wanted}')
        of_work = ("jurisdiction", "projects") if self.effect == "supply" else ()
        faults += [
            f'{key} is not for effect = "{self.effect}"; remove it' for key in (other, *of_work) if getattr(self, key)
        ]
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

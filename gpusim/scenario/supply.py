"""Supplies that projects share: crews that come back, and stocks that are used up."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.steps import Steps


class Supply(Model):
    """A scarce supply that tasks of all projects draw on: transformers, crews, a vendor's allocation of GPUs. Requests
    are granted by their project's priority, then by time; the first in line is not passed by a smaller one."""

    kind: Literal["crew", "stock"]
    """``crew``: held while a task lasts. ``stock``: used up, and replenished."""
    units: Steps | None = None
    """Units of a crew that can be at work at a time."""
    per_month: Steps | None = None
    """Units added to a stock per month (30.4375 days), evenly."""
    at_start: float = Field(0.0, ge=0)
    """Units in stock at the start of the run, or of the first project if that is earlier."""
    most: float | None = Field(None, gt=0)
    """Most units kept in stock while no request needs more; absent: no limit."""

    @model_validator(mode="after")
    def _of_its_kind(self) -> Supply:
        faults = []
        wanted, other = ("units", "per_month") if self.kind == "crew" else ("per_month", "units")
        if getattr(self, wanted) is None:
            faults.append(f"a {self.kind} needs {wanted}")
        if getattr(self, other) is not None:
            faults.append(f"{other} is not for a {self.kind}; remove it")
        if self.kind == "crew" and (self.at_start or self.most is not None):
            faults.append("at_start and most are for a stock; remove them")
        if faults:
            raise PydanticCustomError("supply", "{faults}", {"faults": "; ".join(faults)})
        return self

    @property
    def level(self) -> Steps:
        """Units at a time of a crew, units per month of a stock."""
        level = self.units if self.kind == "crew" else self.per_month
        assert level is not None  # a supply of its kind has it
        return level

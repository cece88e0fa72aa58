"""A grid connection of which a part is not firm: the grid may take it back for some hours a year."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.steps import When


class Call(Model):
    """One scheduled call."""

    at: When
    """When it starts: days since the start of the run, or a date (2026-07-01T20:00:00, UTC)."""
    hours: float = Field(gt=0, le=8784)
    """[h] How long it lasts."""


class NonFirm(Model):
    """The part of the connection that the grid may curtail, when, and how the site responds (docs/curtailment.md).

    Calls come at random (`events_per_year`), by price (`above_usd_per_mwh`), by date (`calls`), or any combination.
    """

    mw: float = Field(gt=0, le=1e9)
    """[MW] Part of ``grid_mw`` that is not firm."""
    hours_per_year: float = Field(8784.0, ge=0, le=8784)
    """[h] Most hours of calls in a calendar year; beyond that nothing is called."""
    notice_s: float = Field(0.0, ge=0, le=31_622_400)
    """[s] Notice given before a call starts."""
    response: Literal["limit", "drain", "pause"] = "limit"
    """``limit``: when the call starts the limit falls, and jobs are capped or evicted as ``capping`` says. ``drain``:
    the same, and from the notice on the site may draw no more than it does then, or than the call will leave.
    ``pause``: jobs stop on their GPUs, the latest started first, and go on when the call is over."""
    events_per_year: float = Field(0.0, ge=0, le=8784)
    """[1/year] Mean number of random calls, a Poisson process shared by all sites of a region."""
    hours_median: float = Field(4.0, gt=0, le=8784)
    """[h] Median of the calls' lognormal duration (assumption)."""
    hours_p90: float = Field(8.0, gt=0, le=8784)
    """[h] Duration that one call in ten exceeds (assumption)."""
    above_usd_per_mwh: float | None = None
    """[USD/MWh] Calls last while the site's price of energy is above this. Absent: none."""
    calls: list[Call] = []
    """Calls by date."""
    backup_mw: float = Field(0.0, ge=0, le=1e9)
    """[MW] On-site generation that runs during calls."""
    backup_usd_per_mwh: float = Field(0.0, ge=0, le=1e6)
    """[USD/MWh] Cost of its energy."""

    @model_validator(mode="after")
    def _a_spread(self) -> NonFirm:
        if self.hours_p90 < self.hours_median:
            raise PydanticCustomError("non_firm", "hours_p90 below hours_median; give as much or more")
        return self

"""A grid connection of which a part is not firm: the grid may take it back for some hours a year."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.steps import When


class Call(Model):
    """One call, known beforehand."""

    at: When
    """When it begins: days since the start of the run, or a date (2026-07-01T20:00:00, UTC)."""
    hours: float = Field(gt=0, le=8784)
    """[h] How long it lasts."""


class NonFirm(Model):
    """What the grid may take back of the connection, when it does, and what the site does then (docs/curtailment.md).

    Calls come at random (`events_per_year`), by price (`above_usd_per_mwh`), by date (`calls`), or by several of these.
    """

    mw: float = Field(gt=0, le=1e9)
    """[MW] Part of ``grid_mw`` that is not firm."""
    hours_per_year: float = Field(8784.0, ge=0, le=8784)
    """[h] For how long the grid may call in a calendar year; what is beyond is not called."""
    notice_s: float = Field(0.0, ge=0, le=31_622_400)
    """[s] Between the announcement of a call and its begin."""
    response: Literal["limit", "drain", "pause"] = "limit"
    """``limit``: when the call begins the limit falls, and jobs are capped or evicted as ``capping`` says. ``drain``:
    the same, and from the announcement on the site may draw no more than it does, or than the call will leave.
    ``pause``: jobs stop on their GPUs, the latest started first, and go on when the call is over."""
    events_per_year: float = Field(0.0, ge=0, le=8784)
    """[1/year] Calls at random, as the mean of a Poisson process, the same for all sites of a region."""
    hours_median: float = Field(4.0, gt=0, le=8784)
    """[h] Median of their lognormal duration (assumption)."""
    hours_p90: float = Field(8.0, gt=0, le=8784)
    """[h] Duration that they exceed once in ten times (assumption)."""
    above_usd_per_mwh: float | None = None
    """[USD/MWh] A call while the site's price of energy is above this. Absent: none."""
    calls: list[Call] = []
    """Calls by date."""
    backup_mw: float = Field(0.0, ge=0, le=1e9)
    """[MW] Generation on site that runs in calls, in place of what the grid takes back."""
    backup_usd_per_mwh: float = Field(0.0, ge=0, le=1e6)
    """[USD/MWh] What its energy costs."""

    @model_validator(mode="after")
    def _a_spread(self) -> NonFirm:
        if self.hours_p90 < self.hours_median:
            raise PydanticCustomError("non_firm", "hours_p90 below hours_median; give as much or more")
        return self

"""How jobs are ordered, placed and dispatched."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gpusim.model.base import Model


class Scheduler(Model):
    """Rules of docs/semantics.md."""

    order: Literal["fifo", "sjf", "priority", "largest", "fair_share"] = "fifo"
    backfill: Literal["none", "easy"] = "easy"
    placement: Literal["best_fit", "first_fit", "spread"] = "best_fit"
    dispatch: Literal["home", "least_loaded", "earliest_start", "cheapest", "greenest"] = "least_loaded"
    mode: Literal["event", "cycle"] = "event"
    cycle_s: float = Field(30.0, gt=0)
    overrun: Literal["kill", "keep"] = "keep"
    preemption: Literal["none", "priority"] = "none"
    queue_limit: int | None = Field(None, ge=0)

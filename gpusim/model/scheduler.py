"""How jobs are ordered, placed and dispatched."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gpusim.model.base import Model


class Scheduler(Model):
    """Rules of docs/semantics.md."""

    order: Literal["fifo", "sjf", "priority", "largest", "fair_share"] = "fifo"
    """Which waiting job goes first: the earliest, the shortest by estimate, the most urgent, the largest, or one of the
    tenant that holds least for its share."""
    backfill: Literal["none", "easy", "conservative"] = "easy"
    """Whether jobs may pass a blocked head of the queue: never, or if they do not delay it (EASY)."""
    placement: Literal["best_fit", "first_fit", "spread"] = "best_fit"
    """Which node a small job takes: least free that fits, first, or most free."""
    dispatch: Literal["home", "least_loaded", "earliest_start", "cheapest", "greenest"] = "least_loaded"
    """Which pool an arriving job joins."""
    mode: Literal["event", "cycle"] = "event"
    """A pass at every event, or every ``cycle_s``."""
    cycle_s: float = Field(30.0, gt=0)
    """[s] Interval of passes in cycle mode."""
    overrun: Literal["kill", "keep"] = "keep"
    """What happens to a job that reaches its estimate."""
    preemption: Literal["none", "priority"] = "none"
    """Whether a job may evict preemptible jobs of lower priority."""
    queue_limit: int | None = Field(None, ge=0)
    """Jobs that may wait in a pool; more are rejected. Absent: no limit."""

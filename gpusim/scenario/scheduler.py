"""How jobs are ordered, placed and dispatched."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from gpusim import plugins
from gpusim.errors import did_you_mean
from gpusim.scenario.base import Model

ORDERS = ("fifo", "sjf", "priority", "largest", "fair_share")
ROUNDS = {"srtf": "gpusim.policies.srtf:ShortestRemaining"}  # policies in Python, which decide in rounds
IMPORT_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


class Scheduler(Model):
    """Rules of docs/semantics.md."""

    order: str = "fifo"
    """Which waiting job goes first: ``fifo`` the earliest, ``sjf`` the shortest by estimate, ``priority`` the most
    urgent, ``largest``, ``fair_share`` one of the tenant that holds least for its share. With ``mode = "cycle"`` also
    ``srtf``, the shortest remaining time, for which preemptible jobs that run make way, or a policy of your own by its
    import path, say ``my_policy:PriceAware``, or by the name that a package gives it."""
    backfill: Literal["none", "easy", "conservative"] = "easy"
    """Whether jobs may pass a blocked head of the queue: never, if they do not delay it (EASY), or if they delay nobody
    (conservative). Not where a policy says what each job shall have (``srtf``)."""
    placement: Literal["best_fit", "first_fit", "spread"] = "best_fit"
    """Which node a small job takes: least free that fits, first, or most free."""
    dispatch: Literal["home", "least_loaded", "earliest_start", "cheapest", "greenest"] = "least_loaded"
    """Which pool an arriving job joins."""
    redispatch: bool = True
    """Whether a job that waits and never ran moves to another pool that can start it at once. Not with a policy of your
    own, nor with conservative backfill."""
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

    @property
    def policy(self) -> str:
        """Import path of the policy in Python that decides, "" if the compiled scheduler does."""
        return ROUNDS.get(self.order, self.own_policy)

    @property
    def own_policy(self) -> str:
        """Import path of a policy that is not gpusim's but the user's or another package's, "" if there is none."""
        if ":" in self.order:
            return self.order
        return "" if self.order in (*ORDERS, *ROUNDS) else plugins.found(plugins.POLICIES)[self.order].value

    @field_validator("order")
    @classmethod
    def _order(cls, order: str) -> str:
        if order in (*ORDERS, *ROUNDS) or IMPORT_PATH.fullmatch(order):
            return order
        known = (*ORDERS, *ROUNDS, *plugins.found(plugins.POLICIES))
        if order not in known:
            raise ValueError(
                f"allowed: {', '.join(known)}{did_you_mean(order, known)}, or a policy's import path, 'module:Class'"
            )
        return order

    @model_validator(mode="after")
    def _cycled(self) -> Scheduler:
        if self.mode != "cycle" and self.policy:
            who = "a policy of your own" if ":" in self.order else f"order = {self.order!r}"
            raise ValueError(f'{who} decides in rounds: it needs mode = "cycle"')
        return self

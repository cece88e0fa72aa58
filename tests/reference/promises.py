"""Power that blocked heads were promised, and what a job that starts must leave of it."""

from __future__ import annotations

import math

from tests.reference.easy import Reservation
from tests.reference.power import SitePower, job_w
from tests.reference.world import Job, Pool


class Load:
    """What a site is expected to draw from now on: running jobs until their expected ends, promises in their time."""

    def __init__(self, power: SitePower, promises: list[Reservation], now: float):
        self.power, self.now = power, now
        self.promises = [p for p in promises if not math.isinf(p.shadow_s)]

    def begins_s(self, promise: Reservation) -> float:
        """When a promise begins: now if its time has passed."""
        return max(promise.shadow_s, self.now)

    def ends_s(self, promise: Reservation) -> float:
        """When it ends: it holds for a second at the least."""
        return self.begins_s(promise) + _window_s(promise.head, promise.head.pool)

    def headroom_w(self, at_s: float) -> float:
        """Facility power left at a time."""
        still_on = [j for pool in self.power.pools for j in pool.running if j.expected_end_s(self.now) > at_s]
        begun = [p.head for p in self.promises if self.begins_s(p) <= at_s < self.ends_s(p)]
        load_w = self.power.nodes_w() + sum(job_w(job, job.pool) for job in still_on + begun)
        return self.power.allowed_w - load_w * self.power.overhead

    def admits(self, w: float, until_s: float) -> bool:
        """Whether ``w`` from now on fit beside the promises that begin before ``until_s``."""
        return all(w <= self.headroom_w(self.begins_s(p)) for p in self.promises if self.begins_s(p) < until_s)

    def earliest_s(self, job: Job, pool: Pool, from_s: float) -> float:
        """Earliest time from ``from_s`` on for which the power of a job can be promised; infinite if never."""
        w, wall_s = job_w(job, pool) * self.power.overhead, _window_s(job, pool)
        if w <= 0 or math.isinf(from_s):
            return from_s
        ends = {j.expected_end_s(self.now) for pool in self.power.pools for j in pool.running}
        ends |= {self.ends_s(p) for p in self.promises}
        for at_s in sorted({from_s, *(end_s for end_s in ends if end_s > from_s)}):
            begins = [self.begins_s(p) for p in self.promises]
            if all(w <= self.headroom_w(t) for t in (at_s, *(b for b in begins if at_s < b < at_s + wall_s))):
                return at_s
        return math.inf


def _window_s(job: Job, pool: Pool) -> float:
    return max(job.expected_wall_s(pool), 1.0)

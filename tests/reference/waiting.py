"""Why jobs wait: at any moment a whole queue, or a tenant's part of it where tenants matter, for one thing."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from gpusim.kernels.state.codes import Backfill, Order, Status, Wait
from tests.reference.queueing import place
from tests.reference.sharing import fits_by_gpus
from tests.reference.shortage import gpus_lacking
from tests.reference.world import Job, Pool

if TYPE_CHECKING:
    from tests.reference.fleet import Fleet

Lane = tuple[Pool, int]


class Waiting:
    """What each job has waited for so far."""

    def __init__(self, fleet: Fleet):
        self.fleet, self.env = fleet, fleet.env
        self.by_tenant = fleet.case.quota is not None or fleet.rules.order == Order.FAIR_SHARE
        self.cause: dict[Lane, Wait] = {}
        self.since_s: dict[Job, float] = {}
        self.waits_s: dict[Job, Counter[Wait]] = {job: Counter() for job in fleet.jobs}

    def joins(self, job: Job) -> None:
        """A job is about to join the queue of its pool."""
        lane = self._lane(job)
        if not self._jobs(lane):
            self.cause[lane] = Wait.CYCLE
        self.since_s[job] = self.env.now

    def leaves(self, job: Job) -> None:
        """A job is about to leave the queue of its pool."""
        self._book(job)
        del self.since_s[job]

    def refused(self, pool: Pool) -> set[int]:
        """Tenants whose quotas refuse the first of their jobs in a queue under a built-in order."""
        first = {}
        for job in sorted(pool.waiting, key=lambda job: place(job, self.fleet.rules)):
            first.setdefault(job.spec.tenant, job)
        return {tenant for tenant, job in first.items() if self.fleet.exceeds_quota(job)}

    def lack_or(self, job: Job | None, other: Wait) -> Wait | None:
        """What keeps a job from starting now, or something else if nothing does; None without a job."""
        if job is None:
            return None
        lacking = self.lack(job)
        return other if lacking is None else lacking

    def learn(self, pool: Pool, head: Job | None, wait: Wait | None, left_out: set[int]) -> None:
        """From now on a queue waits for what its head lacks, tenants that are left out for their quota."""
        for lane in {self._lane(job) for job in pool.waiting}:
            cause = Wait.QUOTA if self.by_tenant and lane[1] in left_out else Wait.POLICY if head is None else wait
            if cause != self.cause[lane]:
                for job in self._jobs(lane):
                    self._book(job)
                self.cause[lane] = cause

    def lack(self, job: Job) -> Wait | None:
        """What keeps a job from starting now, its quota aside; None if nothing does."""
        power = self.fleet.sites[job.pool.spec.site]
        if self.fleet.find(job) is None:
            limited = any(job.pool.spec.cpu_memory)
            return Wait.CPU_MEMORY if limited and fits_by_gpus(job, job.pool) else gpus_lacking(job, job.pool, power)
        if self._has_power(job):
            return None
        if power.limit_w == power.grid_w:
            return Wait.POWER
        limits, held_by = (power.cap_w, power.cooled_w), power.held_by
        power.cap_w = power.cooled_w = math.inf
        wait = held_by if self._has_power(job) else Wait.POWER
        power.cap_w, power.cooled_w = limits
        return wait

    def total_s(self, job: Job) -> dict[str, float]:
        """[s] That a job has waited, by cause."""
        total = Counter(self.waits_s[job])
        if job in self.since_s:
            total[self.cause[self._lane(job)]] += self.env.now - self.since_s[job]
        if job.status == Status.FETCHING:
            total[Wait.DATA] += self.env.now - job.spec.submit_s
        return {wait.name: waited_s for wait, waited_s in sorted(total.items()) if waited_s}

    def _has_power(self, job: Job) -> bool:
        if self.fleet.rules.backfill == Backfill.CONSERVATIVE:
            return self.fleet.admits(job, job.pool)
        return self.fleet.has_power(job)

    def _lane(self, job: Job) -> Lane:
        return job.pool, job.spec.tenant if self.by_tenant else 0

    def _jobs(self, lane: Lane) -> list[Job]:
        return [job for job in lane[0].waiting if self._lane(job) == lane]

    def _book(self, job: Job) -> None:
        self.waits_s[job][self.cause[self._lane(job)]] += self.env.now - self.since_s[job]
        self.since_s[job] = self.env.now

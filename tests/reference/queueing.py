"""In which order waiting jobs are looked at, and who is left out."""

from __future__ import annotations

from collections.abc import Callable

from gpusim.state import Order
from tests.reference.world import Job, Pool

KEYS = {
    Order.FIFO: lambda job: 0,
    Order.FAIR_SHARE: lambda job: 0,
    Order.SJF: lambda job: job.spec.estimate_s,
    Order.PRIORITY: lambda job: -job.spec.priority,
    Order.LARGEST: lambda job: -job.spec.gpus,
}


class Queue:
    """The waiting jobs of a pool during one pass.

    Fair shares and quotas change with every start, so the next job is looked up anew each time.
    """

    def __init__(self, pool: Pool, order: Order, shares: list[float], exceeds_quota: Callable[[Job], bool]):
        self.pool, self.order, self.shares, self.exceeds_quota = pool, order, shares, exceeds_quota

    def next(self, passed: set[Job]) -> Job | None:
        """First job that is not among those ``passed`` over; jobs of tenants at their quota are left out."""
        jobs = self.pool.waiting
        first_of = {tenant: min(self._of(tenant), key=self._place) for tenant in {job.spec.tenant for job in jobs}}
        left_out = {tenant for tenant, job in first_of.items() if self.exceeds_quota(job)}
        candidates = [job for job in jobs if job not in passed and job.spec.tenant not in left_out]
        return min(candidates, key=self._key, default=None)

    def _of(self, tenant: int) -> list[Job]:
        return [job for job in self.pool.waiting if job.spec.tenant == tenant]

    def _place(self, job: Job) -> tuple:
        return (KEYS[self.order](job), job.spec.submit_s, job.row)

    def _key(self, job: Job) -> tuple:
        if self.order != Order.FAIR_SHARE:
            return self._place(job)
        tenant = job.spec.tenant
        return (self.pool.held_by(tenant) / self.shares[tenant], tenant, job.spec.submit_s, job.row)

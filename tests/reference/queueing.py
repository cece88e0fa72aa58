"""In which order waiting jobs are looked at, and who is left out."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial

from gpusim.engine.description import Scheduling
from gpusim.kernels.state.codes import Order
from gpusim.policies import queue_orders
from tests.reference.world import Job, Pool

DUE = partial(queue_orders.deadline, slack=2.0)
KEYS = {
    None: lambda job: 0,
    queue_orders.sjf: lambda job: job.spec.estimate_s,
    queue_orders.priority: lambda job: -job.spec.priority,
    queue_orders.largest: lambda job: -job.spec.gpus * job.part,
    queue_orders.smallest: lambda job: job.spec.gpus * job.part,
    queue_orders.gpu_time: lambda job: job.spec.estimate_s * job.spec.gpus * job.part,
    DUE: lambda job: job.spec.submit_s + (job.spec.deadline_s or 2.0 * job.spec.estimate_s),
}


def place(job: Job, rules: Scheduling) -> tuple:
    """Place in the order among all jobs, shares aside."""
    return (KEYS[rules.key](job), job.spec.submit_s, job.row)


class Queue:
    """The waiting jobs of a pool during one pass.

    Fair shares and held GPUs change with every start, so the next job is looked up anew each time. ``answer`` is that
    of a custom policy: the jobs that may start, best first.
    """

    def __init__(
        self,
        pool: Pool,
        rules: Scheduling,
        shares: list[float],
        exceeds_quota: Callable[[Job], bool],
        answer: list[Job] | None = None,
    ):
        self.pool, self.rules, self.shares, self.exceeds_quota = pool, rules, shares, exceeds_quota
        self.answer = answer
        self.passed: set[Job] = set()
        self.left_out: set[int] = set()

    def next(self) -> Job | None:
        """First job not passed over. One that would exceed its tenant's quota leaves the tenant out from then on."""
        while True:
            jobs = [job for job in self.pool.waiting if job not in self.passed]
            if self.answer is not None:
                jobs = [job for job in jobs if job in self.answer]
            job = min((job for job in jobs if job.spec.tenant not in self.left_out), key=self._key, default=None)
            if job is None or not self.exceeds_quota(job):
                return job
            self.left_out.add(job.spec.tenant)

    def pass_over(self, job: Job) -> None:
        """Go on behind a job."""
        self.passed.add(job)

    def _key(self, job: Job) -> tuple:
        if self.answer is not None:
            return (self.answer.index(job),)
        if self.rules.order != Order.FAIR_SHARE:
            return place(job, self.rules)
        tenant = job.spec.tenant
        usage = self.pool.dominant_share(tenant) / Fraction(self.shares[tenant])
        return (usage, tenant, job.spec.submit_s, job.row)

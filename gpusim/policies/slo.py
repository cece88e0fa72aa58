"""Deadlines that are strict for some and soft for others: whoever can still be on time first."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from gpusim.policies.policy import PoolView, marked
from gpusim.policies.queue_orders import due


class Slo:
    """The queue by deadlines, the earliest first, of those that are met if the job starts now; then backfill.

    A job without a deadline of its own is due ``slack`` times its estimate after its submission. Behind those that can
    still be on time come those that cannot, by deadlines too: jobs of ``strict`` tenants and classes last of all, for
    whom late is as bad as never. Nobody is preempted: ``leases`` does that. (Chronus, Gao et al. SoCC'21, tells strict
    deadlines from soft ones likewise.) n log n in the queue.
    """

    pool: PoolView

    def __init__(self, slack: float = 2.0, strict: Collection[str] = ()):
        self.slack, self.strict = slack, frozenset(strict)

    def order(self, queue: np.recarray, now_s: float) -> np.ndarray:
        """Positions in the queue, best first."""
        due_s = due(queue, self.slack * (queue.estimate_s + queue.run_s))
        late = now_s + queue.estimate_s > due_s
        strict = marked(self.pool.tenants, self.strict)[queue.tenant]
        strict |= marked(self.pool.classes, self.strict)[queue.job_class]
        return np.lexsort((queue.job, due_s, np.where(late, 1 + strict, 0)))

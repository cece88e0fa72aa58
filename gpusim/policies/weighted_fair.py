"""Weighted fair shares: what a tenant does not use is lent to others, and taken back when it asks for it."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import numpy as np

from gpusim.policies.policy import PoolView


class WeightedFair:
    """In each round the pool's GPUs go out job by job, each time to the tenant that has least for its share.

    Of a tenant's jobs those that run come first, then by submission; one for which too few are left is passed over. So
    tenants get what max-min fairness gives them, to the size of a job (of one resource this is DRF), and preemptible
    jobs on GPUs that are lent make way. n log n in the jobs of a pool.
    """

    pool: PoolView

    def allocate(self, jobs: np.recarray, now_s: float) -> np.ndarray:
        """GPUs of each job: all that it asks for, or none."""
        bound = jobs.running & ~jobs.preemptible
        left = self.pool.free_gpus + int(jobs.held[jobs.running & ~bound].sum())
        gets = bound.copy()
        has = np.bincount(jobs.tenant[bound], jobs.held[bound], len(self.pool.tenant_shares))
        turn = np.lexsort((np.arange(len(jobs)), jobs.submit_s, ~jobs.running))
        turn = turn[~bound[turn]][::-1]
        held = jobs.held.tolist()  # a look-up in a record array takes far longer
        queues: dict[int, list[int]] = {}
        for i, tenant in zip(turn.tolist(), jobs.tenant[turn].tolist(), strict=True):
            queues.setdefault(tenant, []).append(i)
        heap = [(has[tenant] / self.pool.tenant_shares[tenant], tenant) for tenant in queues]
        heapify(heap)
        while heap:
            _usage, tenant = heappop(heap)
            i = queues[tenant].pop()
            if held[i] <= left:
                left -= held[i]
                has[tenant] += held[i]
                gets[i] = True
            if queues[tenant]:
                heappush(heap, (has[tenant] / self.pool.tenant_shares[tenant], tenant))
        return np.where(gets, jobs.gpus, 0)

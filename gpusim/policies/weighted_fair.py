"""Weighted fair shares: what a tenant does not use is lent to others, and taken back when it asks for it."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from operator import add, le, sub

import numpy as np

from gpusim.policies.policy import PoolView

ROUNDING = 1e-9  # GPUs, of sums of CPUs and memory


class WeightedFair:
    """In each round the pool's GPUs go out job by job, each time to the tenant that has least for its share.

    Where nodes limit CPUs or memory, that is the tenant with the least dominant share for its share (DRF: Ghodsi et
    al., NSDI 2011), of what is held or lent. Of a tenant's jobs those that run come first, then by submission; one for
    which too little is left is passed over. So tenants get what max-min fairness gives them, to the size of a job, and
    preemptible jobs on GPUs that are lent make way. n log n in the jobs of a pool.
    """

    pool: PoolView

    def allocate(self, jobs: np.recarray, now_s: float) -> np.ndarray:
        """GPUs of each job: all that it asks for, or none."""
        bound = jobs.running & ~jobs.preemptible
        gets, wanted = bound.copy(), self.pool.in_gpus(jobs)
        gpus = self.pool.free_gpus + int(jobs.held[jobs.running].sum())
        left = (gpus + ROUNDING - wanted[bound].sum(axis=0)).tolist()
        shares = self.pool.tenant_shares
        has = np.column_stack([np.bincount(jobs.tenant[bound], row[bound], len(shares)) for row in wanted.T]).tolist()
        turn = np.lexsort((np.arange(len(jobs)), jobs.submit_s, ~jobs.running))
        turn = turn[~bound[turn]][::-1]
        least = wanted[turn, 0].min(initial=np.inf)  # GPUs that any of them asks for
        turn = turn[np.argsort(jobs.tenant[turn], kind="stable")]
        tenants, firsts = np.unique(jobs.tenant[turn], return_index=True)
        parts = np.split(turn, firsts)[1:]
        queues = {tenant: part.tolist() for tenant, part in zip(tenants.tolist(), parts, strict=True)}
        heap = [(max(has[tenant]) / shares[tenant], tenant) for tenant in queues]
        heapify(heap)
        while heap and left[0] >= least:  # else nothing is left for anyone
            _usage, tenant = heappop(heap)
            i = queues[tenant].pop()
            ask = wanted[i].tolist()
            if ask[0] <= left[0] and all(map(le, ask, left)):
                left = list(map(sub, left, ask))
                has[tenant] = list(map(add, has[tenant], ask))
                gets[i] = True
            if queues[tenant]:
                heappush(heap, (max(has[tenant]) / shares[tenant], tenant))
        return np.where(gets, jobs.gpus, 0)

"""Deadlines kept by leases of GPUs: jobs that have none get what those with deadlines leave."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from gpusim.policies.policy import PoolView, marked

ROUNDING_S = 1e-6


class Leases:
    """GPUs are let for ``lease_h``, first to jobs that have a deadline and were accepted, the earliest first.

    A job with a deadline is accepted when it comes if, by estimates, it and those accepted before it all end in time
    while the earliest deadlines are served first in every lease. At the end of a lease all that is let to preemptible
    jobs is let anew; within one nobody is stopped, and who waits gets what is free. Behind the accepted come all
    others, jobs without a deadline and those that cannot be on time alike, the least remaining GPU-time first; last
    those of ``strict`` tenants and classes that cannot be on time any more.

    Chronus (Gao et al., SoCC'21) lets leases so. It seeks those that keep the deadlines by an integer programme, in
    which a job of 3 GPUs counts as 4, and may accept a later of several soft deadlines; it moves jobs between nodes to
    make room. A job that comes costs as many looks at each accepted job as there are leases until all have ended.
    """

    pool: PoolView

    def __init__(self, lease_h: float = 0.25, strict: Collection[str] = ()):
        self.lease_s, self.strict = 3600.0 * lease_h, frozenset(strict)
        self._lease: dict[tuple[str, str], int] = {}  # under way, by pool
        self._accepted: dict[int, bool] = {}  # by job, once it was looked at

    def allocate(self, jobs: np.recarray, now_s: float) -> np.ndarray:
        """GPUs of each job: all that it asks for, or none."""
        where, lease = (self.pool.site, self.pool.gpu_type), int((now_s + ROUNDING_S) // self.lease_s)
        renews = self._lease.get(where) != lease
        self._lease[where] = lease
        due_s = np.where(jobs.deadline_s > 0.0, jobs.submit_s + jobs.deadline_s, np.inf)
        late = now_s + jobs.estimate_s > due_s + ROUNDING_S
        accepted = self._admit(jobs, due_s, late, now_s, now_s if renews else (lease + 1) * self.lease_s)
        strict = marked(self.pool.tenants, self.strict)[jobs.tenant]
        strict |= marked(self.pool.classes, self.strict)[jobs.job_class]
        rank = np.where(accepted, 0, np.where(late & strict, 2, 1))
        keeps = jobs.running & ~jobs.preemptible if renews else jobs.running.copy()
        left = self.pool.free_gpus + int(jobs.held[jobs.running & ~keeps].sum())
        turn, held = np.lexsort((jobs.job, np.where(accepted, due_s, jobs.estimate_s * jobs.held), rank)), jobs.held
        turn = turn[~keeps[turn]]
        for i, gpus in zip(turn.tolist(), held[turn].tolist(), strict=True):
            if gpus <= left:
                left -= gpus
                keeps[i] = True
        return np.where(keeps, jobs.gpus, 0)

    def _admit(
        self, jobs: np.recarray, due_s: np.ndarray, late: np.ndarray, now_s: float, begins_s: float
    ) -> np.ndarray:
        """Which jobs are accepted and can still be on time, shape (n_jobs,), the new ones too."""
        able = np.isfinite(due_s) & ~late
        accepted = able & np.array([self._accepted.get(job, False) for job in jobs.job.tolist()], bool)
        for i in np.flatnonzero(able & ~accepted):
            job = int(jobs.job[i])
            if job not in self._accepted:
                accepted[i] = True
                accepted[i] = self._accepted[job] = self._all_on_time(jobs, accepted, due_s, now_s, begins_s)
        return accepted

    def _all_on_time(
        self, jobs: np.recarray, rows: np.ndarray, due_s: np.ndarray, now_s: float, begins_s: float
    ) -> bool:
        """Whether these jobs end in time if the earliest deadlines are served first in every lease from a time on."""
        others = jobs.running & ~jobs.preemptible & ~rows
        until_s, their_gpus = now_s + jobs.estimate_s[others], jobs.held[others]
        gpus = self.pool.free_gpus + int(jobs.held[jobs.running].sum())
        mine = np.flatnonzero(rows)
        mine = mine[np.lexsort((mine, due_s[mine]))]
        ask = jobs.held[mine].tolist()
        left_s = jobs.estimate_s[mine] - np.where(jobs.running[mine], begins_s - now_s, 0.0)
        while (left_s > 0.0).any():
            if (begins_s + left_s[left_s > 0.0] > due_s[mine][left_s > 0.0] + ROUNDING_S).any():
                return False
            free = gpus - int(their_gpus[until_s > begins_s].sum())
            for k in np.flatnonzero(left_s > 0.0).tolist():
                if ask[k] <= free:
                    free -= ask[k]
                    left_s[k] -= self.lease_s
            begins_s += self.lease_s
        return True

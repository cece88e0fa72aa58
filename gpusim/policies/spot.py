"""Spot jobs with a guaranteed duration: they may be preempted for jobs on demand, but not before they had it."""

from __future__ import annotations

import numpy as np

from gpusim.policies.policy import PoolView
from gpusim.units import HOUR_S


class Spot:
    """In each round jobs on demand first, as they came; what they leave goes to spot jobs, the preemptible ones.

    A spot job keeps its GPUs for ``guaranteed_h`` from each start. Then it makes way for jobs on demand that wait, who
    started last first. While a job on demand waits, no spot job starts, so that no new guarantee is in its way. Of jobs
    on demand those that fit behind a blocked one start. (Amazon EC2 sold spot instances of a defined duration, 1 to 6
    hours, from 2015 to 2021.) n log n in the jobs of a pool.
    """

    pool: PoolView

    def __init__(self, guaranteed_h: float = 1.0):
        self.guaranteed_s = guaranteed_h * HOUR_S
        self._start_s: dict[int, float] = {}  # of spot jobs that were given GPUs

    def allocate(self, jobs: np.recarray, now_s: float) -> np.ndarray:
        """GPUs of each job: all that it asks for, or none."""
        start_s = np.array([self._start_s.get(job, now_s) for job in jobs.job.tolist()])
        kept = jobs.running & (~jobs.preemptible | (now_s - start_s < self.guaranteed_s))
        left = self.pool.free_gpus + int(jobs.held[jobs.running & ~kept].sum())
        gets = kept.copy()
        waits = np.flatnonzero(~jobs.running)
        demand, spot = waits[~jobs.preemptible[waits]], waits[jobs.preemptible[waits]]
        held = jobs.held.tolist()  # a look-up in a record array takes far longer
        for i in demand.tolist():
            if held[i] <= left:
                left -= held[i]
                gets[i] = True
        over = np.flatnonzero(jobs.running & ~kept)
        over = over[np.lexsort((over, start_s[over]))]
        for i in (*over.tolist(), *(spot.tolist() if gets[demand].all() else ())):
            if held[i] <= left:
                left -= held[i]
                gets[i] = True
        for i in np.flatnonzero(gets & jobs.preemptible & ~jobs.running).tolist():
            self._start_s[int(jobs.job[i])] = now_s
        return np.where(gets, jobs.gpus, 0)

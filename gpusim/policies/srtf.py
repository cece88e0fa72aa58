"""Shortest remaining time first, with preemption."""

from __future__ import annotations

import numpy as np

from gpusim.policies.policy import PoolView


class ShortestRemaining:
    """GPUs go to the jobs with the shortest remaining time, as they expect it; those that run make way if preemptible.

    In each round jobs are gone through by the time that they expect to need from now on, loading and work to be done
    again included; each gets its GPUs if so many are left, whoever holds them. Of equals who runs goes first, then who
    came first. n log n in the jobs of a pool.

    With one server it has the least mean time in system of all policies (Schrage 1968, "A proof of the optimality of
    the shortest remaining processing time discipline"); with several, and with jobs of many GPUs, it is a heuristic.
    """

    pool: PoolView

    def allocate(self, jobs: np.recarray, now_s: float) -> np.ndarray:
        """GPUs of each job: all that it asks for, or none."""
        bound = jobs.running & ~jobs.preemptible
        left = self.pool.free_gpus + int(jobs.held[jobs.running & ~bound].sum())
        gets = bound.copy()
        turn = np.lexsort((np.arange(len(jobs)), ~jobs.running, jobs.estimate_s))
        for i in turn[~bound[turn]].tolist():
            if jobs.held[i] <= left:
                left -= int(jobs.held[i])
                gets[i] = True
        return np.where(gets, jobs.gpus, 0)

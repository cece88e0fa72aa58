"""Elastic jobs by goodput, as Pollux divides GPUs: speed-ups over an equal part of the pool, their mean of power p."""

from __future__ import annotations

import numpy as np

from gpusim.policies.dividing import divided, restart_factor, size_options
from gpusim.policies.policy import PoolView

NONE = 0.01  # of its goodput with an equal part: what a job without GPUs counts as


class Pollux:
    """In each round GPUs go to jobs such that the mean of (r S)^p over jobs is small, p < 0.

    S is the goodput with so many GPUs over that with an equal part of the pool, r the restart factor where a running
    job would change (Qiao et al., OSDI 2021, section 4.2, p = -1). Its genetic search is replaced by steps
    (``dividing.divide``); a job without GPUs, for which the paper's fitness is not defined, counts as one of a
    hundredth of that goodput. Speeds are known, not learnt. Jobs of classes without a range have what they ask for, or
    nothing.
    """

    pool: PoolView

    def __init__(self, fairness: float = -1.0, restart_s: float = 30.0):
        self.fairness, self.restart_s = fairness, restart_s

    def allocate(self, jobs: np.recarray, now_s: float) -> np.ndarray:
        """GPUs of each job."""
        options, held = size_options(jobs, self.pool)
        part = max(self.pool.energised_gpus // max(len(jobs), 1), 1)
        equal = np.clip(part, options[:, 0], options[:, -1])
        speedup = self.pool.speeds(jobs, options) / self.pool.speeds(jobs, equal)[:, None]
        changes = jobs.running[:, None] & (options != jobs.gpus[:, None])
        factor = np.where(changes, restart_factor(jobs, now_s, self.restart_s)[:, None], 1.0)
        with np.errstate(divide="ignore"):  # of a job that was restarted all the time, nothing is left
            values = NONE**self.fairness - (factor * speedup) ** self.fairness
        return divided(jobs, self.pool, values, options, held)

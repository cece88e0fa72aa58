"""Elastic jobs by goodput, as Sia divides GPUs: what a job gains over its smallest size, with falling returns."""

from __future__ import annotations

import numpy as np

from gpusim.policies.dividing import divided, restart_factor, size_options
from gpusim.policies.policy import PoolView


class Sia:
    """In each round GPUs go to jobs such that the sum of their values is large: lambda - (r G)^p for a job with GPUs.

    G is the goodput with so many GPUs over that with the fewest, r the restart factor where a running job would
    change, p < 0, and lambda what it is worth that a job runs at all (Jayaram Subramanya et al., SOSP 2023, section
    3.4, p = -0.5 and lambda = 1.1). Its integer programme over sizes is solved step by step (``dividing.divide``); of
    several pools each is divided by itself, and speeds are known, not learnt. Jobs of classes without a range have
    what they ask for, or nothing.
    """

    pool: PoolView

    def __init__(self, fairness: float = -0.5, at_all: float = 1.1, restart_s: float = 30.0):
        self.fairness, self.at_all, self.restart_s = fairness, at_all, restart_s

    def allocate(self, jobs: np.recarray, now_s: float) -> np.ndarray:
        """GPUs of each job."""
        options, held = size_options(jobs, self.pool)
        goodput = self.pool.speeds(jobs, options)
        goodput = goodput / goodput.min(axis=1, keepdims=True)
        changes = jobs.running[:, None] & (options != jobs.gpus[:, None])
        factor = np.where(changes, restart_factor(jobs, now_s, self.restart_s)[:, None], 1.0)
        with np.errstate(divide="ignore"):  # of a job that was restarted all the time, nothing is left
            values = self.at_all - (factor * goodput) ** self.fairness
        return divided(jobs, self.pool, values, options, held)

"""Finish-time fairness: GPUs to those that are worst off against having the pool's equal part to themselves."""

from __future__ import annotations

import numpy as np

from gpusim.policies.giving import first_served
from gpusim.policies.policy import PoolView


def finish_time_ratio(jobs: np.recarray, now_s: float, pool_gpus: int) -> np.ndarray:
    """Finish time as things are, of that with an equal part of the pool from the submission on, shape (n_jobs,).

    The rho of Mahajan et al. (NSDI 2020, section 3.1): (waited and run so far + left) / (run and left, longer where the
    job's GPUs exceed an n-th of the pool, n being the jobs there now). What is left is by the estimate.
    """
    alone_s = (jobs.run_s + jobs.estimate_s) * np.maximum(jobs.held * len(jobs) / max(pool_gpus, 1), 1.0)
    shared_s = now_s - jobs.submit_s + jobs.estimate_s
    return np.divide(shared_s, alone_s, out=np.full(len(jobs), np.inf), where=alone_s > 0.0)


class FinishTime:
    """In each round the jobs of the greatest ratio get their GPUs, whoever holds them: a round is a lease of Themis.

    In place of its auctions, in which applications tell what they would make of GPUs, the expected finish time decides.
    n log n in the jobs of a pool.
    """

    pool: PoolView

    def allocate(self, jobs: np.recarray, now_s: float) -> np.ndarray:
        """GPUs of each job: all that it asks for, or none."""
        ratio = finish_time_ratio(jobs, now_s, self.pool.energised_gpus)
        return first_served(jobs, -ratio, self.pool.free_gpus)

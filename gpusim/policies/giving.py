"""GPUs to jobs in their turn, as far as they go, whoever holds them."""

from __future__ import annotations

import numpy as np


def first_served(jobs: np.recarray, keys: np.ndarray, free_gpus: int) -> np.ndarray:
    """GPUs of each job: all that it asks for, or none.

    Each in its turn gets its GPUs if so many are left of those free and those that jobs hold which make way. Jobs that
    run and are not preemptible keep theirs. n log n in the jobs.

    Parameters
    ----------
    jobs : recarray, shape (n_jobs,)
        Of a pool, as ``Policy.allocate`` is shown them.
    keys : ndarray, shape (n_jobs,)
        Less goes first; of equals who runs, then who came first.
    free_gpus : int
        Of the pool.

    Returns
    -------
    ndarray of int, shape (n_jobs,)
    """
    bound = jobs.running & ~jobs.preemptible
    left = free_gpus + int(jobs.held[jobs.running & ~bound].sum())
    turn = np.lexsort((np.arange(len(jobs)), ~jobs.running, keys))
    turn = turn[~bound[turn]]
    served = []
    for i, needed in zip(turn.tolist(), jobs.held[turn].tolist(), strict=True):
        if needed <= left:
            left -= needed
            served.append(i)
    gets = bound.copy()
    gets[served] = True
    return np.where(gets, jobs.gpus, 0)

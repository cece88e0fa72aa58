"""Elastic jobs by goodput over types of GPU, as Sia divides them: what each gains over the least it may have."""

from __future__ import annotations

import numpy as np

from gpusim.policies.configurations import choose
from gpusim.policies.dividing import restart_factor, size_options
from gpusim.policies.policy import PoolView

# What it is worth that a running job stays as it is: else it and one that waits might change turns for ever.
STAYS = 1e-4


class Sia:
    """In each round jobs get pools and GPUs such that the sum of their values is greatest: lambda - (r G)^p.

    G is the goodput of a configuration, so many GPUs of a pool, over the least of those that the job may have; r the
    restart factor where a running job would change; p < 0; lambda what it is worth that a job runs at all (Jayaram
    Subramanya et al., SOSP 2023, sections 3.3 and 3.4, p = -0.5 and lambda = 1.1). The integer programme
    (``configurations.choose``) is that of the paper. Goodputs are known, not learnt: the speed of the class on the type
    times its speedup with so many GPUs. Jobs of classes without a range have what they ask for, or nothing.
    """

    def __init__(self, fairness: float = -0.5, at_all: float = 1.1, restart_s: float = 30.0):
        self.fairness, self.at_all, self.restart_s = fairness, at_all, restart_s

    def assign(
        self, jobs: np.recarray, pools: list[PoolView], allowed: np.ndarray, speeds: np.ndarray, now_s: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """The pool of each job, -1 for none, and its GPUs."""
        bound = jobs.running & ~jobs.preemptible
        found, gpus = np.where(bound, jobs.pool, -1), jobs.gpus.copy()
        mine = np.flatnonzero(~bound)
        mine = mine[np.lexsort((jobs.job[mine], ~jobs.running[mine]))]  # of equals who runs, then who came first
        rows = jobs[mine]
        per_pool = [size_options(rows, one) for one in pools]
        options, held = (np.concatenate(parts, axis=1) for parts in zip(*per_pool, strict=True))
        pool = np.repeat(np.arange(len(pools)), [sizes.shape[1] for sizes, _held in per_pool])
        may = allowed[mine][:, pool] & (options >= rows.min_gpus[:, None])
        may[:, 1:] &= (options[:, 1:] != options[:, :-1]) | (pool[1:] != pool[:-1])  # each once
        fast = np.concatenate([one.speeds(rows, sizes) for one, (sizes, _held) in zip(pools, per_pool, strict=True)], 1)
        goodput = speeds[mine][:, pool] * fast
        least = np.where(may, goodput, np.inf).min(axis=1, keepdims=True)
        changes = rows.running[:, None] & ((options != rows.gpus[:, None]) | (pool != rows.pool[:, None]))
        factor = np.where(changes, restart_factor(rows, now_s, self.restart_s)[:, None], 1.0)
        with np.errstate(divide="ignore"):  # of a job that was restarted all the time, nothing is left
            values = self.at_all - (factor * goodput / least) ** self.fairness
        values = np.where(may, values + STAYS * (rows.running[:, None] & ~changes), 0.0)
        capacity = np.array([one.free_gpus for one in pools])
        np.add.at(capacity, rows.pool[rows.running], rows.held[rows.running])
        chosen = choose(np.maximum(values, 0.0), held, pool, capacity)
        gets = chosen >= 0
        found[mine[gets]] = pool[chosen[gets]]
        gpus[mine[gets]] = options[gets, chosen[gets]]
        return found, gpus

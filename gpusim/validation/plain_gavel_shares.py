"""Shares of time as Gavel's simulator computes them: FIFO, with its defects, and max-min fairness by its solver."""

from __future__ import annotations

import random

import numpy as np
from scipy import sparse

from gpusim.validation.plain_gavel import TYPES, Snapshot

BY_NAME = tuple(sorted(range(len(TYPES)), key=TYPES.__getitem__))


class FirstCome:
    """Gavel's FIFO that knows no throughputs: a type for each job, for good, or for as long as it lasts.

    With two defects: it gives every job the last type that has a free GPU, whether the job fits there or not; and where
    that is then full it leaves out a type drawn at random in its place.
    """

    def __init__(self, seed: int = 0):
        self.kind: dict[int, int] = {}  # of jobs that have their turn
        self.random = random.Random(seed)

    def __call__(self, moment: Snapshot) -> np.ndarray:
        """Share 1 of one type for each job that has its turn."""
        gpus = dict(zip(moment.jobs.tolist(), moment.gpus.tolist(), strict=True))
        free = moment.capacity.tolist()
        queue = [job for job in sorted(gpus) if job not in self.kind]
        for job, kind in sorted(self.kind.items()):
            if job in gpus:
                free[kind] -= gpus[job]
                continue
            del self.kind[job]
            if queue:  # the first in the queue takes the place, or loses its turn
                first = queue.pop(0)
                if gpus[first] <= free[kind]:
                    self.kind[first] = kind
                    free[kind] -= gpus[first]
        there = [kind for kind in BY_NAME if free[kind] > 0]
        while queue and there:
            job = queue.pop(0)
            fitting = [at for at, kind in enumerate(there) if free[kind] >= gpus[job]]
            if not fitting:
                break
            drawn, kind = fitting[self.random.randrange(len(fitting))], there[-1]
            self.kind[job] = kind
            free[kind] -= gpus[job]
            if free[kind] == 0:
                there.pop(drawn)
        shares = np.zeros((len(moment.jobs), len(TYPES)))
        for i, job in enumerate(moment.jobs.tolist()):
            if job in self.kind:
                shares[i, self.kind[job]] = 1.0
        return shares


class MaxMin:
    """The greatest least throughput of a job, of that which it has when its time is spread over types as the GPUs are.

    Such shares are many; which, is the solver's choice. Theirs is ECOS (Domahidi et al. 2013), an interior-point
    method, given the programme row by row as CVXPY writes it: then its schedule is theirs to the second.

    Raises
    ------
    ImportError
        Where ECOS is not installed.
    """

    def __init__(self, throughputs: bool):
        import ecos

        self.solve, self.throughputs = ecos.solve, throughputs

    def __call__(self, moment: Snapshot) -> np.ndarray:
        """Shares of time, shape (n_jobs, types)."""
        kinds = [kind for kind in BY_NAME if moment.capacity[kind]]
        rate = moment.throughput[:, kinds] if self.throughputs else np.ones((len(moment.jobs), len(kinds)))
        capacity = moment.capacity[kinds].astype(float)
        jobs, types = rate.shape
        part = np.tile(capacity / jobs, (jobs, 1))
        part /= part.sum(axis=1).max()  # all of its time, on types as the cluster has them
        scaled = rate * (1.0 / moment.weights * (1.0 / (part * rate).sum(axis=1)))[:, None] * moment.gpus[:, None]
        one = sparse.eye(jobs)
        rows = sparse.bmat(
            [
                [-np.ones((jobs, 1)), sparse.hstack([-sparse.diags(scaled[:, k]) for k in range(types)])],
                [None, -sparse.eye(jobs * types)],
                [None, sparse.kron(sparse.eye(types), moment.gpus.astype(float)[None])],
                [None, sparse.hstack([one] * types)],
            ],
            format="csc",
        )
        rows.sort_indices()
        limits = np.concatenate([np.zeros(jobs * (types + 1)), capacity, np.ones(jobs)])
        cost = np.zeros(jobs * types + 1)
        cost[0] = 1.0  # less the least of them
        found = self.solve(cost, rows, limits, {"l": len(limits), "q": [], "e": 0}, verbose=False)
        shares = np.zeros((jobs, len(TYPES)))
        shares[:, kinds] = found["x"][1:].reshape(types, jobs).T
        return shares

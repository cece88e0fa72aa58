"""Types of GPU by shares of time, as Gavel divides them: a linear programme, then rounds that follow it."""

from __future__ import annotations

import numpy as np

from gpusim import gangs
from gpusim.policies.finish_time_shares import equal_part, least_worst_finish
from gpusim.policies.policy import PoolView
from gpusim.policies.shares_of_time import greatest_least, greatest_sum


class Gavel:
    """Shares of each job's time on each pool, by an objective over throughputs; rounds give pools to who is behind.

    Objectives (Narayanan et al., OSDI 2020, section 4): ``max_min``, the least throughput of a job over that with its
    time spread as the GPUs are, times its GPUs; ``finish_time``, the worst finish time over that with an equal part
    (``finish_time_shares``); ``makespan``, the least throughput over the work left; ``throughput``, the sum, times
    GPUs. In a round pairs of job and pool come by share / time received of the time since the job came (section 5), and
    who has no share fills what is left, where it is fast. Not ``aware``, all types count as alike, as for the policies
    that the paper compares with: shares of time on any GPU, spread over the types as the GPUs are. Shares are found
    anew where the jobs or the GPUs are others: a linear programme of jobs x pools by HiGHS, polynomial; a round is
    n p log(n p).
    """

    def __init__(self, objective: str = "max_min", aware: bool = True):
        self.objective, self.aware = objective, aware
        self._shares: dict[int, np.ndarray] = {}  # of a job, by pool
        self._received_s: dict[int, np.ndarray] = {}
        self._since_s: dict[int, float] = {}
        self._alone_s: dict[int, float] = {}  # what the work done would have taken with an equal part
        self._part: dict[int, tuple[float, float]] = {}  # work left when shares were found, and throughput alone
        self._made_for: tuple = ()
        self._last_s = 0.0

    def assign(
        self, jobs: np.recarray, pools: list[PoolView], allowed: np.ndarray, speeds: np.ndarray, now_s: float
    ) -> np.ndarray:
        """The pool of each job, -1 for none."""
        self._account(jobs, len(pools), now_s)
        bound = jobs.running & ~jobs.preemptible
        found = np.where(bound, jobs.pool, -1)
        free = np.array([pool.free_gpus for pool in pools], dtype="i8")
        np.add.at(free, jobs.pool[jobs.running & ~bound], jobs.held[jobs.running & ~bound])
        mine = np.flatnonzero(~bound)
        mine = mine[np.argsort(jobs.job[mine])]  # the same jobs have the same shares, whoever waits where
        size = np.array([pool.gpus_per_node for pool in pools])
        held = gangs.held_of_each(jobs.gpus[mine, None], size)
        fast = speeds[mine] if self.aware else np.ones(held.shape)
        ids = jobs.job[mine].tolist()
        made_for = (tuple(sorted(ids)), tuple(free.tolist()))
        if made_for != self._made_for and ids:
            left = jobs.estimate_s[mine] * speeds[mine, jobs.pool[mine]]
            case = fast, held, free, allowed[mine], left
            clocks = self._clocks(ids, now_s, *case) if self.objective == "finish_time" else ()
            shares = self.shares(*case, *clocks)
            self._shares, self._made_for = dict(zip(ids, shares, strict=True)), made_for
        self._fill(found, mine, ids, held, free, allowed[mine], fast, now_s)
        return found

    def shares(
        self, speeds: np.ndarray, held: np.ndarray, capacity: np.ndarray, allowed: np.ndarray, left: np.ndarray,
        *clocks: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        """Shares of time by the objective, shape (n_jobs, n_pools); ``clocks`` as of ``least_worst_finish``."""
        if not self.aware and held.shape[1] > 1:
            fits = np.where(allowed & (held <= capacity), capacity, 0.0)
            one = fits.any(axis=1, keepdims=True)
            any_gpu = one.astype(float), held.min(axis=1, keepdims=True), capacity.sum(keepdims=True), one
            return self.shares(*any_gpu, left, *clocks) * fits / np.maximum(fits.sum(axis=1, keepdims=True), 1.0)
        if self.objective == "finish_time":
            return least_worst_finish(speeds, held, capacity, allowed, left, *clocks)
        gpus = held.min(axis=1, keepdims=True)
        if self.objective == "throughput":
            return greatest_sum(speeds * gpus, held, capacity, allowed & (held <= capacity))
        if self.objective == "makespan":
            return greatest_least(speeds / np.maximum(left, 1e-9)[:, None], held, capacity, allowed)
        spread = np.where(allowed, capacity, 0) * speeds
        equal = spread.sum(axis=1) / np.maximum(np.where(allowed, capacity, 0).sum(axis=1), 1)
        return greatest_least(speeds / np.maximum(equal, 1e-12)[:, None] * gpus, held, capacity, allowed)

    def _clocks(self, ids, now_s, speeds, held, capacity, allowed, left) -> tuple[np.ndarray, np.ndarray]:
        """[s] Age of each job, and what its work done so far would have taken with the equal parts that it had."""
        for job, work in zip(ids, left.tolist(), strict=True):
            before, part = self._part.get(job, (work, 1.0))
            self._alone_s[job] = self._alone_s.get(job, 0.0) + max(before - work, 0.0) / part
        parts = np.maximum(equal_part(speeds, held, capacity, allowed), 1e-12).tolist()
        self._part = dict(zip(ids, zip(left.tolist(), parts, strict=True), strict=True))
        self._alone_s = {job: self._alone_s[job] for job in ids}
        age_s = np.array([max(now_s - self._since_s[job], 0.0) for job in ids])
        return age_s, np.array([self._alone_s[job] for job in ids])

    def _account(self, jobs: np.recarray, n_pools: int, now_s: float) -> None:
        """Who ran since the last round, and where; who is gone is forgotten."""
        received = {}
        for job, pool, running, submit_s in zip(jobs.job, jobs.pool, jobs.running, jobs.submit_s, strict=True):
            so_far = self._received_s.get(int(job), np.zeros(n_pools))
            if running:
                so_far[pool] += now_s - self._last_s
            received[int(job)] = so_far
            self._since_s.setdefault(int(job), float(submit_s))
        self._received_s, self._last_s = received, now_s
        self._since_s = {job: self._since_s[job] for job in received}

    def _fill(self, found, mine, ids, held, free, allowed, speeds, now_s) -> None:
        """Pools one pair after the other, the most behind first."""
        share = np.array([self._shares[job] for job in ids]).reshape(allowed.shape)
        age_s = np.array([max(now_s - self._since_s[job], 1e-9) for job in ids])
        received = np.array([self._received_s[job] for job in ids]).reshape(allowed.shape) / age_s[:, None]
        share = np.where(share > 1e-9, share, 0.0)
        urgency = np.divide(share, received, out=np.where(share > 0.0, np.inf, 0.0), where=received > 0.0)
        order = np.lexsort((-speeds.ravel(), -share.ravel(), -urgency.ravel()))
        for pair in order.tolist():
            i, p = divmod(pair, len(free))
            if allowed[i, p] and found[mine[i]] < 0 and held[i, p] <= free[p]:
                found[mine[i]] = p
                free[p] -= held[i, p]

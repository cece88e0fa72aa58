"""One queue for all sites: each bids for each job, by when it would be over there, near its data, within quotas."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping

import numpy as np

from gpusim import gangs
from gpusim.policies.policy import PoolView
from gpusim.state.codes import ON
from gpusim.units import HOUR_S


class Mast:
    """Jobs of the whole fleet by priority, then submission; each goes to the best of the pools where it may run.

    The shape of MAST (Choudhury et al., OSDI 2024): one global queue, all regions searched for each job, and data and
    jobs placed together. A pool bids when a job would be over there: the wait for GPUs, from what runs and from what
    those before it wait for, and its run at the pool's speed; ``away_h`` more where it is not at the site to which the
    scenario's rule of dispatch sent it, and its data with it. A site where its tenant has its quota does not bid, nor
    does a pool to which the job was sent in the round before and where it could not start, for want of power, say. The
    least bid wins, ties go to the first pool. If the job can start there it does, else it waits for it, and later
    jobs start there only if they are over before. Running jobs stay. Waiting jobs x pools, as long as any GPU is free.
    """

    def __init__(self, away_h: float = 0.0, quotas: Mapping[str, Mapping[str, int]] | None = None):
        self.away_s, self.quotas = away_h * HOUR_S, quotas or {}
        self._home: dict[int, str] = {}  # site to which each job that waits came first
        self._sent: dict[int, int] = {}  # pool to which it was sent in the round before

    def assign(
        self, jobs: np.recarray, pools: list[PoolView], allowed: np.ndarray, speeds: np.ndarray, now_s: float
    ) -> np.ndarray:
        """The pool of each job, -1 for those that wait on."""
        found = np.where(jobs.running, jobs.pool, -1)
        waiting = np.flatnonzero(~jobs.running)
        waiting = waiting[np.lexsort((jobs.job[waiting], jobs.submit_s[waiting], -jobs.priority[waiting]))]
        homes = {int(jobs.job[i]): pools[jobs.pool[i]].site for i in waiting}
        self._home = {job: self._home.get(job, site) for job, site in homes.items()}
        bidders = [Bidder(pool, jobs[jobs.running & (jobs.pool == p)]) for p, pool in enumerate(pools)]
        held = self._held(jobs, pools)
        refused, self._sent = self._sent, {}
        for i in waiting.tolist():
            if not any(bidder.free for bidder in bidders):
                break
            job, gpus = jobs[i], int(jobs.gpus[i])
            work_s = float(job.estimate_s * speeds[i, job.pool])
            bids = []
            for p in np.flatnonzero(allowed[i]).tolist():
                if p == refused.get(int(job.job)):
                    continue
                run_s, bidder = work_s / float(speeds[i, p]), bidders[p]
                site, tenant = pools[p].site, pools[p].tenants[job.tenant]
                if held.get((site, tenant), 0) + bidder.needs(gpus) <= self._quota(site, tenant):
                    wait_s = bidder.wait_s(gpus, run_s)
                    away_s = 0.0 if site == self._home[int(job.job)] else self.away_s
                    bids.append((wait_s + run_s + away_s, p, wait_s, run_s, (site, tenant)))
            _over_s, p, wait_s, run_s, who = min(bids, default=(np.inf, -1, np.inf, 0.0, ("", "")))
            if wait_s == 0.0:
                found[i] = self._sent[int(job.job)] = p
                bidders[p].take(gpus, run_s)
                held[who] = held.get(who, 0) + bidders[p].needs(gpus)
            elif wait_s < np.inf:
                bidders[p].promise(gpus, wait_s)
        return found

    def _quota(self, site: str, tenant: str) -> float:
        return self.quotas.get(site, {}).get(tenant, np.inf)

    def _held(self, jobs: np.recarray, pools: list[PoolView]) -> dict[tuple[str, str], int]:
        """GPUs that running jobs hold, by site and tenant."""
        held: dict[tuple[str, str], int] = {}
        if self.quotas:
            for job in jobs[jobs.running]:
                who = pools[job.pool].site, pools[job.pool].tenants[job.tenant]
                held[who] = held.get(who, 0) + int(job.held)
        return held


class Bidder:
    """A pool as it will be with what it was given, and promised, in this round."""

    def __init__(self, pool: PoolView, running: np.recarray):
        self.size = pool.gpus_per_node
        self._nodes = np.where(pool.nodes.state == ON, pool.nodes.free, 0)
        self._ends = sorted(zip(running.estimate_s.tolist(), running.held.tolist(), strict=True))
        self._promised, self._first_s = 0, np.inf  # GPUs, and when the first of them are to be there
        self.free = int(self._nodes.sum())

    def needs(self, gpus: int) -> int:
        """GPUs that a job would hold: whole nodes for a gang."""
        return gangs.held_gpus(gpus, self.size)

    def wait_s(self, gpus: int, run_s: float) -> float:
        """[s] Until a job could start: 0 if it fits and delays nobody, inf if too little runs here for it to fit."""
        if len(self._room(gpus)) and run_s <= self._first_s:
            return 0.0
        lacks = self._promised + self.needs(gpus) - self.free
        for end_s, held in self._ends:
            lacks -= held
            if lacks <= 0:
                return max(end_s, 1.0)
        return np.inf

    def take(self, gpus: int, run_s: float) -> None:
        """A job starts."""
        room = self._room(gpus)
        self._nodes[room] -= gangs.on_node(gpus, self.size)
        self.free -= self.needs(gpus)
        insort(self._ends, (run_s, self.needs(gpus)))

    def promise(self, gpus: int, wait_s: float) -> None:
        """A job waits for GPUs."""
        self._promised += self.needs(gpus)
        self._first_s = min(self._first_s, wait_s)

    def _room(self, gpus: int) -> np.ndarray:
        """Nodes on which a job fits now, the least free for a part of one; none if it does not."""
        count, each = gangs.n_nodes(gpus, self.size), gangs.on_node(gpus, self.size)
        fits = np.flatnonzero(self._nodes >= each)
        if len(fits) < count:
            return fits[:0]
        return fits[np.argsort(self._nodes[fits], kind="stable")][:count]

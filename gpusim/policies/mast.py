"""One queue for all sites: each bids for each job, by when it would be over there, near its data, within quotas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gpusim.policies.bidder import Bidder
from gpusim.policies.policy import PoolView
from gpusim.units import HOUR_S


class Bid(NamedTuple):
    """Of a pool for a job; the least wins."""

    over_s: float  # from now
    pool: int
    start_s: float
    transfer_s: float
    run_s: float


class Mast:
    """Jobs of the whole fleet by priority, then submission; each goes to the best of the pools where it may run.

    The shape of MAST (Choudhury et al., OSDI 2024): one global queue, all regions searched for each job, and data and
    jobs placed together. A pool bids when a job would be over there: the wait for GPUs, from what runs and from what
    those before it wait for, or for its data and checkpoint if these take longer, and its run at the pool's speed;
    ``away_h`` more where it is not at the site to which the scenario's rule of dispatch sent it. A site or region where
    its tenant has its quota does not bid, nor does a pool to which the job was sent in the round before and where it
    could not start, for want of power, say. The least bid wins, ties go to the first pool. If the job can start there
    it does; if what it needs is elsewhere that leaves now, whether GPUs are free yet or not; else it waits, and later
    jobs start there only if they are over before. Running jobs stay, unless with ``preempt`` those of lower priority
    are in the way of a job that could not start anywhere. Waiting jobs x pools, as long as any GPU is free; with
    ``preempt`` times the nodes.
    """

    moves_data = True
    transfer_s: np.ndarray | None = None  # set by the engine before each round; absent: all data are everywhere

    def __init__(
        self, away_h: float = 0.0, quotas: Mapping[str, Mapping[str, int]] | None = None, preempt: bool = False
    ):
        self.away_s, self.quotas, self.preempt = away_h * HOUR_S, quotas or {}, preempt
        self._home: dict[int, str] = {}  # site to which each job that waits came first
        self._sent: dict[int, int] = {}  # pool to which it was sent in the round before
        self._coming: dict[int, tuple[int, int, float, str]] = {}  # pool, GPUs, when its data are due [s], tenant

    def assign(
        self, jobs: np.recarray, pools: list[PoolView], allowed: np.ndarray, speeds: np.ndarray, now_s: float
    ) -> np.ndarray:
        """The pool of each job, -1 for those that wait on."""
        found = np.where(jobs.running, jobs.pool, -1)
        transfer_s = np.zeros(allowed.shape) if self.transfer_s is None else self.transfer_s
        waiting = np.flatnonzero(~jobs.running)
        waiting = waiting[np.lexsort((jobs.job[waiting], jobs.submit_s[waiting], -jobs.priority[waiting]))]
        rows, asked, pool_of = jobs.job.tolist(), jobs.gpus.tolist(), jobs.pool.tolist()  # faster
        tenant_of, estimate_s = jobs.tenant.tolist(), jobs.estimate_s.tolist()
        homes = {rows[i]: pools[pool_of[i]].site for i in waiting.tolist()}
        self._home = {job: self._home.get(job, site) for job, site in homes.items()}
        bidders = [Bidder(pool, jobs[jobs.running & (jobs.pool == p)]) for p, pool in enumerate(pools)]
        held = self._held(jobs, pools)
        self._expect(set(rows), pools, bidders, held, now_s)
        refused, self._sent = self._sent, {}
        place = {row: i for i, row in enumerate(rows)}
        for i in waiting.tolist():
            if not self.preempt and not any(bidder.free for bidder in bidders):
                break
            row, gpus, tenant = rows[i], asked[i], pools[0].tenants[tenant_of[i]]
            work_s = estimate_s[i] * float(speeds[i, pool_of[i]])
            bids = []
            for p in np.flatnonzero(allowed[i]).tolist():
                if p == refused.get(row):
                    continue
                run_s, bidder = work_s / float(speeds[i, p]), bidders[p]
                if self._within_quota(held, pools[p], tenant, bidder.needs(gpus)):
                    start_s = max(bidder.wait_s(gpus, run_s), float(transfer_s[i, p]))
                    away_s = 0.0 if pools[p].site == self._home[row] else self.away_s
                    bids.append(Bid(start_s + run_s + away_s, p, start_s, float(transfer_s[i, p]), run_s))
            best = min(bids, default=Bid(np.inf, -1, np.inf, 0.0, 0.0))
            if best.start_s > 0.0 and self.preempt:
                room, stopped = self._make_room(bids, bidders, jobs, i, pools, held)
                best = room or best
                found[[place[row] for row in stopped]] = -1
            if best.start_s == np.inf:
                continue
            bidder = bidders[best.pool]
            if best.transfer_s == 0.0 and best.start_s > 0.0:
                bidder.set_aside(gpus, best.start_s)
                continue
            found[i] = best.pool
            self._count(held, pools[best.pool], tenant, bidder.needs(gpus))
            if best.transfer_s > 0.0:
                bidder.set_aside(gpus, best.start_s)
                self._coming[row] = best.pool, gpus, now_s + best.transfer_s, tenant
            else:
                bidder.take(gpus, best.run_s)
                self._sent[row] = best.pool
        return found

    def _make_room(
        self,
        bids: list[Bid],
        bidders: list[Bidder],
        jobs: np.recarray,
        i: int,
        pools: list[PoolView],
        held: dict[tuple[str, str], int],
    ) -> tuple[Bid | None, list[int]]:
        """The bid of the pool that can start a job by stopping the fewest GPUs, and the rows of those it has stopped.

        Ties go to the least bid. Jobs start where their data are only.
        """
        gpus, priority, options = int(jobs.gpus[i]), int(jobs.priority[i]), []
        for bid in bids:
            stopped = bidders[bid.pool].in_the_way(gpus, priority) if bid.transfer_s == 0.0 else None
            if stopped:
                options.append((sum(int(job.held) for job in stopped), bid, stopped))
        if not options:
            return None, []
        _gpus, bid, stopped = min(options, key=lambda option: option[:2])
        bidders[bid.pool].stop(stopped)
        for job in stopped:
            self._count(held, pools[bid.pool], pools[bid.pool].tenants[job.tenant], -int(job.held))
        return bid._replace(start_s=0.0), [int(job.job) for job in stopped]

    def _expect(
        self,
        here: set[int],
        pools: list[PoolView],
        bidders: list[Bidder],
        held: dict[tuple[str, str], int],
        now_s: float,
    ) -> None:
        """Pools that jobs are on their way to keep GPUs for them."""
        self._coming = {job: one for job, one in self._coming.items() if job not in here}
        for p, gpus, due_s, tenant in self._coming.values():
            bidders[p].set_aside(gpus, max(due_s - now_s, 1.0))
            self._count(held, pools[p], tenant, bidders[p].needs(gpus))

    def _within_quota(self, held: dict[tuple[str, str], int], pool: PoolView, tenant: str, more: int) -> bool:
        return not self.quotas or all(
            held.get((place, tenant), 0) + more <= self.quotas.get(place, {}).get(tenant, np.inf)
            for place in (pool.site, pool.region)
        )

    def _count(self, held: dict[tuple[str, str], int], pool: PoolView, tenant: str, gpus: int) -> None:
        for place in {pool.site, pool.region}:
            held[place, tenant] = held.get((place, tenant), 0) + gpus

    def _held(self, jobs: np.recarray, pools: list[PoolView]) -> dict[tuple[str, str], int]:
        """GPUs that running jobs hold, by site or region, and tenant."""
        held: dict[tuple[str, str], int] = {}
        if self.quotas:
            for job in jobs[jobs.running]:
                self._count(held, pools[job.pool], pools[job.pool].tenants[job.tenant], int(job.held))
        return held

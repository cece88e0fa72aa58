"""One queue for all sites with preemption: a round of ``mast``, all counted anew for every job."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class Running:
    """A job that runs, on each of some nodes of a pool with some of its GPUs."""

    row: int
    pool: int
    nodes: list[int]
    each: int
    left_s: float
    run_s: float = 0.0
    priority: int = 0
    preemptible: bool = False
    tenant: int = 0
    started: bool = False  # in this round

    @property
    def held(self) -> int:
        return self.each * len(self.nodes)


@dataclass
class Waiting:
    """A job that waits; ``allowed`` are pools, ``speed`` and ``transfer_s`` by pool."""

    row: int
    submit_s: float
    priority: int
    gpus: int
    home: str
    allowed: list[int]
    work_s: float
    speed: list[float]
    transfer_s: list[float]
    tenant: int = 0


@dataclass
class Moment:
    """Pools as (site, GPUs per node, nodes), who runs there, who waits; quotas by (site, tenant)."""

    pools: list[tuple[str, int, int]]
    running: list[Running]
    waiting: list[Waiting]
    away_s: float = 0.0
    quotas: dict[tuple[str, int], int] = field(default_factory=dict)
    preempt: bool = True


class Round:
    """One round."""

    def __init__(self, moment: Moment):
        self.moment, self.running = moment, list(moment.running)
        self.claims: list[list[tuple[float, int]]] = [[] for _ in moment.pools]  # wait [s], GPUs
        self.under_way: list[tuple[str, int, int]] = []  # site, tenant, GPUs of those whose data leave

    def play(self) -> tuple[dict[int, int], set[int]]:
        """The pool of each job that waits, -1 for none, and the rows of those that are stopped."""
        answer = {}
        for job in sorted(self.moment.waiting, key=lambda job: (-job.priority, job.submit_s, job.row)):
            answer[job.row] = self._send(job)
        here = {one.row for one in self.running}
        return answer, {one.row for one in self.moment.running if one.row not in here}

    def _send(self, job: Waiting) -> int:
        if not self.moment.preempt and not any(sum(self._free(p)) for p in range(len(self.moment.pools))):
            return -1
        bids = [bid for p in job.allowed if self._within_quota(job, p) and (bid := self._bid(job, p))[2] < math.inf]
        reach = [(*self._bid(job, p)[:2], p) for p in job.allowed if self._within_quota(job, p)]
        best = min(bids, default=None)
        if self.moment.preempt and (best is None or best[2] > 0.0):
            options = []
            for over_s, _p, p in reach:
                stopped = self._in_the_way(job, p) if job.transfer_s[p] == 0.0 else []
                if stopped:
                    options.append((sum(one.held for one in stopped), over_s, p, stopped))
            if options:
                *_cost, p, stopped = min(options, key=lambda option: option[:3])
                self.running = [one for one in self.running if one not in stopped]
                return self._start(job, p)
        if best is None:
            return -1
        _over_s, p, start_s = best
        if job.transfer_s[p] > 0.0:
            self.claims[p].append((start_s, self._needs(job, p)))
            self.under_way.append((self.moment.pools[p][0], job.tenant, self._needs(job, p)))
            return p
        if start_s > 0.0:
            self.claims[p].append((start_s, self._needs(job, p)))
            return -1
        return self._start(job, p)

    def _start(self, job: Waiting, p: int) -> int:
        free, each = self._free(p), self._each(job, p)
        room = sorted((n for n in range(len(free)) if free[n] >= each), key=lambda n: (free[n], n))
        run_s = job.work_s / job.speed[p]
        nodes = room[: self._count(job, p)]
        self.running.append(Running(job.row, p, nodes, each, run_s, tenant=job.tenant, started=True))
        return p

    def _bid(self, job: Waiting, p: int) -> tuple[float, int, float]:
        """When it would be over, where, and when it could start."""
        run_s = job.work_s / job.speed[p]
        start_s = max(self._wait_s(job, p, run_s), job.transfer_s[p])
        away_s = 0.0 if self.moment.pools[p][0] == job.home else self.moment.away_s
        return start_s + run_s + away_s, p, start_s

    def _wait_s(self, job: Waiting, p: int, run_s: float) -> float:
        free, each = self._free(p), self._each(job, p)
        delays = any(wait_s < run_s for wait_s, _gpus in self.claims[p])
        if not delays and sum(gpus >= each for gpus in free) >= self._count(job, p):
            return 0.0
        have = sum(free) - sum(gpus for _wait_s, gpus in self.claims[p])
        for one in sorted((one for one in self.running if one.pool == p), key=lambda one: one.left_s):
            have += one.held
            if have >= self._needs(job, p):
                return max(one.left_s, 1.0)
        return math.inf

    def _in_the_way(self, job: Waiting, p: int) -> list[Running]:
        """Whom to stop so that it fits: on the nodes where that stops the fewest GPUs."""
        ways = []
        for n, free in enumerate(self._free(p)):
            may = [
                one
                for one in self.running
                if one.pool == p and n in one.nodes and one.preemptible and one.priority < job.priority
            ]
            stopped: list[Running] = []
            for one in sorted((one for one in may if not one.started), key=lambda o: (o.priority, o.run_s, o.row)):
                if free + sum(other.each for other in stopped) < self._each(job, p):
                    stopped.append(one)
            if free + sum(other.each for other in stopped) >= self._each(job, p):
                ways.append((sum(one.held for one in stopped), n, stopped))
        if len(ways) < self._count(job, p):
            return []
        found: list[Running] = []
        for *_cost, stopped in sorted(ways, key=lambda way: way[:2])[: self._count(job, p)]:
            found += [one for one in stopped if one not in found]
        return found

    def _within_quota(self, job: Waiting, p: int) -> bool:
        site = self.moment.pools[p][0]
        held = sum(
            one.held for one in self.running if self.moment.pools[one.pool][0] == site and one.tenant == job.tenant
        )
        held += sum(gpus for where, tenant, gpus in self.under_way if (where, tenant) == (site, job.tenant))
        return held + self._needs(job, p) <= self.moment.quotas.get((site, job.tenant), math.inf)

    def _free(self, p: int) -> list[int]:
        _site, size, n_nodes = self.moment.pools[p]
        taken = [[one.each for one in self.running if one.pool == p and n in one.nodes] for n in range(n_nodes)]
        return [size - sum(each) for each in taken]

    def _each(self, job: Waiting, p: int) -> int:
        return min(job.gpus, self.moment.pools[p][1])

    def _count(self, job: Waiting, p: int) -> int:
        return -(-job.gpus // self.moment.pools[p][1])

    def _needs(self, job: Waiting, p: int) -> int:
        return self._each(job, p) * self._count(job, p)

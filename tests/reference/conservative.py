"""Conservative backfill: every waiting job keeps a reservation of nodes, power and quota."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tests.reference.case import Case
from tests.reference.placement import find
from tests.reference.power import SitePower, job_w
from tests.reference.world import Job, Node, Pool

Span = tuple[float, float, int]  # from, to [s], how much is taken


@dataclass(eq=False)
class Promise:
    """The start [s] and the nodes that a waiting job can count on."""

    start_s: float
    nodes: list[Node]


def window_s(job: Job, pool: Pool) -> float:
    """How long a job books: its expected wall time, but at least a second."""
    return max(job.expected_wall_s(pool), 1.0)


def microwatts(watts: float) -> int:
    """Power as a whole number; a hair below the next one counts as that."""
    return math.floor(watts * 1e6 + 0.01)


class Plan:
    """What is taken of everything from now on, as far as estimates know."""

    def __init__(self, case: Case, sites: list[SitePower], pools: list[Pool], now: float):
        self.case, self.sites, self.pools, self.now = case, sites, pools, now

    def earliest(self, job: Job) -> tuple[float, list[Node]] | None:
        """Earliest start [s] and nodes of a job beside all others; None if it can never start."""
        pool, length_s = job.pool, window_s(job, job.pool)
        spans = {node: self._on_node(pool, node, job) for node in pool.nodes if node.usable}
        power, quota = self._power(pool.spec.site, job), self._quota(job.spec.tenant, pool.spec.gpu_type, job)
        needs = [(power, microwatts(job_w(job, pool)), self.room(pool.spec.site))]
        if self.case.quota is not None:
            needs.append((quota, job.held(pool.size), self.case.quota[job.spec.tenant][pool.spec.gpu_type]))
        ends = {
            end
            for taken in [*spans.values(), power, quota]
            for _begin, end, _much in taken
            if self.now < end < math.inf
        }
        for start_s in sorted({self.now, *map(self._on_a_cycle, ends)}):
            if any(_peak(taken, start_s, start_s + length_s) + need > room for taken, need, room in needs):
                continue
            free = {node: node.size - _peak(taken, start_s, start_s + length_s) for node, taken in spans.items()}
            nodes = find(job, pool, free, self.case.rules.placement)
            if nodes is not None:
                return start_s, nodes
        return None

    def _on_a_cycle(self, time_s: float) -> float:
        """The first cycle at or after a time, if there are cycles."""
        cycle_s = self.case.cycle_s
        return time_s if cycle_s is None else math.ceil(time_s / cycle_s) * cycle_s

    def is_there(self, job: Job) -> bool:
        """Whether what the job was promised is free now."""
        held = [j for pool in self.pools for j in pool.running if self._shares_quota(j, job)]
        on_node = job.on_node(job.pool.size)
        return (
            all(node.free >= on_node for node in job.promise.nodes)
            and self.has_power(job)
            and self._within_quota(job, sum(j.held(j.pool.size) for j in held))
        )

    def has_power(self, job: Job) -> bool:
        """Whether the site's limit admits the job beside those that run."""
        drawn = sum(microwatts(job_w(j, j.pool)) for pool in self._at(job.pool.spec.site) for j in pool.running)
        return drawn + microwatts(job_w(job, job.pool)) <= self.room(job.pool.spec.site)

    def broken(self, pool: Pool) -> list[Pool]:
        """Pools whose promises cannot all be kept any more, among those that share something with a pool."""
        site, kind = pool.spec.site, pool.spec.gpu_type
        limited, quotas = not math.isinf(self.sites[site].limit_w), self.case.quota is not None
        gone: list[Pool] = []
        for other in self.pools:
            shares = (limited and other.spec.site == site) or (quotas and other.spec.gpu_type == kind)
            if (other is pool or shares) and (other.is_late or self._is_overbooked(other)):
                gone += self._void(other)
        if limited and _peak(self._power(site), self.now, math.inf) > self.room(site):
            gone += [q for other in self._at(site) for q in self._void(other)]
        for tenant in range(len(self.case.quota)) if quotas else []:
            if _peak(self._quota(tenant, kind), self.now, math.inf) > self.case.quota[tenant][kind]:
                gone += [q for other in self.pools if other.spec.gpu_type == kind for q in self._void(other)]
        return gone

    def room(self, site: int) -> float:
        """Microwatts of IT power that the jobs of a site may draw."""
        power = self.sites[site]
        if math.isinf(power.limit_w):
            return math.inf
        nodes_w = sum(pool.spec.node_idle_w for pool in power.pools for node in pool.nodes if node.on)
        return microwatts(power.limit_w / power.overhead - nodes_w)

    def _void(self, pool: Pool) -> list[Pool]:
        had_some = any(job.promise is not None for job in pool.waiting)
        void(pool)
        return [pool] if had_some else []

    def _at(self, site: int) -> list[Pool]:
        return [pool for pool in self.pools if pool.spec.site == site]

    def _is_overbooked(self, pool: Pool) -> bool:
        return any(
            _peak(self._on_node(pool, node), self.now, math.inf) > node.size for node in pool.nodes if node.usable
        )

    def _booked(self, pools: list[Pool], without: Job | None) -> list[tuple[Job, float, float]]:
        """Jobs of pools with the times from and to which they have booked."""
        booked = []
        for pool in pools:
            for job in pool.running:
                end_s = max(job.estimated_end_s(), job.start_s + 1.0)
                booked.append((job, self.now, end_s if end_s > self.now else self.now + 1))
            for job in pool.waiting:
                if job.promise is not None and job is not without:
                    booked.append((job, job.promise.start_s, job.promise.start_s + window_s(job, pool)))
        return booked

    def _on_node(self, pool: Pool, node: Node, without: Job | None = None) -> list[Span]:
        return [
            (begin, end, job.on_node(pool.size))
            for job, begin, end in self._booked([pool], without)
            if node in (job.nodes if job.promise is None else job.promise.nodes)
        ]

    def _power(self, site: int, without: Job | None = None) -> list[Span]:
        booked = self._booked(self._at(site), without)
        return [(begin, end, microwatts(job_w(job, job.pool))) for job, begin, end in booked]

    def _quota(self, tenant: int, kind: int, without: Job | None = None) -> list[Span]:
        pools = [pool for pool in self.pools if pool.spec.gpu_type == kind]
        return [
            (begin, end, job.held(job.pool.size))
            for job, begin, end in self._booked(pools, without)
            if job.spec.tenant == tenant
        ]

    def _shares_quota(self, job: Job, other: Job) -> bool:
        return job.spec.tenant == other.spec.tenant and job.pool.spec.gpu_type == other.pool.spec.gpu_type

    def _within_quota(self, job: Job, held: int) -> bool:
        if self.case.quota is None:
            return True
        return held + job.held(job.pool.size) <= self.case.quota[job.spec.tenant][job.pool.spec.gpu_type]


def void(pool: Pool) -> None:
    """Take all promises of a pool back."""
    pool.is_late = False
    for job in pool.waiting:
        job.promise = None


def _peak(spans: list[Span], start_s: float, end_s: float) -> int:
    """Most that is taken at any time in [start, end)."""
    moments = {start_s, *(begin for begin, _end, _much in spans if start_s < begin < end_s)}
    return max(sum(much for begin, end, much in spans if begin <= t < end) for t in moments)

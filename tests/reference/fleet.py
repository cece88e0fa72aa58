"""All that a case has: its jobs, pools, sites and links as they stand, and what of it a job may have."""

from __future__ import annotations

import math

from gpusim.kernels.state.codes import Backfill, Capping, Topology
from tests.reference.case import DRAWS, Case
from tests.reference.links import Link
from tests.reference.moment import Clock
from tests.reference.placement import find
from tests.reference.power import SitePower, job_w
from tests.reference.promises import Load
from tests.reference.queueing import place
from tests.reference.scored import Scored
from tests.reference.sharing import find_host, free_for
from tests.reference.world import Job, Node, Pool, build_pools


class Fleet:
    """What there is. It answers questions; what changes it is in the simulator."""

    def __init__(self, case: Case):
        self.case, self.rules = case, case.rules
        self.env = Clock()
        self.pools = build_pools(case.pools)
        self.sites = [
            SitePower([p for p in self.pools if p.spec.site == s], case.overhead, case.oversubscription)
            for s in range(case.n_sites)
        ]
        for pool in self.pools:
            capping, steps = case.caps[pool.spec.site] if case.caps else (Capping.ADMISSION, 0)
            pool.floor = DRAWS[steps] if capping >= Capping.UNIFORM else 1.0
        self.links = [Link(self.env) for _ in range(case.n_links)]
        self.scored = Scored(self.pools, case) if case.rules.placement.by_score else None
        self.price, self.carbon = [0.0] * case.n_sites, [0.0] * case.n_sites
        self.jobs = [
            Job(
                row, spec, case.classes[spec.job_class], self.rules.kill_at_estimate,
                roams_s=spec.submit_s + self.rules.topology_wait_s,
            )
            for row, spec in enumerate(case.jobs)
        ]  # fmt: skip

    def find(self, job: Job) -> list[Node] | None:
        """Nodes on which a job fits now."""
        if self.scored and job.gpus <= job.pool.size:
            return self.scored.place(job, job.pool, job.pool.nodes)
        job.host = find_host(job, job.pool, self.rules.placement)
        if job.host is not None:
            return job.host.nodes
        free = free_for(job, job.pool)
        return find(job, job.pool, free, self.rules.placement, self.asks(job))

    def asks(self, job: Job) -> Topology:
        """What a job asks of where its nodes are by now."""
        if job.insists:
            return Topology.REQUIRED
        insists = self.rules.topology == Topology.PREFERRED and job.roams_s > self.env.now
        return Topology.REQUIRED if insists else self.rules.topology

    def exceeds_quota(self, job: Job) -> bool:
        """Whether its tenant would hold more than its quota with a job."""
        if self.case.quota is None:
            return False
        kind, tenant = job.pool.spec.gpu_type, job.spec.tenant
        pools = [pool for pool in self.pools if pool.spec.gpu_type == kind]
        held = sum(pool.held_by(tenant) + pool.serving_for(tenant) for pool in pools)
        return held + job.held(job.pool.size) > self.case.quota[tenant][kind]

    def has_power(self, job: Job, behind: bool = False) -> bool:
        """Whether the limit admits a job, and what others were promised (behind a head: the head too) allows it."""
        pool, power = job.pool, self.sites[job.pool.spec.site]
        w = job_w(job, pool) * power.overhead
        if not power.admits(job, pool):
            return False
        if w <= 0 or math.isinf(power.limit_w):
            return True
        if self.rules.backfill == Backfill.NONE:
            return self._leaves_claims(job, w)
        return self.load(pool, own=behind, head=job).admits(w, self.env.now + job.expected_wall_s(pool))

    def _leaves_claims(self, job: Job, w: float) -> bool:
        """Without backfill, nobody later in the order takes power of which a head lacks some."""
        power = self.sites[job.pool.spec.site]
        claims = [pool.claim for pool in power.pools if pool is not job.pool and pool.claim is not None]
        claims = [c for c in claims if place(c, self.rules) < place(job, self.rules)]
        claimed_w = [job_w(c, c.pool) * power.overhead for c in claims]
        claimed_w = sum(c for c in claimed_w if power.without_jobs_w() + c <= power.allowed_w)
        return claimed_w == 0 or power.draw_w() + claimed_w + w <= power.allowed_w

    def load(self, pool: Pool, own: bool, head: Job | None = None) -> Load:
        """The load of the site, with or without what the pool's own head was promised; never what ``head`` was."""
        power = self.sites[pool.spec.site]
        promises = [other.reservation for other in power.pools if own or other is not pool]
        return Load(power, [one for one in promises if one is not None and one.head is not head], self.env.now)

    def admits(self, job: Job, pool: Pool) -> bool:
        """Whether the limit of a pool's site admits a job."""
        return self.sites[pool.spec.site].admits(job, pool)

    def can_hold_now(self, job: Job, pool: Pool) -> bool:
        """Whether the pool as it is could run the job if nothing else ran at its site and its tenant held nothing."""
        quota = self.case.quota
        held = job.held(pool.size)
        if quota is not None and held > quota[job.spec.tenant][pool.spec.gpu_type]:
            return False
        usable = sum(node.size for node in pool.nodes if node.usable)
        return held <= usable and self.sites[pool.spec.site].admits_alone(job, pool)

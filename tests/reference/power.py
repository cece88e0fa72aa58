"""What a site draws, what its limit admits, and which nodes it can carry."""

from __future__ import annotations

import math

from gpusim.kernels.state.codes import Capping, Wait
from tests.reference import times
from tests.reference.case import DRAWS
from tests.reference.world import Job, Pool


def job_w(job: Job, pool: Pool) -> float:
    """IT power that the limit counts of a job: what it adds to its pool, under the deepest cap if there are any."""
    return full_w(job, pool) * pool.floor


def drawn_w(job: Job) -> float:
    """IT power that a running job adds to its pool now."""
    return full_w(job, job.pool) * DRAWS[job.cap]


def full_w(job: Job, pool: Pool) -> float:
    """IT power that a job adds to its pool without caps: its nodes draw idle power already."""
    spec, kind = pool.spec, job.kind
    work_s = job.work_s(pool)
    wall_s = times.wall_s(work_s, kind)
    if wall_s == 0:
        return 0.0
    writing = times.checkpoints(work_s, kind) * kind.checkpoint_write_s / wall_s
    loading = kind.load_s / wall_s
    stalled = (1 - writing - loading) * kind.communication_share
    per_gpu_w = (
        (1 - writing - loading - stalled) * spec.compute_w
        + (loading + stalled) * spec.communication_w
        + writing * spec.checkpoint_w
    )
    return job.own_gpus(pool.size) * job.draw * job.spread * pool.draw * per_gpu_w


def replica_w(replica: Job, pool: Pool) -> float:
    """IT power that the limit counts of a replica: at work, above idle, under the deepest cap if any reaches it."""
    return full_replica_w(replica, pool) * (pool.floor if replica.yields else 1.0)


def full_replica_w(replica: Job, pool: Pool) -> float:
    """IT power of a replica at work, above idle."""
    return replica.held(pool.size) * pool.spec.serving_w


def leaves_first(job: Job, capping: Capping) -> tuple:
    """The job for which this is greatest is evicted first when a site draws too much."""
    by_priority = capping in (Capping.PREEMPT, Capping.PRIORITY)
    return (-job.spec.priority if by_priority else 0, job.start_s, job.row)


class SitePower:
    """Limit, deliveries and draw of one site; all power is facility power at the hottest hour."""

    def __init__(self, pools: list[Pool], overhead: float, oversubscription: float):
        self.pools, self.overhead, self.oversubscription = pools, overhead, oversubscription
        self.hall_w, self.grid_w, self.cap_w, self.cooled_w = math.inf, math.inf, math.inf, math.inf
        self.delivered = {pool: 0 for pool in pools}

    @property
    def limit_w(self) -> float:
        """What the site may draw: the grid connection, or a cap or what can be cooled below it."""
        return min(self.grid_w, self.cap_w, self.cooled_w * self.overhead)

    @property
    def held_by(self) -> Wait:
        """What a limit below the grid connection is of."""
        return Wait.COOLING if self.cooled_w * self.overhead < self.cap_w else Wait.RULE

    @property
    def allowed_w(self) -> float:
        """What may be drawn under the limit."""
        return _allowed_w(self.limit_w)

    def nodes_w(self) -> float:
        """IT power of the nodes that are on, whatever runs there."""
        return sum(pool.spec.node_idle_w for pool in self.pools for node in pool.nodes if node.on)

    def draw_w(self) -> float:
        """What the site draws now."""
        jobs_w = sum(job_w(job, pool) for pool in self.pools for job in pool.running)
        return self.without_jobs_w() + jobs_w * self.overhead

    def without_jobs_w(self) -> float:
        """What it would draw if no job ran, and all replicas were at work."""
        replicas_w = sum(replica_w(replica, pool) for pool in self.pools for replica in pool.replicas)
        return (self.nodes_w() + replicas_w) * self.overhead

    def admits(self, job: Job, pool: Pool) -> bool:
        """Whether the job may start now."""
        return self.has_room(job_w(job, pool))

    def has_room(self, more_w: float) -> bool:
        """Whether the limit admits that much more IT power."""
        return self.draw_w() + more_w * self.overhead <= self.allowed_w

    def connection_has_room(self, more_w: float) -> bool:
        """Whether the grid connection alone would admit that much more IT power."""
        return self.draw_w() + more_w * self.overhead <= _allowed_w(self.grid_w)

    def admits_alone(self, job: Job, pool: Pool) -> bool:
        """Whether the job would have the power if nothing else was at work."""
        nodes_w = sum(pool.spec.node_idle_w for pool in self.pools for node in pool.nodes if node.on)
        return (nodes_w + job_w(job, pool)) * self.overhead <= self.allowed_w

    def carried(self) -> dict[Pool, int]:
        """Nodes of every pool that can be on."""
        return _fill(self.housed(), self.grid_w * self.oversubscription, self.overhead)

    def housed(self) -> dict[Pool, int]:
        """Nodes of every pool that have a place in the halls."""
        return _fill(self.delivered, self.hall_w, 1.0)


def _allowed_w(limit_w: float) -> float:
    """A limit, and a trifle by which sums of the same watts in another order may differ."""
    return limit_w * (1 + 1e-9) + 1e-6


def _fill(nodes: dict[Pool, int], headroom_w: float, overhead: float) -> dict[Pool, int]:
    """Nodes that find room, one after the other in order of their pools."""
    found = {}
    for pool, count in nodes.items():
        node_w = pool.spec.rated_w_per_gpu * pool.size * overhead
        found[pool] = 0
        while found[pool] < count and node_w <= headroom_w:
            found[pool] += 1
            headroom_w -= node_w
    return found

"""What a replica that cannot start lacks, and why GPUs lack, for jobs and replicas alike."""

from __future__ import annotations

from gpusim.kernels.state.codes import Wait
from tests.reference.fleet import Fleet
from tests.reference.power import SitePower, replica_w
from tests.reference.world import Job, Pool


def lacks(replica: Job, fleet: Fleet) -> Wait | None:
    """The first of quota, nodes and power that keeps a replica from starting now; None if nothing does."""
    pool, power = replica.pool, fleet.sites[replica.pool.spec.site]
    if fleet.exceeds_quota(replica):
        return Wait.QUOTA
    if fleet.find(replica) is None:
        return gpus_lacking(replica, pool, power)
    more_w = replica_w(replica, pool)
    if power.has_room(more_w):
        return None
    return power.held_by if power.connection_has_room(more_w) else Wait.POWER


def gpus_lacking(job: Job, pool: Pool, power: SitePower) -> Wait:
    """What, with all that comes before it, would have left enough GPUs free; else those at work, or taken out."""
    housed, delivered = power.housed()[pool], power.delivered[pool]
    on = [node for node in pool.nodes if node.on]
    nodes = (
        (Wait.FRAGMENTED, 0),
        (Wait.NOT_ENERGISED, housed - len(on)),
        (Wait.NOT_HOUSED, delivered - housed),
        (Wait.NOT_DELIVERED, pool.left - delivered),
        (Wait.DOWN, sum(node.down for node in on)),
    )
    free = pool.free
    for wait, more in nodes:
        free += more * pool.size
        if free >= job.held(pool.size):
            return wait
    return Wait.BUSY if job.held(pool.size) <= pool.left * pool.size else Wait.RETIRED

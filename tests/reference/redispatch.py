"""Jobs that wait in one pool and start in another."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gpusim.kernels.state.codes import Backfill, Dispatch, Status
from tests.reference.conservative import Plan
from tests.reference.dispatch import is_ready
from tests.reference.queueing import Queue
from tests.reference.sharing import hosts_of
from tests.reference.world import Job, Node, Pool

if TYPE_CHECKING:
    from tests.reference.simulator import Simulator

LOOK = 16  # first jobs of a queue that are looked at


class Moves:
    """Who leaves a queue for another pool, behind the passes of an instant."""

    def __init__(self, simulator: Simulator):
        self.simulator, self.pools = simulator, simulator.pools
        self.case, self.rules = simulator.case, simulator.rules

    def start_one(self) -> bool:
        """Start one job that waits and never ran, in another pool that has room for it; whether there was one."""
        if not self.rules.redispatch:
            return False
        for job in self.simulator.passes.arrived:
            if job.status == Status.QUEUED:
                for p in self.case.routes[job.spec.route][0]:
                    if self._move(job, self.pools[p]):
                        return True
        for pool in self.pools:
            if pool.is_open and not pool.waiting and pool.free + len(hosts_of(pool)) > 0:
                for other in self.pools:
                    queue = Queue(other, self.rules, self.case.shares, lambda _job: False)
                    for _ in range(LOOK):
                        job = queue.next()
                        if job is None:
                            break
                        queue.pass_over(job)
                        if self._move(job, pool):
                            return True
            pool.is_open = False
        return False

    def _move(self, job: Job, pool: Pool) -> bool:
        routes, links = self.case.routes[job.spec.route], self.case.route_links
        here = links is None or pool.index in _where_data_are(routes[0], links[job.spec.route])
        if not here or not _may_run(job, pool, *routes, self.rules.dispatch):
            return False
        fleet = self.simulator
        if not is_ready(job, pool, partial(fleet.admits, job), fleet.asks(job)):
            return False
        left, job.pool = job.pool, pool  # as if it were there
        nodes = self._nodes(job)
        job.pool = left
        if nodes is None:
            return False
        self.simulator.waiting.leaves(job)
        left.waiting.remove(job)
        self.simulator.passes.call(left, gave_back=True)
        job.pool = pool
        self.simulator.waiting.joins(job)
        pool.waiting.append(job)
        self.simulator.start(job, nodes)
        return True

    def _nodes(self, job: Job) -> list[Node] | None:
        """Nodes on which a job can start now in its pool, beside all that is promised to others."""
        fleet = self.simulator
        if self.rules.backfill == Backfill.CONSERVATIVE:
            found = Plan(self.case, fleet.sites, self.pools, fleet.env.now).earliest(job)
            return found[1] if found is not None and found[0] == fleet.env.now else None
        starts = fleet.has_power(job) and not fleet.exceeds_quota(job)
        return fleet.find(job) if starts else None


def _where_data_are(pools: list[int], links: list[int]) -> list[int]:
    """Those of the candidate pools that no links lead to."""
    return [pool for pool, link in zip(pools, links, strict=True) if link < 0]


def _may_run(job: Job, pool: Pool, candidates: list[int], n_home: int, rule: Dispatch) -> bool:
    """Whether a job that waits elsewhere, and never ran, may run in the pool."""
    if pool is job.pool or job.first_start_s is not None or pool.index not in candidates:
        return False
    home = candidates[:n_home]
    return rule != Dispatch.HOME or job.pool.index not in home or pool.index in home

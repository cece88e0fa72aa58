"""Caps on the power of running jobs, found anew at every site and feeder before time goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpusim.engine.description import ClassSpec
from gpusim.kernels.state.codes import Capping
from tests.reference.case import DRAWS
from tests.reference.feeders import feeders_of, step_by_gpus
from tests.reference.power import SitePower, full_replica_w, full_w
from tests.reference.world import Job

if TYPE_CHECKING:
    from tests.reference.simulator import Simulator


class SiteLadder:
    """The caps of one site: of its runs in groups, one group after the other, each by steps."""

    def __init__(self, simulator: Simulator, power: SitePower, capping: Capping, steps: int):
        self.simulator, self.power, self.capping, self.steps = simulator, power, capping, steps
        self.rung = 0

    def move(self) -> bool:
        """Deeper at once as far as the limit asks; higher only if a 32nd of the limit then stays free."""
        before = self.rung
        self.rung = max(self.rung, self._least_rung(self.power.limit_w))
        if self.rung == before:
            self.rung = min(self.rung, self._least_rung(self.power.limit_w * (1 - 1 / 32)))
        return self.rung != before

    def cap(self, job: Job) -> int:
        """Steps by which a job, or a replica, is capped now."""
        return self._cap(job, self.rung)

    def _least_rung(self, limit_w: float) -> int:
        last = self.steps * len(self._groups())
        return next((rung for rung in range(last) if self._fits(rung, limit_w)), last)

    def _fits(self, rung: int, limit_w: float) -> bool:
        total_w = self.power.nodes_w()
        for pool in self.power.pools:
            total_w += sum(full_w(job, pool) * DRAWS[self._cap(job, rung)] for job in pool.running)
            total_w += sum(full_replica_w(one, pool) * DRAWS[self._cap(one, rung)] for one in pool.replicas)
        return total_w * self.power.overhead <= limit_w * (1 + 1e-9) + 1e-6

    def _cap(self, job: Job, rung: int) -> int:
        """Steps by which a job, or a replica, is capped on a rung."""
        if not job.yields:
            return 0
        return min(max(rung - self._groups().index(self._key(job)) * self.steps, 0), self.steps)

    def _groups(self) -> list[float]:
        found = {self._key(job) for job in self.simulator.jobs}
        if self.capping == Capping.PHASE:
            found = {_slowed(kind) for kind in self.simulator.case.classes}
        rows = [one for service in self.simulator.services for d in service.deployments for one in d.replicas]
        return sorted(found | {self._key(one) for one in rows if one.yields})

    def _key(self, job: Job) -> float:
        if self.capping == Capping.PRIORITY:
            return job.spec.priority
        return _slowed(job.kind) if self.capping == Capping.PHASE else 0


def _slowed(kind: ClassSpec) -> float:
    """How much a cap slows jobs of a class: what they exchange takes as long as before."""
    return kind.cap_exponent * (1.0 - kind.communication_share)


class Caps:
    """All caps of a fleet: a job goes by the deepest of its site and of the feeders that its nodes hang on."""

    def __init__(self, simulator: Simulator):
        self.simulator = simulator
        pairs = zip(simulator.sites, simulator.case.caps or [], strict=False)
        self.ladders = {
            s: SiteLadder(simulator, power, *caps)
            for s, (power, caps) in enumerate(pairs)
            if caps[0] >= Capping.UNIFORM
        }
        self.feeders = feeders_of(simulator.case, simulator.pools)

    def settle(self) -> None:
        """Bring all jobs to their caps of now; queues are looked at where a limit has moved."""
        moved = {s for s, ladder in self.ladders.items() if ladder.move()}
        moved_feeders = [feeder for feeder in self.feeders if feeder.move()]
        for service in self.simulator.services if moved else []:
            service.note()
        for pool in self.simulator.pools:
            changed = [job for job in pool.running if job.cap != self._cap(job)]
            for job in changed:
                job.progress_s, job.since_s = job.progress_now_s(self.simulator.env.now), self.simulator.env.now
                job.cap = self._cap(job)
                job.end_s = job.since_s + job.left_s(job.length_s(pool))
                self.simulator.life[job].interrupt()
                pool.unsettled = True
            if changed and pool.spec.site in moved or any(f.feeds(job) for f in moved_feeders for job in changed):
                self.simulator.gave_back(pool)

    def _cap(self, job: Job) -> int:
        site = job.pool.spec.site
        by_site = self.ladders[site].cap(job) if site in self.ladders else 0
        by_gpus = step_by_gpus(job.pool, self.simulator.case.caps[site][1])
        return max([by_site, by_gpus] + [feeder.step for feeder in self.feeders if feeder.feeds(job)])

"""Cycles: passes at fixed times, or rounds in which a policy of the case is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpusim.kernels.state.codes import Wait
from tests.reference.moment import PASSES, Moment
from tests.reference.world import Job, Pool

if TYPE_CHECKING:
    from tests.reference.simulator import Simulator


class Rounds:
    """What is done at every cycle."""

    def __init__(self, simulator: Simulator):
        self.simulator = simulator
        self.env, self.case, self.pools = simulator.env, simulator.case, simulator.pools

    def play(self, cycle_s: float):
        """All cycles."""
        k = 0
        while True:
            yield Moment(self.env, k * cycle_s, PASSES)
            if self.case.policy is not None:
                self._order(self.case.policy)
            elif self.case.targets is not None:
                self._allocate(self.case.targets)
            else:
                self.simulator.passes.run()
            k += 1

    def _order(self, policy) -> None:
        """A custom policy's order of every queue, and a pass over each by it."""
        for pool in [pool for pool in self.pools if pool.waiting]:
            queue = sorted(pool.waiting, key=lambda job: (job.spec.submit_s, job.row))
            rows = [(job.row, job.gpus, job.expected_wall_s(pool)) for job in queue]
            pool.reservation = None
            self.simulator.passes.play(pool, [queue[place] for place in policy(rows)])
            self.simulator.passes.turn_away(pool)
        self.simulator.passes.arrived = []

    def _allocate(self, targets) -> None:
        """All jobs of each pool get the GPUs that they shall have: stops, then sizes, then starts, the larger first."""
        for pool in [pool for pool in self.pools if pool.waiting or pool.running]:
            jobs = sorted(pool.waiting, key=lambda job: (job.spec.submit_s, job.row))
            jobs += sorted(pool.running, key=lambda job: job.row)
            rows = [
                (job.row, job.gpus, job.held(pool.size), self._left_s(job), bool(job.nodes), job.spec.preemptible)
                for job in jobs
            ]
            gpus = targets(rows, pool.free, pool.spec.n_nodes * pool.size)
            for job, count in zip(jobs, gpus, strict=True):
                if job.nodes and count != job.gpus:
                    self.simulator.evict(job)
            for job, count in zip(jobs, gpus, strict=True):
                if count and count != job.gpus:
                    self.simulator.resize(job, count)
            for i in sorted((i for i, count in enumerate(gpus) if count), key=lambda i: -gpus[i]):
                if not jobs[i].nodes and not self.simulator.exceeds_quota(jobs[i]):
                    nodes = self.simulator.find(jobs[i])
                    if nodes is not None and self.simulator.has_power(jobs[i]):
                        self.simulator.start(jobs[i], nodes)
            self._learn(pool, [(job, count) for job, count in zip(jobs, gpus, strict=True) if not job.nodes])
            self.simulator.passes.turn_away(pool)
        self.simulator.passes.arrived = []

    def _learn(self, pool: Pool, left: list[tuple[Job, int]]) -> None:
        """All wait for what the first lacks that should have had GPUs, or the first of all, but for quotas."""
        refused = {job.spec.tenant for job, _gpus in left if self.simulator.exceeds_quota(job)}
        allowed = [(job, gpus) for job, gpus in left if not self.simulator.exceeds_quota(job)]
        head = next((job for job, gpus in allowed if gpus), allowed[0][0] if allowed else None)
        waiting = self.simulator.waiting
        waiting.learn(pool, head, waiting.lack_or(head, Wait.POLICY), refused)

    def _left_s(self, job: Job) -> float:
        """How long a job is expected to need from now on."""
        if job.nodes:
            return max(job.estimated_end_s() - self.env.now, 0.0)
        return job.expected_wall_s(job.pool)

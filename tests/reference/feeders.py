"""Nodes, racks, busways and halls: what hangs on each is summed anew whenever somebody asks."""

from __future__ import annotations

from dataclasses import dataclass

from tests.reference.case import DRAWS, Case
from tests.reference.power import full_replica_w, full_w
from tests.reference.serving import Replica
from tests.reference.world import Job, Node, Pool


@dataclass(eq=False)
class Feeder:
    """What some nodes of a pool hang on, and by how many steps it may cap runs."""

    pool: Pool
    nodes: list[Node]
    usual_w: float
    steps: int
    step: int = 0

    def __post_init__(self) -> None:
        self.limit_w = self.usual_w  # changes scale it

    def sums_w(self) -> tuple[float, float]:
        """What caps leave alone, and what runs would draw above idle without caps."""
        fixed_w = sum(self.pool.spec.node_idle_w for node in self.nodes if node.on)
        runs_w = 0.0
        for job in [job for node in self.nodes for job in node.everyone]:
            if isinstance(job, Replica):
                fixed_w += full_replica_w(job, self.pool) / len(job.nodes)
            else:
                runs_w += full_w(job, self.pool) / len(job.nodes)
        return fixed_w, runs_w

    def move(self) -> bool:
        """Deeper at once as far as the limit asks; higher only if a 32nd of the limit then stays free."""
        before = self.step
        self.step = max(self.step, self._least_step(self.limit_w))
        if self.step == before:
            self.step = min(self.step, self._least_step(self.limit_w * (1 - 1 / 32)))
        return self.step != before

    def feeds(self, job: Job) -> bool:
        """Whether a node of the job hangs on it."""
        return any(node in self.nodes for node in job.nodes)

    def _least_step(self, limit_w: float) -> int:
        fixed_w, runs_w = self.sums_w()
        fits = (step for step in range(self.steps) if fixed_w + runs_w * DRAWS[step] <= limit_w * (1 + 1e-9) + 1e-6)
        return next(fits, self.steps)


def step_by_gpus(pool: Pool, steps: int) -> int:
    """The least step with which no GPU at work draws more than it may, in whatever phase."""
    spec = pool.spec
    phases_w = spec.compute_w, spec.communication_w, spec.checkpoint_w
    for step in range(steps):
        if all(spec.idle_w + phase_w * DRAWS[step] <= spec.gpu_w for phase_w in phases_w):
            return step
    return steps


def feeders_of(case: Case, pools: list[Pool]) -> list[Feeder]:
    """All of a case, by pool and tier."""
    return [
        Feeder(pool, pool.nodes[first : first + nodes], limit_w, case.caps[pool.spec.site][1])
        for pool in pools
        for nodes, limit_w in pool.spec.feeders.values()
        for first in range(0, len(pool.nodes), nodes)
    ]

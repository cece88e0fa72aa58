"""Services: replicas that follow demand, and the tokens that these serve."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import simpy

from gpusim.engine.layout import ClassSpec
from tests.reference import preemption
from tests.reference.case import JobSpec, ServiceSpec
from tests.reference.moment import SERVICES, Moment
from tests.reference.placement import find
from tests.reference.power import replica_w
from tests.reference.world import Job, Pool

if TYPE_CHECKING:
    from tests.reference.simulator import Simulator


class Replica(Job):
    """Holds GPUs like a job, and does not end."""

    ready_s = math.inf

    def expected_end_s(self, now: float) -> float:
        """Never."""
        return math.inf


@dataclass
class Deployment:
    """Replicas of a service in one pool, and how it stood from each moment on."""

    pool: Pool
    weight: float
    tokens_per_s: float
    replicas: list[Replica]
    wanted: int = 0
    history: list[tuple[float, float, float, int, int]] = field(default_factory=list)
    """(since [s], asked [tokens/s], served [tokens/s], running, wanted); of one moment the last counts."""

    @property
    def running(self) -> list[Replica]:
        """Those that run, in order of their rows."""
        return [replica for replica in self.replicas if replica.nodes]

    def sums(self, from_s: float, to_s: float) -> tuple[float, ...]:
        """Tokens asked for and served, replica-seconds run and wanted in an interval."""
        ends = [step[0] for step in self.history[1:]] + [math.inf]
        spans = [max(min(end, to_s) - max(step[0], from_s), 0.0) for step, end in zip(self.history, ends, strict=True)]
        return tuple(sum(step[i] * span for step, span in zip(self.history, spans, strict=True)) for i in range(1, 5))


class Service:
    """One service at work."""

    def __init__(self, simulator: Simulator, spec: ServiceSpec):
        self.simulator, self.spec, self.asked = simulator, spec, 0.0
        job = JobSpec(0.0, spec.gpus, 0.0, 0.0, priority=spec.priority)
        self.deployments = [
            Deployment(simulator.pools[p], weight, rate, [Replica(i, job, ClassSpec(), False) for i in range(rows)])
            for p, weight, rate, rows in spec.deployments
        ]

    def control(self, step: int) -> None:
        """A control step."""
        env = self.simulator.env
        self.asked = self.spec.demand[min(step, len(self.spec.demand) - 1)]
        for deployment in self.deployments:
            self._scale(deployment)
        self.note()
        Moment(env, env.now + self.spec.load_s, SERVICES).callbacks.append(lambda _event: self.note())

    def _scale(self, deployment: Deployment) -> None:
        now, pool = self.simulator.env.now, deployment.pool
        asked = self.asked * deployment.weight
        deployment.wanted = math.ceil(asked / (deployment.tokens_per_s * self.spec.target))
        missing = deployment.wanted - len(deployment.running)
        for replica in [replica for replica in deployment.replicas if not replica.nodes][: max(missing, 0)]:
            nodes = self._room(replica, pool)
            if nodes is None:
                break
            replica.nodes = nodes
            for node in nodes:
                node.jobs.append(replica)
            pool.replicas.append(replica)
            replica.pool, replica.ready_s = pool, now + self.spec.load_s if now > 0 else 0.0
        for replica in deployment.running[deployment.wanted :]:
            self.simulator.stop(replica)

    def _room(self, replica: Replica, pool: Pool):
        if not self.simulator.sites[pool.spec.site].has_room(replica_w(replica, pool)):
            return None
        rule = self.simulator.rules.placement
        for may_evict in (False, True):
            if may_evict and self.spec.may_preempt:
                for job in preemption.victims(replica, pool):
                    self.simulator.evict(job)
            nodes = find(replica, pool, {node: node.free for node in pool.nodes if node.usable}, rule)
            if nodes is not None:
                return nodes
        return None

    def note(self) -> None:
        """Note what is served from now on: each its own share first, then what others cannot, as each has room."""
        now = self.simulator.env.now
        ready = [sum(replica.ready_s <= now for replica in d.running) * d.tokens_per_s for d in self.deployments]
        asked = [self.asked * d.weight for d in self.deployments]
        own = [min(pair) for pair in zip(asked, ready, strict=True)]
        left, room = sum(asked) - sum(own), sum(ready) - sum(own)
        for d, wish, able, served in zip(self.deployments, asked, ready, own, strict=True):
            more = (able - served) * min(1.0, left / room) if room > 0 else 0.0
            d.history.append((now, wish, served + more, len(d.running), d.wanted))


def serve(env: simpy.Environment, services: list[Service]):
    """All control steps; at one instant services have theirs in the order of the scenario."""
    steps = [0] * len(services)
    while True:
        due_s = min(step * service.spec.control_s for step, service in zip(steps, services, strict=True))
        yield Moment(env, due_s, SERVICES)
        for i, service in enumerate(services):
            if steps[i] * service.spec.control_s == due_s:
                service.control(steps[i])
                steps[i] += 1

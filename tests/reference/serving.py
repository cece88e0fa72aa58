"""Services: replicas that follow demand, the tokens that these serve, and why some of them are missing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import simpy

from gpusim.engine.description import ClassSpec
from gpusim.kernels.state.codes import Capping, Wait
from tests.reference.case import DRAWS, JobSpec, Served, ServiceSpec
from tests.reference.moment import SERVICES, SHARING, Moment
from tests.reference.power import SitePower, job_w, leaves_first, replica_w
from tests.reference.shortage import lacks
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
    noted: int = 0  # replicas that ran when last looked at
    lacks: Wait = Wait.BUSY  # the replicas that are wanted and do not run
    history: list[tuple[float, float, float, int, int, Wait]] = field(default_factory=list)
    """(since [s], asked [tokens/s], served [tokens/s], running, wanted, lacks); of one moment the last counts."""

    @property
    def running(self) -> list[Replica]:
        """Those that run, in order of their rows."""
        return [replica for replica in self.replicas if replica.nodes]

    def between(self, from_s: float, to_s: float) -> Served:
        """What became of it in an interval."""
        ends = [step[0] for step in self.history[1:]] + [math.inf]
        sums, short_s = [0.0] * 4, {}
        for (since_s, *rates, cause), end_s in zip(self.history, ends, strict=True):
            span_s = min(end_s, to_s) - max(since_s, from_s)
            if span_s > 0:
                sums = [total + rate * span_s for total, rate in zip(sums, rates, strict=True)]
                _asked, _served, running, wanted = rates
                if running < wanted:
                    short_s[cause.name] = short_s.get(cause.name, 0.0) + span_s
        return Served(*sums, short_s)


class Service:
    """One service at work."""

    def __init__(self, simulator: Simulator, spec: ServiceSpec):
        self.simulator, self.spec, self.asked = simulator, spec, 0.0
        job = JobSpec(0.0, spec.gpus, 0.0, 0.0, priority=spec.priority, tenant=spec.tenant)
        self.deployments = []
        for p, weight, rate, rows in spec.deployments:
            pool = simulator.pools[p]
            kind = ClassSpec(cap_exponent=1.0)
            replicas = [Replica(i, job, kind, False, pool=pool, insists=True) for i in range(rows)]
            for replica in replicas:
                replica.yields = spec.capped and pool.spec.serving_w > 0.0
            self.deployments.append(Deployment(pool, weight, rate, replicas))

    def control(self, step: int) -> None:
        """A control step."""
        self.asked = self.spec.demand[min(step, len(self.spec.demand) - 1)]
        for deployment in self.deployments:
            self._scale(deployment)
        self.note()
        self.look_at(self.simulator.env.now + self.spec.load_s)

    def rate(self, d: Deployment) -> float:
        """[tokens/s] of a replica under the cap of now."""
        return d.tokens_per_s * self.draw(d)

    def draw(self, d: Deployment) -> float:
        """What the cap of now leaves of its replicas' draw above idle."""
        ladder = self.simulator.caps.ladders.get(d.pool.spec.site) if self.simulator.caps else None
        return DRAWS[ladder.cap(d.replicas[0])] if ladder and d.replicas else 1.0

    def look_at(self, time_s: float) -> None:
        """See at a time what runs and is ready."""
        Moment(self.simulator.env, time_s, SHARING).callbacks.append(lambda _event: self.note())

    def _scale(self, deployment: Deployment) -> None:
        now, pool = self.simulator.env.now, deployment.pool
        asked = self.asked * deployment.weight
        deployment.wanted = math.ceil(asked / (self.rate(deployment) * self.spec.target))
        deployment.lacks = Wait.BUSY  # if all run that the pool can ever hold
        missing = deployment.wanted - len(deployment.running)
        for replica in [replica for replica in deployment.replicas if not replica.nodes][: max(missing, 0)]:
            wait = self._make_room(replica)
            if wait is not None:
                deployment.lacks = wait
                break
            nodes = self.simulator.find(replica)
            replica.nodes = nodes
            for node in nodes:
                node.jobs.append(replica)
            pool.replicas.append(replica)
            self.simulator.passes.call(pool)
            replica.ready_s = now + self.spec.load_s if now > 0 else 0.0
        for replica in deployment.running[deployment.wanted :]:
            self.simulator.stop(replica)
        deployment.noted = len(deployment.running)

    def _make_room(self, replica: Replica) -> Wait | None:
        """What a replica lacks, be it that jobs make way for it: for its nodes, then for its power."""
        found = lacks(replica, self.simulator)
        if found in (None, Wait.QUOTA) or not self._may_preempt():
            return found
        site = self.simulator.sites[replica.pool.spec.site]
        more_w = replica_w(replica, replica.pool)
        if not site.has_room(more_w - sum(job_w(job, job.pool) for job in self._yielding(site, replica))):
            return found
        for_power = found in (Wait.POWER, Wait.RULE, Wait.COOLING)
        if not for_power and self.simulator.make_way(replica) is None:
            return found
        caps = self.simulator.case.caps
        capping = caps[replica.pool.spec.site][0] if caps else Capping.ADMISSION
        while not site.has_room(more_w):
            yielding = self._yielding(site, replica)
            self.simulator.evict(max(yielding, key=lambda job: leaves_first(job, capping)))
        return None

    def _yielding(self, site: SitePower, replica: Replica) -> list[Job]:
        """Jobs that would give a site power back for a replica."""
        running = [job for pool in site.pools for job in pool.running]
        return [job for job in running if job.makes_way_for(replica) and job_w(job, job.pool) > 0.0]

    def _may_preempt(self) -> bool:
        """Whether a replica more may take GPUs from jobs."""
        held = self.spec.gpus * sum(len(deployment.running) for deployment in self.deployments)
        return self.spec.may_preempt and (self.spec.guaranteed is None or held + self.spec.gpus <= self.spec.guaranteed)

    def note(self) -> None:
        """Note what is served from now on: up to the target load each its own share, then what others cannot."""
        now = self.simulator.env.now
        for d in self.deployments:
            if len(d.running) < d.noted:
                stopped = next(replica for replica in d.replicas if not replica.nodes)
                wait = lacks(stopped, self.simulator)
                d.lacks = Wait.CYCLE if wait is None else wait
            d.noted = len(d.running)
        able = [sum(replica.ready_s <= now for replica in d.running) * self.rate(d) for d in self.deployments]
        asked = [self.asked * d.weight for d in self.deployments]
        target = self.spec.target if len(asked) > 1 else 1.0
        served = [min(wish, target * most) for wish, most in zip(asked, able, strict=True)]
        for load in (target, 1.0):
            free = [max(load * most - s, 0.0) for most, s in zip(able, served, strict=True)]
            waits = sum(asked) - sum(served)
            share = min(1.0, waits / sum(free)) if sum(free) > 0 else 0.0
            served = [s + room * share for s, room in zip(served, free, strict=True)]
        for d, total in zip(self.deployments, served, strict=True):
            d.history.append((now, self.asked * d.weight, total, len(d.running), d.wanted, d.lacks))


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

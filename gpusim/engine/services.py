"""Inference services as a fluid: every control interval, replicas follow demand in the pools they share with jobs."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np

from gpusim.engine.build import Names
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout import Replicas
from gpusim.inputs.signals import Signal
from gpusim.kernels import control
from gpusim.model.service import Service
from gpusim.state import NONE, Status, Wait

_RUNNING, _BUSY = int(Status.RUNNING), int(Wait.BUSY)


@dataclass
class Deployment:
    """One service in one pool: its replica rows and what it did since the last record."""

    service: str
    pool: int
    weight: float
    tokens_per_s: float  # of one replica
    first_row: int  # in the job records
    n_rows: int
    status: np.ndarray = field(init=False)  # per row, as kernels see it
    ready_s: np.ndarray = field(init=False)  # per row: when its weights are loaded, inf if it does not run
    demand_tokens: float = 0.0
    served_tokens: float = 0.0
    replica_s: float = 0.0
    wanted_s: float = 0.0
    short_s: dict[int, float] = field(default_factory=dict)  # cause -> time short of replicas
    missing: tuple[int, int] = (_BUSY, 0)  # cause, GPUs of the replicas that are wanted and do not run

    def __post_init__(self):
        self.ready_s = np.full(self.n_rows, np.inf)

    def miss(self, env: FleetEnvironment, cause: int, gpus: int) -> None:
        """From now on replicas of ``gpus`` GPUs in all are wanted and do not run, for a cause."""
        for what, change in ((self.missing[0], -self.missing[1]), (cause, gpus)):
            if change:
                control.ask_for_replicas(env.fleet, self.pool, what, change, env.now)
        self.missing = cause, gpus

    @property
    def rows(self) -> slice:
        """Its rows in the job records."""
        return slice(self.first_row, self.first_row + self.n_rows)


def plan(
    services: dict[str, Service],
    demand: dict[str, Signal],
    names: Names,
    gpus: np.ndarray,
    n_jobs: int,
    duration_s: float,
) -> tuple[list[Deployment], Replicas]:
    """Deployments of all services, and the replica rows to put behind the ``n_jobs`` jobs.

    A deployment gets rows for its peak demand, but no more than its pool (``gpus`` in all, per pool) could ever hold.
    """
    deployments, size, tenant, priority = [], [], [], []
    for name, service in services.items():
        total = sum(deployment.weight for deployment in service.deployments)
        peak = demand[name].max(0.0, duration_s)
        for deployment in service.deployments:
            pool = names.pool(deployment.site, deployment.gpu_type)
            rate = service.tokens_per_s_per_gpu[deployment.gpu_type] * service.gpus_per_replica
            wanted = math.ceil(peak / (rate * service.target_utilisation)) + 1
            rows = min(wanted, int(gpus[pool]) // service.gpus_per_replica)
            first = n_jobs + len(size)
            deployments.append(Deployment(name, pool, deployment.weight / total, rate, first, rows))
            size += [service.gpus_per_replica] * rows
            tenant += [names.tenants.index(service.tenant)] * rows
            priority += [service.priority] * rows
    return deployments, Replicas(np.array(size, "i8"), np.array(tenant, "i8"), np.array(priority, "i4"))


class Autoscaler:
    """Keeps the replicas of one service at what its demand needs."""

    def __init__(
        self, env: FleetEnvironment, service: Service, deployments: list[Deployment], demand: Signal, busy: np.ndarray
    ):
        self.env, self.service, self.deployments, self.demand = env, service, deployments, demand
        for deployment in deployments:
            deployment.status = np.asarray(env.fleet.jobs["status"])[deployment.rows]
        self.busy = busy  # GPUs' worth of serving per pool and service, shared by all autoscalers
        self.column = 0

    def run(self) -> Generator:
        """SimPy process: one control step per interval."""
        k = 0
        while True:
            self.control()
            k += 1
            yield self.env.at(k * self.service.control_s)

    def control(self) -> None:
        """Scale every deployment, share out the demand, and book the interval that begins now."""
        now, interval_s = self.env.now, self.service.control_s
        demand = self.demand.mean(now, now + interval_s)
        capacity = [self._scale(d, demand * d.weight, now, interval_s) for d in self.deployments]
        wanted = [demand * d.weight for d in self.deployments]
        served = [min(w, c) for w, c in zip(wanted, capacity, strict=True)]
        # A load balancer sends what one deployment cannot serve to those that have room.
        left, room = sum(wanted) - sum(served), [c - s for c, s in zip(capacity, served, strict=True)]
        if left > 0.0 and sum(room) > 0.0:
            share = min(1.0, left / sum(room))
            served = [s + share * r for s, r in zip(served, room, strict=True)]
        for d, wish, did in zip(self.deployments, wanted, served, strict=True):
            d.demand_tokens += wish * interval_s
            d.served_tokens += did * interval_s
            self.busy[d.pool, self.column] = did / d.tokens_per_s * self.service.gpus_per_replica
            control.set_serving_load(self.env.fleet, d.pool, float(self.busy[d.pool].sum()), now)

    def _scale(self, d: Deployment, demand: float, now: float, interval_s: float) -> float:
        """Start or stop replicas of a deployment; the tokens/s that its ready replicas can serve."""
        fleet, service = self.env.fleet, self.service
        off = d.status != _RUNNING
        d.ready_s[off] = np.inf  # those that were evicted since
        running = len(off) - int(np.count_nonzero(off))
        wanted = math.ceil(demand / (d.tokens_per_s * service.target_utilisation))
        reason = NONE
        if wanted > running:
            for i in np.flatnonzero(off)[: wanted - running].tolist():
                reason = int(control.start_replica(fleet, d.first_row + i, d.pool, service.may_preempt, now))
                if reason != NONE:
                    break
                # The fleet did not come into being at time 0: replicas that it starts with are loaded.
                d.ready_s[i] = now + service.load_s if now > 0.0 else 0.0
                running += 1
        elif wanted < running:
            for i in np.flatnonzero(~off)[wanted - running :].tolist():
                control.stop_replica(fleet, d.first_row + i, now)
                d.ready_s[i] = np.inf
            running = wanted
        d.replica_s += running * interval_s
        d.wanted_s += wanted * interval_s
        cause = _BUSY if reason == NONE else reason
        d.miss(self.env, cause, (wanted - running) * service.gpus_per_replica)
        if running < wanted:
            d.short_s[cause] = d.short_s.get(cause, 0.0) + interval_s
        return float(np.count_nonzero(d.ready_s <= now)) * d.tokens_per_s

"""Inference services as a fluid: every control interval, replicas follow demand in the pools they share with jobs.

Between two changes of what runs and of what is asked for, all rates are constant, so that tokens are summed exactly.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np

from gpusim.engine.build import Names
from gpusim.engine.description import Replicas
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.instant import Place
from gpusim.inputs.signals import Signal
from gpusim.kernels.serving import replicas
from gpusim.scenario.service import Service
from gpusim.state.codes import NONE, Wait

_BUSY, _CYCLE = int(Wait.BUSY), int(Wait.CYCLE)


@dataclass
class Deployment:
    """One service in one pool: its replica rows, its rates now, and what these have come to since the last record."""

    service: str
    pool: int
    weight: float
    tokens_per_s: float  # of one replica
    first_row: int  # in the table of replicas
    n_rows: int
    holding: np.ndarray = field(init=False)  # per row, as kernels see it
    ready_s: np.ndarray = field(init=False)  # per row: when its weights are loaded, inf if it does not run
    running: int = 0  # replicas
    wanted: int = 0
    cause: int = _BUSY  # why fewer run than are wanted
    asked_tokens_per_s: float = 0.0
    served_tokens_per_s: float = 0.0
    settled_s: float = 0.0
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
                replicas.ask_for_replicas(env.fleet, self.pool, what, change, env.now)
        self.missing = cause, gpus

    @property
    def rows(self) -> slice:
        """Its rows in the table of replicas."""
        return slice(self.first_row, self.first_row + self.n_rows)

    def settle(self, now: float) -> None:
        """Bring its sums up to now, before any rate changes."""
        span_s, self.settled_s = now - self.settled_s, now
        self.demand_tokens += self.asked_tokens_per_s * span_s
        self.served_tokens += self.served_tokens_per_s * span_s
        self.replica_s += self.running * span_s
        self.wanted_s += self.wanted * span_s
        if self.running < self.wanted and span_s > 0.0:
            self.short_s[self.cause] = self.short_s.get(self.cause, 0.0) + span_s

    def begin_record(self) -> None:
        """Sum from here on."""
        self.demand_tokens = self.served_tokens = self.replica_s = self.wanted_s = 0.0
        self.short_s = {}


def deployed(
    services: dict[str, Service],
    demand: dict[str, Signal],
    names: Names,
    gpus: np.ndarray,
    duration_s: float,
) -> tuple[list[Deployment], Replicas]:
    """Deployments of all services, and all replicas that they may have.

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
            first = len(size)
            deployments.append(Deployment(name, pool, deployment.weight / total, rate, first, rows))
            size += [service.gpus_per_replica] * rows
            tenant += [names.tenants.index(service.tenant)] * rows
            priority += [service.priority] * rows
    return deployments, Replicas(np.array(size, "i8"), np.array(tenant, "i8"), np.array(priority, "i4"))


class Autoscaler:
    """Keeps the replicas of one service at what its demand needs.

    Parameters
    ----------
    env : FleetEnvironment
    service : Service
    deployments : list of Deployment
        Its own.
    demand : Signal
        [tokens/s] Asked of it, the mean of each control interval.
    busy : ndarray, shape (pools,)
        GPUs' worth of serving of this service per pool: a column of the table of all services.
    load : callable
        ``load(pool)`` tells the kernels what a pool's replicas draw by that table.
    """

    def __init__(self, env, service: Service, deployments: list[Deployment], demand: Signal, busy: np.ndarray, load):
        self.env, self.service, self.deployments, self.demand = env, service, deployments, demand
        self._busy, self._load, self._steps = busy, load, 0
        for deployment in deployments:
            deployment.holding = np.asarray(env.serving.replicas["holding"])[deployment.rows]

    @property
    def due_s(self) -> float:
        """[s] Its next control step."""
        return self._steps * self.service.control_s

    def control(self) -> bool:
        """A control step: start or stop replicas for the interval that begins now. Whether any started."""
        self._steps += 1
        asked = self.demand.at(self.env.now)
        started = False
        for d in self.deployments:
            d.settle(self.env.now)
            self._count(d)
            d.asked_tokens_per_s = asked * d.weight
            d.wanted = math.ceil(d.asked_tokens_per_s / (d.tokens_per_s * self.service.target_utilisation))
            before = d.running
            self._scale(d)
            self._tell_missing(d)
            started = started or d.running > before
        return started

    def share(self) -> None:
        """Share the demand out among the replicas that are ready now.

        A load balancer sends what one deployment cannot serve to those that have room.
        """
        now = self.env.now
        for d in self.deployments:
            d.settle(now)
            self._count(d)
            self._tell_missing(d)
        capacity = [float(np.count_nonzero(d.ready_s <= now)) * d.tokens_per_s for d in self.deployments]
        asked = [d.asked_tokens_per_s for d in self.deployments]
        served = [min(a, c) for a, c in zip(asked, capacity, strict=True)]
        left, room = sum(asked) - sum(served), [c - s for c, s in zip(capacity, served, strict=True)]
        if left > 0.0 and sum(room) > 0.0:
            share = min(1.0, left / sum(room))
            served = [s + share * r for s, r in zip(served, room, strict=True)]
        for d, tokens_per_s in zip(self.deployments, served, strict=True):
            d.served_tokens_per_s = tokens_per_s
            self._busy[d.pool] = tokens_per_s / d.tokens_per_s * self.service.gpus_per_replica
            self._load(d.pool)

    def _count(self, d: Deployment) -> None:
        """See which replicas power cuts and failures have stopped, and why the next step would not start them now."""
        off = d.holding == NONE
        d.ready_s[off] = np.inf
        running = len(off) - int(np.count_nonzero(off))
        if running < d.running:
            row = d.first_row + int(np.flatnonzero(off)[0])
            lacks = int(replicas.replica_lacks(self.env.fleet, self.env.serving, row, d.pool))
            d.cause = _CYCLE if lacks == NONE else lacks
        d.running = running

    def _tell_missing(self, d: Deployment) -> None:
        """Tell the kernels what the replicas that are wanted and do not run ask for."""
        gpus = max(d.wanted - d.running, 0) * self.service.gpus_per_replica
        if (d.cause, gpus) != d.missing:
            d.miss(self.env, d.cause, gpus)

    def _scale(self, d: Deployment) -> None:
        """Start or stop replicas of a deployment until as many run as are wanted, if that can be."""
        fleet, serving, service, now = self.env.fleet, self.env.serving, self.service, self.env.now
        off = d.holding == NONE
        d.cause = _BUSY
        for i in np.flatnonzero(off)[: max(d.wanted - d.running, 0)].tolist():
            lacks = int(replicas.start_replica(fleet, serving, d.first_row + i, d.pool, service.may_preempt, now))
            if lacks != NONE:
                d.cause = lacks
                break
            # The fleet did not come into being at time 0: replicas that it starts with are loaded.
            d.ready_s[i] = now + service.load_s if now > 0.0 else 0.0
            d.running += 1
        for i in np.flatnonzero(~off)[d.wanted :].tolist():
            replicas.stop_replica(fleet, serving, d.first_row + i, now)
            d.ready_s[i] = np.inf
            d.running -= 1


class Services:
    """All services of a run; at one instant they act in the order of the scenario."""

    def __init__(
        self, env: FleetEnvironment, specs: dict[str, Service], deployments: list[Deployment], demand: dict[str, Signal]
    ):
        self.env, self.deployments = env, deployments
        self._busy = np.zeros((len(env.fleet.pools), len(specs)))
        self._autoscalers = [
            Autoscaler(
                env, spec, [d for d in deployments if d.service == name], demand[name], self._busy[:, i], self._load
            )
            for i, (name, spec) in enumerate(specs.items())
        ]
        env.connect(serve=self.share)

    def run(self) -> Generator:
        """SimPy process: the control steps of all services."""
        while True:
            due_s = min(scaler.due_s for scaler in self._autoscalers)
            yield self.env.at(due_s, Place.SERVICES)
            for scaler in self._autoscalers:
                if scaler.due_s == due_s:
                    started = scaler.control()
                    scaler.share()
                    if started and scaler.service.load_s > 0.0:
                        self.env.at(due_s + scaler.service.load_s, Place.SHARING).callbacks.append(self.share)

    def share(self, _event: object = None) -> None:
        """What runs has changed: all services share their demand out anew."""
        for scaler in self._autoscalers:
            scaler.share()

    def settle(self) -> None:
        """Bring the sums of all deployments up to now."""
        for d in self.deployments:
            d.settle(self.env.now)

    def _load(self, pool: int) -> None:
        replicas.set_serving_load(self.env.fleet, pool, float(self._busy[pool].sum()), self.env.now)

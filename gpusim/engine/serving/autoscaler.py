"""Keeps the replicas of a service at what its policy of scaling wants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.kernels.serving import replicas, starting
from gpusim.kernels.state.codes import NONE, Wait
from gpusim.scenario.service import Service

_BUSY = int(Wait.BUSY)


class Detail(Protocol):
    """How a service serves: as a fluid, or request by request."""

    def begin(self) -> None:
        """A control interval begins: what its deployments are asked for over it."""

    def share(self) -> None:
        """What runs has changed, or what is asked for."""

    def settle(self) -> None:
        """Bring what it sums up to now."""

    def look(self) -> None:
        """The same, and see which replicas power cuts and failures have stopped."""

    def drains(self, d: PoolDeployment, i: int) -> bool:
        """Whether a replica that is to stop has something to end before."""

    def stopped(self, d: PoolDeployment, i: int) -> None:
        """A replica was stopped that had nothing to end."""


class Autoscaler:
    """Starts and stops replicas of one service at its control steps.

    Parameters
    ----------
    env : FleetEnvironment
    service : Service
    deployments : list of Deployment
        Its own.
    detail : Detail
    wanted : callable
        ``wanted(d, time_s)``: replicas that a deployment is to have for the control interval that begins.
    """

    def __init__(
        self,
        env: FleetEnvironment,
        service: Service,
        deployments: list[PoolDeployment],
        detail: Detail,
        wanted: Callable[[PoolDeployment, float], int],
    ):
        self.env, self.service, self.deployments, self.detail = env, service, deployments, detail
        self._wanted, self._steps = wanted, 0

    @property
    def due_s(self) -> float:
        """[s] Its next control step."""
        return self._steps * self.service.control_s

    def control(self) -> set[float]:
        """A control step: start or stop replicas for the interval that begins now; when they serve [s]."""
        self._steps += 1
        env, ready_s = self.env, set()
        self.detail.look()
        self.detail.begin()
        for d in self.deployments:
            d.wanted = self._wanted(d, env.now)
            if self._scale(d) and d.load_s > 0.0:
                ready_s.add(env.now + d.load_s)
            d.tell_missing(env, self.service.gpus_per_replica)
        return ready_s

    def _scale(self, d: PoolDeployment) -> bool:
        """Start or stop replicas of a deployment until as many run as are wanted, if that can be; whether any start."""
        d.cause = _BUSY
        if d.running == d.wanted:
            return False
        if d.running > d.wanted:
            self._stop(d, np.flatnonzero((d.holding != NONE) & ~d.draining)[d.wanted :])
        back = np.flatnonzero(d.draining)[: max(d.wanted - d.running, 0)]
        d.draining[back] = False
        d.running += len(back)
        return d.running < d.wanted and self._start(d, d.wanted - d.running)

    def _stop(self, d: PoolDeployment, rows: np.ndarray) -> None:
        """Stop replicas, but those that have something to end before."""
        d.running -= len(rows)
        drain = np.array([self.detail.drains(d, i) for i in rows.tolist()], bool)
        d.draining[rows[drain]] = True
        rows = rows[~drain]
        replicas.stop_replicas(self.env.fleet, self.env.serving, d.first_row, rows, self.env.now)
        d.ready_s[rows] = np.inf
        for i in rows.tolist():
            self.detail.stopped(d, i)

    def _start(self, d: PoolDeployment, count: int) -> bool:
        env, stopped, may = self.env, d.holding == NONE, self.service.may_preempt
        guaranteed = min(count, self._guaranteed(d))
        lacks = self._start_some(d, guaranteed, may)
        if lacks == NONE and guaranteed < count:
            lacks = self._start_some(d, count - guaranteed, may_preempt=False)
        if lacks != NONE:
            d.cause = lacks
        started = stopped & (d.holding != NONE)
        # The fleet did not come into being at time 0: replicas that it starts with are loaded.
        d.ready_s[started] = env.now + d.load_s if env.now > 0.0 else 0.0
        d.running += int(np.count_nonzero(started))
        return bool(started.any())

    def _start_some(self, d: PoolDeployment, count: int, may_preempt: bool) -> int:
        """Start so many replicas, until one cannot start: what it lacks, or NONE."""
        fleet, last = self.env.fleet, d.first_row + d.n_rows
        return int(
            starting.start_replicas(
                fleet, self.env.serving, d.first_row, last, count, d.pool, may_preempt, self.env.now
            )
        )

    def _guaranteed(self, d: PoolDeployment) -> int:
        """Replicas, beside those that hold GPUs, that a deployment and what prefills for it are guaranteed."""
        specs = self.service.deployments
        i = self.deployments.index(d) % len(specs)
        gpus = specs[i].guaranteed_gpus
        if gpus is None:
            return d.n_rows
        held = sum(int(np.count_nonzero(one.holding != NONE)) for one in self.deployments[i :: len(specs)])
        return max(gpus // self.service.gpus_per_replica - held, 0)

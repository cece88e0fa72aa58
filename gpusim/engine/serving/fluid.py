"""A service as a fluid: tokens flow to the replicas that are ready.

Between two changes of what runs and of what is asked for, all rates are constant, so that tokens are summed exactly.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.serving.deployment import Deployment
from gpusim.engine.serving.expected import Expected
from gpusim.scenario.service import Service


class Fluid:
    """A service whose demand is tokens per second.

    Parameters
    ----------
    busy : ndarray, shape (pools,)
        GPUs' worth of serving of this service per pool: a column of the table of all services.
    load : callable
        ``load(pool)`` tells the kernels what a pool's replicas draw by that table.
    expected : Expected, optional
        What becomes of its requests, if its model is known.
    """

    def __init__(
        self,
        env: FleetEnvironment,
        service: Service,
        deployments: list[Deployment],
        busy: np.ndarray,
        load: Callable[[int], None],
        expected: Expected | None = None,
    ):
        self.env, self.service, self.deployments = env, service, deployments
        self._busy, self._load, self.expected = busy, load, expected

    def settle(self) -> None:
        """Bring the sums of its deployments up to now."""
        now = self.env.now
        for d in self.deployments:
            span_s = now - d.settled_s
            d.settle(now, d.asked_tokens_per_s * span_s, d.served_tokens_per_s * span_s)

    def look(self) -> None:
        """The same, and see which replicas power cuts and failures have stopped."""
        self.settle()
        for d in self.deployments:
            d.count(self.env)

    def drains(self, _d: Deployment, _i: int) -> bool:
        """Nothing of a fluid is lost with a replica."""
        return False

    def stopped(self, d: Deployment, i: int) -> None:
        """A replica was stopped."""

    def share(self) -> None:
        """Share the demand out among the replicas that are ready now.

        A load balancer sends what one deployment cannot serve to those that have room.
        """
        now = self.env.now
        self.look()
        for d in self.deployments:
            d.tell_missing(self.env, self.service.gpus_per_replica)
        capacity = [float(np.count_nonzero(d.ready_s <= now)) * d.tokens_per_s for d in self.deployments]
        asked = [d.asked_tokens_per_s for d in self.deployments]
        served = [min(a, c) for a, c in zip(asked, capacity, strict=True)]
        left, room = sum(asked) - sum(served), [c - s for c, s in zip(capacity, served, strict=True)]
        if left > 0.0 and sum(room) > 0.0:
            share = min(1.0, left / sum(room))
            served = [s + share * r for s, r in zip(served, room, strict=True)]
        for d, tokens_per_s, room_tokens_per_s in zip(self.deployments, served, capacity, strict=True):
            d.served_tokens_per_s, d.room_tokens_per_s = tokens_per_s, room_tokens_per_s
            self._busy[d.pool] = tokens_per_s / d.tokens_per_s * self.service.gpus_per_replica
            self._load(d.pool)

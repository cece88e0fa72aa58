"""A service as a fluid: tokens flow to the replicas that are ready.

Between two changes of what runs and of what is asked for, all rates are constant, so that tokens are summed exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.serving.cap_effects import CapEffects
from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.engine.serving.expected import Expected
from gpusim.engine.serving.roads import Flows
from gpusim.inputs.signals import Signal
from gpusim.scenario.service import Service


class Fluid:
    """A service whose demand is tokens per second.

    Parameters
    ----------
    demand : sequence of Signal
        [tokens/s] By region.
    shares : callable
        ``shares(i)``: share of each region's demand that deployment ``i`` is asked for first.
    flows : Flows
    busy, drawn : ndarray, shape (pools,)
        GPUs' worth of serving of this service per pool, and of what it draws: columns of the tables of all services.
    load : callable
        ``load(pool)`` tells the kernels what a pool's replicas draw by that table.
    expected : Expected, optional
        What becomes of its requests, if its model is known.
    """

    def __init__(
        self,
        env: FleetEnvironment,
        service: Service,
        deployments: list[PoolDeployment],
        demand: Sequence[Signal],
        shares: Callable[[int], np.ndarray],
        flows: Flows,
        busy: np.ndarray,
        drawn: np.ndarray,
        load: Callable[[int], None],
        expected: Expected | None = None,
    ):
        self.env, self.service, self.deployments = env, service, deployments
        self._demand, self._shares, self._flows = demand, shares, flows
        self._busy, self._drawn, self._load, self.expected = busy, drawn, load, expected
        first, self._ends = deployments[0].first_row, np.cumsum([d.n_rows for d in deployments])
        self._begins = np.array([d.first_row - first for d in deployments])
        self._uncapped = np.array([d.tokens_per_s for d in deployments])
        self._rates, self._draws = self._uncapped.copy(), np.ones(len(deployments))
        self._cap_effects = CapEffects(env, deployments)
        if self._cap_effects.any:
            env.fleet.clock["heeds_caps"] = 1
        self._holding = env.serving.replicas["holding"][first : first + self._ends[-1]]
        self._seen = b""  # what its rows held when its replicas were last counted
        self._ready_s = np.full(len(self._holding), np.inf)
        for d in deployments:
            d.ready_s = self._ready_s[d.first_row - first :][: d.n_rows]
        self._stands_until_s = -math.inf  # how its demand is shared out, if no replica starts or stops
        self._began_s = -math.inf  # the control interval

    def asked(self, d: PoolDeployment, time_s: float) -> float:
        """[tokens/s] asked of a deployment over the control interval of a time."""
        return d.asked_tokens_per_s if time_s == self._began_s else float(self.asked_by_region(d, time_s).sum())

    def asked_by_region(self, d: PoolDeployment, time_s: float) -> np.ndarray:
        """The same, by region of the users."""
        return self._shares(self.deployments.index(d)) * np.array([signal.at(time_s) for signal in self._demand])

    def begin(self) -> None:
        """A control interval begins: see what is asked for."""
        self._began_s = self.env.now
        for i, d in enumerate(self.deployments):
            self._flows.asked[i] = self.asked_by_region(d, self.env.now)
            d.asked_tokens_per_s = float(self._flows.asked[i].sum())
        self._stands_until_s = -math.inf

    def set_ways(self, later_s: np.ndarray, growth: np.ndarray, _read_per_s: np.ndarray) -> None:
        """From now on links delay requests as they now do, by region and deployment; it is settled up to now."""
        if self.expected is not None:
            self.expected.set_ways(self.env.now, later_s, growth)

    def settle(self) -> None:
        """Bring the sums of its deployments up to now."""
        now = self.env.now
        self._flows.settle(now - self.deployments[0].settled_s)
        for d in self.deployments:
            span_s = now - d.settled_s
            d.settle(now, d.asked_tokens_per_s * span_s, d.served_tokens_per_s * span_s)

    def look(self) -> None:
        """The same, and see which replicas power cuts and failures have stopped."""
        self.settle()
        self._count()

    def _count(self) -> bool:
        """See which replicas run, if any has started or stopped; whether any has."""
        holding = self._holding.tobytes()
        if holding == self._seen:
            return False
        self.settle()
        self._seen = holding
        for d in self.deployments:
            d.count(self.env)
            d.tell_missing(self.env, self.service.gpus_per_replica)
        return True

    def drains(self, _d: PoolDeployment, _i: int) -> bool:
        """Nothing of a fluid is lost with a replica."""
        return False

    def stopped(self, d: PoolDeployment, i: int) -> None:
        """A replica was stopped."""

    def share(self) -> None:
        """Share the demand out among the replicas that are ready now, if it is not shared out so already."""
        now = self.env.now
        capped = self._look_at_caps()
        if not self._count() and not capped and now < self._stands_until_s:
            return
        self.settle()
        self._stands_until_s = self._ready_s[self._ready_s > now].min(initial=math.inf)
        ready = self._count_ready()
        room, capped_room = ready * self._rates, ready * (self._uncapped - self._rates)
        self._flows.share(room, self.service.target_utilisation)
        served = self._flows.served.sum(axis=1)
        busy = served / self._rates * self.service.gpus_per_replica
        columns = (served, room, capped_room, busy, busy * self._draws)
        for d, *row in zip(self.deployments, *(column.tolist() for column in columns), strict=True):
            d.served_tokens_per_s, d.room_tokens_per_s, d.capped_tokens_per_s = row[:3]
            self._busy[d.pool], self._drawn[d.pool] = row[3:]
            self._load(d.pool)

    def _look_at_caps(self) -> bool:
        """See how caps slow its replicas; whether any has moved."""
        moved = [i for _time_s, i, _pace in self._cap_effects.changes()]
        for i in moved:
            d = self.deployments[i]
            self._draws[i] = draw = self._cap_effects.draw(i)
            d.left = d.left_of(draw)
            self._rates[i] = d.paced_tokens_per_s
        return bool(moved)

    def _count_ready(self) -> np.ndarray:
        """Replicas of each deployment whose weights are loaded."""
        ready = np.concatenate([[0], np.cumsum(self._ready_s <= self.env.now)])
        return ready[self._ends] - ready[self._begins]

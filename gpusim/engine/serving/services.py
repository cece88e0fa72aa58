"""All services of a run: their control steps, and what all of them must do when something changes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace

import numpy as np

from gpusim.engine.clock import EventPriority
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.serving.autoscaler import Autoscaler
from gpusim.engine.serving.by_request import ByRequest
from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.engine.serving.engines import ServingEngine
from gpusim.engine.serving.expected import Expected
from gpusim.engine.serving.fluid import Fluid
from gpusim.engine.serving.prepared import Prepared
from gpusim.engine.serving.roads import Flows, Roads
from gpusim.engine.serving.scaling import policy_of
from gpusim.kernels.serving import replicas
from gpusim.kernels.serving.charging import mark_peaks
from gpusim.scenario.service import DeploymentSpec, Service


class Services:
    """All services of a run; at one instant they act in the order of the scenario.

    Attributes
    ----------
    deployments : list of Deployment
    details : dict of str to Fluid or ByRequest
        How each service serves.
    """

    def __init__(self, env: FleetEnvironment, of: Prepared):
        self.env, self.deployments = env, of.deployments
        specs = of.services
        self._busy, self._drawn = np.zeros((2, len(env.fleet.pools), len(specs)))
        for d in self.deployments:
            d.connect(env)
        self.details: dict[str, Fluid | ByRequest] = {}
        self._autoscalers = [self._autoscaler(of, i, name, spec) for i, (name, spec) in enumerate(specs.items())]
        self._by_request = [detail for detail in self.details.values() if isinstance(detail, ByRequest)]
        self._fluids = [detail for detail in self.details.values() if isinstance(detail, Fluid)]
        env.connect(serve=self.share, heed=self.heed, **({"catch_up": self.catch_up} if self._by_request else {}))

    def _autoscaler(self, of: Prepared, i: int, name: str, spec: Service) -> Autoscaler:
        env, mine = self.env, [d for d in self.deployments if d.service == name]
        expected = None
        if spec.model is not None:
            engines = [_at_distance(of, name, spec, one) for one in spec.deployments]
            engines += [one.prefill for one in engines if one.prefill is not None]
            serving = len(spec.deployments)
            roads = Roads(of.jurisdictions, spec, mine[:serving], self._prices(mine, engines, serving), of.trips_s)
        if spec.by_request:
            detail = self.details[name] = ByRequest(env, spec, mine, engines, of.arrivals[name], roads, self._wake)
            return Autoscaler(env, spec, mine, detail, policy_of(spec, detail.asked, detail.seen))
        demand, shares = [of.demand[name]], lambda i: np.array([mine[i].weight])
        flows = Flows(np.ones((1, len(mine)), bool))
        if spec.model is not None:
            demand, shares, flows = of.arrivals[name].demand, roads.shares, Flows(roads.allowed)
            expected = Expected(spec, mine, engines, flows, roads, of.seed)
        detail = self.details[name] = Fluid(
            env, spec, mine, demand, shares, flows, self._busy[:, i], self._drawn[:, i], self._load, expected
        )
        return Autoscaler(env, spec, mine, detail, policy_of(spec, detail.asked))

    def _prices(
        self, mine: list[PoolDeployment], engines: list[ServingEngine], serving: int
    ) -> dict[str, Callable[[int], float]]:
        """What a token of each of the first deployments takes now, for routing: USD, and grams of CO2e."""

        def of_token(i: int, per_j: str) -> float:
            """Of what a joule costs or emits, where prefill is apart on replicas of both kinds, each at its site."""
            return sum(replica_j(k) * getattr(self._site(mine[k]), per_j) for k in range(i, len(mine), serving))

        def replica_j(i: int) -> float:
            gpu, gpus = engines[i].entry.replica.gpu, engines[i].entry.replica.layout.gpus
            return self._site(mine[i]).overhead * gpu.limit_w * gpus / mine[i].tokens_per_s

        return {
            "cheapest": lambda i: of_token(i, "price_usd_per_j"),
            "greenest": lambda i: of_token(i, "followed_g_per_j"),
        }

    def _site(self, d: PoolDeployment) -> np.record:
        return self.env.fleet.sites[self.env.fleet.pools[d.pool].site]

    def run(self) -> Generator:
        """SimPy process: the control steps of all services."""
        while True:
            due_s = min(scaler.due_s for scaler in self._autoscalers)
            yield self.env.at(due_s, EventPriority.SERVICES)
            self.catch_up()
            for scaler in self._autoscalers:
                if scaler.due_s == due_s:
                    ready_s = scaler.control()
                    scaler.detail.share()
                    for moment_s in sorted(ready_s):
                        self._wake(moment_s)

    def _wake(self, time_s: float) -> None:
        self.env.at(time_s, EventPriority.SHARING).callbacks.append(self.share)

    def share(self, _event: object = None) -> None:
        """What runs has changed: all services share their demand out anew."""
        for detail in self.details.values():
            detail.share()
        self._mark_peaks()

    def heed(self) -> None:
        """Caps have moved: what flows changes at once; replicas by requests catch up with them."""
        for detail in self._fluids:
            detail.share()

    def settle(self) -> None:
        """Bring what all services sum up to now."""
        for detail in self.details.values():
            detail.settle()
        self._mark_peaks()

    def catch_up(self) -> None:
        """Play services by requests up to now, before prices or what sites may draw change."""
        for detail in self._by_request:
            detail.settle()
        self._mark_peaks()

    def close(self) -> None:
        """The run is over."""
        for detail in self._by_request:
            detail.close()

    def _mark_peaks(self) -> None:
        if self._by_request:
            mark_peaks(self.env.fleet)

    def _load(self, pool: int) -> None:
        busy, drawn = float(self._busy[pool].sum()), float(self._drawn[pool].sum())
        draw = drawn / busy if drawn != busy else 1.0
        replicas.set_serving_load(self.env.fleet, pool, busy, draw, self.env.now)


def _at_distance(of: Prepared, name: str, spec: Service, one: DeploymentSpec) -> ServingEngine:
    """A replica of a deployment, whose KV cache comes over the links where prefill is at another site."""
    engine = of.engines[name, one.gpu_type]
    way_s = of.trips_s.get((of.regions[spec.prefill_site(one)], one.site), 0.0) / 2.0 if spec.prefill else 0.0
    if way_s == 0.0:
        return engine
    pool = engine.deployment.prefill
    pool = replace(pool, latency_s=pool.latency_s + way_s)
    return replace(engine, deployment=replace(engine.deployment, prefill=pool))

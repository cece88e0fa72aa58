"""What became of the requests of a fluid service, as its replicas' load says: nobody saw them."""

from __future__ import annotations

import numpy as np

from gpusim import rng
from gpusim.engine.serving.deployment import Deployment, miss_of
from gpusim.engine.serving.engines import ServingEngine
from gpusim.engine.serving.flows import Flows
from gpusim.engine.serving.load_curve import LoadCurve, load_curve
from gpusim.engine.serving.roads import Roads
from gpusim.kernels.serving.traffic import N_OUTCOMES
from gpusim.scenario.inference import Objectives, Requests
from gpusim.scenario.service import Service
from gpusim.state.codes import Miss


class Expected:
    """Requests of a service whose tokens flow, by deployment and region.

    Each interval's tokens are requests of mean length, served at the mean load of the replicas that were ready; those
    of tokens that nobody served are late for what the deployment lacked.
    """

    def __init__(
        self, service: Service, deployments: list[Deployment], engines: list[ServingEngine], flows: Flows,
        roads: Roads, seed: int,
    ):  # fmt: skip
        self._deployments, self._flows, self._engines = deployments, flows, engines
        promised, mix = service.objectives or Objectives(), service.requests or Requests()
        known: dict[tuple[int, float], LoadCurve] = {}

        def curve(engine: ServingEngine, round_trip_s: float) -> LoadCurve:
            key = id(engine), round_trip_s
            if key not in known:
                gaps = rng.stream(seed, "services", deployments[0].service, "load curve")
                known[key] = load_curve(engine, promised, round_trip_s, gaps, mix.burst_cv)
            return known[key]

        self._curves = [
            [curve(engine, float(trip_s)) for trip_s in roads.round_trip_s[:, i]] for i, engine in enumerate(engines)
        ]
        self._exact = np.zeros((len(deployments) * len(roads.round_trip_s), N_OUTCOMES))
        self._told = np.zeros(self._exact.shape, np.int64)

    def close(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each pair of deployment and region, since the last record: requests by outcome, and their latencies [s].

        Whole requests: what is left of one counts in a later interval.
        """
        latencies, rows = [], iter(self._exact)
        served, unserved = self._flows.read()
        for i, d in enumerate(self._deployments):
            each = self._engines[i].output_tokens
            load = d.served_tokens / d.room_tokens if d.room_tokens > 0.0 else 0.0
            why = miss_of(max(d.short_s, key=d.short_s.get)) if d.short_s else Miss.QUEUE
            for curve, served_tokens, unserved_tokens in zip(self._curves[i], served[i], unserved[i], strict=True):
                row = next(rows)
                row += served_tokens / each * curve.outcomes_at(load)
                row[why] += unserved_tokens / each
                latencies.append(curve.latencies_at(load))
        whole = np.rint(self._exact).astype(np.int64)
        since, self._told = whole - self._told, whole
        return list(zip(since, latencies, strict=True))

"""What became of the requests of a fluid service, as its replicas' load says: nobody saw them."""

from __future__ import annotations

import numpy as np

from gpusim import rng
from gpusim.engine.serving.arrivals import Arrivals
from gpusim.engine.serving.deployment import Deployment, miss_of
from gpusim.engine.serving.engines import ServingEngine
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
        self, service: Service, deployments: list[Deployment], engines: list[ServingEngine], arrivals: Arrivals,
        roads: Roads, seed: int,
    ):  # fmt: skip
        self._deployments, self._arrivals, self._engines = deployments, arrivals, engines
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

    def close(self, start_s: float, end_s: float) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each pair of deployment and region, since the last record: requests by outcome, and their latencies [s].

        Whole requests: what is left of one counts in a later interval.
        """
        latencies = []
        shares = self._shares(start_s, end_s)
        for i, d in enumerate(self._deployments):
            each = self._engines[i].output_tokens
            load = d.served_tokens / d.room_tokens if d.room_tokens > 0.0 else 0.0
            unserved = max(d.demand_tokens - d.served_tokens, 0.0) / each
            why = miss_of(max(d.short_s, key=d.short_s.get)) if d.short_s else Miss.QUEUE
            for region, share in enumerate(shares):
                curve, row = self._curves[i][region], self._exact[i * len(shares) + region]
                row += share * d.served_tokens / each * curve.outcomes_at(load)
                row[why] += share * unserved
                latencies.append(curve.latencies_at(load))
        whole = np.rint(self._exact).astype(np.int64)
        since, self._told = whole - self._told, whole
        return list(zip(since, latencies, strict=True))

    def _shares(self, start_s: float, end_s: float) -> np.ndarray:
        """Share of each region in the demand of an interval."""
        tokens = np.array([signal.integral(start_s, end_s) for signal in self._arrivals.demand])
        return tokens / tokens.sum() if tokens.sum() > 0.0 else np.full(len(tokens), 1.0 / len(tokens))

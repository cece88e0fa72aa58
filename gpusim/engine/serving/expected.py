"""What became of the requests of a fluid service, as its replicas' load says: nobody saw them."""

from __future__ import annotations

import numpy as np

from gpusim import rng
from gpusim.engine.capping import STEPS, draws_of
from gpusim.engine.serving.deployment import Deployment, miss_of
from gpusim.engine.serving.engines import ServingEngine
from gpusim.engine.serving.flows import Flows
from gpusim.engine.serving.load_curve import LoadCurve
from gpusim.engine.serving.roads import Roads
from gpusim.kernels.serving.traffic import MET, N_OUTCOMES
from gpusim.kernels.state.codes import Miss
from gpusim.scenario.inference import Objectives, Requests
from gpusim.scenario.service import Service

_LEAST = np.finfo(float).tiny


class Expected:
    """Requests of a service whose tokens flow, by deployment and region.

    Each interval's tokens are requests of mean length, served at the mean load of the replicas that were ready, under
    the mean of their caps; those of tokens that nobody served are late for what the deployment lacked. Late for power
    are those that would have been in time, or served, without caps.
    """

    def __init__(
        self, service: Service, deployments: list[Deployment], engines: list[ServingEngine], flows: Flows,
        roads: Roads, seed: int,
    ):  # fmt: skip
        self._deployments, self._flows, self._engines = deployments, flows, engines
        promised, mix = service.objectives or Objectives(), service.requests or Requests()
        known: dict[tuple[int, float, float], LoadCurve] = {}

        def curve(i: int, region: int, draw: float) -> LoadCurve:
            engine, trip_s = engines[i], float(roads.round_trip_s[region, i])
            key = id(engine), trip_s, draw
            if key not in known:
                gaps = rng.stream(seed, "services", deployments[0].service, "load curve")
                known[key] = LoadCurve(engine, promised, trip_s, gaps, mix.burst_cv, draw)
            return known[key]

        self._curve = curve
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
            draw, missing = self._draw(i, d), unserved[i].sum()
            capped = min(d.capped_tokens, missing) / max(missing, _LEAST)
            for region, (served_tokens, unserved_tokens) in enumerate(zip(served[i], unserved[i], strict=True)):
                row = next(rows)
                row += served_tokens / each * self._outcomes(i, region, d, load, draw)
                row[why] += unserved_tokens / each * (1.0 - capped)
                row[Miss.POWER] += unserved_tokens / each * capped
                latencies.append(self._curve(i, region, draw).latencies_at(load))
        whole = np.rint(self._exact).astype(np.int64)
        since, self._told = whole - self._told, whole
        return list(zip(since, latencies, strict=True))

    def _draw(self, i: int, d: Deployment) -> float:
        """What caps left of its replicas' draw above idle since the last record, in whole steps: by their rate."""
        if d.capped_tokens == 0.0:
            return 1.0
        draws = draws_of(STEPS)[:-1]
        lefts = np.array([self._engines[i].left_of(float(draw)) for draw in draws])
        left = d.room_tokens / (d.room_tokens + d.capped_tokens)
        return float(draws[np.argmin(np.abs(lefts - left))])

    def _outcomes(self, i: int, region: int, d: Deployment, load: float, draw: float) -> np.ndarray:
        """Shares of its requests by outcome, shape (outcomes,)."""
        if d.capped_tokens == 0.0:
            return self._curve(i, region, 1.0).outcomes_at(load)
        uncapped = self._curve(i, region, 1.0).outcomes_at(d.served_tokens / (d.room_tokens + d.capped_tokens))
        later = max(uncapped[MET] - self._curve(i, region, draw).outcomes_at(load)[MET], 0.0)
        uncapped[MET] -= later
        uncapped[Miss.POWER] += later
        return uncapped

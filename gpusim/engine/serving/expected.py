"""What became of the requests of a fluid service, as its replicas' load says: nobody saw them."""

from __future__ import annotations

import numpy as np

from gpusim import rng
from gpusim.engine.capping import STEPS, draws_of
from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.engine.serving.engines import ServingEngine
from gpusim.engine.serving.load_curve import LoadCurve
from gpusim.engine.serving.roads import Flows, LinkWaits, Roads
from gpusim.kernels.serving.traffic import MET, N_OUTCOMES
from gpusim.kernels.state.codes import MISS_OF_WAIT, Miss
from gpusim.scenario.inference import Objectives, RequestMix
from gpusim.scenario.service import Service

_LEAST = np.finfo(float).tiny
DELAYS = 32  # of links, up to the objective of the first token, for which curves are made
AS_SEEN = (1.0, 0.0, 1.0)  # of ``MEASURES``, those that a delay of links lengthens


class Expected:
    """Requests of a service whose tokens flow, by deployment and region.

    Each interval's tokens are requests of mean length, served at the mean load of the replicas that were ready, under
    the mean of their caps, and the mean delay of full links; those of tokens that nobody served are late for what the
    deployment lacked. Late for power are those that would have been in time, or served, without caps; for links, those
    that would have been in time without their delay, and all that were sent while these carried nothing.
    """

    def __init__(
        self, service: Service, deployments: list[PoolDeployment], engines: list[ServingEngine], flows: Flows,
        roads: Roads, seed: int,
    ):  # fmt: skip
        self._deployments, self._flows, self._engines = deployments, flows, engines
        promised, mix = service.objectives or Objectives(), service.requests or RequestMix()
        known: dict[tuple[int, float, float], LoadCurve] = {}

        def curve(i: int, region: int, draw: float, later_s: float = 0.0) -> LoadCurve:
            engine, trip_s = engines[i], float(roads.round_trip_s[region, i]) + later_s
            key = id(engine), trip_s, draw
            if key not in known:
                gaps = rng.stream(seed, "services", deployments[0].service, "load curve")
                known[key] = LoadCurve(engine, promised, trip_s, gaps, mix.burst_cv, draw)
            return known[key]

        self._curve, self._ttft_s = curve, promised.ttft_s
        self._waits = LinkWaits(len(roads.round_trip_s), len(deployments))
        self._exact = np.zeros((len(deployments) * len(roads.round_trip_s), N_OUTCOMES))
        self._told = np.zeros(self._exact.shape, np.int64)

    def set_ways(self, now: float, later_s: np.ndarray, growth: np.ndarray) -> None:
        """From now on links delay requests by region and deployment as ``LinkWaits`` has it."""
        self._waits.set(now, later_s, growth)

    def close(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each pair of deployment and region, since the last record: requests by outcome, and their latencies [s].

        Whole requests: what is left of one counts in a later interval.
        """
        latencies, rows = [], iter(self._exact)
        served, unserved = self._flows.read()
        laters_s, lost = self._waits.read(self._deployments[0].settled_s)
        for i, d in enumerate(self._deployments):
            each = self._engines[i].output_tokens
            load = d.served_tokens / d.room_tokens if d.room_tokens > 0.0 else 0.0
            why = MISS_OF_WAIT[max(d.short_s, key=d.short_s.get)] if d.short_s else Miss.QUEUE
            draw, missing = self._draw(i, d), unserved[i].sum()
            capped = min(d.capped_tokens, missing) / max(missing, _LEAST)
            for region, (served_tokens, unserved_tokens) in enumerate(zip(served[i], unserved[i], strict=True)):
                row = next(rows)
                later_s, down = float(laters_s[region, i]), lost[region, i]
                row += served_tokens / each * (1.0 - down) * self._outcomes(i, region, d, load, draw, later_s)
                row[Miss.LINK] += served_tokens / each * down
                row[why] += unserved_tokens / each * (1.0 - capped)
                row[Miss.POWER] += unserved_tokens / each * capped
                latencies_s = self._curve(i, region, draw).latencies_at(load)
                latencies.append(latencies_s + later_s * np.array(AS_SEEN)[:, None])
        whole = np.rint(self._exact).astype(np.int64)
        since, self._told = whole - self._told, whole
        return list(zip(since, latencies, strict=True))

    def _draw(self, i: int, d: PoolDeployment) -> float:
        """What caps left of its replicas' draw above idle since the last record, in whole steps: by their rate."""
        if d.capped_tokens == 0.0:
            return 1.0
        draws = draws_of(STEPS)[:-1]
        lefts = np.array([self._engines[i].left_of(float(draw)) for draw in draws])
        left = d.room_tokens / (d.room_tokens + d.capped_tokens)
        return float(draws[np.argmin(np.abs(lefts - left))])

    def _outcomes(self, i: int, region: int, d: PoolDeployment, load: float, draw: float, later_s: float) -> np.ndarray:
        """Shares of its requests by outcome, shape (outcomes,), where links delay them."""
        outcomes = self._of_replicas(i, region, d, load, draw)
        if later_s == 0.0:
            return outcomes
        step_s = self._ttft_s / DELAYS
        curve = self._curve(i, region, draw, step_s * round(min(later_s, self._ttft_s) / step_s))
        late = outcomes[MET] - min(curve.outcomes_at(load)[MET], outcomes[MET])
        outcomes = outcomes.copy()
        outcomes[MET] -= late
        outcomes[Miss.LINK] += late
        return outcomes

    def _of_replicas(self, i: int, region: int, d: PoolDeployment, load: float, draw: float) -> np.ndarray:
        """The same, where no link delays them."""
        if d.capped_tokens == 0.0:
            return self._curve(i, region, 1.0).outcomes_at(load)
        uncapped = self._curve(i, region, 1.0).outcomes_at(d.served_tokens / (d.room_tokens + d.capped_tokens))
        later = max(uncapped[MET] - self._curve(i, region, draw).outcomes_at(load)[MET], 0.0)
        uncapped[MET] -= later
        uncapped[Miss.POWER] += later
        return uncapped

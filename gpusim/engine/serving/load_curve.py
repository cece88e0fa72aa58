"""Latencies of one replica against its load, from the kernels that serve requests one by one."""

from __future__ import annotations

import numpy as np

from gpusim.engine.capping import slowness
from gpusim.engine.serving.engines import ServingEngine
from gpusim.kernels.serving import gateway
from gpusim.kernels.serving.sketch import BUCKETS
from gpusim.kernels.serving.traffic import (
    ARRIVAL,
    DEPLOYMENT,
    GATEWAY,
    KEPT,
    MEASURES,
    N_OUTCOMES,
    TICKET,
    TURN,
    WAY,
    Traffic,
)
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import NONE, Miss
from gpusim.scenario.inference import Objectives
from gpusim.serving.layout import engines_of
from gpusim.serving.quantiles import quantiles_s

LOADS = np.array([0.02, 0.2, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98])  # of what a replica can put out
REQUESTS = 8000  # of each load, for each copy of the attention, and a tenth more before them
SHARES = np.array([0.5, 0.9, 0.99])


class LoadCurve:
    """What one replica does at each of ``LOADS``, linear between them; each is served when it is first asked for.

    The same requests come at rates that are shares of what it can put out.

    Parameters
    ----------
    engine : ServingEngine
    promised : Objectives
        By which requests are judged.
    round_trip_s : float
        [s] Of the network.
    generator : Generator
        Draws the times between requests, the same for every load but for the rate.
    burst_cv : float
        Standard deviation over mean of these times.
    draw : float
        What a cap leaves of what its steps draw above idle.
    """

    def __init__(
        self,
        engine: ServingEngine,
        promised: Objectives,
        round_trip_s: float,
        generator: np.random.Generator,
        burst_cv: float,
        draw: float = 1.0,
    ):
        self._engine, self._promised, self._round_trip_s, self._draw = engine, promised, round_trip_s, draw
        self._most_per_s = engine.requests_per_s * engine.left_of(draw)
        count = REQUESTS * engine.deployment.in_step
        self._prompts, self._outputs = engine.requests(count + count // 10)
        shape = 1.0 / burst_cv**2
        self._times = np.cumsum(generator.gamma(shape, 1.0 / shape, len(self._prompts)))
        self._known: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def latencies_at(self, load: float) -> np.ndarray:
        """[s] Mean and quantiles ``SHARES`` of each of ``MEASURES``; NaN beyond the last load: queues never end."""
        if load > LOADS[-1]:
            return np.full((len(MEASURES), 1 + len(SHARES)), np.nan)
        return self._between(load, 0)

    def outcomes_at(self, load: float) -> np.ndarray:
        """Shares of the requests by outcome, shape (outcomes,); beyond the last load all wait in the queue too long."""
        if load > LOADS[-1]:
            return np.eye(N_OUTCOMES)[int(Miss.QUEUE)]
        return self._between(load, 1)

    def _between(self, load: float, what: int) -> np.ndarray:
        below = int(np.searchsorted(LOADS, load, side="right")) - 1
        if below < 0 or load == LOADS[below]:
            return self._at(max(below, 0))[what]
        low, high = self._at(below)[what], self._at(below + 1)[what]
        return (high - low) / (LOADS[below + 1] - LOADS[below]) * (load - LOADS[below]) + low

    def _at(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Latencies and outcomes at one of ``LOADS``."""
        if k not in self._known:
            arrivals = records(ARRIVAL, len(self._prompts))
            arrivals["arrival_s"] = self._times / (LOADS[k] * self._most_per_s)
            arrivals["prompt_tokens"], arrivals["output_tokens"] = self._prompts, self._outputs
            arrivals["turn"] = arrivals["home"] = NONE
            traffic = _served(self._engine, self._promised, self._round_trip_s, arrivals, slowness(self._draw))
            means = traffic.sums_s / np.maximum(traffic.sketch.sum(axis=1), 1)
            latencies_s = np.column_stack([means, quantiles_s(traffic.sketch, SHARES)])
            self._known[k] = latencies_s, traffic.outcomes[0] / max(traffic.outcomes.sum(), 1)
        return self._known[k]


def _served(
    engine: ServingEngine,
    promised: Objectives,
    round_trip_s: float,
    arrivals: np.recarray,
    slowness: tuple[float, float],
) -> Traffic:
    """All requests served; those of the first eleventh, which find a replica that is empty, are not counted."""
    engines = engines_of([engine.deployment], len(arrivals))
    engines.engines["prefill_slowness"], engines.engines["decode_slowness"] = slowness
    first, traffic = len(arrivals) // 11, _traffic(engine, promised, round_trip_s, arrivals)
    gate = traffic.gateway[0]
    gate.arrivals = first
    gateway.serve(engines, traffic, float(arrivals["arrival_s"][first]) if len(arrivals) > first else np.inf)
    for counted in (traffic.outcomes, traffic.sketch, traffic.sums_s):
        counted[:] = 0
    gate.arrivals = len(arrivals)
    gateway.serve(engines, traffic, np.inf)
    gateway.take_all_ended(engines, traffic)
    return traffic


def _traffic(engine: ServingEngine, promised: Objectives, round_trip_s: float, arrivals: np.recarray) -> Traffic:
    replica, gate = records(DEPLOYMENT, 1), records(GATEWAY, 1)
    replica["engines"] = replica["open"] = engine.deployment.replicas
    replica["weight"], replica["short"] = 1.0, NONE
    gate["ttft_s"], gate["time_per_output_token_s"] = promised.ttft_s, promised.time_per_output_token_s
    gate["spill_s"], gate["spare"], gate["most_tokens"] = np.inf, len(arrivals), engine.deployment.longest_request
    gate["held"] = gate["first_held"] = gate["last_held"] = NONE
    return Traffic(
        arrivals=arrivals,
        tickets=records(TICKET, len(arrivals)),
        deployments=replica,
        gateway=gate,
        order=np.zeros((1, 1), np.int64),
        round_trip_s=np.array([[round_trip_s]]),
        ways=records(WAY, 1).reshape(1, 1),
        spare=np.arange(len(arrivals) - 1, -1, -1),
        outcomes=np.zeros((1, N_OUTCOMES), np.int64),
        sketch=np.zeros((len(MEASURES), BUCKETS), np.int64),
        sums_s=np.zeros(len(MEASURES)),
        kept=records(KEPT, 1),  # none is a sample
        turns=records(TURN, 0),
    )

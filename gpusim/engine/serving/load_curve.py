"""Latencies of one replica against its load, tabulated once by the kernels that serve requests one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpusim.bundle import records
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
    Traffic,
)
from gpusim.scenario.inference import Objectives
from gpusim.serving.layout import engines_of
from gpusim.serving.quantiles import quantiles_s
from gpusim.state.codes import NONE, Miss

LOADS = np.array([0.02, 0.2, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98])  # of what a replica can put out
REQUESTS = 8000  # of each load, and a tenth more before them
SHARES = np.array([0.5, 0.9, 0.99])


@dataclass(frozen=True)
class LoadCurve:
    """What one replica does at each of ``LOADS``.

    Attributes
    ----------
    latencies_s : ndarray, shape (loads, measures, 4)
        [s] Mean and quantiles ``SHARES`` of each of ``MEASURES``.
    outcomes : ndarray, shape (loads, outcomes)
        Shares of the requests.
    """

    latencies_s: np.ndarray
    outcomes: np.ndarray

    def latencies_at(self, load: float) -> np.ndarray:
        """[s] At a load, linear between those tabulated, shape (measures, 4); NaN beyond the last: queues never end."""
        flat = self.latencies_s.reshape(len(LOADS), -1)
        values = [np.interp(load, LOADS, column, right=np.nan) for column in flat.T]
        return np.array(values).reshape(self.latencies_s.shape[1:])

    def outcomes_at(self, load: float) -> np.ndarray:
        """Shares of the requests by outcome, shape (outcomes,); beyond the last load all wait in the queue too long."""
        if load > LOADS[-1]:
            return np.eye(N_OUTCOMES)[int(Miss.QUEUE)]
        return np.array([np.interp(load, LOADS, column) for column in self.outcomes.T])


def load_curve(
    engine: ServingEngine,
    promised: Objectives,
    round_trip_s: float,
    generator: np.random.Generator,
    burst_cv: float,
    draw: float = 1.0,
) -> LoadCurve:
    """Serve the same requests on one replica at rising rates, shares of what it can put out.

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
    most_per_s = engine.requests_per_s * engine.left_of(draw)
    count = REQUESTS + REQUESTS // 10
    prompts, outputs = engine.requests(count)
    shape = 1.0 / burst_cv**2
    times = np.cumsum(generator.gamma(shape, 1.0 / shape, len(prompts)))
    latencies, outcomes = [], []
    for load in LOADS:
        arrivals = records(ARRIVAL, len(prompts))
        arrivals["arrival_s"] = times / (load * most_per_s)
        arrivals["prompt_tokens"], arrivals["output_tokens"] = prompts, outputs
        arrivals["turn"] = arrivals["home"] = NONE
        traffic = _served(engine, promised, round_trip_s, arrivals, slowness(draw))
        means = traffic.sums_s / np.maximum(traffic.sketch.sum(axis=1), 1)
        latencies.append(np.column_stack([means, quantiles_s(traffic.sketch, SHARES)]))
        outcomes.append(traffic.outcomes[0] / max(traffic.outcomes.sum(), 1))
    return LoadCurve(np.array(latencies), np.array(outcomes))


def _served(
    engine: ServingEngine, promised: Objectives, round_trip_s: float, arrivals: np.recarray, pace: tuple[float, float]
) -> Traffic:
    """All requests served; those of the first eleventh, which find a replica that is empty, are not counted."""
    engines = engines_of([engine.deployment], len(arrivals))
    engines.engines["prefill_slowness"], engines.engines["decode_slowness"] = pace
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
    gate["spill_s"], gate["spare"], gate["most_tokens"] = np.inf, len(arrivals), engine.deployment.max_tokens
    gate["held"] = gate["first_held"] = gate["last_held"] = NONE
    return Traffic(
        arrivals=arrivals,
        tickets=records(TICKET, len(arrivals)),
        deployments=replica,
        gateway=gate,
        order=np.zeros((1, 1), np.int64),
        round_trip_s=np.array([[round_trip_s]]),
        spare=np.arange(len(arrivals) - 1, -1, -1),
        outcomes=np.zeros((1, N_OUTCOMES), np.int64),
        sketch=np.zeros((len(MEASURES), BUCKETS), np.int64),
        sums_s=np.zeros(len(MEASURES)),
        kept=records(KEPT, 1),  # none is a sample
        turns=records(TURN, 0),
    )

"""The gateway of a service before its first request, as kernels see it, and room for more requests."""

from __future__ import annotations

import numpy as np

from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.engine.serving.roads import Roads
from gpusim.kernels.serving.sketch import BUCKETS
from gpusim.kernels.serving.state import REQUEST, SHIPMENT, Engines
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
from gpusim.kernels.state.codes import NONE
from gpusim.scenario.inference import Objectives, Routing
from gpusim.scenario.service import Service
from gpusim.serving.deployment import ROUTERS

# The gateway of a service before its first request, as kernels see it.

ROWS = 1024  # of requests under way, to begin with
KEPT_ROWS = 1024  # of samples, until they are read


def traffic_of(service: Service, deployments: list[PoolDeployment], engines: list[int], roads: Roads) -> Traffic:
    """The gateway before the first request; deployments that prefill for others stand behind these, in their order."""
    promised, routing = service.objectives or Objectives(), service.routing or Routing()
    rows = records(DEPLOYMENT, len(deployments))
    rows["first_engine"], rows["engines"] = np.cumsum(engines) - engines, engines
    rows["weight"] = [d.weight for d in deployments]
    rows["short"], rows["played_s"] = NONE, -np.inf
    regions, serving = roads.round_trip_s.shape
    rows["entrance"] = np.arange(len(rows)) % serving + len(rows) - serving
    apart = len(rows) > serving
    gate = records(GATEWAY, 1)
    gate["ttft_s"], gate["time_per_output_token_s"] = promised.ttft_s, promised.time_per_output_token_s
    gate["spill_s"] = np.inf if routing.spill_s is None else routing.spill_s
    gate["router"], gate["in_turn"] = ROUTERS[routing.replica], routing.deployments == "weights"
    gate["held"] = gate["first_held"] = gate["last_held"] = NONE
    spare = spare_rows(0, ROWS, apart)
    gate["spare"], pairs = len(spare), serving * regions
    return Traffic(
        arrivals=records(ARRIVAL, 1),
        tickets=records(TICKET, ROWS),
        deployments=rows,
        gateway=gate,
        order=roads.order(np.full((regions, serving), NONE)),
        round_trip_s=roads.round_trip_s,
        ways=records(WAY, regions * serving).reshape(regions, serving),
        spare=np.append(spare, np.zeros(ROWS - len(spare), np.int64)),
        outcomes=np.zeros((pairs, N_OUTCOMES), np.int64),
        sketch=np.zeros((pairs * len(MEASURES), BUCKETS), np.int64),
        sums_s=np.zeros(pairs * len(MEASURES)),
        kept=records(KEPT, KEPT_ROWS),
        turns=records(TURN, 0),
    )


def spare_rows(first: int, behind: int, apart: bool) -> np.ndarray:
    """Rows from one up to before another that requests have not had, the last first; where prefill is apart, odd ones.

    A request takes the even row before its own too.
    """
    return np.arange(behind - 1, first - 1, -2 if apart else -1)


# Room for requests that wait or run: tables grow as more are under way at once.


def make_room(engines: Engines, traffic: Traffic) -> None:
    """Twice as many rows of requests, and of all that has a row for each."""
    rows = len(engines.requests)
    apart = len(engines.shipments) > 0
    engines.put("requests", _longer(engines.requests, records(REQUEST, rows)))
    engines.put("places", np.append(engines.places, np.full(rows, NONE)))
    if len(engines.slowed_s):
        engines.put("slowed_s", np.concatenate([engines.slowed_s, np.zeros((rows, 2))]))
    if len(engines.followers):
        engines.put("followers", np.append(engines.followers, np.full(rows, NONE)))
        traffic.put("turns", _longer(traffic.turns, records(TURN, rows)))
    if apart:
        engines.put("shipments", _longer(engines.shipments, records(SHIPMENT, rows // 2)))
    traffic.put("tickets", _longer(traffic.tickets, records(TICKET, rows)))
    traffic.put("spare", np.append(traffic.spare, np.zeros(rows, np.int64)))
    gate, spare = traffic.gateway[0], spare_rows(rows, 2 * rows, apart)
    traffic.spare[gate.spare : gate.spare + len(spare)] = spare
    gate.spare += len(spare)


def _longer(rows: np.recarray, more: np.recarray) -> np.recarray:
    return np.concatenate([rows, more]).view(np.recarray)

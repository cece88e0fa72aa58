"""The gateway of a service before its first request, as kernels see it."""

from __future__ import annotations

import numpy as np

from gpusim.bundle import records
from gpusim.engine.serving.deployment import Deployment
from gpusim.engine.serving.roads import Roads
from gpusim.kernels.serving.sketch import BUCKETS
from gpusim.kernels.serving.traffic import ARRIVAL, DEPLOYMENT, GATEWAY, KEPT, MEASURES, N_OUTCOMES, TICKET, Traffic
from gpusim.scenario.inference import Objectives, Routing
from gpusim.scenario.service import Service
from gpusim.serving.deployment import ROUTERS
from gpusim.state.codes import NONE

ROWS = 1024  # of requests under way, to begin with
KEPT_ROWS = 1024  # of samples, until they are read


def traffic_of(service: Service, deployments: list[Deployment], engines: list[int], roads: Roads) -> Traffic:
    """The gateway before the first request."""
    promised, routing = service.objectives or Objectives(), service.routing or Routing()
    rows = records(DEPLOYMENT, len(deployments))
    rows["first_engine"], rows["engines"] = np.cumsum(engines) - engines, engines
    rows["weight"] = [d.weight for d in deployments]
    rows["short"] = NONE
    gate = records(GATEWAY, 1)
    gate["ttft_s"], gate["time_per_output_token_s"] = promised.ttft_s, promised.time_per_output_token_s
    gate["spill_s"] = np.inf if routing.spill_s is None else routing.spill_s
    gate["router"], gate["in_turn"] = ROUTERS[routing.replica], routing.deployments == "weights"
    gate["held"] = gate["first_held"] = gate["last_held"] = NONE
    gate["spare"] = ROWS
    pairs = len(deployments) * len(roads.round_trip_s)
    return Traffic(
        arrivals=records(ARRIVAL, 1),
        tickets=records(TICKET, ROWS),
        deployments=rows,
        gateway=gate,
        order=roads.order(np.full((len(roads.round_trip_s), len(deployments)), NONE)),
        round_trip_s=roads.round_trip_s,
        spare=np.arange(ROWS - 1, -1, -1),
        outcomes=np.zeros((pairs, N_OUTCOMES), np.int64),
        sketch=np.zeros((pairs * len(MEASURES), BUCKETS), np.int64),
        sums_s=np.zeros(pairs * len(MEASURES)),
        kept=records(KEPT, KEPT_ROWS),
    )

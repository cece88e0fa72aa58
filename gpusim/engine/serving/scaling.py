"""Policies of scaling: how many replicas a deployment is to have for the control interval that begins.

A policy is ``wanted(d, time_s)``. Those that look ahead ask what demand will be; those that look back ask what a
deployment's replicas have seen since the last control step. What a replica can put out is that of the cap which its
site has it under now. To add one: a function, its name in ``policy_of`` and among
those of ``gpusim.scenario.inference.Autoscaling``; of one that looks ahead, in ``LOOKING_AHEAD`` too.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.scenario.inference import Autoscaling, Objectives
from gpusim.scenario.service import LOOKING_AHEAD, Service

Wanted = Callable[[PoolDeployment, float], int]
LATE_GROWTH = 0.1  # of the replicas, that "latency" adds


@dataclass(frozen=True)
class Seen:
    """What the replicas of a deployment have seen since the last control step."""

    tokens_per_s: float  # put out
    requests: float  # that wait or run now
    kv_share: float  # of the KV cache, in use now
    ended: int  # requests
    kept: int  # of these, in time


def policy_of(
    service: Service,
    asked: Callable[[PoolDeployment, float], float],
    seen: Callable[[PoolDeployment], Seen] | None = None,
) -> Wanted:
    """The policy of a service.

    Parameters
    ----------
    asked : callable
        ``asked(d, time_s)``: [tokens/s] asked of a deployment over the control interval of a time.
    seen : callable, optional
        ``seen(d)``; of services by requests.
    """
    spec = service.scaling or Autoscaling()

    def by_demand(d: PoolDeployment, time_s: float) -> int:
        return math.ceil(asked(d, time_s) / (d.paced_tokens_per_s * service.target_utilisation))

    def predictive(d: PoolDeployment, time_s: float) -> int:
        ahead = range(1 + math.ceil(d.load_s / service.control_s))
        return max(by_demand(d, time_s + i * service.control_s) for i in ahead)

    def static(d: PoolDeployment, _time_s: float) -> int:
        return service.prefill.replicas if d.role == "prefill" else spec.replicas

    if spec.policy in LOOKING_AHEAD:
        ahead = {"demand": by_demand, "predictive": predictive, "static": static}
        return ahead[spec.policy]
    after = _after(spec, service)

    def wanted(d: PoolDeployment, time_s: float) -> int:
        return by_demand(d, time_s) if time_s == 0.0 else after(d, seen(d))

    return _kept_for(spec.keep_s, wanted)


def _after(spec: Autoscaling, service: Service) -> Callable[[PoolDeployment, Seen], int]:
    """The replicas that bring what was seen to its target."""
    share = (service.objectives or Objectives()).share
    target = service.target_utilisation

    def utilisation(d: PoolDeployment, seen: Seen) -> int:
        return math.ceil(seen.tokens_per_s / (d.paced_tokens_per_s * target))

    def queue(_d: PoolDeployment, seen: Seen) -> int:
        return math.ceil(seen.requests / spec.requests_per_replica)

    def kv(d: PoolDeployment, seen: Seen) -> int:
        return math.ceil(d.running * seen.kv_share / target)

    def latency(d: PoolDeployment, seen: Seen) -> int:
        if seen.kept < share * seen.ended:
            return d.running + math.ceil(LATE_GROWTH * d.running)
        fewer = d.running - 1
        return fewer if seen.tokens_per_s <= fewer * d.paced_tokens_per_s * target else d.running

    of = {"utilisation": utilisation, "queue": queue, "kv": kv, "latency": latency}[spec.policy]
    return lambda d, seen: max(of(d, seen), 1)  # with none, nothing would be seen any more


def _kept_for(keep_s: float, wanted: Wanted) -> Wanted:
    """The most that were wanted over so long: replicas that stop would soon have to load again."""
    past: dict[int, deque[tuple[float, int]]] = defaultdict(deque)

    def most(d: PoolDeployment, time_s: float) -> int:
        mine = past[d.first_row]
        mine.append((time_s, wanted(d, time_s)))
        while mine[0][0] < time_s - keep_s:
            mine.popleft()
        return max(count for _time_s, count in mine)

    return most

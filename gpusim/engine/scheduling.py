"""From the scheduler of a scenario to the codes that kernels decide by."""

from __future__ import annotations

import math

import numpy as np

from gpusim.engine.description import Scheduling, Work
from gpusim.engine.keys import ask_key
from gpusim.engine.layout.jobs import submitted
from gpusim.errors import PolicyError
from gpusim.kernels.state.codes import Backfill, Dispatch, Order, Placement, Topology
from gpusim.policies.indices import RemainingTime, ServiceLevels
from gpusim.policies.policy import Policy, decides_in_rounds
from gpusim.scenario.scheduler import Scheduler


def scheduling_of(scheduler: Scheduler, work: Work, policy: Policy | None = None, for_standing: str = "") -> Scheduling:
    """How jobs are ordered, placed and dispatched, under a policy in Python if any.

    ``for_standing``: a key of the scenario with which policies of one's own go only if their orders stand.

    Raises
    ------
    PolicyError
        If the policy does not go with the scheduler's other keys, or with that one.
    """
    order, key, levels = _order_of(scheduler, work, policy)
    if for_standing and scheduler.own_policy and order not in (Order.KEY, Order.FAIR_SHARE):
        how = "decides in rounds" if order == Order.CUSTOM else "gives a key that changes as jobs run"
        raise PolicyError(
            f"policy {scheduler.order!r} {how}, which does not go with {for_standing}; give jobs a number that stands,"
            f" or remove {for_standing}"
        )
    greedy = scheduler.preemption == "order" or order in (Order.REMAINING, Order.REMAINING_GPU, Order.SERVICE)
    if greedy and scheduler.topology_wait_s > 0.0:
        raise PolicyError(
            f"policy {scheduler.order!r} takes GPUs for the first in its order: scheduler.topology_wait_s is"
            f" {scheduler.topology_wait_s:g}; give 0, with which gangs take the nearest nodes that are free"
        )
    decides = greedy or hasattr(policy, "allocate") or hasattr(policy, "assign")
    return Scheduling(
        order=order,
        key=None if key is None else lambda _jobs: key,
        levels=levels,
        backfill=Backfill.NONE if decides else Backfill[scheduler.backfill.upper()],
        placement=Placement[scheduler.placement.upper()],
        topology=Topology[scheduler.topology.upper()],
        topology_wait_s=scheduler.topology_wait_s,
        dispatch=Dispatch[scheduler.dispatch.upper()],
        redispatch=scheduler.redispatch,
        kill_at_estimate=scheduler.overrun == "kill",
        preempts=scheduler.preemption == "priority" and not decides,
        greedy=greedy,
        queue_limit=scheduler.queue_limit,
        cycle_s=scheduler.cycle_s if scheduler.mode == "cycle" else 0.0,
    )


def _order_of(
    scheduler: Scheduler, work: Work, policy: Policy | None
) -> tuple[Order, np.ndarray | None, ServiceLevels]:
    """How the queue is ordered: keys of the jobs if they stand, levels of service if these count."""
    none = ServiceLevels((), (0.0,), promote=math.inf)
    if policy is None:
        return Order.FAIR_SHARE if scheduler.order == "fair_share" else Order.KEY, None, none
    if decides_in_rounds(policy):
        if scheduler.mode != "cycle":
            raise PolicyError(f'policy {scheduler.order!r} decides in rounds: it needs scheduler.mode = "cycle"')
        if scheduler.preemption == "order":
            raise PolicyError(
                f'policy {scheduler.order!r} decides in rounds: scheduler.preemption = "order" needs an order that'
                ' stands for each job, of a method key; give "none" or "priority"'
            )
        return Order.CUSTOM, None, none
    answer = ask_key(policy, scheduler.order, submitted(work))
    if isinstance(answer, RemainingTime):
        return Order.REMAINING_GPU if answer.by_gpus else Order.REMAINING, None, none
    if isinstance(answer, ServiceLevels):
        return Order.SERVICE, None, answer
    return Order.KEY, answer, none

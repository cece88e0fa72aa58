"""From the scheduler of a scenario to the codes that kernels decide by."""

from __future__ import annotations

import math

from gpusim.engine.description import Scheduling, ServiceLevels
from gpusim.inputs.jobtable import JobTable
from gpusim.kernels.state.codes import Backfill, Dispatch, Order, Placement, Topology
from gpusim.policies.gittins import gittins_levels
from gpusim.policies.policy import Policy
from gpusim.scenario.scheduler import Scheduler

OF_SERVICE = ("las", "las_2d", "gittins")
CODES = {
    "srtf": Order.REMAINING,
    "srtf_gpu": Order.REMAINING_GPU,
    **dict.fromkeys(OF_SERVICE, Order.SERVICE),
}  # of others: their own names


def scheduling_of(scheduler: Scheduler, table: JobTable, policy: Policy | None = None) -> Scheduling:
    """How the jobs of a table are ordered, placed and dispatched, under a policy in Python if any."""
    decides = scheduler.is_greedy or hasattr(policy, "allocate") or hasattr(policy, "assign")
    order = Order.CUSTOM
    if policy is None:
        order = CODES[scheduler.order] if scheduler.order in CODES else Order[scheduler.order.upper()]
    return Scheduling(
        order=order,
        backfill=Backfill.NONE if decides else Backfill[scheduler.backfill.upper()],
        placement=Placement[scheduler.placement.upper()],
        topology=Topology[scheduler.topology.upper()],
        topology_wait_s=scheduler.topology_wait_s,
        dispatch=Dispatch[scheduler.dispatch.upper()],
        redispatch=scheduler.redispatch,
        kill_at_estimate=scheduler.overrun == "kill",
        preempts=scheduler.preemption == "priority" and not decides,
        greedy=scheduler.is_greedy,
        levels=_levels(scheduler, table) if order is Order.SERVICE else ServiceLevels((), (0.0,)),
        slack=scheduler.chosen.slack if order is Order.DEADLINE else 0.0,
        queue_limit=scheduler.queue_limit,
        cycle_s=scheduler.cycle_s if scheduler.mode == "cycle" else 0.0,
    )


def _levels(scheduler: Scheduler, table: JobTable) -> ServiceLevels:
    options = scheduler.chosen
    if scheduler.order == "gittins":
        known = table["runtime_s"] if options.run_times_s is None else options.run_times_s
        known = [time_s for time_s in known if time_s > 0.0] or [1.0]
        limits, index = gittins_levels(known, options.levels)
        return ServiceLevels(tuple(limits.tolist()), tuple((-index).tolist()))
    promote = math.inf if options.promote is None else options.promote
    keys = tuple(map(float, range(len(options.limits) + 1)))
    return ServiceLevels(tuple(options.limits), keys, scheduler.order == "las_2d", promote)

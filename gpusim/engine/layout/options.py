"""The clock and the options of the scheduler, as kernels read them."""

from __future__ import annotations

import numpy as np

from gpusim.engine.description import Scheduling
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import NONE, Backfill, Order
from gpusim.kernels.state.fleet import CLOCK, SCHEDULING
from gpusim.kernels.state.queues import LONG_QUEUE


def clock_of(n_jobs: int, seats_kept: int) -> np.recarray:
    clock = records(CLOCK, 1)
    clock["unfinished"] = n_jobs
    clock["seats_kept"] = seats_kept
    for name in ("spare_holding", "spare_chunk", "spare_seat", "first_noted"):
        clock[name] = NONE
    return clock


def scheduling_of(scheduling: Scheduling, quotas: bool, cpu_memory: bool) -> np.recarray:
    table = records(SCHEDULING, 1)
    for name in ("order", "backfill", "placement", "dispatch", "topology", "topology_wait_s", "greedy", "cycle_s"):
        table[name] = getattr(scheduling, name)
    table["preempts"] = scheduling.preempts or scheduling.greedy
    table["by_gpus"], table["promote"] = scheduling.levels.by_gpus, scheduling.levels.promote
    table["quotas"], table["cpu_memory"] = quotas, cpu_memory
    # Jobs that a policy leaves out are to wait where they are, and those with a reservation have it there.
    keeps = scheduling.order == Order.CUSTOM or scheduling.backfill == Backfill.CONSERVATIVE
    table["redispatch"] = scheduling.redispatch and not keeps
    table["queue_limit"] = -1 if scheduling.queue_limit is None else scheduling.queue_limit
    table["long_queue"] = LONG_QUEUE
    return table

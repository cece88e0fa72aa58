"""A job that waits and never ran starts in another pool that has room for it at once.

Writes: jobs, plans, pools.
Reads: candidate_links, candidates, clock, routes, scheduling.
Units: s, µW, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.admission import power_allows
from gpusim.kernels.breaches import take_stock
from gpusim.kernels.claiming import lay, withdraw
from gpusim.kernels.compression import size_claim
from gpusim.kernels.conservative import starts_now
from gpusim.kernels.dispatch import is_ready
from gpusim.kernels.gang import held_gpus
from gpusim.kernels.moves import start_planned
from gpusim.kernels.queueing import (
    ANY_SIZE,
    dequeue,
    enqueue,
    next_by_rank,
    over_quota,
    rewind,
    start_waiting_job,
    step_over,
)
from gpusim.kernels.state.codes import NONE, Dispatch, Status
from gpusim.kernels.waking import mark_dirty

LOOK = 16  # first jobs of a queue that are looked at for a pool which has room
_HOME, _QUEUED = int(Dispatch.HOME), int(Status.QUEUED)


@inner
def _may_run(f, j, q):
    """Whether job ``j`` may go to pool ``q`` from where it waits: at home it stays at home under that rule."""
    route = f.routes[f.jobs[j].route]
    at_home, found = False, NONE
    for i in range(route.count):
        p = f.candidates[route.start + i]
        if p == f.jobs[j].pool:
            at_home = i < route.n_home
        if p == q and f.candidate_links[route.start + i] == NONE:
            found = i
    return found != NONE and not (f.scheduling[0].dispatch == _HOME and at_home and found >= route.n_home)


@inner
def _has_power(f, j, q, held):
    """Whether the job would have the power in pool ``q``, beside what is promised to others there."""
    here = f.jobs[j].held
    f.jobs[j].held = held
    allowed = power_allows(f, j, q)
    f.jobs[j].held = here
    return allowed


@inner
def _may_start(f, j, q, held):
    """Whether a job that never ran may run in pool ``q``, and finds room, power and its quota; its nodes are picked."""
    never_ran = f.jobs[j].first_start_s != f.jobs[j].first_start_s
    if not never_ran or not _may_run(f, j, q) or over_quota(f, j, q):
        return False
    return _has_power(f, j, q, held) and is_ready(f, j, q, held)


@inner
def _change_queues(f, j, q, now):
    """Job ``j`` leaves its queue for that of pool ``q``, in which it is about to start."""
    pool, left = f.pools[q], f.jobs[j].pool
    dequeue(f, j, now)
    f.pools[left].released = 1  # its queue is to be looked at anew: the head may be another
    mark_dirty(f, left)
    arrived = pool.arrived
    enqueue(f, j, q, now)
    pool.arrived = arrived  # it does not wait for a pass


@inner
def start_elsewhere(f, j, q, now):
    """Start job ``j`` in pool ``q`` if it may run there and has all it needs; whether it did."""
    if not _may_start(f, j, q, held_gpus(f.pools[q], f.jobs[j].gpus)):
        return False
    _change_queues(f, j, q, now)
    start_waiting_job(f, j, q, now)
    return True


@inner
def _plan_allows(f, j, q, held, now):
    """Whether power and quota last for job ``j`` in pool ``q``, where nobody has a reservation, beside all others."""
    job, plan = f.jobs[j], f.plans[j]
    take_stock(f, q, now)
    own = job.held, plan.gpus, plan.power, plan.window_s, plan.floor
    has_some = plan.begin_s < math.inf
    if has_some:
        lay(f, j, job.pool, plan.begin_s, plan.end_s, -1)
    job.held = held
    size_claim(f, j, q)
    allows = starts_now(f, j, q, now)
    job.held, plan.gpus, plan.power, plan.window_s, plan.floor = own
    if has_some:
        lay(f, j, job.pool, plan.begin_s, plan.end_s, 1)
    return allows


@inner
def start_elsewhere_by_plan(f, j, q, now):
    """The same under conservative backfill: beside all that is claimed. What it has reserved it gives up."""
    held = held_gpus(f.pools[q], f.jobs[j].gpus)
    if not _may_start(f, j, q, held) or not _plan_allows(f, j, q, held, now):
        return False
    withdraw(f, j, f.jobs[j].pool)
    _change_queues(f, j, q, now)
    size_claim(f, j, q)
    start_planned(f, j, q, now)
    return True


@inner
def _place_newcomers(f, start, now):
    """Jobs that came since the last passes and wait: each to the first of its candidates that has room."""
    clock = f.clock[0]
    for j in range(clock.first_arrived, clock.next_arrival):
        if f.jobs[j].status == _QUEUED:
            route = f.routes[f.jobs[j].route]
            for i in range(route.start, route.start + route.count):
                if f.candidates[i] != f.jobs[j].pool and start(f, j, f.candidates[i], now):
                    return True
    return False


@inner
def _fill(f, q, start, now):
    """The first job that pool ``q`` can start, of those at the front of the other queues."""
    for p in range(len(f.pools)):
        if p == q or f.pools[p].queued == 0:
            continue
        rewind(f, p)
        for _ in range(LOOK):
            j = next_by_rank(f, p, ANY_SIZE)
            if j == NONE:
                break
            step_over(f, j, p)
            if start(f, j, q, now):
                return True
    return False


@inner
def redispatch(f, start, now):
    """Move one job that waits to a pool that has room for it; False if there is none.

    ``start`` is ``start_elsewhere``, or that by plan, which who does not plan need not have compiled.
    """
    if _place_newcomers(f, start, now):
        return True
    for q in range(len(f.pools)):
        if f.pools[q].opened != 0:
            if f.pools[q].queued == 0 and f.pools[q].free + f.pools[q].n_hosts > 0 and _fill(f, q, start, now):
                return True
            f.pools[q].opened = 0
    return False

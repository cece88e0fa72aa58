"""Queues: the waiting jobs of a pool, as ordered sets of places, one lane per tenant where tenants matter.

Writes: clock, entries, jobs, lanes, pools, words.
Reads: by_position, held, ordered, quota, scheduling.
Units: s, GPUs.
"""

from __future__ import annotations

import numpy as np

from gpusim.kernels import bitset
from gpusim.kernels._jit import inner, part
from gpusim.kernels.course import expected_length
from gpusim.kernels.gang import held_gpus, own_gpus
from gpusim.kernels.lanes import count_held, lane_of, usage
from gpusim.kernels.ledger import settle_lane, settle_pool, start_waiting, stop_waiting
from gpusim.kernels.noting import is_greedy, is_planned, mark_fresh, note_job
from gpusim.kernels.running import start
from gpusim.kernels.shortlist import build, include, next_candidate
from gpusim.kernels.spreading import begin_waiting, end_waiting
from gpusim.kernels.state.codes import NONE, SEVERAL, Order, Status, Wait

ANY_SIZE = np.iinfo(np.int64).max
_FAIR_SHARE, _CUSTOM = int(Order.FAIR_SHARE), int(Order.CUSTOM)
_QUEUED, _FETCHING = int(Status.QUEUED), int(Status.FETCHING)
_CYCLE, _DATA = int(Wait.CYCLE), int(Wait.DATA)


@inner
def enqueue(f, j, p, now):
    """The job joins the queue of pool ``p``, whose jobs, GPUs and work [GPU s] queued it adds to."""
    job, pool = f.jobs[j], f.pools[p]
    i = lane_of(f, j, p)
    lane = f.lanes[i]
    settle_pool(f.pools, p, now)
    settle_lane(f.lanes, i, now)
    if lane.queued == 0:
        lane.cause = _CYCLE
    job.pool = p
    job.status = _QUEUED
    job.held = held_gpus(pool, job.gpus)
    begin_waiting(f, j, p, now)
    start_waiting(f.jobs, j, f.lanes, i)
    if pool.listed != 0:
        include(f, j, p, lane)
    bitset.insert(f.words, lane.set, lane.n_positions, job.lane_position)
    if is_planned(f):
        mark_fresh(f, j, p, True)
    if is_greedy(f):
        f.entries[j].since_s = now
        note_job(f, j)
    lane.cursor = min(lane.cursor, job.lane_position)  # who is evicted in a pass has its turn in it again
    lane.queued += 1
    lane.queued_gpus += job.held
    pool.queued += 1
    pool.queued_gpus += job.held
    pool.asked[lane.cause] += job.held
    pool.queued_work += own_gpus(job) * expected_length(f, j, p)
    pool.arrived = j if pool.arrived == NONE else SEVERAL


@inner
def dequeue(f, j, now):
    """It leaves its queue, to start or to wait elsewhere; its waits [s] are booked."""
    job = f.jobs[j]
    p = job.pool
    pool = f.pools[p]
    i = lane_of(f, j, p)
    lane = f.lanes[i]
    settle_pool(f.pools, p, now)
    settle_lane(f.lanes, i, now)
    stop_waiting(f.jobs, j, f.lanes, i)
    end_waiting(f, j)
    bitset.remove(f.words, lane.set, lane.n_positions, job.lane_position)
    if is_planned(f):
        mark_fresh(f, j, p, False)
    if is_greedy(f):
        note_job(f, j)
    lane.queued -= 1
    lane.queued_gpus -= job.held
    pool.queued -= 1
    pool.queued_gpus -= job.held
    pool.asked[lane.cause] -= job.held
    pool.queued_work -= own_gpus(job) * expected_length(f, j, p)


@inner
def await_data(f, j, p, now):
    """Job ``j`` will join the queue of pool ``p`` when its data have arrived there."""
    job = f.jobs[j]
    job.pool = p
    job.status = _FETCHING
    job.held = held_gpus(f.pools[p], job.gpus)
    _count_inbound(f, j, 1, now)


@inner
def stop_awaiting_data(f, j, now):
    """Its data have arrived: the time since its submission [s] was waiting for them."""
    f.jobs[j].waits[_DATA] += now - f.jobs[j].submit_s
    _count_inbound(f, j, -1, now)


@inner
def _count_inbound(f, j, sign, now):
    job = f.jobs[j]
    p = job.pool
    pool, i = f.pools[p], lane_of(f, j, p)
    settle_pool(f.pools, p, now)
    settle_lane(f.lanes, i, now)
    f.lanes[i].inbound += sign
    f.lanes[i].inbound_gpus += sign * job.held
    pool.inbound += sign
    pool.inbound_gpus += sign * job.held
    pool.asked[_DATA] += sign * job.held
    pool.queued_work += sign * own_gpus(job) * expected_length(f, j, p)


@inner
def exceeds_quota(f, tenant, gpus, p):
    """Whether a tenant would hold more than its quota with ``gpus`` GPUs more in pool ``p``."""
    pool = f.pools[p]
    return f.held[tenant, pool.gpu_type] + held_gpus(pool, gpus) > f.quota[tenant, pool.gpu_type]


@inner
def over_quota(f, j, p):
    """Whether its tenant would exceed its quota of GPUs of that type if the job started in pool ``p``."""
    return exceeds_quota(f, f.jobs[j].tenant, f.jobs[j].gpus, p)


@inner
def rewind(f, p):
    """Begin a walk through the pool's queue."""
    pool = f.pools[p]
    f.clock[0].ordered_at = 0
    for i in range(pool.first_lane, pool.first_lane + pool.n_lanes):
        f.lanes[i].cursor = 0
        f.lanes[i].left_out = 0


@part
def _first_from_cursor(f, lane, largest):
    """Next job of at most ``largest`` GPUs; the cursor moves up to it, larger ones are passed for good."""
    words, base, n = f.words, lane.set, lane.n_positions
    jobs, by_position, order_base = f.jobs, f.by_position, lane.order_base
    position = lane.cursor
    while True:
        position = bitset.next_from(words, base, n, position)
        if position < 0:
            lane.cursor = n
            return NONE
        j = by_position[order_base + position]
        if jobs[j].gpus <= largest:
            lane.cursor = position
            return j
        position += 1


@inner
def list_long_queue(f, p):
    """Begin, or cease, to search the pool's queue by size: worth its keep from some length on."""
    pool, scheduling = f.pools[p], f.scheduling[0]
    if scheduling.order == _CUSTOM:
        return
    if pool.listed == 0 and pool.queued >= scheduling.long_queue:
        build(f, p)
        pool.listed = 1
    elif 2 * pool.queued < scheduling.long_queue:
        pool.listed = 0


@inner
def _over_quota_from(f, pool, lane):
    """GPUs from which on a job would exceed the quota of the lane's tenant."""
    if f.scheduling[0].quotas == 0:
        return ANY_SIZE
    size = pool.gpus_per_node
    left = f.quota[lane.tenant, pool.gpu_type] - f.held[lane.tenant, pool.gpu_type]
    return left + 1 if left < size else left // size * size + 1


@inner
def _first_candidate(f, p, lane):
    """Next job that may start behind the blocked head, or that its quota refuses; the cursor moves up to it."""
    position = next_candidate(f, p, lane, _over_quota_from(f, f.pools[p], lane))
    if position < 0:
        lane.cursor = lane.n_positions
        return NONE
    lane.cursor = position
    return f.by_position[lane.order_base + position]


@part
def _first_of(f, p, lane, largest):
    if f.pools[p].listed != 0 and largest < ANY_SIZE:
        return _first_candidate(f, p, lane)
    return _first_from_cursor(f, lane, largest)


@inner
def _next_ordered(f, p, largest):
    """Next job of a custom policy's answer."""
    clock = f.clock[0]
    while clock.ordered_at < clock.n_ordered:
        j = f.ordered[clock.ordered_at]
        job = f.jobs[j]
        if job.status == _QUEUED and job.gpus <= largest and f.lanes[lane_of(f, j, p)].left_out == 0:
            return j
        clock.ordered_at += 1
    return NONE


@inner
def next_waiting(f, p, largest):
    """Next job of the walk, best first, or NONE; it stays next until ``step_over``.

    Larger ones are left out, and in a long queue all that cannot start behind the head.
    """
    return _next_ordered(f, p, largest) if f.scheduling[0].order == _CUSTOM else next_by_rank(f, p, largest)


@inner
def next_by_rank(f, p, largest):
    """``next_waiting`` under a built-in order."""
    pool = f.pools[p]
    if pool.n_lanes == 1:
        if f.lanes[pool.first_lane].left_out != 0:
            return NONE
        return _first_of(f, p, f.lanes[pool.first_lane], largest)
    fair = f.scheduling[0].order == _FAIR_SHARE
    best = NONE
    best_usage = 0.0
    for i in range(pool.first_lane, pool.first_lane + pool.n_lanes):
        lane = f.lanes[i]
        if lane.queued == 0 or lane.left_out != 0:
            continue
        j = _first_of(f, p, lane, largest)
        if j == NONE:
            continue
        if fair:
            used = usage(pool, lane)
            if best == NONE or used < best_usage:
                best, best_usage = j, used
        elif best == NONE or f.jobs[j].rank < f.jobs[best].rank:
            best = j
    return best


@inner
def next_within_quota(f, p, largest):
    """Next job of the walk, of at most ``largest`` GPUs where quotas are off or the queue is long.

    A tenant is left out of the walk from its first job on that its quota refuses.
    """
    if f.scheduling[0].quotas == 0:
        return next_waiting(f, p, largest)
    while True:
        j = next_waiting(f, p, largest if f.pools[p].listed != 0 else ANY_SIZE)
        if j == NONE or not over_quota(f, j, p):
            return j
        f.lanes[lane_of(f, j, p)].left_out = 1


@inner
def leave_out_refused(f, p):
    """Under a built-in order: leave out the tenants whose quotas refuse the first of their jobs, and only these."""
    if f.scheduling[0].quotas == 0 or f.scheduling[0].order == _CUSTOM:
        return
    for i in range(f.pools[p].first_lane, f.pools[p].first_lane + f.pools[p].n_lanes):
        lane = f.lanes[i]
        if lane.queued > 0:
            position = bitset.next_from(f.words, lane.set, lane.n_positions, 0)
            lane.left_out = over_quota(f, f.by_position[lane.order_base + position], p)


@inner
def step_over(f, j, p):
    """The walk goes on behind job ``j``."""
    if f.scheduling[0].order == _CUSTOM:
        f.clock[0].ordered_at += 1
    else:
        f.lanes[lane_of(f, j, p)].cursor = f.jobs[j].lane_position + 1


@inner
def start_waiting_job(f, j, p, now):
    """Start a job of the queue on the nodes in ``picked``."""
    dequeue(f, j, now)
    start(f, j, p, now)
    count_held(f, j, p, 1)

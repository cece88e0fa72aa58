"""The scheduling pass of one pool: start heads while they fit, then let others pass the blocked head."""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.ledger import settle_lane, settle_pool
from gpusim.kernels.placement import ALL, OPEN, place
from gpusim.kernels.preemption import make_room
from gpusim.kernels.queueing import dequeue, held_gpus, lane_of, next_waiting, over_quota, rewind, step_over
from gpusim.kernels.reservation import OVERDUE_S, release, reserve
from gpusim.kernels.running import draw, expected_wall_time, start
from gpusim.state import NONE, Backfill, Cause, Wait

_EASY = int(Backfill.EASY)
_BUSY, _FRAGMENTED, _POWER, _QUOTA = int(Wait.BUSY), int(Wait.FRAGMENTED), int(Wait.POWER), int(Wait.QUOTA)
_NOT_DELIVERED, _NOT_ENERGISED, _DOWN = int(Wait.NOT_DELIVERED), int(Wait.NOT_ENERGISED), int(Wait.DOWN)
_IDLE_NO_DEMAND, _IDLE_RESERVED = int(Cause.IDLE_NO_DEMAND), int(Cause.IDLE_RESERVED)
_IDLE_FRAGMENTED, _IDLE_POWER = int(Cause.IDLE_FRAGMENTED), int(Cause.IDLE_POWER)
_IDLE_QUOTA = int(Cause.IDLE_QUOTA)


@inner
def power_allows(f, j, p):
    """Whether the site's limit admits the job's draw at the run's hottest hour."""
    site = f.sites[f.pools[p].site]
    return (site.it_w + draw(f, j, p)) * site.peak_overhead + site.fixed_w <= site.limit_w


@inner
def _lacking(pool, held):
    """Why GPUs are too few for a job that would hold ``held``."""
    if pool.free + (pool.delivered - pool.energised) >= held:
        return _NOT_ENERGISED
    if pool.free + (pool.planned - pool.energised) >= held:
        return _NOT_DELIVERED
    if pool.free + pool.down >= held:
        return _DOWN
    return _BUSY


@inner
def try_start(f, j, p, family, now):
    """Start a waiting job if nodes and power are there: NONE if it started, else what it waits for."""
    pool = f.pools[p]
    held = held_gpus(pool, f.jobs[j].gpus)
    if held > pool.free:
        return _lacking(pool, held)
    if not place(f, p, f.jobs[j].gpus, family):
        return _FRAGMENTED
    if not power_allows(f, j, p):
        return _POWER
    lane = lane_of(f, j, p)
    dequeue(f, j, now)
    start(f, j, p, now)
    f.lanes[lane].held += held
    return NONE


@inner
def _next_within_quota(f, p):
    """Next job of the walk; lanes whose first waiting job their quota refuses are left out of it."""
    while True:
        j = next_waiting(f, p)
        if j == NONE or f.clock[0].quotas == 0 or not over_quota(f, j, p):
            return j
        f.lanes[lane_of(f, j, p)].left_out = 1


@inner
def _start_heads(f, p, now):
    """Start jobs in order until one does not fit; that job (or NONE) and what it waits for."""
    while True:
        j = _next_within_quota(f, p)
        if j == NONE:
            return NONE, NONE
        reason = try_start(f, j, p, ALL, now)
        if reason != NONE and f.clock[0].preempts != 0 and make_room(f, j, p, now):
            reason = try_start(f, j, p, ALL, now)
        if reason != NONE:
            return j, reason


@inner
def _power_back_s(f, j, p, now):
    """When running jobs of the site are expected to have given back the power that job ``j`` lacks."""
    s = f.pools[p].site
    site = f.sites[s]
    room_w = (site.limit_w - site.fixed_w) / site.peak_overhead - site.it_w
    lacking_w = draw(f, j, p) - room_w
    last = -math.inf
    while lacking_w > 0.0:
        # The next expected end after `last`, over all running jobs of the site. Rare enough to look at them all.
        soonest = math.inf
        for q in range(site.first_pool, site.first_pool + site.n_pools):
            base = f.pools[q].release_base
            for i in range(f.pools[q].n_releases):
                key = max(f.heap_keys[base + i], now + OVERDUE_S)
                if last < key < soonest:
                    soonest = key
        if soonest == math.inf:
            return math.inf
        for q in range(site.first_pool, site.first_pool + site.n_pools):
            base = f.pools[q].release_base
            for i in range(f.pools[q].n_releases):
                if max(f.heap_keys[base + i], now + OVERDUE_S) == soonest:
                    lacking_w -= draw(f, f.heap_ids[base + i], q)
        last = soonest
    return last


@inner
def _try_behind_head(f, j, p, limit_s, only_short, now):
    """Start a job behind the blocked head if that does not delay the head."""
    if held_gpus(f.pools[p], f.jobs[j].gpus) > f.pools[p].free:
        return False
    if f.clock[0].quotas != 0 and over_quota(f, j, p):
        return False
    short = now + expected_wall_time(f, j, p) <= limit_s
    if only_short and not short:
        return False
    return try_start(f, j, p, ALL if short else OPEN, now) == NONE


@inner
def _backfill(f, p, head, limit_s, only_short, now):
    """EASY: walk the queue behind the head."""
    pool = f.pools[p]
    step_over(f, head, p)
    while pool.free > 0:
        j = next_waiting(f, p)
        if j == NONE:
            return
        step_over(f, j, p)
        _try_behind_head(f, j, p, limit_s, only_short, now)


@inner
def _explain(f, p, head, reason, now):
    """Write down why the pool's free GPUs idle and why its lanes wait, from now on."""
    pool = f.pools[p]
    cause = _IDLE_NO_DEMAND
    if head != NONE:
        cause = _IDLE_RESERVED
        if reason == _FRAGMENTED:
            cause = _IDLE_FRAGMENTED
        elif reason == _POWER:
            cause = _IDLE_POWER
    elif pool.queued > 0:
        cause = _IDLE_QUOTA
    if cause != pool.idle_cause:
        settle_pool(f.pools, p, now)
        pool.idle_cause = cause
    for i in range(pool.first_lane, pool.first_lane + pool.n_lanes):
        lane = f.lanes[i]
        if lane.queued > 0:
            wait = _QUOTA if lane.left_out != 0 else reason
            if wait != lane.cause:
                settle_lane(f.lanes, i, now)
                lane.cause = wait


@inner
def _promise_holds(f, p, now):
    """Whether the reservation of the last pass stands: same head, nothing came free, its time not near."""
    pool = f.pools[p]
    if pool.reserved_job == NONE or pool.released != 0 or pool.power_held != 0 or f.clock[0].quotas != 0:
        return False
    return pool.shadow_s > now + OVERDUE_S and next_waiting(f, p) == pool.reserved_job


@inner
def schedule(f, p, now):
    """One scheduling pass over a pool."""
    pool = f.pools[p]
    easy = f.clock[0].backfill == _EASY
    arrived = pool.arrived
    pool.arrived = NONE
    if pool.queued == 0:
        if easy and pool.reserved_job != NONE:
            release(f, p)
        _explain(f, p, NONE, NONE, now)
        pool.released = 0
        return
    rewind(f, p)
    if easy and _promise_holds(f, p, now):
        # Less is free than when all others behind the head were refused: only who came since can start.
        if arrived >= 0:
            if pool.free > 0:
                _try_behind_head(f, arrived, p, pool.shadow_s, False, now)
        elif arrived != NONE:
            _backfill(f, p, pool.reserved_job, pool.shadow_s, False, now)
        _explain(f, p, pool.reserved_job, pool.head_wait, now)
        return
    if easy:
        release(f, p)
    head, reason = _start_heads(f, p, now)
    pool.released = 0
    pool.power_held = 0
    pool.head_wait = reason
    if head != NONE and easy:
        if reason == _POWER:
            pool.power_held = 1
            _backfill(f, p, head, _power_back_s(f, head, p, now), True, now)
        else:
            reserve(f, head, p, now)
            _backfill(f, p, head, pool.shadow_s, False, now)
    _explain(f, p, head, reason, now)

"""The scheduling pass of one pool: start heads while they fit, then let others pass the blocked head."""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.compression import compress, has_rows
from gpusim.kernels.ledger import settle_lane, settle_pool
from gpusim.kernels.placement import ALL, OPEN, largest_fit, place
from gpusim.kernels.preemption import make_room
from gpusim.kernels.queueing import (
    ANY_SIZE,
    held_gpus,
    lane_of,
    next_waiting,
    over_quota,
    rewind,
    start_waiting_job,
    step_over,
)
from gpusim.kernels.reservation import OVERDUE_S, expected_end, release, reserve
from gpusim.kernels.running import draw, expected_wall_time, fits_limit, lacking
from gpusim.state import NONE, SEVERAL, Backfill, Cause, Order, Status, Wait

_EASY = int(Backfill.EASY)
_BUSY, _FRAGMENTED, _POWER, _QUOTA = int(Wait.BUSY), int(Wait.FRAGMENTED), int(Wait.POWER), int(Wait.QUOTA)
_POLICY, _RULE, _CUSTOM, _QUEUED = int(Wait.POLICY), int(Wait.RULE), int(Order.CUSTOM), int(Status.QUEUED)
_NOT_DELIVERED, _NOT_HOUSED = int(Wait.NOT_DELIVERED), int(Wait.NOT_HOUSED)
_NOT_ENERGISED, _DOWN = int(Wait.NOT_ENERGISED), int(Wait.DOWN)
_IDLE_NO_DEMAND, _IDLE_RESERVED = int(Cause.IDLE_NO_DEMAND), int(Cause.IDLE_RESERVED)
_IDLE_FRAGMENTED, _IDLE_POWER = int(Cause.IDLE_FRAGMENTED), int(Cause.IDLE_POWER)
_IDLE_QUOTA, _IDLE_POLICY, _IDLE_RULE = int(Cause.IDLE_QUOTA), int(Cause.IDLE_POLICY), int(Cause.IDLE_RULE)


@inner
def power_allows(f, j, p):
    """Whether the site's limit admits the job's draw at the run's hottest hour."""
    return fits_limit(f, f.pools[p].site, draw(f, j, p))


@inner
def _shortage(pool, held):
    """Why a job that would hold ``held`` GPUs, and cannot be placed, finds no room."""
    if pool.free >= held:
        return _FRAGMENTED
    if pool.free + (pool.delivered - pool.unhoused - pool.energised) >= held:
        return _NOT_ENERGISED
    if pool.free + (pool.delivered - pool.energised) >= held:
        return _NOT_HOUSED
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
    if held > pool.free or not place(f, p, f.jobs[j].gpus, family):
        return _shortage(pool, held)
    if not power_allows(f, j, p):
        return lacking(f, pool.site, draw(f, j, p))
    start_waiting_job(f, j, p, now)
    return NONE


@inner
def _next_within_quota(f, p, largest):
    """Next job of the walk, of at most ``largest`` GPUs where quotas are off.

    A tenant is left out of the walk from its first job on that its quota refuses.
    """
    if f.clock[0].quotas == 0:
        return next_waiting(f, p, largest)
    while True:
        j = next_waiting(f, p, ANY_SIZE)
        if j == NONE or not over_quota(f, j, p):
            return j
        f.lanes[lane_of(f, j, p)].left_out = 1


@inner
def _start_heads(f, p, now):
    """Start jobs in order until one does not fit; that job (or NONE) and what it waits for."""
    while True:
        j = _next_within_quota(f, p, ANY_SIZE)
        if j == NONE:
            return NONE, NONE
        reason = try_start(f, j, p, ALL, now)
        if reason != NONE and f.clock[0].preempts != 0 and power_allows(f, j, p) and make_room(f, j, p, now):
            reason = try_start(f, j, p, ALL, now)
        if reason != NONE:
            return j, reason


@inner
def _power_back_s(f, j, p, now):
    """When running jobs of the site are expected to have given back the power that job ``j`` lacks."""
    s = f.pools[p].site
    site = f.sites[s]
    room_w = (site.limit_w - site.fixed_w) / site.peak_overhead - site.it_w - site.serving_room_w
    lacking_w = draw(f, j, p) - room_w
    last = -math.inf
    while lacking_w > 0.0:
        # The next expected end after `last`, over all running jobs of the site. Rare enough to look at them all.
        soonest = math.inf
        for q in range(site.first_pool, site.first_pool + site.n_pools):
            base = f.pools[q].release_base
            for i in range(f.pools[q].n_releases):
                key = expected_end(f, f.heap_ids[base + i], now)
                if last < key < soonest:
                    soonest = key
        if soonest == math.inf:
            return math.inf
        for q in range(site.first_pool, site.first_pool + site.n_pools):
            base = f.pools[q].release_base
            for i in range(f.pools[q].n_releases):
                if expected_end(f, f.heap_ids[base + i], now) == soonest:
                    lacking_w -= draw(f, f.heap_ids[base + i], q)
        last = soonest
    return last


@inner
def _try_behind_head(f, j, p, limit_s, only_short, now):
    """Start a job behind the blocked head if that does not delay the head."""
    short = now + expected_wall_time(f, j, p) <= limit_s
    if only_short and not short:
        return False
    return try_start(f, j, p, ALL if short else OPEN, now) == NONE


@inner
def _backfill(f, p, head, limit_s, only_short, now):
    """EASY: walk the queue behind the head."""
    step_over(f, head, p)
    largest = largest_fit(f, p)
    while largest > 0:
        j = _next_within_quota(f, p, largest)  # most of a long queue is too large for what is free
        if j == NONE:
            return
        step_over(f, j, p)
        if f.jobs[j].gpus <= largest and _try_behind_head(f, j, p, limit_s, only_short, now):
            largest = largest_fit(f, p)


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
        elif reason == _RULE:
            cause = _IDLE_RULE
    elif pool.queued > 0:
        cause = _IDLE_POLICY if f.clock[0].order == _CUSTOM else _IDLE_QUOTA
    if cause != pool.idle_cause:
        settle_pool(f.pools, p, now)
        pool.idle_cause = cause
    for i in range(pool.first_lane, pool.first_lane + pool.n_lanes):
        lane = f.lanes[i]
        if lane.queued > 0:
            wait = reason
            if lane.left_out != 0:
                wait = _QUOTA
            elif head == NONE:
                wait = _POLICY
            if wait != lane.cause:
                settle_lane(f.lanes, i, now)
                lane.cause = wait


@inner
def _promise_holds(f, p, now):
    """Whether the reservation of the last pass would be made again: same head, nothing that bears on it changed."""
    pool = f.pools[p]
    if pool.reserved_job == NONE or pool.unsettled != 0 or pool.power_held != 0:
        return False
    if f.clock[0].order == _CUSTOM or (f.clock[0].preempts != 0 and pool.released != 0):
        return False
    return pool.shadow_s > now + OVERDUE_S and _next_within_quota(f, p, ANY_SIZE) == pool.reserved_job


@inner
def _pass_behind(f, p, arrived, now):
    """A pass behind a head whose promise holds."""
    pool = f.pools[p]
    head = pool.reserved_job
    reason = _shortage(pool, held_gpus(pool, f.jobs[head].gpus))
    if pool.released != 0 or arrived == SEVERAL or (arrived != NONE and f.clock[0].quotas != 0):
        _backfill(f, p, head, pool.shadow_s, False, now)
    elif arrived != NONE and f.jobs[arrived].status == _QUEUED and f.jobs[arrived].gpus <= largest_fit(f, p):
        # Less is free than when all others behind the head were refused: only who came since can start.
        _try_behind_head(f, arrived, p, pool.shadow_s, False, now)
    pool.released = 0
    _explain(f, p, head, reason, now)


@inner
def schedule(f, p, now):
    """One scheduling pass over a pool."""
    pool = f.pools[p]
    easy = f.clock[0].backfill == _EASY
    if f.clock[0].order == _CUSTOM and f.clock[0].ordered_pool != p:
        return  # it waits for its own turn of the policy
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
        _pass_behind(f, p, arrived, now)
        return
    if easy:
        release(f, p)
    head, reason = _start_heads(f, p, now)
    pool.released = 0
    pool.power_held = 0
    if head != NONE and easy:
        if reason == _POWER or reason == _RULE:
            pool.power_held = 1
            _backfill(f, p, head, _power_back_s(f, head, p, now), True, now)
        else:
            reserve(f, head, p, now)
            _backfill(f, p, head, pool.shadow_s, False, now)
    _explain(f, p, head, reason, now)


@inner
def schedule_by_plan(f, p, now):
    """One pass over a pool under conservative backfill; False, and nothing done, if its tables must grow first."""
    pool = f.pools[p]
    if f.clock[0].order == _CUSTOM and f.clock[0].ordered_pool != p:
        return True  # it waits for its own turn of the policy
    if not has_rows(f, p):
        return False
    pool.arrived = NONE
    compress(f, p, now)
    pool.released = 0
    head, reason = _first_waiting(f, p)
    _explain(f, p, head, reason, now)
    return True


@inner
def _first_waiting(f, p):
    """Under conservative backfill: the first in the walk that still waits, and for what."""
    pool = f.pools[p]
    rewind(f, p)
    head = _next_within_quota(f, p, ANY_SIZE) if pool.queued > 0 else NONE
    if head == NONE:
        return NONE, NONE
    held = held_gpus(pool, f.jobs[head].gpus)
    if held > pool.free or not place(f, p, f.jobs[head].gpus, ALL):
        return head, _shortage(pool, held)
    if not power_allows(f, head, p):
        return head, lacking(f, pool.site, draw(f, head, p))
    return head, _BUSY  # what is free now was promised to others

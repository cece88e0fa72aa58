"""Promises of power across the pools of a site: what a job that starts must leave to the heads that wait there.

A pool whose head is blocked holds at most one promise: ``reserved_job`` will start at ``shadow_s`` and draw
``promised_w`` for ``promised_wall_s``. Beside running jobs, which are expected to give their power back, promises are
the load that a site is expected to carry. Running jobs only end, so that load is greatest now and where promises
begin: it is looked at there only. All power here is IT power at the run's hottest hour.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.course import draw, expected_wall_time
from gpusim.kernels.frontier import OVERDUE_S, frontier_add, frontier_pop
from gpusim.kernels.heap import ARITY, first_child, row_of
from gpusim.kernels.holding import drawn_by
from gpusim.kernels.limit import allowed_w, peak_w
from gpusim.kernels.waking import mark_dirty, wake_pools_of
from gpusim.state.codes import NONE, SEVERAL, Backfill, Phase, Status, Wait

_EASY, _NEVER_PASSED = int(Backfill.EASY), int(Backfill.NONE)
_COMPUTE, _COMMUNICATION, _CHECKPOINT = int(Phase.COMPUTE), int(Phase.COMMUNICATION), int(Phase.CHECKPOINT)
_POWER, _RULE, _RUNNING = int(Wait.POWER), int(Wait.RULE), int(Status.RUNNING)


@inner
def _room_w(f, s, limit_w):
    """What more may be drawn now."""
    site = f.sites[s]
    return (allowed_w(limit_w) - site.fixed_w) / site.peak_overhead - site.it_w - site.serving_room_w


@inner
def _binds(f, q):
    return f.pools[q].reserved_job != NONE and f.pools[q].shadow_s < math.inf


@inner
def _begins_s(f, q, now):
    return max(f.pools[q].shadow_s, now)


@inner
def _promised_w(f, s, at_s, without, now):
    """Power promised at a time by pools of the site other than ``without``."""
    site = f.sites[s]
    total = 0.0
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if q != without and _binds(f, q):
            begins_s = _begins_s(f, q, now)
            if begins_s <= at_s < begins_s + f.pools[q].promised_wall_s:
                total += f.pools[q].promised_w
    return total


@inner
def _given_back_w(f, s, by_s, now):
    """What running jobs of the site draw that are expected to end at or before ``by_s``."""
    site = f.sites[s]
    bottom = len(f.scratch_ids) - 64  # a stack of places; the scratch arrays' beginning may be in use
    total = 0.0
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        base, n = f.pools[q].release_base, f.pools[q].n_releases
        depth = 0
        if n > 0:
            f.scratch_ids[bottom] = 0
            depth = 1
        while depth > 0:
            depth -= 1
            place = f.scratch_ids[bottom + depth]
            key = f.heap_keys[base + place]
            if key > by_s:
                continue
            if key > now or now + OVERDUE_S <= by_s:
                total += drawn_by(f, row_of(f.heap_ids[base + place]))
            for child in range(first_child(place), min(first_child(place) + ARITY, n)):
                f.scratch_ids[bottom + depth] = child
                depth += 1
    return total


@inner
def _relief_w(f, q, now):
    """What running jobs are expected to have given back when the pool's promise begins; kept up to date once known."""
    pool = f.pools[q]
    begins_s = _begins_s(f, q, now)
    if begins_s < now + OVERDUE_S:
        return _given_back_w(f, pool.site, begins_s, now)  # overdue jobs are not counted
    if pool.relief_w != pool.relief_w:
        pool.relief_w = _given_back_w(f, pool.site, begins_s, now)
    return pool.relief_w


@inner
def _fits_at_begin(f, q, w, room_w, without, now):
    """Whether ``w`` more fit when the promise of pool ``q`` begins."""
    room_w -= _promised_w(f, f.pools[q].site, _begins_s(f, q, now), without, now)
    return w <= room_w or w <= room_w + _relief_w(f, q, now)


@inner
def _leaves_promised(f, s, w, end_s, without, limit_w, now):
    """EASY: whether ``w`` from now until ``end_s`` leave what is promised by pools other than ``without``."""
    site = f.sites[s]
    room_w = _room_w(f, s, limit_w)
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if q == without or not _binds(f, q) or _begins_s(f, q, now) >= end_s:
            continue
        if not _fits_at_begin(f, q, w, room_w, without, now):
            return False
    return True


@inner
def _leaves_claimed(f, j, p, w, limit_w):
    """No backfill: whether ``w`` leave what heads of other pools, earlier in the order, wait for."""
    s = f.pools[p].site
    site = f.sites[s]
    room_w = _room_w(f, s, limit_w)
    jobs_w = site.phase_w[_COMPUTE] + site.phase_w[_COMMUNICATION] + site.phase_w[_CHECKPOINT]
    claimed_w = 0.0
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        head = f.pools[q].reserved_job
        if q == p or head == NONE or head == j or f.jobs[head].rank > f.jobs[j].rank:
            continue
        if f.pools[q].promised_w <= room_w + jobs_w:  # else it never starts, whoever waits
            claimed_w += f.pools[q].promised_w
    return claimed_w == 0.0 or w <= room_w - claimed_w


@inner
def _admits(f, j, p, limit_w):
    if limit_w == math.inf:
        return True
    s, now = f.pools[p].site, f.clock[0].now_s
    w = draw(f, j, p)
    if peak_w(f, s, w) > allowed_w(limit_w):
        return False
    if w <= 0.0:
        return True
    if f.rules[0].backfill == _EASY:
        own = f.jobs[j].pool  # where it waits, be it another than that in which it may start
        without = own if f.pools[own].reserved_job == j else NONE
        return _leaves_promised(f, s, w, now + expected_wall_time(f, j, p), without, limit_w, now)
    return f.rules[0].backfill != _NEVER_PASSED or _leaves_claimed(f, j, p, w, limit_w)


@inner
def power_allows(f, j, p):
    """Whether the site's limit admits the job's draw at the run's hottest hour, beside what is promised to others."""
    return _admits(f, j, p, f.sites[f.pools[p].site].limit_w)


@inner
def may_be_allowed(f, p, w, wall_s):
    """Whether a job behind the head that draws ``w`` or more for ``wall_s`` or longer may have the power."""
    s, now = f.pools[p].site, f.clock[0].now_s
    limit_w = f.sites[s].limit_w
    if peak_w(f, s, w) > allowed_w(limit_w):
        return False
    return limit_w == math.inf or w <= 0.0 or _leaves_promised(f, s, w, now + wall_s, NONE, limit_w, now)


@inner
def lacking(f, j, p):
    """What a job lacks that power keeps from starting: power, or but for a cap below the connection it would start."""
    site = f.sites[f.pools[p].site]
    return _RULE if site.limit_w < site.grid_w and _admits(f, j, p, site.grid_w) else _POWER


@inner
def stands(f, p, now):
    """Whether the site is still expected to have the power that the pool's promise is for."""
    pool = f.pools[p]
    limit_w = f.sites[pool.site].limit_w
    if limit_w == math.inf or not _binds(f, p):
        return True
    return _fits_at_begin(f, p, pool.promised_w, _room_w(f, pool.site, limit_w), p, now)


@inner
def size_up(f, p):
    """What the head of a pool is promised: its draw, for its expected wall time."""
    pool = f.pools[p]
    pool.promised_w = draw(f, pool.reserved_job, p)
    pool.promised_wall_s = max(expected_wall_time(f, pool.reserved_job, p), OVERDUE_S)


@inner
def promise(f, j, p, from_s, now):
    """Promise job ``j`` the power it needs: from ``from_s`` on the earliest time, which is returned, inf if never."""
    pool, job = f.pools[p], f.jobs[j]
    pool.reserved_job = j
    size_up(f, p)
    pool.relief_w = math.nan
    pool.shadow_s = math.inf
    pool.shadow_s = _earliest_s(f, p, from_s, now)
    if job.promised_s != job.promised_s:
        job.promised_s = pool.shadow_s
    return pool.shadow_s


@inner
def claim(f, j, p):
    """No backfill: job ``j`` waits for power, and nobody later in the order takes it at the site."""
    pool = f.pools[p]
    pool.reserved_job = j
    pool.promised_w = draw(f, j, p)
    pool.shadow_s = 0.0  # it stands from now on


@inner
def _fits_from(f, p, at_s, room_w, now):
    """Whether the pool's promise may begin at ``at_s``, with ``room_w`` left by running jobs then."""
    pool = f.pools[p]
    site = f.sites[pool.site]
    w = pool.promised_w
    if w > room_w - _promised_w(f, pool.site, at_s, p, now):
        return False
    room_now_w = _room_w(f, pool.site, site.limit_w)
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if q != p and _binds(f, q) and at_s < _begins_s(f, q, now) < at_s + pool.promised_wall_s:
            if not _fits_at_begin(f, q, w, room_now_w, p, now):
                return False
    return True


@inner
def _next_end_of_promise(f, p, after_s, now):
    site = f.sites[f.pools[p].site]
    ends_s = math.inf
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if q != p and _binds(f, q):
            end_s = _begins_s(f, q, now) + f.pools[q].promised_wall_s
            if end_s > after_s:
                ends_s = min(ends_s, end_s)
    return ends_s


@inner
def _all_promised_w(f, p):
    site = f.sites[f.pools[p].site]
    total = 0.0
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if q != p and _binds(f, q):
            total += f.pools[q].promised_w
    return total


@inner
def _pop_first(f, count):
    """Take who is expected to end first off the frontier over a site's pools; its draw, and what is left."""
    h = row_of(f.scratch_ids[0])
    pool = f.pools[f.holdings[h].pool]
    return drawn_by(f, h), frontier_pop(f, pool.release_base, pool.n_releases, f.release_pos, count)


@inner
def _earliest_s(f, p, from_s, now):
    """Earliest time from ``from_s`` on at which the pool's promise fits beside running jobs and other promises."""
    pool = f.pools[p]
    site = f.sites[pool.site]
    if site.limit_w == math.inf or from_s == math.inf or pool.promised_w <= 0.0:
        return from_s
    room_w = _room_w(f, pool.site, site.limit_w)
    if pool.promised_w <= room_w - _all_promised_w(f, p):
        return from_s
    count = 0
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        count = frontier_add(f, f.pools[q].release_base, f.pools[q].n_releases, 0, count)
    overdue_w = 0.0
    while count > 0 and f.scratch_keys[0] <= now:
        given_w, count = _pop_first(f, count)
        overdue_w += given_w
    at_s = from_s
    while at_s < math.inf:
        while count > 0 and f.scratch_keys[0] <= at_s:
            given_w, count = _pop_first(f, count)
            room_w += given_w
        if overdue_w > 0.0 and now + OVERDUE_S <= at_s:
            room_w += overdue_w
            overdue_w = 0.0
        if _fits_from(f, p, at_s, room_w, now):
            break
        later_s = _next_end_of_promise(f, p, at_s, now)
        if count > 0:
            later_s = min(later_s, f.scratch_keys[0])
        at_s = min(later_s, now + OVERDUE_S) if overdue_w > 0.0 else later_s
    return at_s


@inner
def tell(f, p, job, shadow_s):
    """Tell the site's other pools if the pool's promise is no longer the one to ``job`` at ``shadow_s``.

    Who was refused for its sake may start at their next pass, which is now if it was given up or is later.
    """
    pool = f.pools[p]
    site = f.sites[pool.site]
    if job == NONE or shadow_s == math.inf or site.limit_w == math.inf:
        return
    if pool.reserved_job == job and pool.shadow_s == shadow_s:
        return
    started = f.jobs[job].status == _RUNNING and f.jobs[job].pool == p  # one that runs elsewhere has left
    worse = not started and (pool.reserved_job != job or pool.shadow_s > shadow_s)
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if q != p and f.pools[q].queued > 0:
            f.pools[q].arrived = SEVERAL
            if worse:
                mark_dirty(f, q)


@inner
def look_again(f, s, now):
    """A replica took power: promises that no longer stand are to be made anew."""
    site = f.sites[s]
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if f.pools[q].reserved_job == NONE:
            continue
        if f.rules[0].backfill == _NEVER_PASSED:
            wake_pools_of(f, s)
        elif not stands(f, q, now):
            mark_dirty(f, q)

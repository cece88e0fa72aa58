"""Promises of power across the pools of a site: what a job that starts must leave to the heads that wait there.

A pool whose head is blocked holds at most one promise: ``reserved_job`` will start at ``shadow_s`` and draw
``promised_w`` for ``promised_wall_s``. Beside running jobs, which are expected to give their power back, promises are
the load that a site is expected to carry (``site_load``).

A head with draw w for a time l is promised the first t with running(u) + promised by others(u) + w <= limit for all u
in [t, t + l). running(u) only falls, so that it is enough to look at t and at where other promises begin. The rule
in full: docs/semantics.md; in plain Python: tests/reference/promises.py.

Writes: jobs, pools.
Reads: holdings, release_pos, scheduling, scratch_ids, scratch_keys, sites.
Units: s, W.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.course import counted, expected_wall_time
from gpusim.kernels.expecting import OVERDUE_S
from gpusim.kernels.frontier import frontier_add, frontier_pop
from gpusim.kernels.heap import row_of
from gpusim.kernels.site_load import binds, fits_at_begin, power_left_w, promise_begins_s, promised_by_others_w
from gpusim.kernels.state.codes import NONE, SEVERAL, Backfill, Status
from gpusim.kernels.waking import mark_dirty, wake_pools_of

_NEVER_PASSED, _RUNNING = int(Backfill.NONE), int(Status.RUNNING)


@inner
def stands(f, p, now):
    """Whether the site is still expected to have the power that the pool's promise is for."""
    pool = f.pools[p]
    limit_w = f.sites[pool.site].limit_w
    if limit_w == math.inf or not binds(f, p):
        return True
    return fits_at_begin(f, p, pool.promised_w, power_left_w(f, pool.site, limit_w), p, now)


@inner
def size_up(f, p):
    """What the head of a pool is promised: its draw, for its expected wall time."""
    pool = f.pools[p]
    pool.promised_w = counted(f, pool.reserved_job, p)
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
def promise_turn(f, j, p):
    """No backfill: job ``j`` waits for power, and nobody later in the order takes it at the site."""
    pool = f.pools[p]
    pool.reserved_job = j
    pool.promised_w = counted(f, j, p)
    pool.shadow_s = 0.0  # it stands from now on


@inner
def _fits_from(f, p, at_s, headroom_w, now):
    """Whether the pool's promise may begin at ``at_s``, with ``headroom_w`` left by running jobs then."""
    pool = f.pools[p]
    site = f.sites[pool.site]
    w = pool.promised_w
    if w > headroom_w - promised_by_others_w(f, pool.site, at_s, p, now):
        return False
    headroom_now_w = power_left_w(f, pool.site, site.limit_w)
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if q != p and binds(f, q) and at_s < promise_begins_s(f, q, now) < at_s + pool.promised_wall_s:
            if not fits_at_begin(f, q, w, headroom_now_w, p, now):
                return False
    return True


@inner
def _next_end_of_promise(f, p, after_s, now):
    site = f.sites[f.pools[p].site]
    ends_s = math.inf
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if q != p and binds(f, q):
            end_s = promise_begins_s(f, q, now) + f.pools[q].promised_wall_s
            if end_s > after_s:
                ends_s = min(ends_s, end_s)
    return ends_s


@inner
def _all_promised_w(f, p):
    site = f.sites[f.pools[p].site]
    total = 0.0
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if q != p and binds(f, q):
            total += f.pools[q].promised_w
    return total


@inner
def _pop_first(f, count):
    """Take who is expected to end first off the frontier over a site's pools; its draw, and what is left."""
    h = row_of(f.scratch_ids[0])
    pool = f.pools[f.holdings[h].pool]
    return f.holdings[h].counted_w, frontier_pop(f, pool.release_base, pool.n_releases, f.release_pos, count)


@inner
def _earliest_s(f, p, from_s, now):
    """Earliest time from ``from_s`` on at which the pool's promise fits beside running jobs and other promises."""
    pool = f.pools[p]
    site = f.sites[pool.site]
    if site.limit_w == math.inf or from_s == math.inf or pool.promised_w <= 0.0:
        return from_s
    headroom_w = power_left_w(f, pool.site, site.limit_w)
    if pool.promised_w <= headroom_w - _all_promised_w(f, p):
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
            headroom_w += given_w
        if overdue_w > 0.0 and now + OVERDUE_S <= at_s:
            headroom_w += overdue_w
            overdue_w = 0.0
        if _fits_from(f, p, at_s, headroom_w, now):
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
        if f.scheduling[0].backfill == _NEVER_PASSED:
            wake_pools_of(f, s)
        elif not stands(f, q, now):
            mark_dirty(f, q)

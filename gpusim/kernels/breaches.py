"""Reservations that fall due, and those that cannot be kept: they are given up, and made anew in the next pass.

Writes: clock, due_ids, due_keys, due_pos, plans, pools.
Reads: heap_ids, heap_keys, jobs, nodes, quota, scheduling, seats, sites.
Units: s, W, µW, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels import heap
from gpusim.kernels._jit import inner
from gpusim.kernels.budgets import power_for_jobs, power_line, quota_line
from gpusim.kernels.capacity import meter
from gpusim.kernels.claiming import extend, void
from gpusim.kernels.expecting import OVERDUE_S
from gpusim.kernels.gang import on_node
from gpusim.kernels.gaps import extremes
from gpusim.kernels.queueing import over_quota
from gpusim.kernels.state.codes import NONE, ON
from gpusim.kernels.waking import mark_dirty


@inner
def has_power(f, j, p):
    """Whether the site's limit admits a job beside those that run."""
    s = f.pools[p].site
    return f.sites[s].limit_w == math.inf or f.sites[s].drawn + f.plans[j].power <= power_for_jobs(f, s)


@inner
def _is_there(f, j, p):
    """Whether what a job has reserved is free now."""
    pool, plan = f.pools[p], f.plans[j]
    i = plan.first_seat
    while i != NONE:
        if f.nodes[f.seats[i].node].free < on_node(pool, plan.gpus):
            return False
        i = f.seats[i].next
    if not has_power(f, j, p):
        return False
    return f.scheduling[0].quotas == 0 or not over_quota(f, j, p)


@inner
def fall_due(f, now):
    """Call a pass for each reservation that is due and can be kept."""
    clock = f.clock[0]
    while clock.n_due > 0 and f.due_keys[0] <= now:
        j = f.due_ids[0]
        heap.discard(f.due_keys, f.due_ids, f.due_pos, 0, clock.n_due, j)
        clock.n_due -= 1
        p = f.jobs[j].pool
        pool = f.pools[p]
        if f.plans[j].begin_s < now or not _is_there(f, j, p):
            pool.late = 1
            continue
        mark_dirty(f, p)
        f.plans[j].next_due = NONE
        if pool.first_due == NONE:
            pool.first_due = j
        else:
            f.plans[pool.last_due].next_due = j
        pool.last_due = j


@inner
def _extend_overdue(f, q, now):
    """Claim jobs that have outrun their windows until 1 s from now; whether others were promised their nodes."""
    pool = f.pools[q]
    base, n, clash = pool.release_base, pool.n_releases, False
    i = 0
    while True:  # down the heap, and on where a job is still within its window
        if i < n and f.heap_keys[base + i] <= now:
            clash = extend(f, heap.order_of(f.heap_ids[base + i]), q, now + OVERDUE_S) or clash
            i = heap.first_child(i)
            continue
        while i > 0 and i % heap.ARITY == 0:
            i = heap.parent(i)
        if i == 0:
            return clash
        i += 1


@inner
def _is_overclaimed(f, line, now):
    least, _most = extremes(f, line, now, math.inf)
    return least < 0


@inner
def _has_overclaimed_node(f, q, now):
    pool = f.pools[q]
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        if f.nodes[n].state == ON and _is_overclaimed(f, n, now):
            return True
    return False


@inner
def _break_promises(f, q, p):
    """Give up all reservations of a pool in a pass over pool ``p``; who had one gets another at this instant."""
    had_some = f.pools[q].n_reserved > 0
    void(f, q)
    if had_some and q != p and f.pools[q].queued > 0:
        mark_dirty(f, q)


@inner
def _shares(f, q, p):
    """Whether pools ``q`` and ``p`` share nodes, power or quotas."""
    pool, other = f.pools[q], f.pools[p]
    if q == p or (f.sites[other.site].metered != 0 and pool.site == other.site):
        return True
    return f.scheduling[0].quotas != 0 and pool.gpu_type == other.gpu_type


@inner
def take_stock(f, p, now):
    """Bring all that is claimed of the power and quotas of pool ``p`` up to date; what is promised stands."""
    meter(f, f.pools[p].site)
    for q in range(len(f.pools)):
        if _shares(f, q, p):
            _extend_overdue(f, q, now)


@inner
def catch_up(f, p, now):
    """Bring the plan up to date, of all pools whose power or quota a pass over pool ``p`` looks at.

    Where it turns out to promise what is not there, all reservations are made anew.
    """
    site, gpu_type = f.sites[f.pools[p].site], f.pools[p].gpu_type
    meter(f, f.pools[p].site)
    for q in range(len(f.pools)):
        pool = f.pools[q]
        if _shares(f, q, p):
            clash = _extend_overdue(f, q, now)
            if pool.late != 0 or clash or (pool.doubt != 0 and _has_overclaimed_node(f, q, now)):
                _break_promises(f, q, p)
            pool.doubt = 0
    if site.metered != 0 and _is_overclaimed(f, power_line(f, f.pools[p].site), now):
        for q in range(site.first_pool, site.first_pool + site.n_pools):
            _break_promises(f, q, p)
    if f.scheduling[0].quotas != 0:
        for tenant in range(f.quota.shape[0]):
            if _is_overclaimed(f, quota_line(f, tenant, gpu_type), now):
                for q in range(len(f.pools)):
                    if f.pools[q].gpu_type == gpu_type:
                        _break_promises(f, q, p)

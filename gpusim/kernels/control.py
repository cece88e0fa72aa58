"""What control processes do to the fleet: capacity, replicas, failures, data; and reading it at one moment."""

from __future__ import annotations

import math

from gpusim.kernels import heap
from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.gang import held_gpus
from gpusim.kernels.holding import give_nodes_back, take_nodes
from gpusim.kernels.ledger import settle_pool, settle_site
from gpusim.kernels.limit import fits_limit, peak_w
from gpusim.kernels.noting import is_planned, note_node
from gpusim.kernels.placement import ALL, enlist, place, unlist
from gpusim.kernels.preemption import evict, make_room
from gpusim.kernels.promise import look_again
from gpusim.kernels.queueing import enqueue, over_quota, stop_awaiting_data
from gpusim.kernels.shortage import shortage
from gpusim.kernels.waking import mark_dirty, wake, wake_pools_of, wake_site
from gpusim.state import DOWN, NONE, OFF, ON, Backfill, Phase, Status, Wait

_EASY = int(Backfill.EASY)
_IDLE, _SERVING = int(Phase.IDLE), int(Phase.SERVING)
_PENDING, _RUNNING = int(Status.PENDING), int(Status.RUNNING)
_QUOTA, _POWER, _RULE = int(Wait.QUOTA), int(Wait.POWER), int(Wait.RULE)


@inner
def _admit_node(f, p, n):
    """A node without jobs becomes schedulable."""
    pool, node = f.pools[p], f.nodes[n]
    node.state = ON
    node.free = pool.gpus_per_node
    node.spare = pool.gpus_per_node
    node.idle_s = -1.0
    enlist(f, p, n)
    if f.rules[0].backfill == _EASY:
        heap.push(f.heap_keys, f.heap_ids, f.idle_pos, pool.idle_base, pool.n_idle_heap, -1.0, n)
        pool.n_idle_heap += 1
    elif is_planned(f):
        note_node(f, p, n)
    pool.free += pool.gpus_per_node
    pool.unsettled = 1
    wake(f, p)


@inner
def _clear_node(f, p, n, state, now):
    """Evict all that runs on a node and take it out of scheduling."""
    pool, node = f.pools[p], f.nodes[n]
    while node.first_job != NONE:
        j = node.first_job
        if j < f.clock[0].n_jobs:
            evict(f, j, now)
        else:
            stop_replica(f, j, now)
    unlist(f, p, n)
    node.state = state
    if f.rules[0].backfill == _EASY:
        heap.discard(f.heap_keys, f.heap_ids, f.idle_pos, pool.idle_base, pool.n_idle_heap, n)
        pool.n_idle_heap -= 1
    elif is_planned(f):
        note_node(f, p, n)
    pool.free -= pool.gpus_per_node
    pool.unsettled = 1
    wake(f, p)


@kernel
def set_nodes_on(f, p, wanted, now):
    """Switch nodes on or off until ``wanted`` are on (failed ones included).

    On: lowest index first. Off: those without jobs first, then the others; each from the highest index.
    """
    pool = f.pools[p]
    size = pool.gpus_per_node
    settle_pool(f.pools, p, now)
    settle_site(f.sites, pool.site, now)
    change = wanted - pool.energised // size
    first, last = pool.first_node, pool.first_node + pool.n_nodes
    n = first
    while change > 0:
        if f.nodes[n].state == OFF:
            _admit_node(f, p, n)
            _energise(f, p, 1)
            change -= 1
        n += 1
    for idle_only in (True, False):
        n = last - 1
        while change < 0 and n >= first:
            if f.nodes[n].state != OFF and (not idle_only or f.nodes[n].first_job == NONE):
                _switch_off(f, p, n, now)
                change += 1
            n -= 1


@inner
def _energise(f, p, nodes):
    """Count nodes switched on (or off, if negative), and their idle power."""
    pool = f.pools[p]
    site = f.sites[pool.site]
    pool.energised += nodes * pool.gpus_per_node
    site.phase_w[_IDLE] += nodes * pool.node_idle_w
    site.it_w += nodes * pool.node_idle_w


@inner
def _switch_off(f, p, n, now):
    if f.nodes[n].state == ON:
        _clear_node(f, p, n, OFF, now)
    else:
        f.nodes[n].state = OFF
        f.pools[p].down -= f.pools[p].gpus_per_node
    _energise(f, p, -1)
    wake_site(f, f.pools[p].site)


@kernel
def fail_node(f, n, now):
    """A node that is on fails: its jobs are evicted, its GPUs are down until it is repaired."""
    p = f.nodes[n].pool
    if f.nodes[n].state != ON:
        return False
    settle_pool(f.pools, p, now)
    _clear_node(f, p, n, DOWN, now)
    f.pools[p].down += f.pools[p].gpus_per_node
    return True


@kernel
def repair_node(f, n, now):
    p = f.nodes[n].pool
    if f.nodes[n].state != DOWN:
        return False
    settle_pool(f.pools, p, now)
    f.pools[p].down -= f.pools[p].gpus_per_node
    _admit_node(f, p, n)
    return True


@kernel
def land(f, j, now):
    """The data of job ``j`` have arrived: it joins the queue of its pool."""
    stop_awaiting_data(f, j, now)
    enqueue(f, j, f.jobs[j].pool, now)
    mark_dirty(f, f.jobs[j].pool)


@inner
def _lacking(f, s, w):
    """What a replica whose ``w`` do not fit lacks: power, or but for a cap below the connection it would fit."""
    return _RULE if peak_w(f, s, w) <= f.sites[s].grid_w else _POWER


@inner
def _barred(f, j, p):
    """What forbids replica ``j`` to start in pool ``p`` whatever is free there: its quota, power; else NONE."""
    job, pool = f.jobs[j], f.pools[p]
    job.pool = p
    job.held = held_gpus(pool, job.gpus)
    if over_quota(f, j, p):
        return _QUOTA
    if not fits_limit(f, pool.site, pool.serving_w * job.held):
        return _lacking(f, pool.site, pool.serving_w * job.held)
    return NONE


@kernel
def replica_lacks(f, j, p):
    """What keeps replica ``j`` (a row behind the jobs) from starting in pool ``p`` without an eviction, or NONE."""
    barred = _barred(f, j, p)
    if barred != NONE:
        return barred
    job = f.jobs[j]
    return NONE if place(f, p, job.gpus, ALL) else shortage(f.pools[p], job.held)


@kernel
def start_replica(f, j, p, may_preempt, now):
    """Start replica ``j`` (a row behind the jobs) in pool ``p``: NONE if it runs, else what it lacks."""
    barred = _barred(f, j, p)
    if barred != NONE:
        return barred
    job, pool = f.jobs[j], f.pools[p]
    if not place(f, p, job.gpus, ALL) and not (may_preempt and make_room(f, j, p, now)):
        return shortage(pool, job.held)
    settle_pool(f.pools, p, now)
    job.status = _RUNNING
    job.start_s = now
    job.end_s = math.inf
    job.expected_end_s = math.inf
    take_nodes(f, j, p)
    pool.serving += job.held
    f.sites[pool.site].serving_room_w += pool.serving_w * job.held
    mark_dirty(f, p)
    look_again(f, pool.site, now)
    return NONE


@kernel
def stop_replica(f, j, now):
    job = f.jobs[j]
    p = job.pool
    settle_pool(f.pools, p, now)
    f.pools[p].serving -= job.held
    f.sites[f.pools[p].site].serving_room_w -= f.pools[p].serving_w * job.held
    set_serving_load(f, p, f.pools[p].serving_busy, now)
    job.status = _PENDING
    job.run_s += now - job.start_s
    give_nodes_back(f, j, p)


@kernel
def ask_for_replicas(f, p, cause, gpus, now):
    """Replicas that are wanted and do not run ask for ``gpus`` GPUs more (negative: less) from now on, for a cause."""
    settle_pool(f.pools, p, now)
    f.pools[p].missing_gpus += gpus
    f.pools[p].asked[cause] += gpus


@kernel
def set_serving_load(f, p, busy_gpus, now):
    """GPUs' worth of the pool's replicas that demand fills from now on; power follows."""
    pool = f.pools[p]
    site = f.sites[pool.site]
    settle_pool(f.pools, p, now)
    settle_site(f.sites, pool.site, now)
    busy_gpus = min(busy_gpus, pool.serving * 1.0)
    change_w = busy_gpus * pool.serving_w - pool.serving_drawn_w
    pool.serving_busy = busy_gpus
    pool.serving_drawn_w += change_w
    site.phase_w[_SERVING] += change_w
    site.it_w += change_w
    site.serving_room_w -= change_w


@kernel
def set_limit(f, s, grid_w, cap_w, now):
    """Facility power that the site may draw from now on: what its connection gives, or a cap below it.

    While it could draw more at the run's hottest hour, its latest started jobs are evicted, then its last replicas are
    stopped. What idle nodes draw remains.
    """
    settle_site(f.sites, s, now)
    f.sites[s].grid_w = grid_w
    f.sites[s].limit_w = min(grid_w, cap_w)
    shed(f, s, now)
    wake_pools_of(f, s)


@inner
def shed(f, s, now):
    """Evict jobs, then stop replicas, while the site could draw more than its limit."""
    while not fits_limit(f, s, 0.0):
        latest = _latest_started(f, s)
        if latest == NONE:
            break
        evict(f, latest, now)
    j = len(f.jobs) - 1
    while j >= f.clock[0].n_jobs and not fits_limit(f, s, 0.0):
        if f.jobs[j].status == _RUNNING and f.pools[f.jobs[j].pool].site == s:
            stop_replica(f, j, now)
        j -= 1


@inner
def _latest_started(f, s):
    latest = NONE
    for i in range(f.clock[0].n_ends):
        j = f.heap_ids[i]
        if f.pools[f.jobs[j].pool].site != s:
            continue
        later = latest == NONE or f.jobs[j].start_s > f.jobs[latest].start_s
        if later or (f.jobs[j].start_s == f.jobs[latest].start_s and j > latest):
            latest = j
    return latest

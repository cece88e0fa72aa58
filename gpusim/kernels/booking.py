"""What conservative backfill knows to be taken: by running jobs, and by the reservations of waiting ones.

A booking takes GPUs of nodes, microwatts of the site where its power is limited, and GPUs of the tenant's quota. All
are whole numbers, so that what was promised is there in whatever order it is added up.
"""

from __future__ import annotations

import math

from gpusim.kernels import bitset, heap
from gpusim.kernels._jit import inner
from gpusim.kernels.noting import mark_fresh
from gpusim.kernels.timeline import add, close_line, extremes, forget_past, open_line
from gpusim.state import NONE, ON, Status

_RUNNING = int(Status.RUNNING)
_PLENTY = 1 << 60  # microwatts, GPUs: more than anybody asks for


@inner
def microwatts(watts):
    """Whole microwatts of a power; a hair more than a whole number counts as that, as does a hair less."""
    return math.floor(min(watts * 1e6, 1e18) + 0.01)


@inner
def power_line(f, s):
    return len(f.nodes) + s


@inner
def quota_line(f, tenant, gpu_type):
    line = len(f.nodes) + len(f.sites) + tenant * f.quota.shape[1] + gpu_type
    if f.lines[line].first_chunk == NONE:
        open_line(f, line, f.quota[tenant, gpu_type], f.clock[0].now_s)
    return line


@inner
def room(f, s):
    """Microwatts of IT power that the jobs of a site may draw in all."""
    site = f.sites[s]
    others_w = 0.0
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        pool = f.pools[q]
        others_w += pool.energised // pool.gpus_per_node * pool.node_idle_w + pool.serving * pool.serving_w
    return microwatts((site.limit_w - site.fixed_w) / site.peak_overhead - others_w)


@inner
def _take(f, line, begin_s, end_s, amount):
    forget_past(f, line, f.clock[0].now_s)
    add(f, line, begin_s, end_s, -amount)


@inner
def lay(f, j, p, begin_s, end_s, sign):
    """Book the seats, power and quota of a job from when to when, or (sign -1) give them back."""
    pool, plan, clock = f.pools[p], f.plans[j], f.clock[0]
    take = sign * min(f.jobs[j].gpus, pool.gpus_per_node)
    i = plan.first_seat
    while i != NONE:
        _take(f, f.seats[i].node, begin_s, end_s, take)
        clock.bookings += sign
        i = f.seats[i].next
    if f.sites[pool.site].metered != 0:
        _take(f, power_line(f, pool.site), begin_s, end_s, sign * plan.power)
    if clock.quotas != 0:
        _take(f, quota_line(f, f.jobs[j].tenant, pool.gpu_type), begin_s, end_s, sign * f.jobs[j].held)
    clock.bookings += 2 * sign


@inner
def _leave_seats(f, j):
    clock, plan = f.clock[0], f.plans[j]
    while plan.first_seat != NONE:
        i = plan.first_seat
        plan.first_seat = f.seats[i].next
        f.seats[i].next = clock.spare_seat
        clock.spare_seat = i
        clock.used_seats -= 1


@inner
def _take_seats(f, j, p):
    """Seats on the nodes in ``picked``."""
    clock, plan, size = f.clock[0], f.plans[j], f.pools[p].gpus_per_node
    for k in range((f.jobs[j].gpus + size - 1) // size - 1, -1, -1):
        i = clock.spare_seat
        if i != NONE:
            clock.spare_seat = f.seats[i].next
        else:
            i = clock.n_seats
            if i == len(f.seats):
                raise IndexError("table of seats is full")
            clock.n_seats += 1
        clock.used_seats += 1
        f.seats[i].node, f.seats[i].next = f.picked[k], plan.first_seat
        plan.first_seat = i


# Running jobs -----------------------------------------------------------------------------------------------------


@inner
def occupy(f, j, p):
    """A job or replica has started on the nodes in ``picked``: it books them, if it has not reserved them."""
    pool, plan = f.pools[p], f.plans[j]
    plan.begin_s, plan.end_s = f.jobs[j].start_s, f.jobs[j].start_s + plan.window_s
    if plan.first_seat == NONE:
        _take_seats(f, j, p)
        lay(f, j, p, plan.begin_s, plan.end_s, 1)
    else:
        pool.n_reserved -= 1
    plan.runs = 1
    f.sites[pool.site].drawn += plan.power
    heap.push(f.heap_keys, f.heap_ids, f.release_pos, pool.release_base, pool.n_releases, plan.end_s, j)
    pool.n_releases += 1
    if j >= f.clock[0].n_jobs:
        pool.doubt = 1


@inner
def extend(f, j, p, end_s):
    """Book a running job, that has outrun its window, until ``end_s``; whether its nodes were promised to others."""
    plan, now = f.plans[j], f.clock[0].now_s
    lay(f, j, p, max(plan.end_s, now), end_s, 1)
    f.clock[0].bookings -= 2
    plan.end_s = end_s
    clash = False
    i = plan.first_seat
    while i != NONE:
        f.clock[0].bookings -= 1
        least, _most = extremes(f, f.seats[i].node, now, end_s)
        clash = clash or least < 0
        i = f.seats[i].next
    return clash


@inner
def vacate(f, j, p):
    """A job or replica has stopped."""
    pool, plan, now = f.pools[p], f.plans[j], f.clock[0].now_s
    _open_holes(f, j, p, now, plan.end_s)
    lay(f, j, p, now, plan.end_s, -1)
    _leave_seats(f, j)
    plan.runs = 0
    f.sites[pool.site].drawn -= plan.power
    heap.discard(f.heap_keys, f.heap_ids, f.release_pos, pool.release_base, pool.n_releases, j)
    pool.n_releases -= 1


# Reservations -----------------------------------------------------------------------------------------------------


@inner
def reserve(f, j, p, begin_s):
    """Reserve the nodes in ``picked`` for a waiting job from ``begin_s`` on; inf: it can have none."""
    pool, plan, clock = f.pools[p], f.plans[j], f.clock[0]
    plan.begin_s, plan.end_s = begin_s, begin_s + plan.window_s
    mark_fresh(f, j, p, False)
    if begin_s == math.inf:
        return
    _take_seats(f, j, p)
    lay(f, j, p, plan.begin_s, plan.end_s, 1)
    heap.push(f.due_keys, f.due_ids, f.due_pos, 0, clock.n_due, begin_s, j)
    clock.n_due += 1
    pool.n_reserved += 1
    if f.jobs[j].promised_s != f.jobs[j].promised_s:
        f.jobs[j].promised_s = begin_s


@inner
def withdraw(f, j, p):
    """Give up what a waiting job has reserved: others may have it."""
    clock, plan = f.clock[0], f.plans[j]
    if plan.begin_s < math.inf:
        _open_holes(f, j, p, plan.begin_s, plan.end_s)
        lay(f, j, p, plan.begin_s, plan.end_s, -1)
        _leave_seats(f, j)
        f.pools[p].n_reserved -= 1
        if f.due_pos[j] >= 0:
            heap.discard(f.due_keys, f.due_ids, f.due_pos, 0, clock.n_due, j)
            clock.n_due -= 1
    plan.begin_s = math.nan


@inner
def void(f, p):
    """Give up all reservations of a pool: they are made anew in its next pass."""
    pool = f.pools[p]
    pool.late = pool.doubt = 0
    pool.first_due = pool.last_due = NONE
    for i in range(pool.first_lane, pool.first_lane + pool.n_lanes):
        lane = f.lanes[i]
        place = bitset.next_from(f.words, lane.set, lane.n_places, 0)
        while place >= 0:
            j = f.by_place[lane.order_base + place]
            if f.plans[j].begin_s == f.plans[j].begin_s:
                withdraw(f, j, p)
                mark_fresh(f, j, p, True)
            place = bitset.next_from(f.words, lane.set, lane.n_places, place + 1)
    close_holes(f, p)
    pool.spared_s = math.inf


# What came free ---------------------------------------------------------------------------------------------------


@inner
def _open_holes(f, j, p, begin_s, end_s):
    """What a job has booked comes free from when to when, and is about to be given back."""
    _spare_budgets(f, j, p, begin_s, end_s)
    i = f.plans[j].first_seat
    while i != NONE:
        open_hole(f, p, f.seats[i].node, begin_s, end_s)
        i = f.seats[i].next


@inner
def open_hole(f, p, n, begin_s, end_s):
    """Note that GPUs of a node came free, for those who have reservations."""
    pool, line = f.pools[p], f.lines[n]
    if pool.queued == 0 or begin_s >= end_s:
        return
    if line.has_hole == 0:
        line.has_hole = 1
        line.hole_begin_s = line.later_begin_s = math.inf
        line.hole_end_s = line.later_end_s = -math.inf
        line.next_hole = pool.first_hole
        pool.first_hole = n
    line.hole_begin_s, line.hole_end_s = min(line.hole_begin_s, begin_s), max(line.hole_end_s, end_s)
    line.later_begin_s, line.later_end_s = min(line.later_begin_s, begin_s), max(line.later_end_s, end_s)
    line.most = NONE  # not measured yet


@inner
def close_holes(f, p):
    """Forget all that came free."""
    pool = f.pools[p]
    while pool.first_hole != NONE:
        line = f.lines[pool.first_hole]
        line.has_hole = 0
        pool.first_hole = line.next_hole


@inner
def begin_sweep(f, p):
    """From now on it counts what comes free in the sweep: not all who wait are looked at after it."""
    n = f.pools[p].first_hole
    while n != NONE:
        f.lines[n].later_begin_s, f.lines[n].later_end_s = math.inf, -math.inf
        n = f.lines[n].next_hole


@inner
def end_sweep(f, p):
    """Of what came free, keep what came free in the sweep."""
    n = f.pools[p].first_hole
    f.pools[p].first_hole = NONE
    while n != NONE:
        line = f.lines[n]
        following = line.next_hole
        line.has_hole = 0
        if line.later_begin_s < line.later_end_s:
            open_hole(f, p, n, line.later_begin_s, line.later_end_s)
        n = following


@inner
def _spare(f, q, begin_s, power, quota):
    pool = f.pools[q]
    if pool.queued == 0:
        return
    if pool.spared_s == math.inf:
        pool.spared_power = pool.spared_quota = _PLENTY
    pool.spared_s = min(pool.spared_s, begin_s)
    pool.spared_power = min(pool.spared_power, power)
    pool.spared_quota = min(pool.spared_quota, quota)


@inner
def _spare_budgets(f, j, p, begin_s, end_s):
    """Note what was there of power and quota before a job gives some back."""
    pool = f.pools[p]
    if begin_s >= end_s:
        return
    site = f.sites[pool.site]
    if site.metered != 0 and f.plans[j].power > 0:
        least, _most = extremes(f, power_line(f, pool.site), begin_s, end_s)
        spare_power(f, pool.site, begin_s, least)
    if f.clock[0].quotas != 0:
        least, _most = extremes(f, quota_line(f, f.jobs[j].tenant, pool.gpu_type), begin_s, end_s)
        for q in range(len(f.pools)):
            if f.pools[q].gpu_type == pool.gpu_type:
                _spare(f, q, begin_s, _PLENTY, least)


@inner
def spare_power(f, s, begin_s, least):
    """Power of a site came free from a time on, where at least so much was there before."""
    site = f.sites[s]
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        _spare(f, q, begin_s, least, _PLENTY)


# Capacity ---------------------------------------------------------------------------------------------------------


@inner
def _switch(f, p, now):
    """Lines for nodes that are there, and none for others; where one has gone, all reservations are given up."""
    pool = f.pools[p]
    pool.switched = 0
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        if f.lines[n].switched == 0:
            continue
        f.lines[n].switched = 0
        if f.lines[n].first_chunk != NONE:
            void(f, p)
            close_line(f, n)
        if f.nodes[n].state == ON:
            open_line(f, n, pool.gpus_per_node, now)
            open_hole(f, p, n, now, math.inf)


@inner
def take_notes(f, now):
    """Bring bookings up to date with what has been noted since the last time: ends, then nodes, then starts."""
    clock = f.clock[0]
    j = clock.first_noted
    while j != NONE:
        if f.plans[j].runs == 2:
            vacate(f, j, f.jobs[j].pool)
        j = f.plans[j].next_noted
    for p in range(len(f.pools)):
        if f.pools[p].switched != 0:
            _switch(f, p, now)
    j = clock.first_noted
    clock.first_noted = NONE
    while j != NONE:
        job, plan = f.jobs[j], f.plans[j]
        plan.noted = 0
        if plan.runs == 0 and job.status == _RUNNING:
            count, n = 0, job.first_node
            while n != NONE and (count == 0 or job.gpus > f.pools[job.pool].gpus_per_node):
                f.picked[count] = n
                count += 1
                n = f.nodes[n].next_held
            occupy(f, j, job.pool)
        j = plan.next_noted


@inner
def meter(f, s):
    """Bring the site's line of power up to its limit of now; nothing is metered while there is none."""
    site, clock = f.sites[s], f.clock[0]
    line, now = power_line(f, s), clock.now_s
    if site.limit_w == math.inf:
        if site.metered != 0:
            site.metered = 0
            close_line(f, line)
            spare_power(f, s, now, -_PLENTY)
        return
    change = room(f, s) - site.room
    if site.metered == 0:
        site.metered = 1
        site.room = room(f, s)
        open_line(f, line, site.room, now)
        _lay_all_power(f, s)
    elif change != 0:
        site.room += change
        if change > 0:
            least, _most = extremes(f, line, now, math.inf)
            spare_power(f, s, now, least)
        _take(f, line, now, math.inf, -change)


@inner
def _lay_all_power(f, s):
    """Book the power of all that run or have reservations at a site."""
    site, now = f.sites[s], f.clock[0].now_s
    line = power_line(f, s)
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        pool = f.pools[q]
        for i in range(pool.release_base, pool.release_base + pool.n_releases):
            plan = f.plans[f.heap_ids[i]]
            add(f, line, now, plan.end_s, -plan.power)
        for i in range(pool.first_lane, pool.first_lane + pool.n_lanes):
            lane = f.lanes[i]
            place = bitset.next_from(f.words, lane.set, lane.n_places, 0)
            while place >= 0:
                plan = f.plans[f.by_place[lane.order_base + place]]
                if plan.begin_s < math.inf:
                    add(f, line, plan.begin_s, plan.end_s, -plan.power)
                place = bitset.next_from(f.words, lane.set, lane.n_places, place + 1)

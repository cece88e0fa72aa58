"""What conservative backfill knows to be taken: by running jobs, and by the reservations of waiting ones.

A claim takes GPUs of nodes, microwatts of the site where its power is limited, and GPUs of the tenant's quota. All
are whole numbers, so that what was promised is there in whatever order it is added up.

From begin to end, a plan of g GPUs on each of k nodes takes g of the line of each of these nodes, its power of the line
of its site and g k of that of its tenant's quota: the profile of conservative backfill (Mu'alem and Feitelson 2001, as
in ``conservative``), one for each limit.

Writes: clock, due_ids, due_keys, due_pos, heap_ids, heap_keys, jobs, plans, pools, release_pos, seats, sites.
Reads: by_position, holdings, lanes, picked, scheduling, words.
Units: s, W, µW, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels import bitset, heap
from gpusim.kernels._jit import inner
from gpusim.kernels.budgets import microwatts, power_line, quota_line
from gpusim.kernels.expecting import OVERDUE_S
from gpusim.kernels.floors import pull_floors
from gpusim.kernels.gang import held_gpus, n_nodes, on_node
from gpusim.kernels.gaps import extremes
from gpusim.kernels.holding import member_of
from gpusim.kernels.holes import close_holes, open_holes
from gpusim.kernels.noting import mark_fresh
from gpusim.kernels.state.codes import NONE
from gpusim.kernels.timeline import add, forget_past


@inner
def take(f, line, begin_s, end_s, amount):
    """Claim so much of a line, or (less than 0) give it back."""
    forget_past(f, line, f.clock[0].now_s)
    add(f, line, begin_s, end_s, -amount)


@inner
def lay(f, c, p, begin_s, end_s, sign):
    """Claim the seats, power and quota of a plan from when to when, or (sign -1) give them back."""
    pool, plan, clock = f.pools[p], f.plans[c], f.clock[0]
    gpus = sign * on_node(pool, plan.gpus)  # its own may have changed since
    i = plan.first_seat
    while i != NONE:
        take(f, f.seats[i].node, begin_s, end_s, gpus)
        if gpus < 0:
            pull_floors(f, f.seats[i].node, begin_s, end_s)
        clock.claims += sign
        i = f.seats[i].next
    if f.sites[pool.site].metered != 0:
        take(f, power_line(f, pool.site), begin_s, end_s, sign * plan.power)
    if f.scheduling[0].quotas != 0:
        take(f, quota_line(f, plan.tenant, pool.gpu_type), begin_s, end_s, sign * held_gpus(pool, plan.gpus))
    clock.claims += 2 * sign


@inner
def _leave_seats(f, c):
    clock, plan = f.clock[0], f.plans[c]
    while plan.first_seat != NONE:
        i = plan.first_seat
        plan.first_seat = f.seats[i].next
        f.seats[i].next = clock.spare_seat
        clock.spare_seat = i
        clock.used_seats -= 1


@inner
def _take_seats(f, c, p):
    """Seats on the nodes in ``picked``."""
    clock, plan = f.clock[0], f.plans[c]
    for k in range(n_nodes(f.pools[p], plan.gpus) - 1, -1, -1):
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


# What is held ------------------------------------------------------------------------------------------------------


@inner
def occupy(f, h):
    """A holding has begun on the nodes in ``picked``: it claims them, if its owner has not reserved them."""
    holding = f.holdings[h]
    c, p = holding.order, holding.pool
    pool, plan = f.pools[p], f.plans[c]
    plan.begin_s, plan.end_s = holding.since_s, holding.since_s + plan.window_s
    if plan.first_seat == NONE:
        plan.gpus = holding.gpus
        _take_seats(f, c, p)
        lay(f, c, p, plan.begin_s, plan.end_s, 1)
    else:
        pool.n_reserved -= 1
    plan.runs = 1
    plan.pool, plan.member = p, member_of(f, h)
    f.sites[pool.site].drawn += plan.power
    heap.push(f.heap_keys, f.heap_ids, f.release_pos, pool.release_base, pool.n_releases, plan.end_s, plan.member)
    pool.n_releases += 1


@inner
def move_end(f, h):
    """A holding that is expected to end at another time than is claimed, or draws something else, claims anew."""
    holding, now = f.holdings[h], f.clock[0].now_s
    c, p = holding.order, holding.pool
    pool, plan = f.pools[p], f.plans[c]
    end_s, power = max(holding.expected_end_s, holding.since_s + OVERDUE_S), microwatts(holding.counted_w)
    if end_s == plan.end_s and power == plan.power:
        return
    open_holes(f, c, p, now, plan.end_s)
    lay(f, c, p, now, max(plan.end_s, now), -1)
    f.sites[pool.site].drawn += power - plan.power
    plan.power, plan.end_s = power, end_s
    lay(f, c, p, now, max(end_s, now), 1)
    heap.rekey(f.heap_keys, f.heap_ids, f.release_pos, pool.release_base, pool.n_releases, end_s, plan.member)
    pool.doubt = 1


@inner
def extend(f, c, p, end_s):
    """Claim a running job, that has outrun its window, until ``end_s``; whether its nodes were promised to others."""
    plan, now = f.plans[c], f.clock[0].now_s
    lay(f, c, p, max(plan.end_s, now), end_s, 1)
    f.clock[0].claims -= 2
    plan.end_s = end_s
    clash = False
    i = plan.first_seat
    while i != NONE:
        f.clock[0].claims -= 1
        least, _most = extremes(f, f.seats[i].node, now, end_s)
        clash = clash or least < 0
        i = f.seats[i].next
    return clash


@inner
def vacate(f, c):
    """What an owner held is over."""
    plan, now = f.plans[c], f.clock[0].now_s
    p = plan.pool
    pool = f.pools[p]
    open_holes(f, c, p, now, plan.end_s)
    lay(f, c, p, now, plan.end_s, -1)
    _leave_seats(f, c)
    plan.runs = 0
    f.sites[pool.site].drawn -= plan.power
    heap.discard(f.heap_keys, f.heap_ids, f.release_pos, pool.release_base, pool.n_releases, plan.member)
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
        open_holes(f, j, p, plan.begin_s, plan.end_s)
        lay(f, j, p, plan.begin_s, plan.end_s, -1)
        _leave_seats(f, j)
        f.pools[p].n_reserved -= 1
        if f.due_pos[j] >= 0:
            heap.discard(f.due_keys, f.due_ids, f.due_pos, 0, clock.n_due, j)
            clock.n_due -= 1
    plan.begin_s = math.nan


@inner
def move_reservation(f, j, p, begin_s):
    """Move what a waiting job has reserved to another start, on the nodes in ``picked``."""
    plan, clock = f.plans[j], f.clock[0]
    open_holes(f, j, p, plan.begin_s, plan.end_s)
    lay(f, j, p, plan.begin_s, plan.end_s, -1)
    _leave_seats(f, j)
    plan.begin_s, plan.end_s = begin_s, begin_s + plan.window_s
    _take_seats(f, j, p)
    lay(f, j, p, plan.begin_s, plan.end_s, 1)
    if f.due_pos[j] >= 0:
        heap.rekey(f.due_keys, f.due_ids, f.due_pos, 0, clock.n_due, begin_s, j)
    else:
        heap.push(f.due_keys, f.due_ids, f.due_pos, 0, clock.n_due, begin_s, j)
        clock.n_due += 1


@inner
def void(f, p):
    """Give up all reservations of a pool: they are made anew in its next pass."""
    pool = f.pools[p]
    pool.late = pool.doubt = 0
    pool.first_due = pool.last_due = NONE
    for i in range(pool.first_lane, pool.first_lane + pool.n_lanes):
        lane = f.lanes[i]
        position = bitset.next_from(f.words, lane.set, lane.n_positions, 0)
        while position >= 0:
            j = f.by_position[lane.order_base + position]
            if f.plans[j].begin_s == f.plans[j].begin_s:
                withdraw(f, j, p)
                mark_fresh(f, j, p, True)
            position = bitset.next_from(f.words, lane.set, lane.n_positions, position + 1)
    close_holes(f, p)
    pool.spared_s = math.inf

"""The pass of conservative backfill: who is due starts, who came is placed, and who can start earlier is moved up.

Reservations are kept from pass to pass (Mu'alem and Feitelson 2001).

Writes: clock, lanes, picked, plans, pools.
Reads: by_position, chunks, jobs, lines, ordered, scheduling, seats, words.
Units: s, µW, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels import bitset
from gpusim.kernels._jit import inner
from gpusim.kernels.breaches import catch_up, has_power
from gpusim.kernels.budgets import microwatts
from gpusim.kernels.capacity import take_notes
from gpusim.kernels.claiming import void, withdraw
from gpusim.kernels.conservative import find_start
from gpusim.kernels.course import counted, expected_wall_time
from gpusim.kernels.cpu_memory import who_counts
from gpusim.kernels.expecting import OVERDUE_S
from gpusim.kernels.floors import floor_class
from gpusim.kernels.holes import begin_sweep, end_sweep
from gpusim.kernels.lanes import usage
from gpusim.kernels.moves import find_earlier, move_up, start_or_reserve, start_planned
from gpusim.kernels.noting import mark_fresh
from gpusim.kernels.placement import ALL, place
from gpusim.kernels.preemption import make_room
from gpusim.kernels.queueing import ANY_SIZE, next_within_quota, rewind, step_over
from gpusim.kernels.state.codes import NONE, Order, Status

_CUSTOM, _FAIR_SHARE, _QUEUED = int(Order.CUSTOM), int(Order.FAIR_SHARE), int(Status.QUEUED)


@inner
def _have_rows(f, jobs, nodes):
    """Whether the tables have room for claims of so many jobs on so many nodes in all."""
    clock = f.clock[0]
    claims = clock.claims + nodes + 2 * jobs
    enough_seats = clock.used_seats + nodes + clock.seats_kept <= len(f.seats)
    return enough_seats and 4 * len(f.lines) + claims // 2 + 64 <= len(f.chunks)


@inner
def has_rows(f, p):
    """Whether the tables have room for what a pass over a pool can claim at the most."""
    pool = f.pools[p]
    jobs = pool.queued + pool.running
    return _have_rows(f, jobs, jobs + (pool.queued_gpus + pool.busy) // pool.gpus_per_node)


@inner
def has_rows_for_one(f):
    """Whether they have room for what one job more can claim that starts now, wherever it does."""
    nodes = 1
    for p in range(len(f.pools)):
        nodes = max(nodes, f.pools[p].free // f.pools[p].gpus_per_node)
    return _have_rows(f, 1, nodes)


@inner
def size_claim(f, j, p):
    """What a job claims in pool ``p``: GPUs, power, and its expected wall time, but at least until the next look."""
    plan = f.plans[j]
    plan.gpus, plan.power = f.jobs[j].gpus, microwatts(counted(f, j, p))
    plan.window_s = max(expected_wall_time(f, j, p), OVERDUE_S)
    plan.floor = floor_class(plan.gpus, plan.window_s)


@inner
def _start_due(f, p, now):
    pool = f.pools[p]
    j = pool.first_due
    pool.first_due = pool.last_due = NONE
    while j != NONE:
        following = f.plans[j].next_due
        if f.jobs[j].status == _QUEUED and f.plans[j].begin_s == now:
            count = 0
            i = f.plans[j].first_seat
            while i != NONE:
                f.picked[count] = f.seats[i].node
                count += 1
                i = f.seats[i].next
            start_planned(f, j, p, now)
        j = following


@inner
def _drop_unnamed(f, p):
    """Jobs that a custom policy left out lose their reservations."""
    pool, clock = f.pools[p], f.clock[0]
    clock.epoch += 1
    for i in range(clock.n_ordered):
        f.plans[f.ordered[i]].epoch = clock.epoch
    for i in range(pool.first_lane, pool.first_lane + pool.n_lanes):
        lane = f.lanes[i]
        position = bitset.next_from(f.words, lane.set, lane.n_positions, 0)
        while position >= 0:
            j = f.by_position[lane.order_base + position]
            if f.plans[j].epoch != clock.epoch and f.plans[j].begin_s == f.plans[j].begin_s:
                withdraw(f, j, p)
                mark_fresh(f, j, p, True)
            position = bitset.next_from(f.words, lane.set, lane.n_positions, position + 1)


@inner
def _start_if_it_can(f, j, p, now):
    """Start a job if it can start now."""
    if f.plans[j].begin_s == f.plans[j].begin_s:
        can = find_earlier(f, j, p, now, now) == now
        if can:
            withdraw(f, j, p)
    else:
        size_claim(f, j, p)
        can = find_start(f, j, p, now, now) == now
    if can:
        start_planned(f, j, p, now)
    return can


@inner
def _start_heads(f, p, now):
    """With preemption: start heads while they can start or others make room; then all reservations are made anew."""
    rewind(f, p)
    while True:
        j = next_within_quota(f, p, ANY_SIZE)
        if j == NONE:
            return
        if _start_if_it_can(f, j, p, now):
            continue
        if not has_power(f, j, p):
            return
        made = make_room(f, p, who_counts(f, j, p), f.jobs[j].gpus, f.jobs[j].priority, False, now)
        take_notes(f, now)
        if not made:
            return
        void(f, p)
        if not place(f, p, f.jobs[j].gpus, ALL, False):
            return
        start_planned(f, j, p, now)
        f.pools[p].doubt = 1


@inner
def _next(f, p, fresh_only):
    """Next job of the walk, or of those without a reservation; NONE at its end."""
    pool, clock, scheduling = f.pools[p], f.clock[0], f.scheduling[0]
    if scheduling.order == _CUSTOM:
        while clock.ordered_at < clock.n_ordered:
            j = f.ordered[clock.ordered_at]
            if f.jobs[j].status == _QUEUED:
                return j
            clock.ordered_at += 1
        return NONE
    best, best_usage = NONE, 0.0
    for i in range(pool.first_lane, pool.first_lane + pool.n_lanes):
        lane = f.lanes[i]
        position = -1
        if lane.queued > 0:
            base = lane.fresh_set if fresh_only else lane.set
            position = bitset.next_from(f.words, base, lane.n_positions, lane.cursor)
        if position < 0:
            lane.cursor = lane.n_positions
            continue
        lane.cursor = position
        j = f.by_position[lane.order_base + position]
        used = usage(pool, lane) if scheduling.order == _FAIR_SHARE else 0.0
        if (
            best == NONE
            or used < best_usage
            or (scheduling.order != _FAIR_SHARE and f.jobs[j].rank < f.jobs[best].rank)
        ):
            best, best_usage = j, used
    return best


@inner
def _sweep(f, p, now):
    """In the order of the queue, place those who have no reservation and move up those who can start earlier."""
    pool = f.pools[p]
    begin_sweep(f, p)
    spared_s, power, quota = pool.spared_s, pool.spared_power, pool.spared_quota
    fresh_only = pool.first_hole == NONE and spared_s == math.inf
    pool.spared_s = math.inf  # what comes free in the sweep is for the next one, too
    rewind(f, p)
    while True:
        j = _next(f, p, fresh_only)
        if j == NONE:
            break
        step_over(f, j, p)
        if f.plans[j].begin_s != f.plans[j].begin_s:
            size_claim(f, j, p)
            start_or_reserve(f, j, p, find_start(f, j, p, now, math.inf), now)
        else:
            move_up(f, j, p, spared_s, power, quota, now)
    end_sweep(f, p)


@inner
def compress(f, p, now):
    """A pass over a pool under conservative backfill."""
    catch_up(f, p, now)
    if f.scheduling[0].order == _CUSTOM:
        _drop_unnamed(f, p)
    _start_due(f, p, now)
    if f.scheduling[0].preempts != 0:
        _start_heads(f, p, now)
    _sweep(f, p, now)

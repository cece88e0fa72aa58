"""The pass of conservative backfill: who is due starts, who came is placed, and who can start earlier is moved up.

Reservations are kept from pass to pass (Mu'alem and Feitelson 2001). A job can be moved up only into what came free
since it was last looked at, so that most of a long queue is passed over by comparing numbers.
"""

from __future__ import annotations

import math

import numpy as np

from gpusim.kernels import bitset, heap
from gpusim.kernels._jit import inner
from gpusim.kernels.booking import (
    begin_sweep,
    end_sweep,
    extend,
    lay,
    meter,
    microwatts,
    occupy,
    power_line,
    quota_line,
    reserve,
    room,
    take_notes,
    void,
    withdraw,
)
from gpusim.kernels.conservative import find_start
from gpusim.kernels.noting import mark_fresh
from gpusim.kernels.placement import ALL, place
from gpusim.kernels.preemption import make_room
from gpusim.kernels.queueing import (
    ANY_SIZE,
    lane_of,
    next_waiting,
    over_quota,
    rewind,
    start_waiting_job,
    step_over,
)
from gpusim.kernels.reservation import OVERDUE_S
from gpusim.kernels.running import draw, expected_wall_time
from gpusim.kernels.timeline import earliest, extremes, reach
from gpusim.kernels.waking import mark_dirty
from gpusim.state import NONE, ON, Order, Status

_CUSTOM, _FAIR_SHARE, _QUEUED = int(Order.CUSTOM), int(Order.FAIR_SHARE), int(Status.QUEUED)


# Before the passes ------------------------------------------------------------------------------------------------


@inner
def _has_power(f, j, p):
    """Whether the site's limit admits a job beside those that run."""
    s = f.pools[p].site
    return f.sites[s].limit_w == math.inf or f.sites[s].drawn + f.plans[j].power <= room(f, s)


@inner
def _is_there(f, j, p):
    """Whether what a job has reserved is free now."""
    pool, plan = f.pools[p], f.plans[j]
    i = plan.first_seat
    while i != NONE:
        if f.nodes[f.seats[i].node].free < min(plan.gpus, pool.gpus_per_node):
            return False
        i = f.seats[i].next
    if not _has_power(f, j, p):
        return False
    return f.clock[0].quotas == 0 or not over_quota(f, j, p)


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
def has_rows(f, p):
    """Whether the tables have room for what a pass over a pool can book at the most."""
    pool, clock = f.pools[p], f.clock[0]
    nodes = pool.queued + pool.running + (pool.queued_gpus + pool.busy) // pool.gpus_per_node
    bookings = clock.bookings + nodes + 2 * (pool.queued + pool.running)
    enough_seats = clock.used_seats + nodes + clock.seats_kept <= len(f.seats)
    return enough_seats and 4 * len(f.lines) + bookings // 2 + 64 <= len(f.chunks)


# What the plan did not foresee --------------------------------------------------------------------------------------


@inner
def _extend_overdue(f, q, now):
    """Book jobs that have outrun their windows until 1 s from now; whether others were promised their nodes."""
    pool = f.pools[q]
    base, n, clash = pool.release_base, pool.n_releases, False
    i = 0
    while True:  # down the heap, and on where a job is still within its window
        if i < n and f.heap_keys[base + i] <= now:
            clash = extend(f, f.heap_ids[base + i], q, now + OVERDUE_S) or clash
            i = 2 * i + 1
            continue
        while i > 0 and i % 2 == 0:
            i = (i - 1) // 2
        if i == 0:
            return clash
        i += 1


@inner
def _is_overbooked(f, line, now):
    least, _most = extremes(f, line, now, math.inf)
    return least < 0


@inner
def _has_overbooked_node(f, q, now):
    pool = f.pools[q]
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        if f.nodes[n].state == ON and _is_overbooked(f, n, now):
            return True
    return False


@inner
def _break_promises(f, q, p):
    """Give up all reservations of pool ``q`` in a pass over pool ``p``; those who had some get others at this instant."""
    had_some = f.pools[q].n_reserved > 0
    void(f, q)
    if had_some and q != p and f.pools[q].queued > 0:
        mark_dirty(f, q)


@inner
def catch_up(f, p, now):
    """Bring the plan up to date, of all pools whose power or quota a pass over pool ``p`` looks at.

    Where it turns out to promise what is not there, all reservations are made anew.
    """
    site, gpu_type = f.sites[f.pools[p].site], f.pools[p].gpu_type
    meter(f, f.pools[p].site)
    for q in range(len(f.pools)):
        pool = f.pools[q]
        shares = q == p or (site.metered != 0 and pool.site == f.pools[p].site)
        if shares or (f.clock[0].quotas != 0 and pool.gpu_type == gpu_type):
            clash = _extend_overdue(f, q, now)
            if pool.late != 0 or clash or (pool.doubt != 0 and _has_overbooked_node(f, q, now)):
                _break_promises(f, q, p)
            pool.doubt = 0
    if site.metered != 0 and _is_overbooked(f, power_line(f, f.pools[p].site), now):
        for q in range(site.first_pool, site.first_pool + site.n_pools):
            _break_promises(f, q, p)
    if f.clock[0].quotas != 0:
        for tenant in range(f.quota.shape[0]):
            if _is_overbooked(f, quota_line(f, tenant, gpu_type), now):
                for q in range(len(f.pools)):
                    if f.pools[q].gpu_type == gpu_type:
                        _break_promises(f, q, p)


# Who can be moved up ------------------------------------------------------------------------------------------------


@inner
def _measure(f, p, n, now):
    """How much is free where GPUs of a node came free, and how far that reaches."""
    line, size = f.lines[n], f.pools[p].gpus_per_node
    begin_s = max(line.hole_begin_s, now)
    line.most = 0
    if begin_s < line.hole_end_s:
        _least, most = extremes(f, n, begin_s, line.hole_end_s)
        line.most = max(most, 0)
    if line.most > 0:
        line.low_s, line.high_s = reach(f, n, 1, begin_s, line.hole_end_s, now)
    if line.most == size:
        line.whole_low_s, line.whole_high_s = reach(f, n, size, begin_s, line.hole_end_s, now)


@inner
def _measure_again(f, p, k, now):
    """Holes on the first ``k`` nodes of ``picked``, and those that opened since they were measured."""
    for i in range(k):
        f.lines[f.picked[i]].most = NONE
    n = f.pools[p].first_hole
    while n != NONE:
        if f.lines[n].most == NONE:
            _measure(f, p, n, now)
        n = f.lines[n].next_hole


@inner
def _fits_hole(f, j, p):
    """Whether a job might start earlier with the help of GPUs that came free; never wrongly False."""
    pool, plan = f.pools[p], f.plans[j]
    gpus, size = plan.gpus, pool.gpus_per_node
    own = f.seats[plan.first_seat].node if plan.first_seat != NONE else NONE
    n = pool.first_hole
    while n != NONE:
        line = f.lines[n]
        if gpus > size:
            if line.most == size and line.whole_low_s < plan.begin_s:
                if plan.window_s <= line.whole_high_s - line.whole_low_s or line.whole_high_s >= plan.begin_s:
                    return True
        elif gpus <= line.most and line.low_s < plan.begin_s:
            if own == n:
                return True
            if plan.window_s <= line.high_s - line.low_s and (
                earliest(f, n, gpus, plan.window_s, line.low_s, plan.begin_s) < plan.begin_s
            ):
                return True
        n = line.next_hole
    return False


@inner
def _find_earlier(f, j, p, now, last_s):
    """Start up to ``last_s`` of a job that has a reservation, which is in its own way no more than others are."""
    plan = f.plans[j]
    if plan.begin_s < math.inf:
        lay(f, j, p, plan.begin_s, plan.end_s, -1)
    begin_s = find_start(f, j, p, now, last_s)
    if plan.begin_s < math.inf:
        lay(f, j, p, plan.begin_s, plan.end_s, 1)
    return begin_s


@inner
def _try_to_move_up(f, j, p, now):
    """Move a reservation to an earlier start, if there is one; whether it moved."""
    begin_s = _find_earlier(f, j, p, now, np.nextafter(f.plans[j].begin_s, -math.inf))
    if begin_s == math.inf:
        return False
    withdraw(f, j, p)
    _settle(f, j, p, begin_s, now)
    return True


@inner
def _start(f, j, p, now):
    """Start a job on the nodes in ``picked``."""
    start_waiting_job(f, j, p, now)
    occupy(f, j, p)


@inner
def _settle(f, j, p, begin_s, now):
    """Start a job on the nodes in ``picked``, or reserve them."""
    if begin_s == now:
        _start(f, j, p, now)
    else:
        reserve(f, j, p, begin_s)


# The pass -----------------------------------------------------------------------------------------------------------


@inner
def _size_up(f, j, p):
    """What a job will book: its GPUs, power, and its expected wall time, but at least until the next look."""
    plan = f.plans[j]
    plan.gpus, plan.power = f.jobs[j].gpus, microwatts(draw(f, j, p))
    plan.window_s = max(expected_wall_time(f, j, p), OVERDUE_S)


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
            _start(f, j, p, now)
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
        place = bitset.next_from(f.words, lane.set, lane.n_places, 0)
        while place >= 0:
            j = f.by_place[lane.order_base + place]
            if f.plans[j].epoch != clock.epoch and f.plans[j].begin_s == f.plans[j].begin_s:
                withdraw(f, j, p)
                mark_fresh(f, j, p, True)
            place = bitset.next_from(f.words, lane.set, lane.n_places, place + 1)


@inner
def _next_within_quota(f, p):
    while True:
        j = next_waiting(f, p, ANY_SIZE)
        if j == NONE or f.clock[0].quotas == 0 or not over_quota(f, j, p):
            return j
        f.lanes[lane_of(f, j, p)].left_out = 1


@inner
def _start_if_it_can(f, j, p, now):
    """Start a job if it can start now."""
    if f.plans[j].begin_s == f.plans[j].begin_s:
        can = _find_earlier(f, j, p, now, now) == now
        if can:
            withdraw(f, j, p)
    else:
        _size_up(f, j, p)
        can = find_start(f, j, p, now, now) == now
    if can:
        _start(f, j, p, now)
    return can


@inner
def _start_heads(f, p, now):
    """With preemption: start heads while they can start or others make room; then all reservations are made anew."""
    rewind(f, p)
    while True:
        j = _next_within_quota(f, p)
        if j == NONE:
            return
        if _start_if_it_can(f, j, p, now):
            continue
        if not _has_power(f, j, p):
            return
        made = make_room(f, j, p, now)
        take_notes(f, now)
        if not made:
            return
        void(f, p)
        if not place(f, p, f.jobs[j].gpus, ALL):
            return
        _start(f, j, p, now)
        f.pools[p].doubt = 1


@inner
def _next(f, p, fresh_only):
    """Next job of the walk, or of those without a reservation; NONE at its end."""
    pool, clock = f.pools[p], f.clock[0]
    if clock.order == _CUSTOM:
        while clock.ordered_at < clock.n_ordered:
            j = f.ordered[clock.ordered_at]
            if f.jobs[j].status == _QUEUED:
                return j
            clock.ordered_at += 1
        return NONE
    best, best_usage = NONE, 0.0
    for i in range(pool.first_lane, pool.first_lane + pool.n_lanes):
        lane = f.lanes[i]
        place = -1
        if lane.queued > 0:
            base = lane.fresh_set if fresh_only else lane.set
            place = bitset.next_from(f.words, base, lane.n_places, lane.cursor)
        if place < 0:
            lane.cursor = lane.n_places
            continue
        lane.cursor = place
        j = f.by_place[lane.order_base + place]
        usage = 0.0
        if clock.order == _FAIR_SHARE:
            usage = lane.held / lane.share if lane.share > 0.0 else math.inf
        if best == NONE or usage < best_usage or (clock.order != _FAIR_SHARE and f.jobs[j].rank < f.jobs[best].rank):
            best, best_usage = j, usage
    return best


@inner
def _lacked(f, j, spared_s, power, quota):
    """Whether a job may have lacked power or quota of which some came free."""
    return spared_s < math.inf and (f.plans[j].power > power or f.jobs[j].held > quota)


@inner
def _sweep(f, p, now):
    """In the order of the queue, place those who have no reservation and move up those who can start earlier."""
    pool = f.pools[p]
    begin_sweep(f, p)
    _measure_again(f, p, 0, now)
    spared_s, power, quota = pool.spared_s, pool.spared_power, pool.spared_quota
    fresh_only = pool.first_hole == NONE and spared_s == math.inf
    pool.spared_s = math.inf  # what comes free in the sweep is for the next one, too
    rewind(f, p)
    while True:
        j = _next(f, p, fresh_only)
        if j == NONE:
            break
        step_over(f, j, p)
        k = (f.jobs[j].gpus + pool.gpus_per_node - 1) // pool.gpus_per_node
        if f.plans[j].begin_s != f.plans[j].begin_s:
            _size_up(f, j, p)
            begin_s = find_start(f, j, p, now, math.inf)
            _settle(f, j, p, begin_s, now)
            if begin_s == math.inf:
                continue
        else:
            lacked = _lacked(f, j, spared_s, power, quota)
            lacked = lacked or _lacked(f, j, pool.spared_s, pool.spared_power, pool.spared_quota)
            if not (lacked or _fits_hole(f, j, p)) or not _try_to_move_up(f, j, p, now):
                continue
        if not fresh_only:
            _measure_again(f, p, k, now)
    end_sweep(f, p)


@inner
def compress(f, p, now):
    """A pass over a pool under conservative backfill."""
    catch_up(f, p, now)
    if f.clock[0].order == _CUSTOM:
        _drop_unnamed(f, p)
    _start_due(f, p, now)
    if f.clock[0].preempts != 0:
        _start_heads(f, p, now)
    _sweep(f, p, now)

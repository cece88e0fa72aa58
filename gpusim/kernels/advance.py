"""The compiled event loop: job ends, arrivals and scheduling passes up to the next control event.

At one instant: ends; then (outside, in the order of ``engine/instant.py``) control processes; then arrivals; then one
pass over every pool in which something changed or a reservation is due, in cycle mode from outside;
then jobs that wait move to where they can start; then, before time goes on, sites look at their caps.
"""

from __future__ import annotations

import math

from gpusim.kernels import roster
from gpusim.kernels._jit import inner, kernel, part
from gpusim.kernels.booking import withdraw
from gpusim.kernels.breaches import fall_due
from gpusim.kernels.capacity import take_notes
from gpusim.kernels.capping import has_room_for_moves, settle_caps
from gpusim.kernels.dispatch import choose
from gpusim.kernels.greedy import pass_greedily
from gpusim.kernels.heap import order_of, row_of
from gpusim.kernels.noting import is_greedy, is_planned
from gpusim.kernels.prefetch import prefetch
from gpusim.kernels.promise import tell
from gpusim.kernels.queueing import await_data, dequeue, enqueue, lane_of
from gpusim.kernels.redispatch import redispatch
from gpusim.kernels.reservation import release
from gpusim.kernels.running import end
from gpusim.kernels.scheduling import schedule, schedule_by_plan, start_at_once, start_behind_head
from gpusim.kernels.spreading import stop_insisting
from gpusim.kernels.waking import mark_dirty
from gpusim.state.codes import NONE, Order, Status, Wait

REACHED, WOKEN, DEPARTED, FINISHED, SEGMENTS_FULL, PASSES, MOVES_FULL, MOVED = 0, 1, 2, 3, 4, 5, 6, 7
SEGMENT_ROOM = 1024  # evictions of one instant that the segment table must always be able to take
_PASSED = 2  # of `passing`
_CUSTOM = int(Order.CUSTOM)
_QUEUED, _REJECTED, _DATA = int(Status.QUEUED), int(Status.REJECTED), int(Wait.DATA)


@part
def _play_ends(f, now):
    clock = f.clock[0]
    while clock.n_ends > 0 and f.heap_keys[0] == now:
        holding = f.holdings[row_of(f.heap_ids[0])]
        j = holding.owner
        f.lanes[lane_of(f, j, holding.pool)].held -= holding.held
        end(f, j, now)
        if f.jobs[j].watched != 0:
            f.woken[clock.n_woken] = j
            clock.n_woken += 1
    _look_ahead(f)


@part
def _look_ahead(f):
    """The next end is known, and of a job that may have started long ago: its rows are fetched meanwhile."""
    if f.clock[0].n_ends > 0:
        member = f.heap_ids[0]
        prefetch(f.holdings, row_of(member))
        if order_of(member) < len(f.jobs):
            prefetch(f.jobs, order_of(member))


@inner
def _reject(f, j):
    f.jobs[j].status = _REJECTED
    f.clock[0].unfinished -= 1


@inner
def _comes_alone(f, j, now):
    """Whether nothing else happens at the instant of an arrival that could call for a pass, and passes are made."""
    clock, rules = f.clock[0], f.rules[0]
    if rules.cycle_s > 0.0 or is_planned(f) or clock.n_dirty > 0 or clock.first_arrived != j:
        return False
    if clock.n_due > 0 and f.due_keys[0] == now:
        return False  # who has waited for near nodes long enough may start on any, before it
    return j + 1 == len(f.jobs) or f.jobs[j + 1].submit_s != now


@part
def _starts(f, j, p, now):
    """Start a job that arrives alone without a pass, if one would start it and nobody else."""
    return start_at_once(f, j, p, now) or start_behind_head(f, j, p, now)


@part
def _play_arrivals(f, now):
    clock = f.clock[0]
    while clock.next_arrival < len(f.jobs) and f.jobs[clock.next_arrival].submit_s == now:
        j = clock.next_arrival
        clock.next_arrival += 1
        i = choose(f, j)
        if i == NONE:
            _reject(f, j)
        elif f.candidate_links[i] == NONE and _comes_alone(f, j, now) and _starts(f, j, f.candidates[i], now):
            clock.first_arrived = clock.next_arrival
        elif f.candidate_links[i] == NONE:
            enqueue(f, j, f.candidates[i], now)
            mark_dirty(f, f.candidates[i])
        else:
            await_data(f, j, f.candidates[i], now)
            f.departing[clock.n_departing].job = j
            f.departing[clock.n_departing].link = f.candidate_links[i]
            clock.n_departing += 1


@inner
def turn_away(f, p, now):
    """Reject those who arrived since the last passes and still wait in a queue beyond its limit, last first.

    Whose data were moved here stays.
    """
    clock, pool = f.clock[0], f.pools[p]
    j = clock.next_arrival - 1
    while pool.queued > f.rules[0].queue_limit and j >= clock.first_arrived:
        job = f.jobs[j]
        if job.pool == p and job.status == _QUEUED and job.waits[_DATA] == 0.0:
            dequeue(f, j, now)
            _reject(f, j)
            if pool.reserved_job == j:
                shadow_s = pool.shadow_s
                release(f, p)
                tell(f, p, j, shadow_s)
        j -= 1


@inner
def _turn_all_away(f, now):
    """After the passes of an instant, each queue is cut to its limit; with a policy, that which it was asked about."""
    clock, rules = f.clock[0], f.rules[0]
    if rules.queue_limit < 0:
        return
    for p in range(len(f.pools)):
        if rules.order != _CUSTOM or p == clock.ordered_pool:
            turn_away(f, p, now)


@inner
def _next_dirty(f, p):
    """Take the next pool that wants a pass, from ``p`` on and round: an eviction may have touched one passed before."""
    while f.pools[p].dirty == 0:
        p = (p + 1) % len(f.pools)
    f.pools[p].dirty = 0
    f.clock[0].n_dirty -= 1
    return p


@inner
def _forget_rejected(f, p):
    """Those who were turned away have no reservations."""
    for j in range(f.clock[0].first_arrived, f.clock[0].next_arrival):
        if f.jobs[j].pool == p and f.jobs[j].status == _REJECTED:
            withdraw(f, j, p)


@part
def _play_passes(f, now):
    clock = f.clock[0]
    p = 0
    while clock.n_dirty > 0:
        p = _next_dirty(f, p)
        released = f.pools[p].released
        schedule(f, p, now)
        if released != 0 and f.pools[p].queued == 0:
            f.pools[p].opened = 1
        p = (p + 1) % len(f.pools)


@kernel
def run_passes(f, now):
    """A pass over every pool that wants one, and over those that jobs which move have left."""
    clock = f.clock[0]
    stop_insisting(f, now)
    while True:
        _play_passes(f, now)
        if f.rules[0].redispatch == 0 or not redispatch(f, now):
            break
    _turn_all_away(f, now)
    clock.first_arrived = clock.next_arrival


@kernel
def run_greedy_passes(f, now):
    """The same where GPUs go to the first in the order, whoever holds them: a kernel of its own, as the next one."""
    clock = f.clock[0]
    roster.take_notes(f, now)
    roster.fall_due(f, now)
    while True:
        p = 0
        while clock.n_dirty > 0:
            p = _next_dirty(f, p)
            released = f.pools[p].released
            pass_greedily(f, p, now)
            if released != 0 and f.pools[p].queued == 0:
                f.pools[p].opened = 1
            p = (p + 1) % len(f.pools)
        if f.rules[0].redispatch == 0 or not redispatch(f, now):
            break
    _turn_all_away(f, now)
    clock.first_arrived = clock.next_arrival
    if clock.passing != 0:
        clock.passing = _PASSED


@kernel
def run_planned_passes(f, now):
    """The same under conservative backfill; False if the tables of its plans must grow before they can go on.

    A kernel of its own: who does not plan need not wait for it to be compiled.
    """
    clock = f.clock[0]
    take_notes(f, now)
    fall_due(f, now)
    p = 0
    while clock.n_dirty > 0:
        p = _next_dirty(f, p)
        if not schedule_by_plan(f, p, now):
            mark_dirty(f, p)
            return False
        p = (p + 1) % len(f.pools)
    _turn_all_away(f, now)
    if f.rules[0].queue_limit >= 0:
        for p in range(len(f.pools)):
            _forget_rejected(f, p)
    clock.first_arrived = clock.next_arrival
    if clock.passing != 0:
        clock.passing = _PASSED
    return True


@kernel
def advance(f, until, cycle_begins):
    """Play the dense events before ``until``, and the ends at ``until``; if a cycle begins then, also the arrivals.

    Returns REACHED, or earlier, with the clock at that instant: WOKEN (watched jobs ended), DEPARTED (jobs arrived
    whose data must be moved), FINISHED (every job has ended), SEGMENTS_FULL or MOVES_FULL (that table, or the one of
    moves of caps, needs room), MOVED (caps have, and somebody heeds them) or PASSES (``run_planned_passes``, or
    ``run_greedy_passes``, is to be called).
    """
    clock, rules = f.clock[0], f.rules[0]
    while True:
        if clock.passing == _PASSED:
            clock.passing = 0
            if clock.n_departing > 0:
                return DEPARTED
            if clock.unfinished == 0:
                return FINISHED
        ends_s = f.heap_keys[0] if clock.n_ends > 0 else math.inf
        arrives_s = f.jobs[clock.next_arrival].submit_s if clock.next_arrival < len(f.jobs) else math.inf
        due_s = f.due_keys[0] if clock.n_due > 0 and rules.cycle_s == 0.0 else math.inf
        now = min(ends_s, arrives_s, due_s)
        if clock.n_dirty > 0 and rules.cycle_s == 0.0 and clock.now_s < now:
            now = clock.now_s
        if clock.n_uncapped > 0 and min(now, until) > clock.now_s:
            if len(f.segments) - clock.n_segments < SEGMENT_ROOM + 4 * clock.n_ends:
                return SEGMENTS_FULL
            if not has_room_for_moves(f):
                return MOVES_FULL
            moves = clock.n_cap_moves
            settle_caps(f, clock.now_s)
            if clock.heeds_caps != 0 and clock.n_cap_moves > moves:
                return MOVED
            continue
        if now > until or (now == until and ends_s != now and not cycle_begins):
            clock.now_s = until
            return REACHED
        clock.now_s = now
        if len(f.segments) - clock.n_segments < SEGMENT_ROOM + 4 * clock.n_ends and rules.preempts != 0:
            return SEGMENTS_FULL
        if ends_s == now and clock.passing == 0:
            _play_ends(f, now)
            if clock.n_woken > 0:
                return WOKEN
            if clock.unfinished == 0:
                return FINISHED
        if now == until and not cycle_begins:
            continue  # what else happens now comes after the control processes of this instant
        _play_arrivals(f, now)
        if rules.cycle_s == 0.0:
            clock.passing = 1  # what starts in the passes and takes no time ends behind the last of them
            if is_planned(f) or (is_greedy(f) and (clock.n_dirty > 0 or due_s == now)):
                return PASSES
            if clock.n_dirty > 0 or due_s == now:
                run_passes(f, now)
            clock.first_arrived = clock.next_arrival
            clock.passing = 0
        if clock.n_departing > 0:
            return DEPARTED
        if clock.unfinished == 0:
            return FINISHED


@kernel
def advance_by_plan(f, until, cycle_begins):
    """``advance`` under conservative backfill: PASSES only where tables must grow before the passes can go on."""
    while True:
        reason = advance(f, until, cycle_begins)
        if reason != PASSES or not run_planned_passes(f, f.clock[0].now_s):
            return reason


@kernel
def advance_greedily(f, until, cycle_begins):
    """``advance`` where GPUs go to the first in the order."""
    while True:
        reason = advance(f, until, cycle_begins)
        if reason != PASSES:
            return reason
        run_greedy_passes(f, f.clock[0].now_s)

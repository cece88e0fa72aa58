"""The compiled event loop: job ends, arrivals and scheduling passes up to the next control event.

At one instant: ends; then (outside, in the order of ``engine/clock.py``) control processes; then arrivals; then one
pass over every pool in which something changed or a reservation is due, in cycle mode from outside;
then jobs that wait move to where they can start; then, before time goes on, sites look at their caps.

Writes: clock, woken.
Reads: due_keys, heap_ids, heap_keys, holdings, jobs, scheduling, segments.
Units: s.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import kernel, part
from gpusim.kernels.arrivals import play_arrivals
from gpusim.kernels.capping import has_room_for_moves, settle_caps
from gpusim.kernels.heap import order_of, row_of
from gpusim.kernels.lanes import count_held
from gpusim.kernels.noting import is_greedy, is_planned
from gpusim.kernels.passes import OVER, UNDER_WAY, run_greedy_passes, run_passes, run_planned_passes
from gpusim.kernels.prefetch import prefetch
from gpusim.kernels.running import end

REACHED, WOKEN, DEPARTED, FINISHED, SEGMENTS_FULL, PASSES, MOVES_FULL, MOVED, TURNED = 0, 1, 2, 3, 4, 5, 6, 7, 8
SEGMENT_ROOM = 1024  # evictions of one instant that the segment table must always be able to take


@part
def _play_ends(f, now):
    clock = f.clock[0]
    while clock.n_ends > 0 and f.heap_keys[0] == now:
        holding = f.holdings[row_of(f.heap_ids[0])]
        j = holding.owner
        count_held(f, j, holding.pool, -1)
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
        prefetch(f.jobs, order_of(member))


@part
def _next_event(f):
    """[s] When something happens next; when the next job ends, and when a reservation is due (inf: never)."""
    clock, in_events = f.clock[0], f.scheduling[0].cycle_s == 0.0
    ends_s = f.heap_keys[0] if clock.n_ends > 0 else math.inf
    arrives_s = f.jobs[clock.next_arrival].submit_s if clock.next_arrival < len(f.jobs) else math.inf
    due_s = f.due_keys[0] if clock.n_due > 0 and in_events else math.inf
    now = min(ends_s, arrives_s, due_s)
    if clock.n_dirty > 0 and in_events and clock.now_s < now:
        now = clock.now_s
    return now, ends_s, due_s


@kernel
def advance(f, until, cycle_begins):
    """Play the dense events before ``until``, and the ends at ``until``; if a cycle begins then, also the arrivals.

    Returns REACHED, or earlier, with the clock at that instant: WOKEN (watched jobs ended), DEPARTED (jobs arrived
    whose data must be moved), FINISHED (every job has ended), SEGMENTS_FULL or MOVES_FULL (that table, or the one of
    moves of caps, needs room), MOVED (caps have, and somebody heeds them), TURNED (jobs that somebody hears of started
    or stopped) or PASSES (``run_planned_passes``, or ``run_greedy_passes``, is to be called).
    """
    clock, scheduling = f.clock[0], f.scheduling[0]
    while True:
        if clock.passing == OVER:
            clock.passing = 0
            if clock.n_departing > 0:
                return DEPARTED
            if clock.unfinished == 0:
                return FINISHED
        if clock.n_turns > 0 and clock.passing == 0:
            return TURNED
        now, ends_s, due_s = _next_event(f)
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
        if len(f.segments) - clock.n_segments < SEGMENT_ROOM + 4 * clock.n_ends and scheduling.preempts != 0:
            return SEGMENTS_FULL
        if ends_s == now and clock.passing == 0:
            _play_ends(f, now)
            if clock.n_woken > 0:
                return WOKEN
            if clock.unfinished == 0:
                return FINISHED
        if now == until and not cycle_begins:
            continue  # what else happens now comes after the control processes of this instant
        play_arrivals(f, now)
        if scheduling.cycle_s == 0.0:
            clock.passing = UNDER_WAY  # what starts in the passes and takes no time ends behind the last of them
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

"""The compiled event loop: job ends, arrivals and scheduling passes up to the next control event.

Order at one instant, defined here and nowhere else: ends; then (outside) control processes; then arrivals; then
one pass over every pool in which something changed; then jobs that wait move to where they can start.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.dispatch import choose
from gpusim.kernels.queueing import await_data, dequeue, enqueue, lane_of
from gpusim.kernels.redispatch import redispatch
from gpusim.kernels.running import end
from gpusim.kernels.scheduling import schedule
from gpusim.kernels.waking import mark_dirty
from gpusim.state import NONE, Status

REACHED, WOKEN, DEPARTED, FINISHED, SEGMENTS_FULL, SLOTS_FULL = 0, 1, 2, 3, 4, 5
SEGMENT_ROOM = 1024  # evictions of one instant that the segment table must always be able to take
_QUEUED, _REJECTED = int(Status.QUEUED), int(Status.REJECTED)


@inner
def _play_ends(f, now):
    clock = f.clock[0]
    while clock.n_ends > 0 and f.heap_keys[0] == now:
        j = f.heap_ids[0]
        p = f.jobs[j].pool
        f.lanes[lane_of(f, j, p)].held -= f.jobs[j].held
        end(f, j, now)
        if f.jobs[j].watched != 0:
            f.woken[clock.n_woken] = j
            clock.n_woken += 1


@inner
def _reject(f, j):
    f.jobs[j].status = _REJECTED
    f.clock[0].unfinished -= 1


@inner
def _play_arrivals(f, now):
    clock = f.clock[0]
    while clock.next_arrival < clock.n_jobs and f.jobs[clock.next_arrival].submit_s == now:
        j = clock.next_arrival
        clock.next_arrival += 1
        i = choose(f, j)
        if i == NONE:
            _reject(f, j)
        elif f.candidate_links[i] == NONE:
            enqueue(f, j, f.candidates[i], now)
            mark_dirty(f, f.candidates[i])
        else:
            await_data(f, j, f.candidates[i], now)
            f.departing[clock.n_departing].job = j
            f.departing[clock.n_departing].link = f.candidate_links[i]
            clock.n_departing += 1


@inner
def _turn_away(f, p, now):
    """Reject those who arrived since the last passes and still wait in a queue beyond its limit, last first."""
    clock, pool = f.clock[0], f.pools[p]
    j = clock.next_arrival - 1
    while pool.queued > clock.queue_limit and j >= clock.first_arrived:
        if f.jobs[j].pool == p and f.jobs[j].status == _QUEUED:
            dequeue(f, j, now)
            _reject(f, j)
        j -= 1


@inner
def _play_passes(f, now):
    """A pass over every pool that wants one; False if the slot table must grow before they can go on."""
    clock = f.clock[0]
    p = 0
    while clock.n_dirty > 0:
        pool = f.pools[p]
        if pool.dirty != 0:
            pool.dirty = 0
            clock.n_dirty -= 1
            released = pool.released
            if not schedule(f, p, now):
                mark_dirty(f, p)
                return False
            if released != 0 and pool.queued == 0:
                pool.opened = 1
        p += 1
        if p == len(f.pools):
            p = 0  # an eviction may have touched a pool already passed
    return True


@kernel
def run_passes(f, now):
    """The passes of an instant, and the jobs that move; False if the slot table must grow before they can go on."""
    clock = f.clock[0]
    while True:
        if not _play_passes(f, now):
            return False
        if clock.redispatch == 0 or not redispatch(f, now):
            break
    if clock.queue_limit >= 0:
        for p in range(len(f.pools)):
            _turn_away(f, p, now)
    clock.first_arrived = clock.next_arrival
    return True


@kernel
def advance(f, until):
    """Play the dense events before ``until``, and the ends at ``until``.

    Returns REACHED, or earlier, with the clock at that instant: WOKEN (watched jobs ended), DEPARTED (jobs arrived
    whose data must be moved), FINISHED (every job has ended), SEGMENTS_FULL or SLOTS_FULL (that table needs room).
    """
    clock = f.clock[0]
    while True:
        ends_s = f.heap_keys[0] if clock.n_ends > 0 else math.inf
        arrives_s = f.jobs[clock.next_arrival].submit_s if clock.next_arrival < clock.n_jobs else math.inf
        now = min(ends_s, arrives_s)
        if clock.n_dirty > 0 and clock.cycled == 0 and clock.now_s < now:
            now = clock.now_s
        if now > until or (now == until and ends_s != now):
            clock.now_s = until
            return REACHED
        clock.now_s = now
        if len(f.segments) - clock.n_segments < SEGMENT_ROOM + 4 * clock.n_ends and clock.preempts != 0:
            return SEGMENTS_FULL
        if ends_s == now and clock.passing == 0:
            _play_ends(f, now)
            if clock.n_woken > 0:
                return WOKEN
            if clock.unfinished == 0:
                return FINISHED
        if now == until:
            continue  # what else happens now comes after the control processes of this instant
        _play_arrivals(f, now)
        if clock.cycled == 0:
            clock.passing = 1  # what starts in the passes and takes no time ends behind the last of them
            if not run_passes(f, now):
                return SLOTS_FULL
            clock.passing = 0
        if clock.n_departing > 0:
            return DEPARTED
        if clock.unfinished == 0:
            return FINISHED

"""The scheduling passes of one instant: over every pool that wants one, until none does. One kernel for each kind.

Writes: clock, pools.
Reads: scheduling.
"""

from __future__ import annotations

from gpusim.kernels import roster
from gpusim.kernels._jit import inner, kernel, part
from gpusim.kernels.arrivals import forget_rejected, turn_all_away
from gpusim.kernels.breaches import fall_due
from gpusim.kernels.capacity import take_notes
from gpusim.kernels.compression import has_rows_for_one
from gpusim.kernels.greedy import pass_greedily
from gpusim.kernels.redispatch import redispatch, start_elsewhere, start_elsewhere_by_plan
from gpusim.kernels.scheduling import schedule, schedule_by_plan
from gpusim.kernels.spreading import stop_insisting
from gpusim.kernels.waking import call_off, mark_dirty

UNDER_WAY, OVER = 1, 2  # of `passing`; 0: none


@inner
def _next_dirty(f, p):
    """Take the next pool that wants a pass, from ``p`` on and round: an eviction may have touched one passed before."""
    while f.pools[p].dirty == 0:
        p = (p + 1) % len(f.pools)
    call_off(f, p)
    return p


@inner
def _open(f, p, released):
    """Where nobody waits after a pass to which something released gave rise, jobs of other queues may move in."""
    if released != 0 and f.pools[p].queued == 0:
        f.pools[p].opened = 1


@part
def _play_passes(f, now):
    clock = f.clock[0]
    p = 0
    while clock.n_dirty > 0:
        p = _next_dirty(f, p)
        released = f.pools[p].released
        schedule(f, p, now)
        _open(f, p, released)
        p = (p + 1) % len(f.pools)


@kernel
def run_passes(f, now):
    """A pass over every pool that wants one, and over those that jobs which move have left."""
    clock = f.clock[0]
    stop_insisting(f, now)
    while True:
        _play_passes(f, now)
        if f.scheduling[0].redispatch == 0 or not redispatch(f, start_elsewhere, now):
            break
    turn_all_away(f, now)
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
            _open(f, p, released)
            p = (p + 1) % len(f.pools)
        if f.scheduling[0].redispatch == 0 or not redispatch(f, start_elsewhere, now):
            break
    turn_all_away(f, now)
    clock.first_arrived = clock.next_arrival
    if clock.passing != 0:
        clock.passing = OVER


@kernel
def run_planned_passes(f, now):
    """The same under conservative backfill; False if the tables of its plans must grow before they can go on.

    A kernel of its own: who does not plan need not wait for it to be compiled.
    """
    clock = f.clock[0]
    take_notes(f, now)
    fall_due(f, now)
    while True:
        p = 0
        while clock.n_dirty > 0:
            p = _next_dirty(f, p)
            released = f.pools[p].released
            if not schedule_by_plan(f, p, now):
                mark_dirty(f, p)
                return False
            _open(f, p, released)
            p = (p + 1) % len(f.pools)
        if f.scheduling[0].redispatch == 0:
            break
        if not has_rows_for_one(f):
            return False
        if not redispatch(f, start_elsewhere_by_plan, now):
            break
    turn_all_away(f, now)
    if f.scheduling[0].queue_limit >= 0:
        for p in range(len(f.pools)):
            forget_rejected(f, p)
    clock.first_arrived = clock.next_arrival
    if clock.passing != 0:
        clock.passing = OVER
    return True

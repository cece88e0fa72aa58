"""A pass that gives the GPUs of a pool to the first in the order, whoever holds them.

All jobs of the pool are gone through in their order, at equal keys those that run before those that wait, then by row:
each has its GPUs if so many are left. Those that run and have none are stopped, then those that wait and have some
are started, the larger first.

Who runs and comes before all that wait keeps what it has: only the others are looked at.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, part
from gpusim.kernels.lacking import why_waits
from gpusim.kernels.lanes import lane_of
from gpusim.kernels.placement import ALL
from gpusim.kernels.preemption import evict
from gpusim.kernels.queueing import over_quota, rewind
from gpusim.kernels.roster import count_up_to, sort_running, take_notes
from gpusim.kernels.scheduling import explain, try_start
from gpusim.kernels.standing import key_if_started, keys_change_places
from gpusim.kernels.state.codes import NONE, Wait

_POLICY = int(Wait.POLICY)


@inner
def _refused(f, j, p):
    """Whether its quota refuses a job."""
    return f.scheduling[0].quotas != 0 and over_quota(f, j, p)


@part
def _decide(f, p, now):
    """Write who starts, and from ``planned`` on who stops, to ``scratch_ids``; how many each."""
    pool, roster = f.pools[p], f.rosters[p]
    keys, jobs, gpus, found = f.roster_keys, f.roster_jobs, f.roster_gpus, f.scratch_ids
    w, last_w = roster.first_waiting, roster.first_waiting + roster.waiting
    key = key_if_started(f, p, keys[w], now)
    r, last_r = roster.first_running + count_up_to(f, roster, key), roster.first_running + roster.running
    left = pool.free
    for i in range(r, last_r):
        left += gpus[i]
    starts, stops = 0, 0
    while r < last_r or (w < last_w and left >= roster.least_gpus):
        if r < last_r and keys[r] <= key:
            if gpus[r] <= left:
                left -= gpus[r]
            else:
                found[pool.planned + stops] = jobs[r]
                stops += 1
            r += 1
        elif w < last_w:
            if gpus[w] <= left and not _refused(f, jobs[w], p):
                left -= gpus[w]
                found[starts] = jobs[w]
                starts += 1
            w += 1
            key = key_if_started(f, p, keys[w], now) if w < last_w else math.inf
    return starts, stops


@inner
def _larger_first(f, starts):
    """Sort those that start: what is large needs room in one place."""
    found = f.scratch_ids
    for i in range(1, starts):
        j, at = found[i], i
        while at > 0 and f.jobs[found[at - 1]].gpus < f.jobs[j].gpus:
            found[at] = found[at - 1]
            at -= 1
        found[at] = j


@inner
def _say_why(f, p, now):
    """All wait for what the first of them lacks, but those whose quota refuses them."""
    roster = f.rosters[p]
    rewind(f, p)
    head = NONE
    for i in range(roster.first_waiting, roster.first_waiting + roster.waiting):
        j = f.roster_jobs[i]
        if _refused(f, j, p):
            f.lanes[lane_of(f, j, p)].left_out = 1
        elif head == NONE:
            head = j
            if f.scheduling[0].quotas == 0:
                break
    explain(f, p, head, why_waits(f, head, p, _POLICY) if head != NONE else _POLICY, now)


@part
def pass_greedily(f, p, now):
    """One pass over a pool."""
    pool = f.pools[p]
    pool.arrived = NONE
    pool.released = 0
    take_notes(f, now)
    if pool.queued == 0:
        explain(f, p, NONE, NONE, now)
        return
    if keys_change_places(f):
        sort_running(f, p, now)
    starts, stops = _decide(f, p, now)
    for i in range(pool.planned, pool.planned + stops):
        evict(f, f.scratch_ids[i], now)
    _larger_first(f, starts)
    for i in range(starts):
        j = f.scratch_ids[i]
        if not _refused(f, j, p):
            try_start(f, j, p, ALL, now)
    if pool.dirty != 0:  # what it stopped itself calls for no other pass
        pool.dirty = 0
        f.clock[0].n_dirty -= 1
    take_notes(f, now)
    _say_why(f, p, now)

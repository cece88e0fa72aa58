"""A pass that gives the GPUs of a pool to the first in the order, whoever holds them.

All jobs of the pool are gone through in their order, at equal keys those that run before those that wait, then by row:
each has its GPUs if so many are left. Those that run and have none stop, those that wait and have some start
(``targets``).

Who runs and comes before all that wait keeps what it has: only the others are looked at.

Writes: pools, scratch_ids.
Reads: roster_gpus, roster_jobs, roster_keys, rosters.
Units: W, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import part
from gpusim.kernels.roster import count_up_to, sort_running, take_notes
from gpusim.kernels.scheduling import explain
from gpusim.kernels.standing import key_if_started, keys_change_places
from gpusim.kernels.state.codes import NONE
from gpusim.kernels.targets import refused, say_why, start, stop
from gpusim.kernels.waking import call_off


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
            if gpus[w] <= left and not refused(f, jobs[w], p):
                left -= gpus[w]
                found[starts] = jobs[w]
                starts += 1
            w += 1
            key = key_if_started(f, p, keys[w], now) if w < last_w else math.inf
    return starts, stops


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
    jobs, first = f.scratch_ids, pool.planned
    for i in range(first, first + stops):
        stop(f, jobs[i], p, 0, now)
    start(f, p, jobs, 0, starts, now)
    call_off(f, p)  # what it stopped itself calls for no other pass
    take_notes(f, now)
    waiting = f.rosters[p].first_waiting
    say_why(f, p, f.roster_jobs, waiting, waiting + f.rosters[p].waiting, jobs, 0, now)

"""What plans of conservative backfill, and rosters, are told of: kernels that start and stop jobs only note it.

Writes: clock, entries, lanes, lines, plans, pools, words.
Reads: holdings, jobs, scheduling.
Units: s.
"""

from __future__ import annotations

import math

from gpusim.kernels import bitset
from gpusim.kernels._jit import inner
from gpusim.kernels.state.codes import NONE, Backfill

_CONSERVATIVE = int(Backfill.CONSERVATIVE)


@inner
def is_planned(f):
    """Whether jobs have reservations."""
    return f.scheduling[0].backfill == _CONSERVATIVE


@inner
def is_greedy(f):
    """Whether GPUs go to the first in the order, whoever holds them."""
    return f.scheduling[0].greedy != 0


@inner
def note_job(f, j):
    """A job came, started, stopped or ended, or will end at another time."""
    entry, clock = f.entries[j], f.clock[0]
    if entry.noted == 0:
        entry.noted = 1
        entry.next_noted = clock.first_noted
        clock.first_noted = j


@inner
def note_run(f, h, stopped):
    """A holding has begun, is over, or will end at another time."""
    c = f.holdings[h].order
    clock, plan = f.clock[0], f.plans[c]
    plan.holding = NONE if stopped else h
    if stopped and plan.runs != 0:
        plan.runs = 2
    if plan.noted == 0:
        plan.noted = 1
        plan.next_noted = clock.first_noted
        clock.first_noted = c


@inner
def note_node(f, p, n):
    """A node is there from now on, or no longer."""
    f.pools[p].switched = 1
    f.lines[n].switched = 1


@inner
def mark_fresh(f, j, p, fresh):
    """Note whether a waiting job's reservation is still to be sought."""
    pool, job = f.pools[p], f.jobs[j]
    lane = f.lanes[pool.first_lane if pool.n_lanes == 1 else pool.first_lane + job.tenant]
    if fresh:
        f.plans[j].begin_s = math.nan
        bitset.insert(f.words, lane.fresh_set, lane.n_positions, job.lane_position)
        lane.cursor = min(lane.cursor, job.lane_position)
    else:
        bitset.remove(f.words, lane.fresh_set, lane.n_positions, job.lane_position)

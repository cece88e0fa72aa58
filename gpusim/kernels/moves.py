"""Moving reservations up: only into what came free since the job was last looked at, which is little of a long plan.

Writes: lines, picked.
Reads: jobs, plans, pools, scheduling, seats, sites.
Units: s, µW, GPUs.
"""

from __future__ import annotations

import math

import numpy as np

from gpusim.kernels._jit import inner
from gpusim.kernels.claiming import lay, move_reservation, occupy, reserve, withdraw
from gpusim.kernels.conservative import better, find_start
from gpusim.kernels.floors import earliest_on
from gpusim.kernels.gang import n_nodes
from gpusim.kernels.gaps import extremes, reach, run_before
from gpusim.kernels.queueing import start_waiting_job
from gpusim.kernels.state.codes import NONE, Placement

_FIRST_FIT = int(Placement.FIRST_FIT)


@inner
def _just_before(time_s):
    return np.nextafter(time_s, -math.inf) if time_s < math.inf else time_s


@inner
def start_planned(f, j, p, now):
    """Start a job on the nodes in ``picked``."""
    start_waiting_job(f, j, p, now)
    occupy(f, f.jobs[j].holding)


@inner
def start_or_reserve(f, j, p, begin_s, now):
    """Start a job on the nodes in ``picked``, or reserve them, at first or in the place of those that it has."""
    has_some = f.plans[j].begin_s < math.inf
    if begin_s < math.inf:
        for i in range(n_nodes(f.pools[p], f.jobs[j].gpus)):
            f.lines[f.picked[i]].most = NONE  # of a hole there, less is left
    if has_some and begin_s > now:
        move_reservation(f, j, p, begin_s)
        return
    if has_some:
        withdraw(f, j, p)
    if begin_s == now:
        start_planned(f, j, p, now)
    else:
        reserve(f, j, p, begin_s)


# Jobs of one node --------------------------------------------------------------------------------------------------


@inner
def _least_beside(f, j, n, own, begin_s, end_s):
    """Least that is free on a node in [begin, end) beside all others than the job."""
    plan = f.plans[j]
    least, _most = extremes(f, n, begin_s, end_s)
    if n == own and end_s > plan.begin_s:
        least, _most = extremes(f, n, max(begin_s, plan.begin_s), end_s)
        least += plan.gpus
        if begin_s < plan.begin_s:
            before, _most = extremes(f, n, begin_s, plan.begin_s)
            least = min(least, before)
    return least


@inner
def _earliest_in_holes(f, j, p, now):
    """Earliest start, before its own, that nodes give of which GPUs came free; the node into ``picked``."""
    plan, rule = f.plans[j], f.scheduling[0].placement
    own = f.seats[plan.first_seat].node if plan.first_seat != NONE else NONE
    last_s = _just_before(plan.begin_s)
    best_s, best_least = math.inf, 0
    n = f.pools[p].first_hole
    while n != NONE:
        line = f.lines[n]
        until_s = min(best_s, min(last_s, line.hole_end_s))
        when_s = earliest_on(f, n, plan.floor, plan.gpus, plan.window_s, now, until_s)
        if n == own and line.hole_begin_s < plan.begin_s:
            before_s = run_before(f, n, plan.gpus, plan.begin_s, now)  # followed by what it has itself
            if before_s < plan.begin_s:
                when_s = min(when_s, before_s)
        if when_s < math.inf and when_s <= best_s:
            least = 0
            if rule != _FIRST_FIT:
                least = _least_beside(f, j, n, own, when_s, when_s + plan.window_s)
            ties = when_s == best_s and not better(rule, least, best_least)
            if not ties or (n < f.picked[0] and not better(rule, best_least, least)):
                best_s, best_least = when_s, least
                f.picked[0] = n
        n = line.next_hole
    return best_s


# Gangs -------------------------------------------------------------------------------------------------------------


@inner
def _measure(f, p, n, now):
    """Whether all GPUs of a node are free at some time of its hole, and how far that reaches at the most."""
    line, size = f.lines[n], f.pools[p].gpus_per_node
    begin_s = max(line.hole_begin_s, now)
    line.most = 0
    if begin_s < line.hole_end_s:
        _least, most = extremes(f, n, begin_s, line.hole_end_s)
        line.most = max(most, 0)
    if line.most == size:
        line.low_s, line.high_s = reach(f, n, size, begin_s, line.hole_end_s, now)


@inner
def _gang_fits_hole(f, j, p, now):
    """Whether a gang might start earlier with the help of nodes that came free; never wrongly False."""
    pool, plan = f.pools[p], f.plans[j]
    n = pool.first_hole
    while n != NONE:
        line = f.lines[n]
        if line.most == NONE:
            _measure(f, p, n, now)
        if line.most == pool.gpus_per_node and line.low_s < plan.begin_s:
            if plan.window_s <= line.high_s - line.low_s or line.high_s >= plan.begin_s:
                return True
        n = line.next_hole
    return False


# Moves -------------------------------------------------------------------------------------------------------------


@inner
def find_earlier(f, j, p, from_s, last_s):
    """Start in [from, last] of a job that has a reservation, which is in its own way no more than others are."""
    plan = f.plans[j]
    if plan.begin_s < math.inf:
        lay(f, j, p, plan.begin_s, plan.end_s, -1)
    begin_s = find_start(f, j, p, from_s, last_s)
    if plan.begin_s < math.inf:
        lay(f, j, p, plan.begin_s, plan.end_s, 1)
    return begin_s


@inner
def _lacked(f, j, spared_s, power, quota):
    """Whether a job may have lacked power or quota of which some came free."""
    return spared_s < math.inf and (f.plans[j].power > power or f.jobs[j].held > quota)


@inner
def move_up(f, j, p, spared_s, power, quota, now):
    """Move a reservation to an earlier start, if there is one; of power and quota so much was there before."""
    pool, plan, scheduling = f.pools[p], f.plans[j], f.scheduling[0]
    begin_s = now
    lacked = _lacked(f, j, spared_s, power, quota)
    lacked = lacked or _lacked(f, j, pool.spared_s, pool.spared_power, pool.spared_quota)
    one = plan.gpus <= pool.gpus_per_node
    if not lacked:
        if one:
            begin_s = _earliest_in_holes(f, j, p, now)
            if begin_s == math.inf:
                return
        elif not _gang_fits_hole(f, j, p, now):
            return
    if lacked or not one or f.sites[pool.site].metered != 0 or scheduling.quotas != 0 or scheduling.cycle_s > 0.0:
        begin_s = find_earlier(f, j, p, begin_s, _just_before(plan.begin_s))
        if begin_s == math.inf:
            return
    start_or_reserve(f, j, p, begin_s, now)

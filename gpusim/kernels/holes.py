"""What came free of nodes, power and quotas since those who have reservations were last looked at.

Writes: lines, pools.
Reads: plans, scheduling, seats, sites.
Units: s, µW.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.budgets import power_line, quota_line
from gpusim.kernels.gaps import extremes
from gpusim.kernels.state.codes import NONE

_PLENTY = 1 << 60  # microwatts, GPUs: more than anybody asks for


@inner
def open_holes(f, j, p, begin_s, end_s):
    """What a job has claimed comes free from when to when, and is about to be given back."""
    _spare_budgets(f, j, p, begin_s, end_s)
    i = f.plans[j].first_seat
    while i != NONE:
        open_hole(f, p, f.seats[i].node, begin_s, end_s)
        i = f.seats[i].next


@inner
def open_hole(f, p, n, begin_s, end_s):
    """Note that GPUs of a node came free, for those who have reservations."""
    pool, line = f.pools[p], f.lines[n]
    if pool.queued == 0 or begin_s >= end_s:
        return
    if line.has_hole == 0:
        line.has_hole = 1
        line.hole_begin_s = line.later_begin_s = math.inf
        line.hole_end_s = line.later_end_s = -math.inf
        line.next_hole = pool.first_hole
        pool.first_hole = n
    line.hole_begin_s, line.hole_end_s = min(line.hole_begin_s, begin_s), max(line.hole_end_s, end_s)
    line.later_begin_s, line.later_end_s = min(line.later_begin_s, begin_s), max(line.later_end_s, end_s)
    line.most = NONE  # not measured yet


@inner
def close_holes(f, p):
    """Forget all that came free."""
    pool = f.pools[p]
    while pool.first_hole != NONE:
        line = f.lines[pool.first_hole]
        line.has_hole = 0
        pool.first_hole = line.next_hole


@inner
def begin_sweep(f, p):
    """From now on it counts what comes free in the sweep: not all who wait are looked at after it."""
    n = f.pools[p].first_hole
    while n != NONE:
        f.lines[n].later_begin_s, f.lines[n].later_end_s = math.inf, -math.inf
        n = f.lines[n].next_hole


@inner
def end_sweep(f, p):
    """Of what came free, keep what came free in the sweep."""
    n = f.pools[p].first_hole
    f.pools[p].first_hole = NONE
    while n != NONE:
        line = f.lines[n]
        following = line.next_hole
        line.has_hole = 0
        if line.later_begin_s < line.later_end_s:
            open_hole(f, p, n, line.later_begin_s, line.later_end_s)
        n = following


@inner
def _spare(f, q, begin_s, power, quota):
    pool = f.pools[q]
    if pool.queued == 0:
        return
    if pool.spared_s == math.inf:
        pool.spared_power = pool.spared_quota = _PLENTY
    pool.spared_s = min(pool.spared_s, begin_s)
    pool.spared_power = min(pool.spared_power, power)
    pool.spared_quota = min(pool.spared_quota, quota)


@inner
def _spare_budgets(f, j, p, begin_s, end_s):
    """Note what was there of power and quota before a job gives some back."""
    pool = f.pools[p]
    if begin_s >= end_s:
        return
    site = f.sites[pool.site]
    if site.metered != 0 and f.plans[j].power > 0:
        least, _most = extremes(f, power_line(f, pool.site), begin_s, end_s)
        spare_power(f, pool.site, begin_s, least)
    if f.scheduling[0].quotas != 0:
        least, _most = extremes(f, quota_line(f, f.plans[j].tenant, pool.gpu_type), begin_s, end_s)
        for q in range(len(f.pools)):
            if f.pools[q].gpu_type == pool.gpu_type:
                _spare(f, q, begin_s, _PLENTY, least)


@inner
def spare_power(f, s, begin_s, least):
    """Power of a site came free from a time on, where at least so much was there before."""
    site = f.sites[s]
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        _spare(f, q, begin_s, least, _PLENTY)

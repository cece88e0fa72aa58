"""Whether who starts may have the power that it draws, by its site's limit and beside what is promised to others.

Writes: by what it calls.
Reads: clock, jobs, pools, scheduling, sites.
Units: s, W.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.course import counted, expected_wall_time
from gpusim.kernels.limit import allowed_w, peak_w
from gpusim.kernels.site_load import binds, fits_at_begin, power_left_w, promise_begins_s
from gpusim.kernels.state.codes import NONE, Backfill, Phase

_EASY, _NEVER_PASSED = int(Backfill.EASY), int(Backfill.NONE)
_COMPUTE, _COMMUNICATION, _CHECKPOINT = int(Phase.COMPUTE), int(Phase.COMMUNICATION), int(Phase.CHECKPOINT)


@inner
def _leaves_promised(f, s, w, end_s, without, limit_w, now):
    """EASY: whether ``w`` from now until ``end_s`` leave what is promised by pools other than ``without``."""
    site = f.sites[s]
    headroom_w = power_left_w(f, s, limit_w)
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if q == without or not binds(f, q) or promise_begins_s(f, q, now) >= end_s:
            continue
        if not fits_at_begin(f, q, w, headroom_w, without, now):
            return False
    return True


@inner
def _leaves_claimed(f, j, p, w, limit_w):
    """No backfill: whether ``w`` leave what heads of other pools, earlier in the order, wait for."""
    s = f.pools[p].site
    site = f.sites[s]
    headroom_w = power_left_w(f, s, limit_w)
    jobs_w = site.phase_w[_COMPUTE] + site.phase_w[_COMMUNICATION] + site.phase_w[_CHECKPOINT] - site.yielding_w
    promised_w = 0.0
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        head = f.pools[q].reserved_job
        if q == p or head == NONE or head == j or f.jobs[head].rank > f.jobs[j].rank:
            continue
        if f.pools[q].promised_w <= headroom_w + jobs_w:  # else it never starts, whoever waits
            promised_w += f.pools[q].promised_w
    return promised_w == 0.0 or w <= headroom_w - promised_w


@inner
def admits(f, p, j, w, limit_w):
    """Whether a limit admits ``w`` more in pool ``p``; for job ``j`` also beside what is promised to others."""
    if limit_w == math.inf:
        return True
    s, now = f.pools[p].site, f.clock[0].now_s
    if peak_w(f, s, w) > allowed_w(limit_w):
        return False
    if j == NONE or w <= 0.0:
        return True
    if f.scheduling[0].backfill == _EASY:
        own = f.jobs[j].pool  # where it waits, be it another than that in which it may start
        without = own if f.pools[own].reserved_job == j else NONE
        return _leaves_promised(f, s, w, now + expected_wall_time(f, j, p), without, limit_w, now)
    return f.scheduling[0].backfill != _NEVER_PASSED or _leaves_claimed(f, j, p, w, limit_w)


@inner
def power_allows(f, j, p):
    """Whether the site's limit admits the job's draw at the run's hottest hour, beside what is promised to others."""
    limit_w = f.sites[f.pools[p].site].limit_w
    return limit_w == math.inf or admits(f, p, j, counted(f, j, p), limit_w)


@inner
def may_be_allowed(f, p, w, wall_s):
    """Whether a job behind the head that draws ``w`` or more for ``wall_s`` or longer may have the power."""
    s, now = f.pools[p].site, f.clock[0].now_s
    limit_w = f.sites[s].limit_w
    if peak_w(f, s, w) > allowed_w(limit_w):
        return False
    return limit_w == math.inf or w <= 0.0 or _leaves_promised(f, s, w, now + wall_s, NONE, limit_w, now)

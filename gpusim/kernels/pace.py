"""Changes of the rate at which jobs run, of one or of all in a pool or at a site, and of what they draw meanwhile.

Writes: paces, pools, sites.
Reads: holdings, jobs.
Units: s.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.control import shed
from gpusim.kernels.course import course_length
from gpusim.kernels.expecting import expect_anew
from gpusim.kernels.jobs_on import first_on, next_on
from gpusim.kernels.promise import size_up
from gpusim.kernels.running import begin_pace, leave_pace, take_pace
from gpusim.kernels.state.codes import NONE
from gpusim.kernels.waking import wake

SAME_S = 1e-6  # ends that differ by less are the same


@kernel
def set_job_rate(f, v, j, rate, draw, now):
    """A running job goes at ``rate`` from now on and draws ``draw`` of its draw at rate 1, both times its pool's."""
    p = f.jobs[j].pool
    leave_pace(f, j, now)
    f.paces[j].own_rate, f.paces[j].own_draw = rate, draw
    take_pace(f, j, now)
    wake(f, p)
    shed(f, v, f.pools[p].site, now)


@kernel
def set_storage_rate(f, j, rate, until_s, now):
    """A running job reads or writes on storage that jobs share: it goes at ``rate`` to ``until_s`` [s] of its course,
    whatever it would go at otherwise. It draws as before. 0: it is there now, and goes on at its usual rate."""
    job, ends_s = f.jobs[j], f.jobs[j].expected_end_s
    leave_pace(f, j, now)
    pace = f.paces[j]
    if rate == 0.0:
        pace.progress_s = max(pace.progress_s, min(until_s, course_length(f, j, job.pool)))  # to the last bit
    pace.storage_rate, pace.storage_until_s = rate, until_s
    take_pace(f, j, now)
    if abs(job.expected_end_s - ends_s) > SAME_S:
        wake(f, job.pool)


@kernel
def set_stored(f, j, n):
    """Shared storage has the first ``n`` checkpoints of the running job's run: cut short, it goes on from the last."""
    if f.jobs[j].paced == 0:
        begin_pace(f, j, 1.0)
    f.paces[j].stored = n


@kernel
def set_pool_rate(f, v, p, rate, draw, now):
    """The same for all jobs of a pool, those that start later too."""
    f.pools[p].own_rate, f.pools[p].own_draw = rate, draw
    _change(f, p, now)
    shed(f, v, f.pools[p].site, now)


@kernel
def set_site_rate(f, v, s, rate, draw, now):
    """The same for all pools of a site."""
    site = f.sites[s]
    site.rate, site.draw = rate, draw
    for p in range(site.first_pool, site.first_pool + site.n_pools):
        _change(f, p, now)
    shed(f, v, s, now)


@inner
def _change(f, p, now):
    """Bring all runs of a pool, and what its queue expects, to the pool's rate of now."""
    pool = f.pools[p]
    site = f.sites[pool.site]
    _pace_all(f, p, now, True)
    pool.rate, pool.draw = site.rate * pool.own_rate, site.draw * pool.own_draw
    _pace_all(f, p, now, False)
    pool.listed = 0
    expect_anew(f, p)
    pool.late = 1
    if pool.reserved_job != NONE:
        size_up(f, p)
    wake(f, p)


@inner
def _pace_all(f, p, now, leave):
    """All jobs of a pool are about to leave their rates, or take those of now."""
    pool = f.pools[p]
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        g = first_on(f, n)
        while g != NONE:
            holding = f.holdings[g]
            if holding.first_node == n and leave:
                leave_pace(f, holding.owner, now)
            elif holding.first_node == n:
                take_pace(f, holding.owner, now)
            g = next_on(f, g)

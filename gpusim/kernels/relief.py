"""When a site's running jobs are expected to have given back power."""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.frontier import OVERDUE_S, frontier_add, frontier_pop
from gpusim.kernels.running import draw


@inner
def _pop_job(f, count):
    """Take the job that is expected to end first off the frontier over a site's pools; its draw, and what is left."""
    j = f.scratch_ids[0]
    p = f.jobs[j].pool
    pool = f.pools[p]
    return draw(f, j, p), frontier_pop(f, pool.release_base, pool.n_releases, f.release_pos, count)


@inner
def power_back_s(f, j, p, now):
    """When running jobs of the site are expected to have given back the power that job ``j`` lacks."""
    site = f.sites[f.pools[p].site]
    lacking_w = draw(f, j, p) - ((site.limit_w - site.fixed_w) / site.peak_overhead - site.it_w - site.serving_room_w)
    count = 0
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        count = frontier_add(f, f.pools[q].release_base, f.pools[q].n_releases, 0, count)
    overdue_w = 0.0
    while count > 0 and f.scratch_keys[0] <= now:
        given_w, count = _pop_job(f, count)
        overdue_w += given_w
    last = -math.inf
    while lacking_w > 0.0:
        last = f.scratch_keys[0] if count > 0 else math.inf
        if overdue_w > 0.0 and now + OVERDUE_S <= last:
            last = now + OVERDUE_S
            lacking_w -= overdue_w
            overdue_w = 0.0
        elif last == math.inf:
            return math.inf
        else:
            given_w, count = _pop_job(f, count)
            lacking_w -= given_w
    return last

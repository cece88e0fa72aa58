"""Which pools want a scheduling pass at this instant."""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner


@inner
def mark_dirty(f, p):
    """Something changed in the pool."""
    pool = f.pools[p]
    if pool.dirty == 0:
        pool.dirty = 1
        f.clock[0].n_dirty += 1


@inner
def wake_site(f, s):
    """Power came free at a site that has a limit: whoever waits there may have waited for it."""
    if f.sites[s].limit_w < math.inf:
        wake_pools_of(f, s)


@inner
def wake_pools_of(f, s):
    """Whoever waits at a site is to be looked at again."""
    site = f.sites[s]
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        if f.pools[q].queued > 0:
            f.pools[q].released = 1
            mark_dirty(f, q)


@inner
def wake_type(f, gpu_type):
    """GPUs of a type came free anywhere: a tenant at its quota may start a job elsewhere."""
    if f.rules[0].quotas == 0:
        return
    for q in range(len(f.pools)):
        if f.pools[q].gpu_type == gpu_type and f.pools[q].queued > 0:
            f.pools[q].released = 1
            mark_dirty(f, q)


@inner
def wake(f, p):
    """GPUs of the pool came free or changed."""
    f.pools[p].released = 1
    mark_dirty(f, p)
    wake_site(f, f.pools[p].site)
    wake_type(f, f.pools[p].gpu_type)

"""Power of a site and GPUs of a tenant's quota, as lines of what is free of them.

Writes: by what it calls.
Reads: clock, lines, nodes, pools, quota, sites.
Units: s, W, µW, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.state.codes import NONE
from gpusim.kernels.timeline import open_line


@inner
def microwatts(watts):
    """Whole microwatts of a power; a hair more than a whole number counts as that, as does a hair less."""
    return math.floor(min(watts * 1e6, 1e18) + 0.01)


@inner
def power_line(f, s):
    """Row of ``lines`` of a site's power."""
    return len(f.nodes) + s


@inner
def quota_line(f, tenant, gpu_type):
    """Row of ``lines`` of a tenant's quota of a type; opened when first asked for."""
    line = len(f.nodes) + len(f.sites) + tenant * f.quota.shape[1] + gpu_type
    if f.lines[line].first_chunk == NONE:
        open_line(f, line, f.quota[tenant, gpu_type], f.clock[0].now_s)
    return line


@inner
def power_for_jobs(f, s):
    """Microwatts of IT power that the jobs of a site may draw in all."""
    site = f.sites[s]
    others_w = 0.0
    for q in range(site.first_pool, site.first_pool + site.n_pools):
        pool = f.pools[q]
        others_w += pool.energised // pool.gpus_per_node * pool.node_idle_w + pool.serving_most_w
    return microwatts((site.limit_w - site.fixed_w) / site.peak_overhead - others_w)

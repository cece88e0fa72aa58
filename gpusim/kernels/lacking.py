"""What who asks for GPUs lacks, be it a job or a replica: quota, nodes or power, looked for in this order.

Writes: by what it calls.
Reads: jobs, pools, scheduling, sites.
Units: W, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, part
from gpusim.kernels.admission import admits
from gpusim.kernels.course import counted
from gpusim.kernels.gang import held_gpus
from gpusim.kernels.placement import ALL, place
from gpusim.kernels.queueing import exceeds_quota
from gpusim.kernels.sharing import fits, lacks_cpu_memory
from gpusim.kernels.shortage import shortage
from gpusim.kernels.state.codes import NONE, Wait

_QUOTA, _POWER, _CPU_MEMORY = int(Wait.QUOTA), int(Wait.POWER), int(Wait.CPU_MEMORY)


@part
def lacks(f, p, j, gpus, tenant, w, family):
    """The first of quota, nodes and power that who asks for ``gpus`` GPUs lacks in pool ``p``, or NONE.

    Where it lacks none, its nodes are then the first of ``picked``. ``w``: [W] that the site's limit would count of it.
    ``j``: a job also asks for a part of a GPU, for CPUs and memory and to be near itself, and heeds what is promised to
    others; NONE: nothing of that. ``family``: of nodes (``placement``).
    """
    if f.scheduling[0].quotas != 0 and exceeds_quota(f, tenant, gpus, p):
        return _QUOTA
    if not _has_nodes(f, p, j, gpus, family):
        return why_no_nodes(f, p, j, gpus)
    if not admits(f, p, j, w, f.sites[f.pools[p].site].limit_w):
        return why_no_power(f, p, j, w)
    return NONE


@inner
def asked_w(f, j, p):
    """[W] that its site's limit would count of a job; where there is none, nobody counts."""
    return counted(f, j, p) if f.sites[f.pools[p].site].limit_w < math.inf else 0.0


@part
def job_lacks(f, j, p, family):
    """The same of a job."""
    return lacks(f, p, j, f.jobs[j].gpus, f.jobs[j].tenant, asked_w(f, j, p), family)


@inner
def why_waits(f, j, p, otherwise):
    """What a job lacks that did not start; ``otherwise``, where it could."""
    lack = job_lacks(f, j, p, ALL)
    return lack if lack != NONE else otherwise


@part
def _has_nodes(f, p, j, gpus, family):
    pool = f.pools[p]
    if held_gpus(pool, gpus) > pool.free + (pool.n_hosts if j != NONE else 0):
        return False
    return fits(f, j, p, family) if j != NONE else place(f, p, gpus, family, False)


@inner
def why_no_nodes(f, p, j, gpus):
    """What who does not fit lacks."""
    return _CPU_MEMORY if j != NONE and lacks_cpu_memory(f, j, p) else shortage(f.pools[p], held_gpus(f.pools[p], gpus))


@inner
def why_no_power(f, p, j, w):
    """What who is refused power lacks: power; below the connection, what the limit there is of."""
    site = f.sites[f.pools[p].site]
    return site.cap_wait if site.limit_w < site.grid_w and admits(f, p, j, w, site.grid_w) else _POWER

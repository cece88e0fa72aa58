"""CPUs and memory of nodes, where pools state them, and what jobs take of them.

A job takes on each node what it asks for there, or, where it says nothing, the share of its GPUs. Gangs of whole nodes
find there all that a node has.

Writes: cpu_memory_left, cpu_memory_then, pools.
Reads: asks, holdings, jobs, nodes, scheduling.
Units: s, GPU/1000, GPUs.
"""

from __future__ import annotations

from gpusim.gangs import MILLI
from gpusim.kernels._jit import inner
from gpusim.kernels.expecting import expected_end
from gpusim.kernels.gang import n_nodes, on_node
from gpusim.kernels.jobs_on import first_of, first_on, next_of, next_on
from gpusim.kernels.state.codes import NONE

N_KINDS = 2  # thousandths of CPUs, MB of memory


@inner
def asked(f, j, p, what):
    """What a job takes of each of its nodes in a pool."""
    job, pool = f.jobs[j], f.pools[p]
    gpus = on_node(pool, job.gpus)
    if f.asks[j, what] >= 0:
        return f.asks[j, what] * gpus
    share = pool.share[what] * gpus
    return share if job.milli == 0 else share * job.milli // MILLI


@inner
def held_cpu_memory(f, j, p, what):
    """What a job holds in a pool: a gang all of its nodes, since nobody runs beside it."""
    pool, gpus = f.pools[p], f.jobs[j].gpus
    return n_nodes(pool, gpus) * pool.cpu_memory[what] if gpus > pool.gpus_per_node else asked(f, j, p, what)


@inner
def who_counts(f, j, p):
    """The job, if CPUs and memory of its node matter to it, or else NONE: to gangs, which have all of theirs, never."""
    return j if f.scheduling[0].cpu_memory != 0 and f.jobs[j].gpus <= f.pools[p].gpus_per_node else NONE


@inner
def has_cpu_memory(f, j, n, beside_head):
    """Whether a node has what a job takes of CPUs and memory there; ``beside_head``: beside what is kept for one."""
    p = f.nodes[n].pool
    for what in range(N_KINDS):
        if f.pools[p].cpu_memory[what] == 0:
            continue
        left = f.cpu_memory_left[n, what]
        if beside_head and f.nodes[n].reserved != 0:
            left = min(left, f.pools[p].beside_head[what])
        if asked(f, j, p, what) > left:
            return False
    return True


@inner
def take_cpu_memory(f, j, h, sign):
    """A holding of a job takes CPUs and memory of its nodes, or gives them back (-1)."""
    n, p = f.holdings[h].first_node, f.holdings[h].pool
    outlasts = sign > 0 and f.holdings[h].expected_end_s > f.pools[p].shadow_s
    while n != NONE:
        for what in range(N_KINDS):
            f.cpu_memory_left[n, what] -= sign * asked(f, j, p, what)
            if outlasts and f.nodes[n].reserved != 0:
                f.pools[p].beside_head[what] -= asked(f, j, p, what)
        n = f.nodes[n].next_held


# What nodes would have, were some jobs over ------------------------------------------------------------------------


@inner
def begin_to_imagine(f, n):
    """What a node has now."""
    for what in range(N_KINDS):
        f.cpu_memory_then[n, what] = f.cpu_memory_left[n, what]


@inner
def _give(f, g, n):
    holding = f.holdings[g]
    for what in range(N_KINDS):
        f.cpu_memory_then[n, what] += asked(f, holding.owner, holding.pool, what)


@inner
def imagine_over(f, h, n):
    """And what a holding has there: a job's; the GPU that jobs share has none of its own."""
    if first_of(f, h) == h:
        _give(f, h, n)


@inner
def imagine_all_over(f, h, n):
    """The same, of a shared GPU what its jobs have."""
    g = first_of(f, h)
    while g != NONE:
        _give(f, g, n)
        g = next_of(f, g)


@inner
def would_have(f, j, n):
    """Whether a node would then have what a job takes."""
    p = f.nodes[n].pool
    for what in range(N_KINDS):
        if f.pools[p].cpu_memory[what] != 0 and asked(f, j, p, what) > f.cpu_memory_then[n, what]:
            return False
    return True


@inner
def keep_beside_head(f, j, p, n, now):
    """Of the node kept for a part of it, what the others may have who run beyond the shadow time."""
    shadow_s = f.pools[p].shadow_s
    begin_to_imagine(f, n)
    g = first_on(f, n)
    while g != NONE:
        if expected_end(f, g, now) <= shadow_s:
            _give(f, g, n)
        g = next_on(f, g)
    for what in range(N_KINDS):
        f.pools[p].beside_head[what] = f.cpu_memory_then[n, what] - asked(f, j, p, what)

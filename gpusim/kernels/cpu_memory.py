"""CPUs and memory of nodes, where pools state them, and what jobs take of them.

A job takes on each node what it asks for there, or, where it says nothing, the share of its GPUs. Gangs of whole nodes
find there all that a node has.
"""

from __future__ import annotations

from gpusim.gangs import MILLI
from gpusim.kernels import bitset
from gpusim.kernels._jit import inner
from gpusim.kernels.gang import on_node
from gpusim.kernels.placement import OPEN, set_of
from gpusim.kernels.state.codes import NONE, Placement

_FIRST_FIT, _SPREAD = int(Placement.FIRST_FIT), int(Placement.SPREAD)
N_KINDS = 2  # thousandths of CPUs, MB of memory


@inner
def _asked(f, j, p, what):
    """What a job takes of each of its nodes in a pool."""
    job, pool = f.jobs[j], f.pools[p]
    gpus = on_node(pool, job.gpus)
    if f.asks[j, what] >= 0:
        return f.asks[j, what] * gpus
    share = pool.share[what] * gpus
    return share if job.milli == 0 else share * job.milli // MILLI


@inner
def has_cpu_memory(f, j, n):
    """Whether a node has what a job takes of CPUs and memory there."""
    p = f.nodes[n].pool
    for what in range(N_KINDS):
        if f.pools[p].share[what] != 0 and _asked(f, j, p, what) > f.cpu_memory_left[n, what]:
            return False
    return True


@inner
def take_cpu_memory(f, j, h, sign):
    """A holding of a job takes CPUs and memory of its nodes, or gives them back (-1)."""
    n = f.holdings[h].first_node
    while n != NONE:
        for what in range(N_KINDS):
            f.cpu_memory_left[n, what] -= sign * _asked(f, j, f.holdings[h].pool, what)
        n = f.nodes[n].next_held


@inner
def _first_of_level(f, j, p, level):
    pool = f.pools[p]
    i = -1
    while True:
        i = bitset.next_from(f.words, set_of(pool, OPEN, level), pool.n_nodes, i + 1)
        if i < 0 or has_cpu_memory(f, j, pool.first_node + i):
            return i


@inner
def find_node_with_cpu_memory(f, j, p):
    """Node (global index) for a job of at most one node by the placement rule, or NONE. Nodes are never reserved."""
    pool, rule = f.pools[p], f.scheduling[0].placement
    need, size = f.jobs[j].gpus, f.pools[p].gpus_per_node
    lowest = NONE
    for step in range(size - need + 1):
        i = _first_of_level(f, j, p, size - step if rule == _SPREAD else need + step)
        if i >= 0:
            if rule != _FIRST_FIT:
                return pool.first_node + i
            if lowest == NONE or i < lowest:
                lowest = i
    return NONE if lowest == NONE else pool.first_node + lowest

"""Eviction: who makes room for whom is more urgent, and what goes back to the queue.

Writes: pools.
Reads: holdings, jobs, nodes.
Units: GPUs.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.cpu_memory import (
    begin_to_imagine,
    has_cpu_memory,
    imagine_all_over,
    would_have,
)
from gpusim.kernels.gang import n_nodes, on_node
from gpusim.kernels.jobs_on import first_of, next_of
from gpusim.kernels.lanes import count_held
from gpusim.kernels.placement import ALL, find_node, place
from gpusim.kernels.queueing import enqueue
from gpusim.kernels.running import cut_short
from gpusim.kernels.spreading import is_divided
from gpusim.kernels.state.capacity import NEVER
from gpusim.kernels.state.codes import NONE, ON
from gpusim.kernels.waking import mark_dirty


@inner
def evict(f, j, now):
    """Take a running job off its nodes and put it back in its queue, in its old place."""
    p = f.jobs[j].pool
    count_held(f, j, p, -1)
    cut_short(f, j, now)
    enqueue(f, j, p, now)
    mark_dirty(f, p)  # where nobody waited, nodes that came free called for no pass


@inner
def _may_evict(f, h, priority):
    return f.holdings[h].yields_to < priority


@inner
def evict_all_of(f, h, now):
    """Evict the job that a holding is of, or all that share its GPU, latest come first."""
    g = first_of(f, h)
    while g != NONE:
        following = next_of(f, g)
        evict(f, f.holdings[g].owner, now)
        g = following


@inner
def _has_room(f, j, n, need):
    """Whether a node has ``need`` GPUs free, and CPUs and memory for a job to which they matter."""
    return f.nodes[n].free >= need and (j == NONE or has_cpu_memory(f, j, n, False))


@inner
def _victims_cost(f, j, n, need, priority):
    """GPUs held in all by the jobs that would have to leave node ``n`` to make room; -1 if impossible.

    Victims leave in the order of the node's chain: latest started first.
    """
    node = f.nodes[n]
    free, cost, limited = node.free, 0, j != NONE
    if limited:
        begin_to_imagine(f, n)
    h = node.first_holding
    lacks = not _has_room(f, j, n, need)
    while lacks and h != NONE:
        holding = f.holdings[h]
        if _may_evict(f, h, priority):
            free += on_node(f.pools[node.pool], holding.gpus)
            cost += holding.held
            if limited:
                imagine_all_over(f, h, n)
            lacks = free < need or (limited and not would_have(f, j, n))
        h = holding.next_on_node
    return -1 if lacks else cost


@inner
def _evict_from(f, j, n, need, priority, now):
    h = f.nodes[n].first_holding
    while not _has_room(f, j, n, need) and h != NONE:
        following = f.holdings[h].next_on_node
        if _may_evict(f, h, priority):
            evict_all_of(f, h, now)
        h = following


@inner
def _cheapest_node(f, j, first, last, need, priority):
    best, best_cost = NONE, 0
    for n in range(first, last):
        if f.nodes[n].state != ON or _has_room(f, j, n, need):
            continue
        cost = _victims_cost(f, j, n, need, priority)
        if cost >= 0 and (best == NONE or cost < best_cost):
            best, best_cost = n, cost
    return best


@inner
def _reclaimable(f, j, first, last, need, priority, enough):
    """How many nodes of a range have, or could be made to have, room; counted up to ``enough``."""
    count = 0
    for n in range(first, last):
        if f.nodes[n].state == ON and (_has_room(f, j, n, need) or _victims_cost(f, j, n, need, priority) >= 0):
            count += 1
            if count == enough:
                break
    return count


@inner
def _find_least_yield(f, p):
    """Where there is nobody to evict, the next to ask need not look at all nodes."""
    pool = f.pools[p]
    least = NEVER
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        h = f.nodes[n].first_holding
        while h != NONE:
            least = min(least, f.holdings[h].yields_to)
            h = f.holdings[h].next_on_node
    pool.least_yield = least


@inner
def _fits(f, p, j, gpus, anywhere):
    if j != NONE:
        return find_node(f, p, j, gpus, ALL) != NONE
    return place(f, p, gpus, ALL, anywhere)


@inner
def make_room(f, p, j, gpus, priority, anywhere, now):
    """Evict preemptible jobs of lower priority until ``gpus`` fit; False, and nobody evicted, if they never would.

    ``j``: whose CPUs and memory count beside GPUs (``cpu_memory.who_counts``); NONE: nobody's. ``anywhere``: the nodes
    of a gang need not be near each other; only those of one domain are cleared for it.
    """
    pool = f.pools[p]
    need, k = on_node(pool, gpus), n_nodes(pool, gpus)
    first, last = pool.first_node, pool.first_node + pool.n_nodes
    if is_divided(pool) and k > pool.nodes_per_domain:
        return False  # whole domains are never cleared
    if pool.least_yield >= priority:
        return _fits(f, p, j, gpus, anywhere)
    if k > 1 and is_divided(pool):
        first, last = _best_domain(f, p, j, k, need, priority)
    count = _reclaimable(f, j, first, last, need, priority, k)
    if count == 0:
        _find_least_yield(f, p)
    if count < k:
        return False
    while not _fits(f, p, j, gpus, anywhere):
        n = _cheapest_node(f, j, first, last, need, priority)
        if n == NONE:
            return False
        _evict_from(f, j, n, need, priority, now)
    return True


@inner
def _best_domain(f, p, j, k, need, priority):
    """Nodes of the domain where most nodes are, or could be made, idle; an empty range if none has k."""
    pool = f.pools[p]
    best_first, best_last, most = pool.first_node, pool.first_node, k - 1
    for d in range(pool.n_domains):
        first = pool.first_node + d * pool.nodes_per_domain
        last = min(first + pool.nodes_per_domain, pool.first_node + pool.n_nodes)
        count = _reclaimable(f, j, first, last, need, priority, last - first)
        if count > most:
            best_first, best_last, most = first, last, count
    return best_first, best_last

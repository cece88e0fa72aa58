"""What EASY reckons with: when holdings are expected to end, nodes to be idle, and power to be given back.

Told of every node that is taken, given back, comes or goes, and of every holding that begins, moves its end, draws
something else or is over; without EASY nobody asks, and nothing is done.

Writes: heap_ids, heap_keys, idle_pos, nodes, pools, release_pos.
Reads: holdings, jobs, scheduling, sites.
Units: s, W, GPU/1000.
"""

from __future__ import annotations

import math

from gpusim.kernels import heap
from gpusim.kernels._jit import inner, part
from gpusim.kernels.holding import member_of
from gpusim.kernels.state.codes import NONE, Backfill

_EASY = int(Backfill.EASY)
OVERDUE_S = 1.0  # a job that outran its estimate is expected to end this much later than now


@inner
def expected_at(end_s, now):
    """An expected end as seen from now."""
    return end_s if end_s > now else now + OVERDUE_S


@inner
def expected_end(f, h, now):
    """When a holding is expected to end, as seen from now."""
    return expected_at(f.holdings[h].expected_end_s, now)


@inner
def expected_idle(f, n, now):
    """When the node is expected to be wholly idle."""
    idle_s = f.nodes[n].idle_s
    if idle_s < 0.0:
        return now
    if idle_s > now + OVERDUE_S:
        return idle_s
    h = f.nodes[n].first_holding  # some of its jobs may be overdue
    latest = now
    while h != NONE:
        latest = max(latest, expected_end(f, h, now))
        h = f.holdings[h].next_on_node
    return latest


@inner
def is_easy(f):
    """Whether expectations are kept: for EASY alone."""
    return f.scheduling[0].backfill == _EASY


@inner
def _set_idle(f, p, n, idle_s):
    """Note when the last of those on a node is expected to end.

    The heap of idle times hears at once only of what comes sooner than it knows; what comes later it learns from the
    next reservation that meets the node: most times come and go without one.
    """
    pool = f.pools[p]
    f.nodes[n].idle_s = idle_s
    if idle_s < f.heap_keys[pool.idle_base + f.idle_pos[n]]:
        heap.rekey(f.heap_keys, f.heap_ids, f.idle_pos, pool.idle_base, pool.n_idle_heap, idle_s, n)


@inner
def _idle_from(f, n):
    """[s] When the last of those on a node is expected to end."""
    idle_s = -1.0
    h = f.nodes[n].first_holding
    while h != NONE:
        idle_s = max(idle_s, f.holdings[h].expected_end_s)
        h = f.holdings[h].next_on_node
    return idle_s


@inner
def on_node_comes(f, p, n):
    """A node without jobs may be used from now on."""
    if is_easy(f):
        pool = f.pools[p]
        heap.push(f.heap_keys, f.heap_ids, f.idle_pos, pool.idle_base, pool.n_idle_heap, -1.0, n)
        pool.n_idle_heap += 1
        pool.unsettled = 1


@inner
def on_node_goes(f, p, n):
    """A node, on which nobody is left, may be used no longer."""
    if is_easy(f):
        pool = f.pools[p]
        heap.discard(f.heap_keys, f.heap_ids, f.idle_pos, pool.idle_base, pool.n_idle_heap, n)
        pool.n_idle_heap -= 1
        pool.unsettled = 1


@inner
def on_take_node(f, h, n, take):
    """A holding is about to take so many GPUs of a node."""
    if not is_easy(f):
        return
    holding, node = f.holdings[h], f.nodes[n]
    p = holding.pool
    if node.reserved != 0 and holding.expected_end_s > f.pools[p].shadow_s:
        if min(node.free, node.spare) >= take:
            node.spare -= take
        else:
            f.pools[p].unsettled = 1  # it takes what was kept for the head, as replicas may
    _set_idle(f, p, n, max(node.idle_s, holding.expected_end_s))


@inner
def on_give_node(f, h, n):
    """A holding is over on a node."""
    if not is_easy(f):
        return
    p = f.holdings[h].pool
    node, pool = f.nodes[n], f.pools[p]
    if f.holdings[h].expected_end_s >= node.idle_s:  # else somebody else is the last to end there
        _set_idle(f, p, n, _idle_from(f, n))
    # A node that is neither reserved nor idle before the shadow time would not be reserved either.
    if node.reserved != 0 or node.idle_s <= pool.shadow_s or pool.reserved_whole == 0:
        pool.unsettled = 1


@inner
def on_give_part(f, p):
    """A part of a GPU came free that others still share: the head may find room beside these."""
    if is_easy(f) and f.pools[p].reserved_job != NONE:
        pool = f.pools[p]
        limited = f.scheduling[0].cpu_memory != 0 and pool.reserved_whole == 0
        if f.jobs[pool.reserved_job].milli != 0 or limited:
            pool.unsettled = 1


@part
def on_draw(f, h, sign):
    """What the limit counts of a holding counts from now on, or no longer (-1): so it does of what is given back before
    the promises there begin.
    """
    holding = f.holdings[h]
    site = f.sites[f.pools[holding.pool].site]
    if is_easy(f) and site.limit_w < math.inf:
        for q in range(site.first_pool, site.first_pool + site.n_pools):
            if f.pools[q].reserved_job != NONE and holding.expected_end_s <= f.pools[q].shadow_s:
                f.pools[q].relief_w += sign * holding.counted_w


@part
def on_take(f, h):
    """A holding has begun."""
    if is_easy(f):
        holding = f.holdings[h]
        pool = f.pools[holding.pool]
        base, n, end_s = pool.release_base, pool.n_releases, holding.expected_end_s
        heap.push(f.heap_keys, f.heap_ids, f.release_pos, base, n, end_s, member_of(f, h))
        pool.n_releases += 1


@part
def on_give(f, h):
    """A holding is over."""
    if is_easy(f):
        pool = f.pools[f.holdings[h].pool]
        heap.discard(f.heap_keys, f.heap_ids, f.release_pos, pool.release_base, pool.n_releases, member_of(f, h))
        pool.n_releases -= 1


@inner
def on_move(f, h):
    """A holding is expected to end at another time."""
    if not is_easy(f):
        return
    holding = f.holdings[h]
    p = holding.pool
    pool = f.pools[p]
    base, n, end_s = pool.release_base, pool.n_releases, holding.expected_end_s
    heap.rekey(f.heap_keys, f.heap_ids, f.release_pos, base, n, end_s, member_of(f, h))
    n = holding.first_node
    while n != NONE:
        _set_idle(f, p, n, _idle_from(f, n))
        n = f.nodes[n].next_held
    pool.unsettled = 1


@inner
def expect_anew(f, p):
    """All expectations of a pool may have changed: what its head was promised is promised anew."""
    f.pools[p].unsettled = 1

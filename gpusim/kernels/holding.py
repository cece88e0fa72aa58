"""The nodes that somebody holds, from a start to an end: a job or a replica, which nothing here needs to know."""

from __future__ import annotations

from gpusim.kernels import heap
from gpusim.kernels._jit import inner, part
from gpusim.kernels.gang import n_nodes, on_node
from gpusim.kernels.noting import is_planned, note_run
from gpusim.kernels.placement import enlist, unlist
from gpusim.kernels.waking import wake
from gpusim.state.codes import NONE, Backfill

_EASY = int(Backfill.EASY)


@part
def new_holding(f, kind, owner, order, p, gpus, tenant, now):
    """Begin the record of who takes GPUs of pool ``p``; its row. Expected end and draw are for the caller to fill."""
    clock, pool = f.clock[0], f.pools[p]
    h = clock.spare_holding
    if h != NONE:
        clock.spare_holding = f.holdings[h].next_on_node
    else:
        h = clock.n_holdings
        clock.n_holdings += 1
    holding = f.holdings[h]
    holding.kind, holding.owner, holding.order = kind, owner, order
    holding.pool, holding.gpus, holding.tenant, holding.since_s = p, gpus, tenant, now
    holding.held = on_node(pool, gpus) * n_nodes(pool, gpus)
    holding.next_on_node = NONE
    return h


@inner
def member_of(f, h):
    """A holding in the heaps: of those that end at one time, jobs come before replicas, each in their order."""
    return heap.id_of(f.holdings[h].order, h)


@inner
def drawn_by(f, h):
    """[W] that the holding of a job adds to its site's IT power."""
    holding = f.holdings[h]
    return holding.compute_w + holding.communication_w + holding.checkpoint_w


@inner
def _link(f, h, n):
    node = f.nodes[n]
    if node.first_holding != NONE:
        f.holdings[node.first_holding].previous_on_node = h
    f.holdings[h].next_on_node, f.holdings[h].previous_on_node = node.first_holding, NONE
    node.first_holding = h


@inner
def _unlink(f, h, n):
    following, previous = f.holdings[h].next_on_node, f.holdings[h].previous_on_node
    if following != NONE:
        f.holdings[following].previous_on_node = previous
    if previous != NONE:
        f.holdings[previous].next_on_node = following
    else:
        f.nodes[n].first_holding = following


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


@part
def take_nodes(f, h):
    """Give a holding the nodes in ``picked``."""
    holding = f.holdings[h]
    p = holding.pool
    pool = f.pools[p]
    k, take = n_nodes(pool, holding.gpus), on_node(pool, holding.gpus)
    easy = f.rules[0].backfill == _EASY
    holding.first_node = f.picked[0]
    for i in range(k):
        n = f.picked[i]
        node = f.nodes[n]
        unlist(f, p, n)
        open_before = min(node.free, node.spare)
        node.free -= take
        if node.reserved != 0 and holding.expected_end_s > pool.shadow_s:
            if open_before >= take:
                node.spare -= take
            else:
                pool.unsettled = 1  # a replica takes what was kept for the head
        enlist(f, p, n)
        node.next_held = f.picked[i + 1] if i + 1 < k else NONE
        if k == 1:
            _link(f, h, n)
        else:
            node.first_holding = h
        if easy:
            _set_idle(f, p, n, max(node.idle_s, holding.expected_end_s))
    pool.free -= holding.held
    f.held[holding.tenant, pool.gpu_type] += holding.held
    if easy:
        heap.push(
            f.heap_keys,
            f.heap_ids,
            f.release_pos,
            pool.release_base,
            pool.n_releases,
            holding.expected_end_s,
            member_of(f, h),
        )
        pool.n_releases += 1
    elif is_planned(f):
        note_run(f, h, False)


@part
def give_nodes_back(f, h):
    """A holding is over: its nodes are free, and its row is for the next one."""
    holding = f.holdings[h]
    p = holding.pool
    pool = f.pools[p]
    take = on_node(pool, holding.gpus)
    easy = f.rules[0].backfill == _EASY
    if is_planned(f):
        note_run(f, h, True)
    n = holding.first_node
    while n != NONE:
        node = f.nodes[n]
        following = node.next_held
        unlist(f, p, n)
        node.free += take
        enlist(f, p, n)
        node.next_held = NONE
        if holding.gpus <= pool.gpus_per_node:
            _unlink(f, h, n)
        else:
            node.first_holding = NONE
        if easy:
            idle_s = node.idle_s
            if holding.expected_end_s >= idle_s:  # else somebody else is the last to end there
                idle_s = _idle_from(f, n)
                _set_idle(f, p, n, idle_s)
            # A node that is neither reserved nor idle before the shadow time would not be reserved either.
            if node.reserved != 0 or idle_s <= pool.shadow_s or pool.reserved_whole == 0:
                pool.unsettled = 1
        n = following
    pool.free += holding.held
    f.held[holding.tenant, pool.gpu_type] -= holding.held
    wake(f, p)
    if easy:
        heap.discard(f.heap_keys, f.heap_ids, f.release_pos, pool.release_base, pool.n_releases, member_of(f, h))
        pool.n_releases -= 1
    holding.next_on_node = f.clock[0].spare_holding
    f.clock[0].spare_holding = h


@inner
def keep_longer(f, h):
    """The expected end of a holding has moved: whoever reckons with it is told."""
    holding = f.holdings[h]
    p = holding.pool
    pool = f.pools[p]
    if is_planned(f):
        note_run(f, h, False)
    if f.rules[0].backfill != _EASY:
        return
    heap.rekey(
        f.heap_keys,
        f.heap_ids,
        f.release_pos,
        pool.release_base,
        pool.n_releases,
        holding.expected_end_s,
        member_of(f, h),
    )
    n = holding.first_node
    while n != NONE:
        _set_idle(f, p, n, _idle_from(f, n))
        n = f.nodes[n].next_held
    pool.unsettled = 1

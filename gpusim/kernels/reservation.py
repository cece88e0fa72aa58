"""EASY's promise to a blocked head: the shadow time by which it can start, and the nodes kept for it.

The shadow time is when enough running jobs are expected to have ended; who ends by then, or takes nodes that the head
will not need, may pass: Lifka (1995), The ANL/IBM SP scheduling system, Job scheduling strategies for parallel
processing.

Writes: clock, jobs, nodes, pools, scratch_ids, scratch_keys.
Reads: holdings, picked, release_pos, scheduling.
Units: s, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels import heap
from gpusim.kernels._jit import inner
from gpusim.kernels.coming_free import pick_first_nodes, pick_tight
from gpusim.kernels.cpu_memory import begin_to_imagine, imagine_over, keep_beside_head, would_have
from gpusim.kernels.expecting import OVERDUE_S, expected_at, expected_end, expected_idle
from gpusim.kernels.frontier import frontier_add, frontier_pop
from gpusim.kernels.gang import n_nodes, on_node
from gpusim.kernels.placement import enlist, unlist
from gpusim.kernels.promise import promise
from gpusim.kernels.spreading import is_divided, roams
from gpusim.kernels.state.codes import NONE, ON


@inner
def _reserve(f, p, n, spare):
    pool, node = f.pools[p], f.nodes[n]
    unlist(f, p, n)
    node.reserved = 1
    node.spare = spare
    enlist(f, p, n)
    node.next_reserved = pool.first_reserved
    pool.first_reserved = n


@inner
def release(f, p):
    """Drop the pool's reservation."""
    pool = f.pools[p]
    n = pool.first_reserved
    while n != NONE:
        node = f.nodes[n]
        following = node.next_reserved
        if node.state == ON:
            unlist(f, p, n)
        node.reserved = 0
        node.spare = pool.gpus_per_node
        node.next_reserved = NONE
        if node.state == ON:
            enlist(f, p, n)
        n = following
    pool.first_reserved = NONE
    pool.reserved_job = NONE
    pool.shadow_s = math.inf


@inner
def _free_up(f, h, j):
    """Imagine that a holding is over; the node that then has room for job ``j``, or NONE."""
    holding, need, limited = f.holdings[h], f.jobs[j].gpus, f.scheduling[0].cpu_memory != 0
    take = on_node(f.pools[holding.pool], holding.gpus)
    epoch = f.clock[0].epoch
    n = holding.first_node
    found = NONE
    while n != NONE:
        node = f.nodes[n]
        if node.epoch != epoch:
            node.epoch = epoch
            node.future_free = node.free
            if limited:
                begin_to_imagine(f, n)
        node.future_free += take
        if limited:
            imagine_over(f, h, n)
        if node.future_free >= need and (found == NONE or n < found) and (not limited or would_have(f, j, n)):
            found = n
        n = node.next_held
    return found


@inner
def _overdue_first(f, base, n, now):
    """Sort what is expected by now + 1 s into the scratch arrays from their end; how many, and the frontier's size.

    Overdue jobs are expected at now + 1 s, behind those due sooner: their order by key is not their order in time.
    """
    top = len(f.scratch_keys)
    early = 0
    count = frontier_add(f, base, n, 0, 0)
    while count > 0 and f.scratch_keys[0] <= now + OVERDUE_S:
        key = expected_at(f.scratch_keys[0], now)
        member = f.scratch_ids[0]
        count = frontier_pop(f, base, n, f.release_pos, count)
        i = top - early - 1
        while i + 1 < top and (
            f.scratch_keys[i + 1] < key or (f.scratch_keys[i + 1] == key and f.scratch_ids[i + 1] < member)
        ):
            f.scratch_keys[i] = f.scratch_keys[i + 1]
            f.scratch_ids[i] = f.scratch_ids[i + 1]
            i += 1
        f.scratch_keys[i] = key
        f.scratch_ids[i] = member
        early += 1
    return early, count


@inner
def _left_open(f, n, need, now):
    """GPUs of a node that is reserved for ``need`` of them at the shadow time which others may take until then."""
    node = f.nodes[n]
    pool = f.pools[node.pool]
    free_then = node.free
    h = node.first_holding
    while h != NONE:
        if expected_end(f, h, now) <= pool.shadow_s:
            free_then += on_node(pool, f.holdings[h].gpus)
        h = f.holdings[h].next_on_node
    return min(node.free, free_then - need)


@inner
def _promise_from(f, p, nodes_s, now):
    """Set the shadow time: when the nodes are there and, then or later, the power; False if it never is."""
    pool = f.pools[p]
    shadow_s = promise(f, pool.reserved_job, p, nodes_s, now)
    pool.power_held = 2 if shadow_s > nodes_s else 0
    return shadow_s < math.inf


@inner
def _keep_part_of(f, p, n, j, nodes_s, now):
    if _promise_from(f, p, nodes_s, now):
        if f.scheduling[0].cpu_memory != 0:
            keep_beside_head(f, j, p, n, now)
        _reserve(f, p, n, _left_open(f, n, f.jobs[j].gpus, now))


@inner
def _reserve_part_of_node(f, p, j, now):
    pool, clock = f.pools[p], f.clock[0]
    base, n_releases = pool.release_base, pool.n_releases
    clock.epoch += 1
    early, count = _overdue_first(f, base, n_releases, now)
    top = len(f.scratch_keys)
    for i in range(top - early, top):
        n = _free_up(f, heap.row_of(f.scratch_ids[i]), j)
        if n != NONE:
            _keep_part_of(f, p, n, j, f.scratch_keys[i], now)
            return
    while count > 0:
        key = f.scratch_keys[0]
        h = heap.row_of(f.scratch_ids[0])
        if key == math.inf:
            return
        count = frontier_pop(f, base, n_releases, f.release_pos, count)
        n = _free_up(f, h, j)
        if n != NONE:
            _keep_part_of(f, p, n, j, key, now)
            return


@inner
def _reserve_nodes(f, p, k, now):
    """Of the nodes of a pool without domains that are idle by the time that k are, the k that come last."""
    if f.pools[p].n_idle_heap < k:
        return
    found = pick_first_nodes(f, p, k, now)
    shadow_s = expected_idle(f, f.picked[k - 1], now)
    if shadow_s == math.inf:
        return
    while expected_idle(f, f.picked[found - 1], now) > shadow_s:
        found -= 1
    if _promise_from(f, p, shadow_s, now):
        for i in range(found - k, found):
            _reserve(f, p, f.picked[i], 0)


@inner
def _reserve_in_domains(f, p, k, now):
    shadow_s = pick_tight(f, p, k, now)
    if shadow_s < math.inf and _promise_from(f, p, shadow_s, now):
        for i in range(k):
            _reserve(f, p, f.picked[i], 0)


@inner
def reserve(f, j, p, now):
    """Promise job ``j`` the earliest start that expected ends and the site's power allow, and keep its nodes."""
    release(f, p)
    pool, job = f.pools[p], f.jobs[j]
    pool.reserved_job = j
    pool.unsettled = 0
    pool.power_held = 0
    size = pool.gpus_per_node
    pool.reserved_whole = 1 if job.gpus >= size else 0
    if job.gpus < size:
        _reserve_part_of_node(f, p, j, now)
    elif job.gpus > size and is_divided(pool) and not roams(f, j):
        _reserve_in_domains(f, p, n_nodes(pool, job.gpus), now)
    else:
        _reserve_nodes(f, p, n_nodes(pool, job.gpus), now)
    if job.promised_s != job.promised_s:
        job.promised_s = pool.shadow_s


@inner
def reserve_power(f, j, p, now):
    """Promise job ``j``, whose nodes are there, the power that it lacks."""
    release(f, p)
    pool = f.pools[p]
    pool.unsettled = 0
    pool.power_held = 1
    promise(f, j, p, now, now)

"""EASY's promise to a blocked head: the shadow time by which it can start, and the nodes kept for it."""

from __future__ import annotations

import math

from gpusim.kernels import heap
from gpusim.kernels._jit import inner
from gpusim.kernels.frontier import OVERDUE_S, frontier_add, frontier_pop
from gpusim.kernels.gang import n_nodes, on_node
from gpusim.kernels.placement import enlist, unlist
from gpusim.kernels.promise import promise
from gpusim.state.codes import NONE, ON


@inner
def _expected(key, now):
    return key if key > now else now + OVERDUE_S


@inner
def expected_end(f, h, now):
    """When a holding is expected to end, as seen from now."""
    return _expected(f.holdings[h].expected_end_s, now)


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
def _free_up(f, h, need):
    """Imagine that a holding is over; the node on which ``need`` GPUs are then free, or NONE."""
    holding = f.holdings[h]
    take = on_node(f.pools[holding.pool], holding.gpus)
    epoch = f.clock[0].epoch
    n = holding.first_node
    found = NONE
    while n != NONE:
        node = f.nodes[n]
        if node.epoch != epoch:
            node.epoch = epoch
            node.future_free = node.free
        node.future_free += take
        if node.future_free >= need and (found == NONE or n < found):
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
        key = _expected(f.scratch_keys[0], now)
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
def _keep_part_of(f, p, n, need, nodes_s, now):
    if _promise_from(f, p, nodes_s, now):
        _reserve(f, p, n, _left_open(f, n, need, now))


@inner
def _reserve_part_of_node(f, p, need, now):
    pool, clock = f.pools[p], f.clock[0]
    base, n_releases = pool.release_base, pool.n_releases
    clock.epoch += 1
    early, count = _overdue_first(f, base, n_releases, now)
    top = len(f.scratch_keys)
    for i in range(top - early, top):
        n = _free_up(f, heap.row_of(f.scratch_ids[i]), need)
        if n != NONE:
            _keep_part_of(f, p, n, need, f.scratch_keys[i], now)
            return
    while count > 0:
        key = f.scratch_keys[0]
        h = heap.row_of(f.scratch_ids[0])
        if key == math.inf:
            return
        count = frontier_pop(f, base, n_releases, f.release_pos, count)
        n = _free_up(f, h, need)
        if n != NONE:
            _keep_part_of(f, p, n, need, key, now)
            return


@inner
def _insert_sorted(f, count, key, n):
    """Insert (key, n) into the first ``count`` of the scratch arrays, least first."""
    i = count
    while i > 0 and (f.scratch_keys[i - 1] > key or (f.scratch_keys[i - 1] == key and f.scratch_ids[i - 1] > n)):
        f.scratch_keys[i] = f.scratch_keys[i - 1]
        f.scratch_ids[i] = f.scratch_ids[i - 1]
        i -= 1
    f.scratch_keys[i] = key
    f.scratch_ids[i] = n
    return count + 1


@inner
def _pick_first_idle(f, p, k, now):
    """Nodes by (expected idle time, index) into ``picked``, until the k-th cannot come sooner; how many.

    A node whose time in the heap is too early is met again, in its turn, under its own; then the heap learns it.
    """
    base, total = f.pools[p].idle_base, f.pools[p].n_idle_heap
    f.clock[0].epoch += 1
    epoch, top = f.clock[0].epoch, len(f.scratch_ids)
    found = outdated = 0
    count = frontier_add(f, base, total, 0, 0)
    while count > 0:
        key, n = f.scratch_keys[0], f.scratch_ids[0]
        if found >= k and key > max(now + OVERDUE_S, expected_idle(f, f.picked[k - 1], now)):
            break
        if f.nodes[n].epoch == epoch:
            heap.discard(f.scratch_keys, f.scratch_ids, f.scratch_pos, 0, count, n)
            count -= 1
            found = _pick_in_order(f, n, found, now)
            continue
        count = frontier_pop(f, base, total, f.idle_pos, count)
        if key < f.nodes[n].idle_s:
            f.nodes[n].epoch = epoch
            outdated += 1
            f.scratch_ids[top - outdated] = n
            heap.push(f.scratch_keys, f.scratch_ids, f.scratch_pos, 0, count, f.nodes[n].idle_s, n)
            count += 1
        else:
            found = _pick_in_order(f, n, found, now)
    for i in range(top - outdated, top):
        n = f.scratch_ids[i]
        heap.rekey(f.heap_keys, f.heap_ids, f.idle_pos, base, total, f.nodes[n].idle_s, n)
    return found


@inner
def _reserve_nodes(f, p, k, now):
    """Of the nodes of a pool without domains that are idle by the time that k are, the k that come last."""
    if f.pools[p].n_idle_heap < k:
        return
    found = _pick_first_idle(f, p, k, now)
    shadow_s = expected_idle(f, f.picked[k - 1], now)
    if shadow_s == math.inf:
        return
    while expected_idle(f, f.picked[found - 1], now) > shadow_s:
        found -= 1
    if _promise_from(f, p, shadow_s, now):
        for i in range(found - k, found):
            _reserve(f, p, f.picked[i], 0)


@inner
def _pick_in_order(f, n, found, now):
    """Insert a node into the ``found`` first of ``picked``, ordered by (expected idle time, index); how many then.

    Nodes come by expected ends; only those due by now + 1 s can be out of order.
    """
    key = expected_idle(f, n, now)
    i = found
    while i > 0:
        other = expected_idle(f, f.picked[i - 1], now) if key <= now + OVERDUE_S else -math.inf
        if other < key or (other == key and f.picked[i - 1] < n):
            break
        f.picked[i] = f.picked[i - 1]
        i -= 1
    f.picked[i] = n
    return found + 1


@inner
def _sort_domain(f, p, d, now):
    """Expected idle times of a domain's nodes, sorted into the scratch arrays; how many nodes are on."""
    pool = f.pools[p]
    first = pool.first_node + d * pool.nodes_per_domain
    last = min(first + pool.nodes_per_domain, pool.first_node + pool.n_nodes)
    count = 0
    for n in range(first, last):
        if f.nodes[n].state == ON:
            count = _insert_sorted(f, count, expected_idle(f, n, now), n)
    return count


@inner
def _has_nodes_before(f, p, d, r, limit_s):
    """Whether r nodes of a domain may be idle before ``limit_s``; cheap, and never wrongly False."""
    pool = f.pools[p]
    first = pool.first_node + d * pool.nodes_per_domain
    last = min(first + pool.nodes_per_domain, pool.first_node + pool.n_nodes)
    count = 0
    for n in range(first, last):
        if f.nodes[n].state == ON and f.nodes[n].idle_s < limit_s:
            count += 1
    return count >= r


@inner
def _earliest_domain(f, p, r, now):
    """Domain outside ``reserved`` nodes whose r-th node comes free first, and when; (NONE, inf) if there is none."""
    pool = f.pools[p]
    best, best_s = NONE, math.inf
    for d in range(pool.n_domains):
        if f.nodes[pool.first_node + d * pool.nodes_per_domain].epoch == f.clock[0].epoch:
            continue  # chosen already
        if not _has_nodes_before(f, p, d, r, best_s):
            continue
        if _sort_domain(f, p, d, now) >= r and f.scratch_keys[r - 1] < best_s:
            best, best_s = d, f.scratch_keys[r - 1]
    return best, best_s


@inner
def _wholly_idle_s(f, p, d, now):
    """When a whole domain is expected to be idle; inf if not all of its nodes are on."""
    pool = f.pools[p]
    first = pool.first_node + d * pool.nodes_per_domain
    last = first + pool.nodes_per_domain
    if last > pool.first_node + pool.n_nodes:
        return math.inf
    latest = now
    for n in range(first, last):
        if f.nodes[n].state != ON:
            return math.inf
        latest = max(latest, expected_idle(f, n, now))
    return latest


@inner
def _pick_whole_domains(f, p, whole, now):
    """The ``whole`` domains that are wholly idle first, into ``picked``; when the last of them is, or inf."""
    pool = f.pools[p]
    size = pool.nodes_per_domain
    count = 0
    for d in range(pool.n_domains):
        when = _wholly_idle_s(f, p, d, now)
        if when < math.inf:
            heap.push(f.scratch_keys, f.scratch_ids, f.scratch_pos, 0, count, when, d)
            count += 1
    if count < whole:
        return math.inf
    latest = now
    for i in range(whole):
        d = f.scratch_ids[0]
        latest = f.scratch_keys[0]
        heap.discard(f.scratch_keys, f.scratch_ids, f.scratch_pos, 0, count - i, d)
        first = pool.first_node + d * size
        f.nodes[first].epoch = f.clock[0].epoch  # chosen
        for k in range(size):
            f.picked[i * size + k] = first + k
    return latest


@inner
def _reserve_in_domains(f, p, k, now):
    pool = f.pools[p]
    f.clock[0].epoch += 1
    whole, rest = k // pool.nodes_per_domain, k % pool.nodes_per_domain
    latest = now
    if whole > 0:
        latest = _pick_whole_domains(f, p, whole, now)
    if rest > 0 and latest < math.inf:
        d, when = _earliest_domain(f, p, rest, now)
        latest = max(latest, when)
        if d != NONE:
            _sort_domain(f, p, d, now)
            for i in range(rest):
                f.picked[k - rest + i] = f.scratch_ids[i]
    if latest == math.inf:
        return
    if _promise_from(f, p, latest, now):
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
        _reserve_part_of_node(f, p, job.gpus, now)
    elif pool.nodes_per_domain > 1 and job.gpus > size:
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

"""Nodes that come free first by expected ends, written to ``picked``: one by one, or in domains.

Writes: clock, heap_ids, heap_keys, idle_pos, nodes, picked, scratch_ids, scratch_keys, scratch_pos.
Reads: pools.
Units: s.
"""

from __future__ import annotations

import math

from gpusim.kernels import heap
from gpusim.kernels._jit import inner
from gpusim.kernels.expecting import OVERDUE_S, expected_idle
from gpusim.kernels.frontier import frontier_add, frontier_pop
from gpusim.kernels.state.codes import NONE, ON


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
def pick_first_nodes(f, p, k, now):
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
def _earliest_domain(f, p, r, first, last, now):
    """Of [first, last) the domain, of those left, whose r-th node comes free first, and when; (NONE, inf): none."""
    pool = f.pools[p]
    best, best_s = NONE, math.inf
    for d in range(first, last):
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
def _pick_whole_domains(f, p, whole, first_domain, last_domain, now):
    """Of a range of domains the ``whole`` that are idle first, into ``picked``; when the last of them is, or inf."""
    pool = f.pools[p]
    size = pool.nodes_per_domain
    count = 0
    for d in range(first_domain, last_domain):
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
def _pick_first_domains(f, p, k, first, last, now):
    """Of k nodes the whole domains of [first, last) that are idle first, then the rest in one more; when all are."""
    pool = f.pools[p]
    f.clock[0].epoch += 1
    whole, rest = k // pool.nodes_per_domain, k % pool.nodes_per_domain
    latest = now
    if whole > 0:
        latest = _pick_whole_domains(f, p, whole, first, last, now)
    if rest > 0 and latest < math.inf:
        d, when = _earliest_domain(f, p, rest, first, last, now)
        latest = max(latest, when)
        if d != NONE:
            _sort_domain(f, p, d, now)
            for i in range(rest):
                f.picked[k - rest + i] = f.scratch_ids[i]
    return latest


@inner
def pick_tight(f, p, k, now):
    """The k nodes that come free first as near to each other as they fit, into ``picked``; when the last does, or inf.

    In the pod where they do first, if they fit in one.
    """
    pool = f.pools[p]
    per_pod = pool.domains_per_pod
    if pool.n_pods == 1 or k > per_pod * pool.nodes_per_domain:
        return _pick_first_domains(f, p, k, 0, pool.n_domains, now)
    best, best_s = NONE, math.inf
    for first in range(0, pool.n_domains, per_pod):
        when = _pick_first_domains(f, p, k, first, min(first + per_pod, pool.n_domains), now)
        if when < best_s:
            best, best_s = first, when
    if best == NONE:
        return math.inf
    return _pick_first_domains(f, p, k, best, min(best + per_pod, pool.n_domains), now)

"""Which nodes a job gets: sets of nodes by free GPUs, and of domains by idle nodes.

Every node that is on stands in the open set of ``min(free, spare)`` GPUs and, while reserved, also in the
reserved set of ``free`` GPUs. Domains stand in one set by idle nodes outside the reservation, one by all idle nodes.
"""

from __future__ import annotations

from gpusim.kernels import bitset
from gpusim.kernels._jit import inner
from gpusim.kernels.gang import n_nodes
from gpusim.state.codes import NONE, ON, Placement

OPEN, ALL = 0, 1
_FIRST_FIT, _SPREAD = int(Placement.FIRST_FIT), int(Placement.SPREAD)


@inner
def _set_of(pool, family, level):
    return pool.node_sets + (family * (pool.gpus_per_node + 1) + level) * pool.node_words


@inner
def _domain_set_of(pool, family, level):
    return pool.domain_sets + (family * (pool.nodes_per_domain + 1) + level) * pool.domain_words


@inner
def _count_idle(f, p, n, step):
    """An idle node joins (+1) or leaves (-1) the counts of its pool and domain."""
    pool, node = f.pools[p], f.nodes[n]
    pool.idle_all += step
    if node.reserved == 0:
        pool.idle_open += step
    if pool.nodes_per_domain == 1:
        return
    d = pool.first_domain + node.domain
    for family in range(2):
        if family == OPEN and node.reserved != 0:
            continue
        level = f.domain_idle[d, family]
        bitset.remove(f.words, _domain_set_of(pool, family, level), pool.n_domains, node.domain)
        f.domain_idle[d, family] = level + step
        bitset.insert(f.words, _domain_set_of(pool, family, level + step), pool.n_domains, node.domain)


@inner
def unlist(f, p, n):
    """Take a node that is on out of all sets, before any field that decides its set changes."""
    pool, node = f.pools[p], f.nodes[n]
    i = n - pool.first_node
    bitset.remove(f.words, _set_of(pool, OPEN, min(node.free, node.spare)), pool.n_nodes, i)
    if node.reserved != 0:
        bitset.remove(f.words, _set_of(pool, ALL, node.free), pool.n_nodes, i)
    if node.free == pool.gpus_per_node:
        _count_idle(f, p, n, -1)


@inner
def enlist(f, p, n):
    """Put a node that is on into the sets that its fields call for."""
    pool, node = f.pools[p], f.nodes[n]
    i = n - pool.first_node
    bitset.insert(f.words, _set_of(pool, OPEN, min(node.free, node.spare)), pool.n_nodes, i)
    if node.reserved != 0:
        bitset.insert(f.words, _set_of(pool, ALL, node.free), pool.n_nodes, i)
    if node.free == pool.gpus_per_node:
        _count_idle(f, p, n, 1)


@inner
def find_node(f, p, need, family):
    """Node (global index) for a job of at most one node by the placement rule, or NONE."""
    pool = f.pools[p]
    rule = f.rules[0].placement
    size = pool.gpus_per_node
    if rule == _SPREAD:
        for level in range(size, need - 1, -1):
            i = bitset.next_from(f.words, _set_of(pool, family, level), pool.n_nodes, 0)
            if i >= 0:
                return pool.first_node + i
        return NONE
    lowest = NONE
    for level in range(need, size + 1):
        i = bitset.next_from(f.words, _set_of(pool, family, level), pool.n_nodes, 0)
        if i >= 0:
            if rule != _FIRST_FIT:
                return pool.first_node + i
            if lowest == NONE or i < lowest:
                lowest = i
    return NONE if lowest == NONE else pool.first_node + lowest


@inner
def largest_fit(f, p):
    """GPUs of the largest job that could be placed now, domains aside; 0 if none."""
    pool = f.pools[p]
    size = pool.gpus_per_node
    if pool.idle_all > 0:
        return pool.idle_all * size
    for level in range(min(pool.free, size - 1), 0, -1):
        for family in range(2):
            if bitset.next_from(f.words, _set_of(pool, family, level), pool.n_nodes, 0) >= 0:
                return level
    return 0


@inner
def largest_open(f, p):
    """``largest_fit`` outside the reservation."""
    pool = f.pools[p]
    size = pool.gpus_per_node
    if pool.idle_open > 0:
        return pool.idle_open * size
    for level in range(min(pool.free, size - 1), 0, -1):
        if bitset.next_from(f.words, _set_of(pool, OPEN, level), pool.n_nodes, 0) >= 0:
            return level
    return 0


@inner
def _pick_from_set(f, pool, base, wanted, count):
    i = -1
    while count < wanted:
        i = bitset.next_from(f.words, base, pool.n_nodes, i + 1)
        if i < 0:
            break
        f.picked[count] = pool.first_node + i
        count += 1
    return count


@inner
def _pick_in_domain(f, pool, domain, wanted, count, family):
    """Lowest idle nodes of a domain into ``picked``; reserved ones only in family ALL."""
    size = pool.gpus_per_node
    first = pool.first_node + domain * pool.nodes_per_domain
    last = min(first + pool.nodes_per_domain, pool.first_node + pool.n_nodes)
    for n in range(first, last):
        node = f.nodes[n]
        if count < wanted and node.state == ON and node.free == size and (family == ALL or node.reserved == 0):
            f.picked[count] = n
            count += 1
    return count


@inner
def _find_domains(f, pool, k, family):
    """Whole domains, then the remainder in the domain that has fewest idle nodes but enough."""
    size = pool.nodes_per_domain
    whole, rest = k // size, k % size
    count = 0
    full = _domain_set_of(pool, family, size)
    d = -1
    for _ in range(whole):
        d = bitset.next_from(f.words, full, pool.n_domains, d + 1)
        if d < 0:
            return False
        count = _pick_in_domain(f, pool, d, count + size, count, family)
    if rest == 0:
        return True
    for level in range(rest, size + 1):
        after = d + 1 if level == size else 0  # the wholly idle ones up to d are taken
        e = bitset.next_from(f.words, _domain_set_of(pool, family, level), pool.n_domains, after)
        if e >= 0:
            return _pick_in_domain(f, pool, e, k, count, family) == k
    return False


@inner
def find_gang(f, p, k, family):
    """Whether k wholly idle nodes are there for a gang; writes them to ``picked``.

    In family ALL nodes outside the reservation come first.
    """
    pool = f.pools[p]
    if (pool.idle_open if family == OPEN else pool.idle_all) < k:
        return False
    if pool.nodes_per_domain > 1:
        if pool.idle_open >= k and _find_domains(f, pool, k, OPEN):
            return True
        return family == ALL and pool.idle_all > pool.idle_open and _find_domains(f, pool, k, ALL)
    size = pool.gpus_per_node
    count = _pick_from_set(f, pool, _set_of(pool, OPEN, size), k, 0)
    if count < k and family == ALL:
        count = _pick_from_set(f, pool, _set_of(pool, ALL, size), k, count)
    return count == k


@inner
def place(f, p, gpus, family):
    """Whether a job of ``gpus`` fits now; its nodes (global indices) are then the first of ``picked``.

    A job of one node looks outside the reservation first, then, in family ALL, inside it.
    """
    pool = f.pools[p]
    size = pool.gpus_per_node
    if gpus > size:
        return find_gang(f, p, n_nodes(f.pools[p], gpus), family)
    n = find_node(f, p, gpus, OPEN)
    if n == NONE and family == ALL:
        n = find_node(f, p, gpus, ALL)
    f.picked[0] = n
    return n != NONE

"""Which nodes a job gets: sets of nodes by free GPUs, and of domains by idle nodes.

Every node that is on stands in the open set of ``min(free, spare)`` GPUs and, while reserved, also in the
reserved set of ``free`` GPUs. Domains stand in one set by idle nodes outside the reservation, one by all idle nodes.

A job of g GPUs on one node goes to the node with the fewest free GPUs that are at least g (best fit), the most (spread)
or the lowest index (first fit); ties to the lowest. A gang of k nodes, n to a domain, takes k // n wholly idle domains
and k % n nodes of the domain that has the fewest idle nodes but so many; of pods, the first in which that is possible
(docs/topology.md, docs/semantics.md).

Writes: domain_idle, picked, pools, words.
Reads: nodes, scheduling.
Units: GPUs.
"""

from __future__ import annotations

from gpusim.kernels import bitset
from gpusim.kernels._jit import inner
from gpusim.kernels.cpu_memory import has_cpu_memory
from gpusim.kernels.gang import n_nodes
from gpusim.kernels.spreading import is_divided
from gpusim.kernels.state.codes import NONE, ON, Placement, Topology

OPEN, ALL = 0, 1
_FIRST_FIT, _SPREAD = int(Placement.FIRST_FIT), int(Placement.SPREAD)
_UNCONSTRAINED = int(Topology.UNCONSTRAINED)


@inner
def set_of(pool, family, level):
    """Offset in ``words`` of the nodes with so many free GPUs."""
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
    if not is_divided(pool):
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
    bitset.remove(f.words, set_of(pool, OPEN, min(node.free, node.spare)), pool.n_nodes, i)
    if node.reserved != 0:
        bitset.remove(f.words, set_of(pool, ALL, node.free), pool.n_nodes, i)
    if node.free == pool.gpus_per_node:
        _count_idle(f, p, n, -1)


@inner
def enlist(f, p, n):
    """Put a node that is on into the sets that its fields call for."""
    pool, node = f.pools[p], f.nodes[n]
    i = n - pool.first_node
    bitset.insert(f.words, set_of(pool, OPEN, min(node.free, node.spare)), pool.n_nodes, i)
    if node.reserved != 0:
        bitset.insert(f.words, set_of(pool, ALL, node.free), pool.n_nodes, i)
    if node.free == pool.gpus_per_node:
        _count_idle(f, p, n, 1)


@inner
def _first_of_level(f, p, j, family, level):
    """First node of a set; with a job, first that has its CPUs and memory too."""
    pool = f.pools[p]
    nodes = set_of(pool, family, level)
    i = bitset.next_from(f.words, nodes, pool.n_nodes, 0)
    while i >= 0 and j != NONE and not has_cpu_memory(f, j, pool.first_node + i, family == OPEN):
        i = bitset.next_from(f.words, nodes, pool.n_nodes, i + 1)
    return i


@inner
def _first_by_rule(f, p, j, need, family):
    """The first node by the rule, one of a level of free GPUs after the other, or NONE.

    Best fit begins with the fewest that suffice, spread with the most; first fit looks at all levels for the lowest
    node. One loop for all three: three of them were 2 to 3% slower under EASY.
    """
    pool, rule = f.pools[p], f.scheduling[0].placement
    size = pool.gpus_per_node
    lowest = NONE
    for step in range(size - need + 1):
        i = _first_of_level(f, p, j, family, size - step if rule == _SPREAD else need + step)
        if i >= 0:
            if rule != _FIRST_FIT:
                return pool.first_node + i
            if lowest == NONE or i < lowest:
                lowest = i
    return NONE if lowest == NONE else pool.first_node + lowest


@inner
def find_node(f, p, j, need, family):
    """Node (global index) for ``need`` GPUs of one by the placement rule, or NONE; in family ALL, reserved ones last.

    It has the CPUs and the memory of job ``j`` too; of none (NONE) only GPUs count.
    """
    n = _first_by_rule(f, p, j, need, OPEN)
    return _first_by_rule(f, p, j, need, ALL) if n == NONE and family == ALL else n


@inner
def largest_fit(f, p):
    """GPUs of the largest job that could be placed now, domains aside; 0 if none."""
    pool = f.pools[p]
    size = pool.gpus_per_node
    if pool.idle_all > 0:
        return pool.idle_all * size
    for level in range(min(pool.free, size - 1), 0, -1):
        for family in range(2):
            if bitset.next_from(f.words, set_of(pool, family, level), pool.n_nodes, 0) >= 0:
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
        if bitset.next_from(f.words, set_of(pool, OPEN, level), pool.n_nodes, 0) >= 0:
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
def _find_domains(f, pool, k, family, first, last):
    """Of [first, last) whole domains, then the remainder in the domain that has fewest idle nodes but enough."""
    size = pool.nodes_per_domain
    whole, rest = k // size, k % size
    count = 0
    full = _domain_set_of(pool, family, size)
    d = first - 1
    for _ in range(whole):
        d = bitset.next_from(f.words, full, pool.n_domains, d + 1)
        if d < 0 or d >= last:
            return False
        count = _pick_in_domain(f, pool, d, count + size, count, family)
    if rest == 0:
        return True
    for level in range(rest, size + 1):
        after = d + 1 if level == size else first  # the wholly idle ones up to d are taken
        e = bitset.next_from(f.words, _domain_set_of(pool, family, level), pool.n_domains, after)
        if 0 <= e < last:
            return _pick_in_domain(f, pool, e, k, count, family) == k
    return False


@inner
def _find_tight(f, pool, k, family):
    """The domains of the first pod that has room, or of the pool if no pod is large enough."""
    per_pod = pool.domains_per_pod
    if pool.n_pods == 1 or k > per_pod * pool.nodes_per_domain:
        return _find_domains(f, pool, k, family, 0, pool.n_domains)
    for first in range(0, pool.n_domains, per_pod):
        if _find_domains(f, pool, k, family, first, min(first + per_pod, pool.n_domains)):
            return True
    return False


@inner
def _find_in_pod(f, pool, k, family):
    """Any idle nodes of one pod, that with the fewest but enough."""
    per_pod = pool.domains_per_pod
    best, least = NONE, 0
    for first in range(0, pool.n_domains, per_pod):
        idle = 0
        for d in range(first, min(first + per_pod, pool.n_domains)):
            idle += f.domain_idle[pool.first_domain + d, family]
        if idle >= k and (best == NONE or idle < least):
            best, least = first, idle
    if best == NONE:
        return False
    count = 0
    for d in range(best, min(best + per_pod, pool.n_domains)):
        count = _pick_in_domain(f, pool, d, k, count, family)
    return count == k


@inner
def _find_near(f, pool, k, family, anywhere):
    """Nodes as near to each other as a gang demands, or as they are to be had."""
    if not anywhere or f.scheduling[0].topology != _UNCONSTRAINED:
        if pool.idle_open >= k and _find_tight(f, pool, k, OPEN):
            return True
        if family == ALL and pool.idle_all > pool.idle_open and _find_tight(f, pool, k, ALL):
            return True
    if not anywhere or pool.n_pods == 1 or f.scheduling[0].topology == _UNCONSTRAINED:
        return False
    return _find_in_pod(f, pool, k, OPEN) or (family == ALL and _find_in_pod(f, pool, k, ALL))


@inner
def find_gang(f, p, k, family, anywhere):
    """Whether k wholly idle nodes are there for a gang; writes them to ``picked``.

    In family ALL nodes outside the reservation come first. ``anywhere``: if need be, any nodes do.
    """
    pool = f.pools[p]
    if (pool.idle_open if family == OPEN else pool.idle_all) < k:
        return False
    if is_divided(pool):
        if _find_near(f, pool, k, family, anywhere):
            return True
        if not anywhere:
            return False
    size = pool.gpus_per_node
    count = _pick_from_set(f, pool, set_of(pool, OPEN, size), k, 0)
    if count < k and family == ALL:
        count = _pick_from_set(f, pool, set_of(pool, ALL, size), k, count)
    return count == k


@inner
def place(f, p, gpus, family, anywhere):
    """Whether a job of ``gpus`` fits now; its nodes (global indices) are then the first of ``picked``.

    In family ALL nodes outside the reservation come first. ``anywhere``: a gang's nodes need not be near each other.
    """
    pool = f.pools[p]
    size = pool.gpus_per_node
    if gpus > size:
        return find_gang(f, p, n_nodes(f.pools[p], gpus), family, anywhere)
    f.picked[0] = find_node(f, p, NONE, gpus, family)
    return f.picked[0] != NONE

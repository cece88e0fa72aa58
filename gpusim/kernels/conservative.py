"""Conservative backfill: when and where each waiting job can start at the earliest, all jobs before it being served.

Each node that is on has a timeline: a chain of slots, each with the GPUs free from its time to the next slot's.
Running jobs and the reservations of a pass are taken off it. Reservations are made anew at every pass.
"""

from __future__ import annotations

import math

from gpusim.kernels import heap
from gpusim.kernels._jit import inner
from gpusim.kernels.reservation import OVERDUE_S, expected_end
from gpusim.kernels.running import expected_wall_time
from gpusim.state import NONE, ON, Placement

_FIRST_FIT, _SPREAD = int(Placement.FIRST_FIT), int(Placement.SPREAD)


@inner
def window(f, j, p):
    """[s] for which the job books its GPUs: its expected wall time, but at least until the next look."""
    return max(expected_wall_time(f, j, p), OVERDUE_S)


@inner
def _new_slot(f, time_s, free, following):
    clock = f.clock[0]
    i = clock.n_slots
    clock.n_slots += 1
    f.slots[i].time_s, f.slots[i].free, f.slots[i].next = time_s, free, following
    return i


@inner
def _split(f, n, time_s):
    """The slot of node ``n`` that begins at ``time_s``, made if there is none."""
    i = f.nodes[n].first_slot
    while f.slots[i].next != NONE and f.slots[f.slots[i].next].time_s <= time_s:
        i = f.slots[i].next
    if f.slots[i].time_s == time_s:
        return i
    following = _new_slot(f, time_s, f.slots[i].free, f.slots[i].next)
    f.slots[i].next = following
    return following


@inner
def _book(f, n, begin_s, end_s, gpus):
    """Take GPUs off the timeline of a node; at most two slots are made."""
    i = _split(f, n, begin_s)
    stop = _split(f, n, end_s) if end_s < math.inf else NONE
    while i != stop:
        f.slots[i].free -= gpus
        i = f.slots[i].next


@inner
def slots_needed(f, p):
    """Slots that a pass over the pool can need at the most: two for each node that a job holds or books."""
    pool = f.pools[p]
    size = pool.gpus_per_node
    return pool.n_nodes * (2 * size + 1) + 2 * (pool.queued + (pool.queued_gpus + pool.busy) // size)


@inner
def lay_out(f, p, now):
    """Timelines of the pool's nodes with its running jobs."""
    pool, clock = f.pools[p], f.clock[0]
    clock.n_slots = 0
    size = pool.gpus_per_node
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        node = f.nodes[n]
        if node.state != ON:
            continue
        node.first_slot = _new_slot(f, now, size, NONE)
        j = node.first_job
        while j != NONE:
            _book(f, n, now, expected_end(f, j, now), min(f.jobs[j].gpus, size))
            j = f.jobs[j].next_on_node


@inner
def reserve_slots(f, p, k, gpus, begin_s, span_s):
    """Book the first ``k`` nodes of ``picked`` for a job."""
    take = min(gpus, f.pools[p].gpus_per_node)
    for i in range(k):
        _book(f, f.picked[i], begin_s, begin_s + span_s, take)


@inner
def _earliest_on(f, n, need, span_s, from_s):
    """First time >= from_s from which ``need`` GPUs of the node are free for ``span_s``, and the least free then."""
    begin_s, least = math.inf, 0
    i = f.nodes[n].first_slot
    while i != NONE:
        slot = f.slots[i]
        ends_s = f.slots[slot.next].time_s if slot.next != NONE else math.inf
        if slot.free < need:
            begin_s = math.inf
        elif ends_s > from_s:
            if begin_s == math.inf:
                begin_s, least = max(slot.time_s, from_s), slot.free
            least = min(least, slot.free)
            if ends_s >= begin_s + span_s:
                return begin_s, least
        i = slot.next
    return math.inf, 0


@inner
def _better(rule, least, best_least):
    if rule == _FIRST_FIT:
        return False
    return least > best_least if rule == _SPREAD else least < best_least


@inner
def _find_one(f, p, need, span_s, now):
    """Earliest start of a job of one node; the node, by the placement rule, into ``picked``."""
    pool, rule = f.pools[p], f.clock[0].placement
    best_s, best_least = math.inf, 0
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        if f.nodes[n].state != ON:
            continue
        when_s, least = _earliest_on(f, n, need, span_s, now)
        if when_s < best_s or (when_s == best_s and when_s < math.inf and _better(rule, least, best_least)):
            best_s, best_least = when_s, least
            f.picked[0] = n
    return best_s


@inner
def _collect(f, p, span_s, from_s):
    """Heap (scratch) of the nodes by the first time >= from_s from which they are wholly free; how many."""
    pool, count = f.pools[p], 0
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        if f.nodes[n].state == ON:
            when_s, _least = _earliest_on(f, n, pool.gpus_per_node, span_s, from_s)
            f.nodes[n].idle_s = when_s
            if when_s < math.inf:
                heap.push(f.scratch_keys, f.scratch_ids, f.scratch_pos, 0, count, when_s, n)
                count += 1
    return count


@inner
def _kth_time(f, k, count):
    """Time of the k-th node of the heap, which is emptied down to it."""
    for i in range(k - 1):
        heap.discard(f.scratch_keys, f.scratch_ids, f.scratch_pos, 0, count - i, f.scratch_ids[0])
    return f.scratch_keys[0]


@inner
def _pick_idle(f, first, last, wanted, count, at_s):
    """Lowest nodes of a range that are wholly free from ``at_s`` on, behind the ``count`` already in ``picked``."""
    for n in range(first, last):
        if count == wanted:
            break
        if f.nodes[n].state == ON and f.nodes[n].idle_s == at_s:
            f.picked[count] = n
            count += 1
    return count


@inner
def _idle_in_domain(f, first, last, at_s):
    idle = 0
    for n in range(first, last):
        if f.nodes[n].state == ON and f.nodes[n].idle_s == at_s:
            idle += 1
    return idle


@inner
def _pick_domains(f, p, k, at_s):
    """The placement rule of gangs in domains, over the nodes that are wholly free from ``at_s`` on."""
    pool = f.pools[p]
    size, end = pool.nodes_per_domain, pool.first_node + pool.n_nodes
    whole, rest = k // size, k % size
    count, taken = 0, 0
    tightest, fewest = NONE, size + 1
    for d in range(pool.n_domains):
        first = pool.first_node + d * size
        last = min(first + size, end)
        idle = _idle_in_domain(f, first, last, at_s)
        if idle == size and taken < whole:
            count = _pick_idle(f, first, last, count + size, count, at_s)
            taken += 1
        elif rest <= idle < fewest:
            tightest, fewest = first, idle
    if taken < whole:
        return False
    if rest > 0:
        if tightest == NONE:
            return False
        count = _pick_idle(f, tightest, min(tightest + size, end), k, count, at_s)
    return count == k


@inner
def _find_gang(f, p, k, span_s, now):
    """Earliest start of a gang of ``k`` whole nodes; these into ``picked``."""
    pool = f.pools[p]
    at_s = now
    while True:
        count = _collect(f, p, span_s, at_s)
        if count < k:
            return math.inf
        kth_s = _kth_time(f, k, count)
        if kth_s > at_s:
            at_s = kth_s  # before it too few nodes are free for long enough
            continue
        if pool.nodes_per_domain == 1:
            _pick_idle(f, pool.first_node, pool.first_node + pool.n_nodes, k, 0, at_s)
            return at_s
        if _pick_domains(f, p, k, at_s):
            return at_s
        later_s = math.inf
        for n in range(pool.first_node, pool.first_node + pool.n_nodes):
            if f.nodes[n].state == ON:
                later_s = min(later_s, _next_opening(f, n, at_s))
        if later_s == math.inf:
            return math.inf
        at_s = later_s


@inner
def _next_opening(f, n, after_s):
    """First time > after_s at which more of the node comes free."""
    i = f.nodes[n].first_slot
    while f.slots[i].next != NONE:
        following = f.slots[i].next
        if f.slots[following].time_s > after_s and f.slots[following].free > f.slots[i].free:
            return f.slots[following].time_s
        i = following
    return math.inf


@inner
def find_start(f, p, gpus, span_s, now):
    """Earliest start [s] of a job beside all that is booked, inf if never; its nodes into ``picked``."""
    size = f.pools[p].gpus_per_node
    if gpus <= size:
        return _find_one(f, p, gpus, span_s, now)
    return _find_gang(f, p, (gpus + size - 1) // size, span_s, now)

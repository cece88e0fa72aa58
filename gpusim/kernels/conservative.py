"""Conservative backfill: when and where a waiting job can start at the earliest, beside all that is claimed.

Every job has a reservation as it arrives, and nobody later delays it: Mu'alem and Feitelson (2001), Utilization,
predictability, workloads, and user runtime estimates in scheduling the IBM SP2 with backfilling, IEEE TPDS 12(6).

A job of k nodes with g GPUs on each, power w and window l starts at the least t from now on with free(u) >= g on the
same k nodes, >= w at its site and >= g k in its quota for all u in [t, t + l). Such a t is now, or a time at which
something comes free (docs/semantics.md).

Writes: nodes, picked, scratch_ids, scratch_keys, scratch_pos.
Reads: clock, jobs, plans, pools, scheduling, sites.
Units: s, µW, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels import heap
from gpusim.kernels._jit import inner
from gpusim.kernels.budgets import power_line, quota_line
from gpusim.kernels.floors import earliest_on, floor_class
from gpusim.kernels.gang import n_nodes
from gpusim.kernels.gaps import earliest, extremes, next_opening
from gpusim.kernels.placement import ALL, place
from gpusim.kernels.state.codes import NONE, ON, Placement

_FIRST_FIT, _SPREAD = int(Placement.FIRST_FIT), int(Placement.SPREAD)


@inner
def better(rule, least, best_least):
    """Whether the placement rule prefers a node by the least number of GPUs that are free on it."""
    if rule == _FIRST_FIT:
        return False
    return least > best_least if rule == _SPREAD else least < best_least


@inner
def _find_one(f, p, floor, need, span_s, from_s, last_s):
    """Earliest start of a job of one node; the node, by the placement rule, into ``picked``."""
    pool, rule = f.pools[p], f.scheduling[0].placement
    best_s, best_least = math.inf, 0
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        if f.nodes[n].state != ON:
            continue
        when_s = earliest_on(f, n, floor, need, span_s, from_s, min(best_s, last_s))
        if when_s == math.inf or (when_s == best_s and rule == _FIRST_FIT):
            continue
        least = 0
        if rule != _FIRST_FIT:
            least, _most = extremes(f, n, when_s, when_s + span_s)
        if when_s < best_s or better(rule, least, best_least):
            best_s, best_least = when_s, least
            f.picked[0] = n
    return best_s


@inner
def _look_again(f, p, span_s, before_s, at_s, last_s):
    """First times in [at, last] from which the nodes are wholly free, where they are known from ``before_s`` on."""
    pool = f.pools[p]
    size = pool.gpus_per_node
    floor = floor_class(size, span_s)
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        if f.nodes[n].state == ON and (before_s == -math.inf or f.nodes[n].idle_s < at_s):
            f.nodes[n].idle_s = earliest_on(f, n, floor, size, span_s, at_s, last_s)


@inner
def _kth_time(f, p, k, at_s):
    """The k-th least of the nodes' times, of which none is before ``at_s``; inf if there are fewer."""
    if _idle_in_range(f, f.pools[p].first_node, f.pools[p].first_node + f.pools[p].n_nodes, at_s) >= k:
        return at_s
    pool, count = f.pools[p], 0
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        if f.nodes[n].state == ON and f.nodes[n].idle_s < math.inf:
            heap.push(f.scratch_keys, f.scratch_ids, f.scratch_pos, 0, count, f.nodes[n].idle_s, n)
            count += 1
    if count < k:
        return math.inf
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
def _idle_in_range(f, first, last, at_s):
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
        idle = _idle_in_range(f, first, last, at_s)
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
def _find_gang(f, p, k, span_s, from_s, last_s):
    """Earliest start of a gang of ``k`` whole nodes; these into ``picked``."""
    pool = f.pools[p]
    at_s, before_s = from_s, -math.inf
    while at_s <= last_s:
        _look_again(f, p, span_s, before_s, at_s, last_s)
        before_s = at_s
        kth_s = _kth_time(f, p, k, at_s)
        if kth_s == math.inf:
            return math.inf
        if kth_s > at_s:
            at_s = kth_s  # before it too few nodes are free for long enough
            continue
        if pool.nodes_per_domain == 1:
            _pick_idle(f, pool.first_node, pool.first_node + pool.n_nodes, k, 0, at_s)
            return at_s
        if _pick_domains(f, p, k, at_s):
            return at_s
        at_s = _next_opening_of_any(f, p, at_s)
        if at_s == math.inf:
            return math.inf
    return math.inf


@inner
def _next_opening_of_any(f, p, after_s):
    pool, soonest_s = f.pools[p], math.inf
    for n in range(pool.first_node, pool.first_node + pool.n_nodes):
        if f.nodes[n].state == ON:
            soonest_s = min(soonest_s, next_opening(f, n, after_s))
    return soonest_s


@inner
def budgets_from(f, j, p, from_s, last_s):
    """First time in [from, last] from which power and quota last for the job's window; inf if there is none."""
    pool, plan = f.pools[p], f.plans[j]
    at_s = from_s
    while at_s <= last_s:
        later_s = at_s
        if f.sites[pool.site].metered != 0:
            later_s = earliest(f, power_line(f, pool.site), plan.power, plan.window_s, at_s, last_s)
        if f.scheduling[0].quotas != 0 and later_s < math.inf:
            line = quota_line(f, f.jobs[j].tenant, pool.gpu_type)
            later_s = earliest(f, line, f.jobs[j].held, plan.window_s, later_s, last_s)
        if later_s == at_s or later_s == math.inf:
            return later_s
        at_s = later_s
    return math.inf


@inner
def _on_a_cycle(f, time_s):
    """The first cycle at or after a time, if there are cycles."""
    cycle_s = f.scheduling[0].cycle_s
    if cycle_s <= 0.0:
        return time_s
    k = math.floor(time_s / cycle_s)
    while k * cycle_s < time_s:
        k += 1
    return k * cycle_s


@inner
def starts_now(f, j, p, now):
    """Whether a job can start now where nobody has a reservation: then no node has fewer GPUs free later than now."""
    pool, plan = f.pools[p], f.plans[j]
    if f.jobs[j].held > pool.free or budgets_from(f, j, p, now, now) != now:
        return False
    return place(f, p, plan.gpus, ALL, False)


@inner
def find_start(f, j, p, from_s, last_s):
    """Earliest start in [from, last] beside all that is claimed, inf if there is none; its nodes into ``picked``."""
    gpus, span_s, size = f.plans[j].gpus, f.plans[j].window_s, f.pools[p].gpus_per_node
    if from_s == f.clock[0].now_s and f.pools[p].n_reserved == 0 and starts_now(f, j, p, from_s):
        return from_s
    at_s = from_s
    while at_s <= last_s:
        begin_s = budgets_from(f, j, p, _on_a_cycle(f, at_s), last_s)
        if begin_s == math.inf:
            return math.inf
        if gpus <= size:
            at_s = _find_one(f, p, f.plans[j].floor, gpus, span_s, begin_s, last_s)
        else:
            at_s = _find_gang(f, p, n_nodes(f.pools[p], gpus), span_s, begin_s, last_s)
        if at_s == math.inf or (at_s == begin_s and _on_a_cycle(f, at_s) == at_s):
            return at_s
    return math.inf

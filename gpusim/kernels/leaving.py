"""Who leaves a site that could draw too much: when its limit falls, or for a replica that lacks power there.

Writes: nothing.
Reads: clock, heap_ids, holdings, jobs, pools, sites.
Units: s, W.
"""

from __future__ import annotations

from gpusim.kernels import heap
from gpusim.kernels._jit import inner
from gpusim.kernels.limit import fits_limit
from gpusim.kernels.preemption import evict
from gpusim.kernels.state.capacity import NEVER
from gpusim.kernels.state.codes import NONE, Capping

_PREEMPT, _PRIORITY = int(Capping.PREEMPT), int(Capping.PRIORITY)


@inner
def _yields(f, h, s, priority):
    """Whether a running job of site ``s`` leaves for a priority; for NEVER, the limit itself, each does."""
    holding = f.holdings[h]
    if f.pools[holding.pool].site != s:
        return False
    return priority == NEVER or (holding.yields_to < priority and holding.counted_w > 0.0)


@inner
def first_to_leave(f, s, priority):
    """Of the running jobs that yield to a priority, the one that the site's rule has evicted first, or NONE."""
    first = NONE
    for i in range(f.clock[0].n_ends):
        h = heap.row_of(f.heap_ids[i])
        if _yields(f, h, s, priority) and (first == NONE or _leaves_before(f, f.holdings[h].owner, first, s)):
            first = f.holdings[h].owner
    return first


@inner
def _leaves_before(f, j, k, s):
    """Whether job ``j`` is evicted before ``k``: of lower priority where that counts, or started later."""
    one, other, capping = f.jobs[j], f.jobs[k], f.sites[s].capping
    if (capping == _PREEMPT or capping == _PRIORITY) and one.priority != other.priority:
        return one.priority < other.priority
    return one.start_s > other.start_s or (one.start_s == other.start_s and j > k)


@inner
def could_have_power(f, s, w, priority):
    """Whether ``w`` more would fit the site's limit, if need be without all jobs that yield to a priority."""
    if fits_limit(f, s, w):
        return True
    freed_w = 0.0
    for i in range(f.clock[0].n_ends):
        h = heap.row_of(f.heap_ids[i])
        if _yields(f, h, s, priority):
            freed_w += f.holdings[h].counted_w
    return fits_limit(f, s, w - freed_w)


@inner
def make_power(f, s, w, priority, now):
    """Evict jobs that yield to a priority, in the order of the site's rule, until ``w`` more fit its limit."""
    while not fits_limit(f, s, w):
        first = first_to_leave(f, s, priority)
        if first == NONE:
            break
        evict(f, first, now)

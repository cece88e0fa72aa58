"""Who leaves, and where to: a job goes back to its queue, a replica to its service. Nobody else asks which it is.

Those leave whose nodes go, and those of a site that could draw too much: when its limit falls, or for a replica that
lacks power there.

Writes: by what it calls.
Reads: clock, holdings, pools, sites.
Units: s, W.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.limit import fits_limit
from gpusim.kernels.preemption import evict, evict_all_of
from gpusim.kernels.serving.replicas import stop_replica
from gpusim.kernels.state.capacity import NEVER
from gpusim.kernels.state.codes import NONE, Capping, Owner

_JOB, _HOST, _REPLICA = int(Owner.JOB), int(Owner.HOST), int(Owner.REPLICA)
_PREEMPT, _PRIORITY = int(Capping.PREEMPT), int(Capping.PRIORITY)


@inner
def vacate(f, v, h, now):
    """The owner of a holding leaves: the job, the replica, or all jobs that share the GPU."""
    kind, owner = f.holdings[h].kind, f.holdings[h].owner
    if kind == _REPLICA:
        stop_replica(f, v, owner, now)
    elif kind == _JOB:
        evict(f, owner, now)
    else:
        evict_all_of(f, h, now)


@inner
def _yields(f, h, s, priority):
    """Whether a holding at site ``s`` leaves for a priority; for NEVER, the limit itself, each does."""
    holding = f.holdings[h]
    if holding.pool == NONE or f.pools[holding.pool].site != s or holding.kind == _HOST:
        return False
    return priority == NEVER or (holding.yields_to < priority and holding.counted_w > 0.0)


@inner
def first_to_leave(f, s, priority):
    """Of the holdings that yield to a priority, the one that the site's rule has leave first, or NONE."""
    first = NONE
    for h in range(f.clock[0].n_holdings):
        if _yields(f, h, s, priority) and (first == NONE or _leaves_before(f, h, first, s)):
            first = h
    return first


@inner
def _leaves_before(f, h, k, s):
    """Whether one leaves before another: jobs before replicas, and of these the last before those before it.

    Of jobs those of lower priority, where that counts, then those that started later.
    """
    one, other, capping = f.holdings[h], f.holdings[k], f.sites[s].capping
    if one.kind != other.kind:
        return one.kind == _JOB
    if one.kind == _REPLICA:
        return one.order > other.order
    if (capping == _PREEMPT or capping == _PRIORITY) and one.priority != other.priority:
        return one.priority < other.priority
    return one.since_s > other.since_s or (one.since_s == other.since_s and one.order > other.order)


@inner
def could_have_power(f, s, w, priority):
    """Whether ``w`` more would fit the site's limit, if need be without all that yield to a priority."""
    if fits_limit(f, s, w):
        return True
    freed_w = 0.0
    for h in range(f.clock[0].n_holdings):
        if _yields(f, h, s, priority):
            freed_w += f.holdings[h].counted_w
    return fits_limit(f, s, w - freed_w)


@inner
def make_power(f, v, s, w, priority, now):
    """Have those leave that yield to a priority, in the order of the site's rule, until ``w`` more fit its limit."""
    while not fits_limit(f, s, w):
        first = first_to_leave(f, s, priority)
        if first == NONE:
            break
        vacate(f, v, first, now)

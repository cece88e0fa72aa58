"""Starts of replicas: what one lacks, and who makes way for it.

Writes: by what it calls.
Reads: pools, replicas.
Units: W, GPUs.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.lacking import lacks
from gpusim.kernels.leaving import could_have_power, make_power
from gpusim.kernels.limit import fits_limit
from gpusim.kernels.placement import ALL, place
from gpusim.kernels.preemption import make_room
from gpusim.kernels.serving.replicas import begin, most_w
from gpusim.kernels.state.codes import FOR_POWER, NONE, Wait

_QUOTA = int(Wait.QUOTA)


@inner
def _lacks(f, v, r, p):
    replica = v.replicas[r]
    return lacks(f, p, NONE, replica.gpus, replica.tenant, most_w(f, v, r, p), ALL)


@kernel
def replica_lacks(f, v, r, p):
    """What keeps replica ``r`` from starting in pool ``p`` without an eviction, or NONE."""
    return _lacks(f, v, r, p)


@inner
def _make_way(f, v, r, p, lack, now):
    """Evict who yields to replica ``r`` for the nodes, then for the power that it lacks; whether it can start.

    False, and nobody evicted, if it never could.
    """
    replica, s, more_w = v.replicas[r], f.pools[p].site, most_w(f, v, r, p)
    if lack == _QUOTA or not could_have_power(f, s, more_w, replica.priority):
        return False
    if lack not in FOR_POWER and not make_room(f, p, NONE, replica.gpus, replica.priority, False, now):
        return False
    if fits_limit(f, s, more_w):
        return True
    make_power(f, v, s, more_w, replica.priority, now)
    return place(f, p, replica.gpus, ALL, False)


@kernel
def start_replicas(f, v, first, last, count, p, may_preempt, now):
    """Start ``count`` of the replicas ``first`` to ``last - 1`` that do not run in pool ``p``, until one cannot start.

    What that one lacks, or NONE.
    """
    for r in range(first, last):
        if count == 0:
            break
        if v.replicas[r].holding == NONE:
            lack = _lacks(f, v, r, p)
            if lack != NONE and not (may_preempt and _make_way(f, v, r, p, lack, now)):
                return lack
            begin(f, v, r, p, now)
            count -= 1
    return NONE

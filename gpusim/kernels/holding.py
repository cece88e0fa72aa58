"""The record of who holds GPUs, a job or a replica, from a start to an end.

Writes: clock, holdings, pools.
Units: s, W, GPU/1000, GPUs.
"""

from __future__ import annotations

from gpusim.kernels import heap
from gpusim.kernels._jit import inner, part
from gpusim.kernels.capped import cap_group
from gpusim.kernels.gang import held_gpus
from gpusim.kernels.state.capacity import NEVER
from gpusim.kernels.state.codes import NONE


@part
def begin_holding(f, kind, owner, order, p, gpus, tenant, priority, yields, by_phase, now):
    """Begin the record of who takes GPUs of pool ``p``; its row. Its expected end and what it draws are for the caller.

    ``yields``: it is evicted for owners of a greater priority. ``by_phase``: its group of those capped by phases.
    """
    clock, pool = f.clock[0], f.pools[p]
    h = clock.spare_holding
    if h != NONE:
        clock.spare_holding = f.holdings[h].next_on_node
    else:
        h = clock.n_holdings
        clock.n_holdings += 1
    holding = f.holdings[h]
    holding.kind, holding.owner, holding.order = kind, owner, order
    holding.pool, holding.gpus, holding.tenant, holding.since_s = p, gpus, tenant, now
    holding.priority, holding.yields_to = priority, priority if yields else NEVER
    pool.least_yield = min(pool.least_yield, holding.yields_to)
    holding.held = held_gpus(pool, gpus)
    holding.cap_group = cap_group(f, pool.site, by_phase, priority)
    holding.milli, holding.counted_w = 0, 0.0
    holding.next_on_node = NONE
    return h


@inner
def end_holding(f, h):
    """Its row is for the next one."""
    f.holdings[h].pool = NONE
    f.holdings[h].next_on_node = f.clock[0].spare_holding
    f.clock[0].spare_holding = h


@inner
def member_of(f, h):
    """A holding in the heaps: of those that end at one time, jobs come before replicas, each in their order."""
    return heap.id_of(f.holdings[h].order, h)


@inner
def drawn_by(f, h):
    """[W] that the holding of a job adds to its site's IT power."""
    holding = f.holdings[h]
    return holding.compute_w + holding.communication_w + holding.checkpoint_w

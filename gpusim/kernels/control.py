"""What control processes do to the fleet: capacity, failures, limits, data.

Writes: nodes, pools, sites.
Reads: jobs.
Units: s, W, GPUs.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.by_score import switch_scored
from gpusim.kernels.expecting import on_node_comes, on_node_goes
from gpusim.kernels.feeding import feed_node
from gpusim.kernels.leaving import make_power, vacate
from gpusim.kernels.ledger import settle_pool, settle_site
from gpusim.kernels.limit import look_at_caps
from gpusim.kernels.noting import is_planned, note_node
from gpusim.kernels.placement import enlist, unlist
from gpusim.kernels.queueing import enqueue, stop_awaiting_data
from gpusim.kernels.state.capacity import NEVER
from gpusim.kernels.state.codes import DOWN, NONE, OFF, ON, SPARE, Cause, Phase
from gpusim.kernels.waking import mark_dirty, wake, wake_pools_of, wake_site

_IDLE, _NOT_ENERGISED = int(Phase.IDLE), int(Cause.NOT_ENERGISED)


@inner
def _admit_node(f, p, n):
    """A node without jobs becomes schedulable."""
    pool, node = f.pools[p], f.nodes[n]
    node.state = ON
    node.free = pool.gpus_per_node
    node.spare = pool.gpus_per_node
    node.idle_s = -1.0
    enlist(f, p, n)
    switch_scored(f, n, 1)
    on_node_comes(f, p, n)
    if is_planned(f):
        note_node(f, p, n)
    pool.free += pool.gpus_per_node
    wake(f, p)


@inner
def _clear_node(f, v, p, n, state, now):
    """Evict all that runs on a node and take it out of scheduling."""
    pool, node = f.pools[p], f.nodes[n]
    while node.first_holding != NONE:
        vacate(f, v, node.first_holding, now)
    unlist(f, p, n)
    node.state = state
    switch_scored(f, n, 0)
    on_node_goes(f, p, n)
    if is_planned(f):
        note_node(f, p, n)
    pool.free -= pool.gpus_per_node
    wake(f, p)


@kernel
def set_nodes_on(f, v, p, wanted, now):
    """Switch nodes on or off until ``wanted`` are on (failed ones included).

    On: lowest index first. Off: those without jobs first, then the others; each from the highest index.
    """
    pool = f.pools[p]
    size = pool.gpus_per_node
    settle_pool(f.pools, p, now)
    settle_site(f.sites, pool.site, now)
    change = wanted - pool.energised // size
    first, last = pool.first_node, pool.first_node + pool.n_nodes
    n = first
    while change > 0:
        if f.nodes[n].state == OFF:
            _admit_node(f, p, n)
            _energise(f, p, n, 1)
            change -= 1
        n += 1
    for idle_only in (True, False):
        n = last - 1
        while change < 0 and n >= first:
            if f.nodes[n].state != OFF and (not idle_only or f.nodes[n].first_holding == NONE):
                _switch_off(f, v, p, n, now)
                change += 1
            n -= 1


@inner
def _energise(f, p, n, nodes):
    """Count a node switched on (1) or off (-1), and its idle power."""
    pool = f.pools[p]
    site = f.sites[pool.site]
    pool.energised += nodes * pool.gpus_per_node
    pool.absent[_NOT_ENERGISED] -= nodes * pool.gpus_per_node
    site.phase_w[_IDLE] += nodes * pool.node_idle_w
    site.it_w += nodes * pool.node_idle_w
    if pool.fed != 0:
        feed_node(f, n, nodes * pool.node_idle_w, 0.0)
    look_at_caps(f, pool.site)


@inner
def _switch_off(f, v, p, n, now):
    if f.nodes[n].state == ON:
        _clear_node(f, v, p, n, OFF, now)
    else:
        _uncount(f, p, n)
        f.nodes[n].state = OFF
        wake(f, p)  # whoever waits may wait for something else now
    _energise(f, p, n, -1)
    wake_site(f, f.pools[p].site)


@kernel
def fail_node(f, v, n, cause, now):
    """A node that is on fails, be it a spare: its jobs are evicted, its GPUs absent, for a cause, until its repair."""
    p = f.nodes[n].pool
    if f.nodes[n].state != ON and f.nodes[n].state != SPARE:
        return False
    settle_pool(f.pools, p, now)
    if f.nodes[n].state == ON:
        _clear_node(f, v, p, n, DOWN, now)
    else:
        _uncount(f, p, n)
        f.nodes[n].state = DOWN
        wake(f, p)
    f.nodes[n].absent_for = cause
    f.pools[p].absent[cause] += f.pools[p].gpus_per_node
    return True


@kernel
def repair_node(f, n, now):
    """Bring a failed node back. False if it was not down."""
    p = f.nodes[n].pool
    if f.nodes[n].state != DOWN:
        return False
    settle_pool(f.pools, p, now)
    _uncount(f, p, n)
    _admit_node(f, p, n)
    return True


@inner
def _uncount(f, p, n):
    """A node is about to be no longer down, or no longer a spare."""
    pool, node = f.pools[p], f.nodes[n]
    if node.state == DOWN:
        pool.absent[node.absent_for] -= pool.gpus_per_node
    else:
        pool.spare -= pool.gpus_per_node


@kernel
def set_spares(f, v, p, wanted, now):
    """Set idle nodes aside, or put spares to work, until ``wanted`` are spare, as far as nodes are idle.

    Aside: from the highest index. To work: from the lowest.
    """
    pool = f.pools[p]
    size = pool.gpus_per_node
    settle_pool(f.pools, p, now)
    change = wanted - pool.spare // size
    first, last = pool.first_node, pool.first_node + pool.n_nodes
    n = last - 1
    while change > 0 and n >= first:
        if f.nodes[n].state == ON and f.nodes[n].first_holding == NONE:
            _clear_node(f, v, p, n, SPARE, now)
            pool.spare += size
            change -= 1
        n -= 1
    n = first
    while change < 0 and n < last:
        if f.nodes[n].state == SPARE:
            _uncount(f, p, n)
            _admit_node(f, p, n)
            change += 1
        n += 1


@kernel
def land(f, j, now):
    """The data of job ``j`` have arrived: it joins the queue of its pool."""
    stop_awaiting_data(f, j, now)
    enqueue(f, j, f.jobs[j].pool, now)
    mark_dirty(f, f.jobs[j].pool)


@kernel
def set_limit(f, v, s, grid_w, cap_w, now):
    """Facility power that the site may draw from now on: what its connection gives, or a cap below it.

    While it could draw more at the run's hottest hour, under the deepest caps if it has caps, jobs are evicted, the
    latest started first, or those of the lowest priority; then its last replicas are stopped. What idle nodes draw
    remains.
    """
    settle_site(f.sites, s, now)
    f.sites[s].grid_w = grid_w
    f.sites[s].limit_w = min(grid_w, cap_w)
    look_at_caps(f, s)
    shed(f, v, s, now)
    wake_pools_of(f, s)


@inner
def shed(f, v, s, now):
    """Have who runs there leave, jobs before replicas, while the site could draw more than its limit."""
    make_power(f, v, s, 0.0, NEVER, now)

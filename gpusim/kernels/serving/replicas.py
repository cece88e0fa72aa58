"""Replicas of inference services: what holds GPUs for them, what they draw, and why one cannot start.

Writes: cap_loads, holdings, pools, replicas, sites.
Reads: jobs.
Units: s, W, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.capped import replica_cap_group
from gpusim.kernels.feeding import feed
from gpusim.kernels.gang import held_gpus
from gpusim.kernels.holding import begin_holding
from gpusim.kernels.leaving import could_have_power, make_power
from gpusim.kernels.ledger import settle_pool, settle_site
from gpusim.kernels.limit import allowed_w, caps, fits_limit, look_at_caps, peak_w
from gpusim.kernels.noting import is_planned
from gpusim.kernels.placement import ALL, place
from gpusim.kernels.preemption import make_room
from gpusim.kernels.promise import look_again
from gpusim.kernels.queueing import exceeds_quota
from gpusim.kernels.shortage import shortage
from gpusim.kernels.state.capacity import NEVER
from gpusim.kernels.state.codes import FOR_POWER, NONE, Owner, Phase, Wait
from gpusim.kernels.taking import give_nodes_back, take_nodes
from gpusim.kernels.waking import mark_dirty

_REPLICA, _SERVING = int(Owner.REPLICA), int(Phase.SERVING)
_QUOTA, _POWER = int(Wait.QUOTA), int(Wait.POWER)


@inner
def _full_w(f, v, r, p):
    """[W] above idle that a replica may draw in a pool: as serving does there, or as much as it says."""
    pool, replica = f.pools[p], v.replicas[r]
    return max(pool.serving_w, replica.most_w) * held_gpus(pool, replica.gpus)


@inner
def _most_w(f, v, r, p):
    """The same under the deepest cap of the site."""
    pool, replica = f.pools[p], v.replicas[r]
    yields_w = (1.0 - f.sites[pool.site].floor) * replica.capped_w
    return _full_w(f, v, r, p) - yields_w * held_gpus(pool, replica.gpus)


@inner
def _count_draw(f, v, r, p, sign):
    """Count what a running replica may draw at its site and on its feeders, or count it no longer."""
    pool, replica = f.pools[p], v.replicas[r]
    s = pool.site
    most_w = _most_w(f, v, r, p)
    pool.serving_most_w += sign * most_w
    f.sites[s].serving_room_w += sign * most_w
    if caps(f, s) and replica.capped_w > 0.0:
        capped_w = f.sites[s].floor * replica.capped_w * held_gpus(pool, replica.gpus)
        f.cap_loads[s, replica_cap_group(f, v, r, s)] += sign * capped_w
    if pool.fed != 0:
        feed(f, replica.holding, sign * _full_w(f, v, r, p), 0.0)
    look_at_caps(f, s)


@inner
def _lacks(f, v, r, p):
    """The first of quota, nodes and power, in the order in which jobs look for them, that replica ``r`` lacks."""
    pool, gpus = f.pools[p], v.replicas[r].gpus
    held = held_gpus(pool, gpus)
    if exceeds_quota(f, v.replicas[r].tenant, gpus, p):
        return _QUOTA
    if held > pool.free or not place(f, p, gpus, ALL, False):
        return shortage(pool, held)
    most_w = _most_w(f, v, r, p)
    if fits_limit(f, pool.site, most_w):
        return NONE
    site = f.sites[pool.site]
    return site.cap_wait if peak_w(f, pool.site, most_w) <= allowed_w(site.grid_w) else _POWER


@kernel
def replica_lacks(f, v, r, p):
    """What keeps replica ``r`` from starting in pool ``p`` without an eviction, or NONE."""
    return _lacks(f, v, r, p)


@inner
def _make_way(f, v, r, p, lacks, now):
    """Evict jobs that yield to replica ``r`` for the nodes, then for the power that it lacks; whether it can start.

    False, and nobody evicted, if it never could.
    """
    replica, s, most_w = v.replicas[r], f.pools[p].site, _most_w(f, v, r, p)
    if lacks == _QUOTA or not could_have_power(f, s, most_w, replica.priority):
        return False
    if lacks not in FOR_POWER and not make_room(f, p, NONE, replica.gpus, replica.priority, False, now):
        return False
    if fits_limit(f, s, most_w):
        return True
    make_power(f, s, most_w, replica.priority, now)
    return place(f, p, replica.gpus, ALL, False)


@inner
def _start(f, v, r, p, may_preempt, now):
    """Start replica ``r`` in pool ``p``: NONE if it runs, else what it lacks."""
    replica, pool = v.replicas[r], f.pools[p]
    gpus = replica.gpus
    lacks = _lacks(f, v, r, p)
    if lacks != NONE and not (may_preempt and _make_way(f, v, r, p, lacks, now)):
        return lacks
    settle_pool(f.pools, p, now)
    h = begin_holding(f, _REPLICA, r, len(f.jobs) + r, p, gpus, replica.tenant, NEVER, now)
    f.holdings[h].expected_end_s = math.inf
    replica.holding = h
    take_nodes(f, h)
    if is_planned(f):
        pool.doubt = 1  # no plan was asked
    held = f.holdings[h].held
    pool.serving += held
    _count_draw(f, v, r, p, 1.0)
    mark_dirty(f, p)
    look_again(f, pool.site, now)
    return NONE


@kernel
def start_replicas(f, v, first, last, count, p, may_preempt, now):
    """Start ``count`` of the replicas ``first`` to ``last - 1`` that do not run in pool ``p``, until one cannot start.

    What that one lacks, or NONE.
    """
    for r in range(first, last):
        if count == 0:
            break
        if v.replicas[r].holding == NONE:
            lacks = _start(f, v, r, p, may_preempt, now)
            if lacks != NONE:
                return lacks
            count -= 1
    return NONE


@kernel
def stop_replica(f, v, r, now):
    """Take a replica off its nodes: its pool has the GPUs, its site the power [W]."""
    h = v.replicas[r].holding
    p, held = f.holdings[h].pool, f.holdings[h].held
    settle_pool(f.pools, p, now)
    f.pools[p].serving -= held
    _count_draw(f, v, r, p, -1.0)
    _load(f, p, f.pools[p].serving_busy, _draw(f.pools[p]), now)
    v.replicas[r].holding = NONE
    give_nodes_back(f, h)


@kernel
def stop_replicas(f, v, first, rows, now):
    """Stop replicas, in this order: ``rows`` are places behind ``first``."""
    for row in rows:
        stop_replica(f, v, first + row, now)


@inner
def stop_last_replicas(f, v, s, now):
    """Stop replicas, the last first, while a site could draw more than its limit."""
    r = len(v.replicas) - 1
    while r >= 0 and not fits_limit(f, s, 0.0):
        h = v.replicas[r].holding
        if h != NONE and f.pools[f.holdings[h].pool].site == s:
            stop_replica(f, v, r, now)
        r -= 1


@kernel
def ask_for_replicas(f, p, cause, gpus, now):
    """Replicas that are wanted and do not run ask for ``gpus`` GPUs more (negative: less) from now on, for a cause."""
    settle_pool(f.pools, p, now)
    f.pools[p].missing_gpus += gpus
    f.pools[p].asked[cause] += gpus


@inner
def _draw(pool):
    """What caps leave of what the GPUs that demand fills draw above idle."""
    uncapped_w = pool.serving_busy * pool.serving_w
    return 1.0 - pool.serving_spared_w / uncapped_w if uncapped_w > 0.0 else 1.0


@kernel
def set_serving_load(f, p, busy_gpus, draw, now):
    """GPUs' worth of the pool's replicas that demand fills from now on; power follows.

    ``draw``: what caps leave of what these draw above idle.
    """
    _load(f, p, busy_gpus, draw, now)


@inner
def _load(f, p, busy_gpus, draw, now):
    pool = f.pools[p]
    site = f.sites[pool.site]
    settle_pool(f.pools, p, now)
    settle_site(f.sites, pool.site, now)
    busy_gpus = min(busy_gpus, pool.serving * 1.0)
    change_w = busy_gpus * pool.serving_w * draw - pool.serving_drawn_w
    pool.serving_busy = busy_gpus
    pool.serving_spared_w = busy_gpus * pool.serving_w * (1.0 - draw)
    pool.serving_drawn_w += change_w
    site.phase_w[_SERVING] += change_w
    site.it_w += change_w
    site.serving_room_w -= change_w

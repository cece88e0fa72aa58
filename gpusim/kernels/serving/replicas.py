"""Replicas of inference services: how they hold GPUs, and what they draw, which demand sets and not the replica.

Writes: holdings, pools, replicas, sites.
Reads: jobs.
Units: s, W, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.drawing import count_draw
from gpusim.kernels.gang import held_gpus
from gpusim.kernels.holding import begin_holding
from gpusim.kernels.ledger import settle_pool, settle_site
from gpusim.kernels.noting import is_planned
from gpusim.kernels.promise import look_again
from gpusim.kernels.state.codes import NONE, Owner, Phase
from gpusim.kernels.taking import give_nodes_back, take_nodes
from gpusim.kernels.waking import mark_dirty

_REPLICA, _SERVING = int(Owner.REPLICA), int(Phase.SERVING)


@inner
def _full_w(f, v, r, p):
    """[W] above idle that a replica may draw in a pool: as serving does there, or as much as it says."""
    pool, replica = f.pools[p], v.replicas[r]
    return max(pool.serving_w, replica.most_w) * held_gpus(pool, replica.gpus)


@inner
def most_w(f, v, r, p):
    """The same under the deepest cap of the site."""
    pool, replica = f.pools[p], v.replicas[r]
    yields_w = (1.0 - f.sites[pool.site].floor) * replica.capped_w
    return _full_w(f, v, r, p) - yields_w * held_gpus(pool, replica.gpus)


@inner
def _count(f, v, r, p, sign):
    """Count what a running replica may draw, or count it no longer."""
    pool, replica = f.pools[p], v.replicas[r]
    site = f.sites[pool.site]
    most = most_w(f, v, r, p)
    pool.serving_most_w += sign * most
    site.serving_headroom_w += sign * most
    capped_w = site.floor * replica.capped_w * held_gpus(pool, replica.gpus)
    count_draw(f, replica.holding, sign, capped_w, 0.0, _full_w(f, v, r, p))


@inner
def begin(f, v, r, p, now):
    """Replica ``r`` takes the nodes in ``picked``."""
    replica, pool = v.replicas[r], f.pools[p]
    settle_pool(f.pools, p, now)
    order, group = len(f.jobs) + r, replica.cap_group
    h = begin_holding(f, _REPLICA, r, order, p, replica.gpus, replica.tenant, replica.priority, False, group, now)
    f.holdings[h].expected_end_s = math.inf
    replica.holding = h
    take_nodes(f, h)
    if is_planned(f):
        pool.doubt = 1  # no plan was asked
    pool.serving += f.holdings[h].held
    _count(f, v, r, p, 1.0)
    mark_dirty(f, p)
    look_again(f, pool.site, now)


@kernel
def stop_replica(f, v, r, now):
    """Take a replica off its nodes: its pool has the GPUs, its site the power [W]."""
    h = v.replicas[r].holding
    p, held = f.holdings[h].pool, f.holdings[h].held
    settle_pool(f.pools, p, now)
    f.pools[p].serving -= held
    _count(f, v, r, p, -1.0)
    _load(f, p, f.pools[p].serving_busy, _draw(f.pools[p]), now)
    v.replicas[r].holding = NONE
    give_nodes_back(f, h)


@kernel
def stop_replicas(f, v, first, rows, now):
    """Stop replicas, in this order: ``rows`` are places behind ``first``."""
    for row in rows:
        stop_replica(f, v, first + row, now)


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
    site.serving_headroom_w -= change_w

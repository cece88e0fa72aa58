"""Nodes taken at a start and given back at an end, by a job or a replica, which nothing here needs to know.

Writes: held, holdings, nodes, pools.
Reads: picked.
Units: GPUs.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, part
from gpusim.kernels.expecting import on_give, on_give_node, on_move, on_take, on_take_node
from gpusim.kernels.gang import n_nodes, on_node
from gpusim.kernels.holding import end_holding
from gpusim.kernels.noting import is_planned, note_run
from gpusim.kernels.placement import enlist, unlist
from gpusim.kernels.state.codes import NONE
from gpusim.kernels.waking import wake


@inner
def _note(f, h, stopped):
    """Plans are told of who runs."""
    if is_planned(f):
        note_run(f, h, stopped)


@inner
def _link(f, h, n):
    node = f.nodes[n]
    if node.first_holding != NONE:
        f.holdings[node.first_holding].previous_on_node = h
    f.holdings[h].next_on_node, f.holdings[h].previous_on_node = node.first_holding, NONE
    node.first_holding = h


@inner
def _unlink(f, h, n):
    following, previous = f.holdings[h].next_on_node, f.holdings[h].previous_on_node
    if following != NONE:
        f.holdings[following].previous_on_node = previous
    if previous != NONE:
        f.holdings[previous].next_on_node = following
    else:
        f.nodes[n].first_holding = following


@part
def take_nodes(f, h):
    """Give a holding the nodes in ``picked``."""
    holding = f.holdings[h]
    p = holding.pool
    pool = f.pools[p]
    k, take = n_nodes(pool, holding.gpus), on_node(pool, holding.gpus)
    holding.first_node = f.picked[0]
    for i in range(k):
        n = f.picked[i]
        node = f.nodes[n]
        unlist(f, p, n)
        on_take_node(f, h, n, take)
        node.free -= take
        enlist(f, p, n)
        node.next_held = f.picked[i + 1] if i + 1 < k else NONE
        if k == 1:
            _link(f, h, n)
        else:
            node.first_holding = h
    pool.free -= holding.held
    f.held[holding.tenant, pool.gpu_type] += holding.held
    on_take(f, h)
    _note(f, h, False)


@part
def give_nodes_back(f, h):
    """A holding is over: its nodes are free."""
    holding = f.holdings[h]
    p = holding.pool
    pool = f.pools[p]
    take = on_node(pool, holding.gpus)
    _note(f, h, True)
    n = holding.first_node
    while n != NONE:
        node = f.nodes[n]
        following = node.next_held
        unlist(f, p, n)
        node.free += take
        enlist(f, p, n)
        node.next_held = NONE
        if holding.gpus <= pool.gpus_per_node:
            _unlink(f, h, n)
        else:
            node.first_holding = NONE
        on_give_node(f, h, n)
        n = following
    pool.free += holding.held
    f.held[holding.tenant, pool.gpu_type] -= holding.held
    wake(f, p)
    on_give(f, h)
    end_holding(f, h)


@inner
def keep_longer(f, h):
    """The expected end of a holding has moved: whoever reckons with it is told."""
    _note(f, h, False)
    on_move(f, h)

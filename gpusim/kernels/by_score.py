"""Placement by score in a fleet: the node and the GPU of each job of at most one node, and what jobs hold of GPUs.

The scores are those of ``gpusim pack`` (``kernels/packing``). Nodes kept for a blocked head are for jobs that are over
by then, and for these only where no other node has room.

Writes: clock, gpus_of, host_at, picked, scored_nodes, scores, scratch_ids, shapes, spans.
Reads: gpu_left, holdings, jobs, nodes, pools, request_kind, scheduling, uniforms.
Units: s, MiB, GPU/1000, GPUs.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, part
from gpusim.kernels.cpu_memory import asked
from gpusim.kernels.gang import on_node
from gpusim.kernels.packing.choose import choose_node, has_changed, idle_gpus, move, refresh, shared_gpu
from gpusim.kernels.placement import ALL
from gpusim.kernels.state.codes import NONE, Placement
from gpusim.kernels.state.scored_nodes import WHOLE

_RANDOM = int(Placement.RANDOM)


@inner
def is_scored(f):
    """Whether the placement scores nodes."""
    return f.scheduling[0].placement >= _RANDOM


@inner
def _shape_of(f, j, p):
    """The shape of a job in a pool, with all that it takes there."""
    h = f.request_kind[j] * len(f.pools) + p
    shape, limits = f.shapes[h], f.pools[p].cpu_memory
    if shape.seen == NONE:
        shape.cpu_milli = asked(f, j, p, 0) if limits[0] != 0 else 0
        shape.memory_mib = asked(f, j, p, 1) if limits[1] != 0 else 0
    return h


@inner
def _choose_outside(f, p, h, draw):
    """``choose_node`` as if the nodes kept for a head had no room."""
    row, count = f.shapes[h].row, 0
    n = f.pools[p].first_reserved
    while n != NONE:
        f.scratch_ids[count] = f.scores[row + n]
        f.scores[row + n] = -1
        count, n = count + 1, f.nodes[n].next_reserved
    found = choose_node(f, h, draw)
    count, n = 0, f.pools[p].first_reserved
    while n != NONE:
        f.scores[row + n] = f.scratch_ids[count]
        count, n = count + 1, f.nodes[n].next_reserved
    return found


@part
def find_by_score(f, j, p, family):
    """Whether a job of at most one node fits; its node is then the first of ``picked``, and ``clock`` says the rest.

    Of a job that shares a GPU ``clock.gpu`` is that GPU, ``clock.host`` who shares it already; ``clock.score`` is what
    the node scored.
    """
    clock = f.clock[0]
    clock.host = NONE
    if f.pools[p].free + f.pools[p].n_hosts == 0:
        return False
    h = _shape_of(f, j, p)
    refresh(f, h)
    n = _choose_outside(f, p, h, f.uniforms[j, 0])
    if n == NONE and family == ALL and f.pools[p].first_reserved != NONE:
        n = choose_node(f, h, f.uniforms[j, 0])
    f.picked[0] = n
    if n == NONE:
        return False
    clock.score = f.scores[f.shapes[h].row + n]
    if f.jobs[j].milli != 0:
        clock.gpu = shared_gpu(f, n, f.shapes[h], f.uniforms[j, 1])
        clock.host = f.host_at[n, clock.gpu]
    return True


@inner
def settle_fragments(f, p):
    """Integrate the fragments of a pool up to now: pools are settled before anything changes."""
    span, now = f.spans[p], f.pools[p].settled_s
    span.fragment_s += span.fragment * (now - span.since_s)
    span.since_s = now


@part
def take_scored(f, j, g):
    """A job's holding has its node, and if it shares a GPU its host: it takes what it asked for of its GPUs."""
    holding = f.holdings[g]
    p, n = holding.pool, holding.first_node
    h = _shape_of(f, j, p)
    settle_fragments(f, p)
    if f.jobs[j].milli != 0:
        f.gpus_of[g] = 1 << f.clock[0].gpu
        f.host_at[n, f.clock[0].gpu] = holding.host
        move(f, h, n, f.gpus_of[g], 1)
        return
    while n != NONE:
        f.gpus_of[g] = idle_gpus(f, n, on_node(f.pools[p], holding.gpus))
        move(f, h, n, f.gpus_of[g], 1)
        n = f.nodes[n].next_held


@part
def give_scored(f, j, g):
    """A job's holding is about to end."""
    holding = f.holdings[g]
    p, n = holding.pool, holding.first_node
    h = _shape_of(f, j, p)
    settle_fragments(f, p)
    if f.jobs[j].milli != 0:
        move(f, h, n, f.gpus_of[g], -1)
        at = 0
        while f.gpus_of[g] >> at != 1:
            at += 1
        if f.gpu_left[n, at] == WHOLE:
            f.host_at[n, at] = NONE
        return
    while n != NONE:
        move(f, h, n, f.gpus_of[g], -1)
        n = f.nodes[n].next_held


@inner
def switch_scored(f, n, on):
    """Jobs may start on a node from now on (1), or may not."""
    if is_scored(f):
        settle_fragments(f, f.nodes[n].pool)
        f.scored_nodes[n].on = on
        has_changed(f, n)

"""The nodes that a job or replica holds, from its start to its end."""

from __future__ import annotations

from gpusim.kernels import heap
from gpusim.kernels._jit import inner, part
from gpusim.kernels.gang import n_nodes, on_node
from gpusim.kernels.noting import is_planned, note_run
from gpusim.kernels.placement import enlist, unlist
from gpusim.kernels.waking import wake
from gpusim.state import NONE, Backfill

_EASY = int(Backfill.EASY)


@inner
def _link(f, j, n):
    f.jobs[j].next_on_node = f.nodes[n].first_job
    f.nodes[n].first_job = j


@inner
def _unlink(f, j, n):
    i = f.nodes[n].first_job
    if i == j:
        f.nodes[n].first_job = f.jobs[j].next_on_node
    else:
        while f.jobs[i].next_on_node != j:
            i = f.jobs[i].next_on_node
        f.jobs[i].next_on_node = f.jobs[j].next_on_node
    f.jobs[j].next_on_node = NONE


@inner
def _rekey_idle(f, p, n, idle_s):
    pool, node = f.pools[p], f.nodes[n]
    if idle_s != node.idle_s:
        node.idle_s = idle_s
        heap.rekey(f.heap_keys, f.heap_ids, f.idle_pos, pool.idle_base, pool.n_idle_heap, idle_s, n)


@inner
def _idle_from(f, n):
    """[s] When the last job of a node is expected to end."""
    idle_s = -1.0
    i = f.nodes[n].first_job
    while i != NONE:
        idle_s = max(idle_s, f.jobs[i].expected_end_s)
        i = f.jobs[i].next_on_node
    return idle_s


@part
def take_nodes(f, j, p):
    """Give job ``j`` the nodes in ``picked``."""
    job, pool = f.jobs[j], f.pools[p]
    k, take = n_nodes(pool, job.gpus), on_node(pool, job.gpus)
    easy = f.rules[0].backfill == _EASY
    job.held = take * k
    job.first_node = f.picked[0]
    for i in range(k):
        n = f.picked[i]
        node = f.nodes[n]
        unlist(f, p, n)
        open_before = min(node.free, node.spare)
        node.free -= take
        if node.reserved != 0 and job.expected_end_s > pool.shadow_s:
            if open_before >= take:
                node.spare -= take
            else:
                pool.unsettled = 1  # a replica takes what was kept for the head
        enlist(f, p, n)
        node.next_held = f.picked[i + 1] if i + 1 < k else NONE
        if k == 1:
            _link(f, j, n)
        else:
            node.first_job = j
        if easy:
            _rekey_idle(f, p, n, max(node.idle_s, job.expected_end_s))
    pool.free -= job.held
    f.held[job.tenant, pool.gpu_type] += job.held
    if easy:
        heap.push(f.heap_keys, f.heap_ids, f.release_pos, pool.release_base, pool.n_releases, job.expected_end_s, j)
        pool.n_releases += 1
    elif is_planned(f):
        note_run(f, j, False)


@part
def give_nodes_back(f, j, p):
    job, pool = f.jobs[j], f.pools[p]
    take = on_node(pool, job.gpus)
    easy = f.rules[0].backfill == _EASY
    if is_planned(f):
        note_run(f, j, True)
    n = job.first_node
    while n != NONE:
        node = f.nodes[n]
        following = node.next_held
        unlist(f, p, n)
        node.free += take
        enlist(f, p, n)
        node.next_held = NONE
        if job.gpus <= pool.gpus_per_node:
            _unlink(f, j, n)
        else:
            node.first_job = NONE
        if easy:
            idle_s = _idle_from(f, n)
            _rekey_idle(f, p, n, idle_s)
            # A node that is neither reserved nor idle before the shadow time would not be reserved either.
            if node.reserved != 0 or idle_s <= pool.shadow_s or pool.reserved_whole == 0:
                pool.unsettled = 1
        n = following
    job.first_node = NONE
    pool.free += job.held
    f.held[job.tenant, pool.gpu_type] -= job.held
    wake(f, p)
    if easy:
        heap.discard(f.heap_keys, f.heap_ids, f.release_pos, pool.release_base, pool.n_releases, j)
        pool.n_releases -= 1


@inner
def keep_longer(f, j, p):
    """The expected end of a job that holds nodes has moved: whoever reckons with it is told."""
    job, pool = f.jobs[j], f.pools[p]
    if is_planned(f):
        note_run(f, j, False)
    if f.rules[0].backfill != _EASY:
        return
    heap.rekey(f.heap_keys, f.heap_ids, f.release_pos, pool.release_base, pool.n_releases, job.expected_end_s, j)
    n = job.first_node
    while n != NONE:
        _rekey_idle(f, p, n, _idle_from(f, n))
        n = f.nodes[n].next_held
    pool.unsettled = 1

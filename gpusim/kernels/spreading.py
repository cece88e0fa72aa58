"""Gangs whose nodes are apart: when any nodes do for them, and how much slower they go there.

A gang's exchange of data takes as long as the slowest network that it crosses has it: of its NVLink or rack domain, of
its pod, or between pods. Its work is in seconds of the tightest placement that its size allows.

Writes: clock, due_ids, due_keys, due_pos, pools, roams_s.
Reads: classes, jobs, nodes, picked, scheduling.
Units: s, GPUs.
"""

from __future__ import annotations

from gpusim.kernels import heap
from gpusim.kernels._jit import inner
from gpusim.kernels.expecting import expect_anew
from gpusim.kernels.gang import n_nodes
from gpusim.kernels.state.codes import NONE, Locality, Topology
from gpusim.kernels.waking import mark_dirty

_PREFERRED, _UNCONSTRAINED = int(Topology.PREFERRED), int(Topology.UNCONSTRAINED)
_DOMAIN, _POD, _SITE = int(Locality.DOMAIN), int(Locality.POD), int(Locality.SITE)


@inner
def is_divided(pool):
    """Whether it matters to gangs which nodes they get."""
    return pool.nodes_per_domain > 1 or pool.n_pods > 1


@inner
def roams(f, j):
    """Whether any nodes do for a job by now."""
    scheduling = f.scheduling[0]
    if scheduling.topology == _PREFERRED:
        return f.roams_s[j] <= f.clock[0].now_s
    return scheduling.topology == _UNCONSTRAINED


@inner
def tightest(pool, k):
    """The level within which k nodes can be."""
    if k <= pool.nodes_per_domain:
        return _DOMAIN
    return _POD if k <= pool.nodes_per_domain * pool.domains_per_pod else _SITE


@inner
def _rate_on(f, j, p, k, level):
    """Rate of a gang of k nodes that is spread over ``level``, of that in its tightest placement."""
    pool, talking = f.pools[p], f.classes[f.jobs[j].job_class].communication_share
    longer = pool.exchange[level] / pool.exchange[tightest(pool, k)]
    return 1.0 / (1.0 - talking + talking * longer)


@inner
def _level_of_picked(f, pool, k):
    """The level within which the first k nodes in ``picked`` are."""
    first = f.nodes[f.picked[0]].domain
    level = _DOMAIN
    for i in range(1, k):
        domain = f.nodes[f.picked[i]].domain
        if domain // pool.domains_per_pod != first // pool.domains_per_pod:
            return _SITE
        if domain != first:
            level = _POD
    return level


@inner
def rate_apart(f, j, p):
    """Rate at which the nodes in ``picked`` have a job go."""
    pool = f.pools[p]
    k = n_nodes(pool, f.jobs[j].gpus)
    if k == 1 or not is_divided(pool):
        return 1.0
    return _rate_on(f, j, p, k, _level_of_picked(f, pool, k))


@inner
def lie_as_demanded(f, j, p):
    """Whether the nodes in ``picked`` are as near to each other as a job still demands."""
    pool = f.pools[p]
    k = n_nodes(pool, f.jobs[j].gpus)
    return k == 1 or not is_divided(pool) or roams(f, j) or _level_of_picked(f, pool, k) <= tightest(pool, k)


@inner
def slowest_rate(f, j, p):
    """The least rate at which a job may go there, of that in its tightest placement."""
    pool = f.pools[p]
    k = n_nodes(pool, f.jobs[j].gpus)
    if k == 1 or not is_divided(pool) or not roams(f, j):
        return 1.0
    return _rate_on(f, j, p, k, _SITE if pool.n_pods > 1 else _POD)


# Waiting for a tight placement -------------------------------------------------------------------------------------


@inner
def begin_waiting(f, j, p, now):
    """A job joins the queue of a pool: how long it waits for what it prefers."""
    scheduling = f.scheduling[0]
    if scheduling.topology != _PREFERRED:
        return
    f.roams_s[j] = now + scheduling.topology_wait_s
    if scheduling.topology_wait_s > 0.0 and n_nodes(f.pools[p], f.jobs[j].gpus) > 1 and is_divided(f.pools[p]):
        heap.push(f.due_keys, f.due_ids, f.due_pos, 0, f.clock[0].n_due, f.roams_s[j], j)
        f.clock[0].n_due += 1


@inner
def end_waiting(f, j):
    """It leaves the queue."""
    scheduling, clock = f.scheduling[0], f.clock[0]
    if scheduling.topology == _PREFERRED and scheduling.topology_wait_s > 0.0 and f.due_pos[j] != NONE:
        heap.discard(f.due_keys, f.due_ids, f.due_pos, 0, clock.n_due, j)
        clock.n_due -= 1


@inner
def stop_insisting(f, now):
    """Those who have waited long enough are looked at again, and promised anew what they were promised."""
    clock = f.clock[0]
    if f.scheduling[0].topology != _PREFERRED:
        return
    while clock.n_due > 0 and f.due_keys[0] <= now:
        j = f.due_ids[0]
        heap.discard(f.due_keys, f.due_ids, f.due_pos, 0, clock.n_due, j)
        clock.n_due -= 1
        p = f.jobs[j].pool
        f.pools[p].released = 1
        expect_anew(f, p)
        mark_dirty(f, p)

"""Which pool an arriving job joins. A job whose data are still on their way counts as queued where it will run."""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.queueing import held_gpus
from gpusim.state import NONE, Dispatch

_HOME, _EARLIEST = int(Dispatch.HOME), int(Dispatch.EARLIEST_START)
_CHEAPEST, _GREENEST = int(Dispatch.CHEAPEST), int(Dispatch.GREENEST)


@inner
def _load(pool):
    if pool.energised == 0:
        return math.inf
    return (pool.busy + pool.serving + pool.queued_gpus + pool.inbound_gpus) / pool.energised


@inner
def _is_ready(pool, held):
    """Whether nobody is queued and enough GPUs are free, and not about to be taken."""
    return pool.queued == 0 and pool.free - pool.inbound_gpus >= held


@inner
def _transfer_time(f, j, link):
    """[s] that the data of job ``j`` would take alone on a link."""
    if link == NONE:
        return 0.0
    rate = f.links[link].bytes_per_s
    return f.jobs[j].data_bytes / rate if rate > 0.0 else math.inf


@inner
def _backlog(pool, held):
    if _is_ready(pool, held):
        return 0.0
    if pool.energised == 0:
        return math.inf
    return (pool.queued_work + pool.running_work) / pool.energised


@inner
def _least(f, j, start, stop, rule):
    """Place of the candidate with the least score under a rule; NONE if the rule has no eligible one."""
    best, best_score = NONE, math.inf
    for i in range(start, stop):
        p = f.candidates[i]
        pool = f.pools[p]
        held = held_gpus(pool, f.jobs[j].gpus)
        if held > pool.planned:
            continue
        if rule == _CHEAPEST or rule == _GREENEST:
            if not _is_ready(pool, held):
                continue
            site = f.sites[pool.site]
            weight = site.price_usd_per_j if rule == _CHEAPEST else site.carbon_g_per_j
            score = weight * pool.rated_w_per_gpu / pool.speed
        elif rule == _EARLIEST:
            score = max(_backlog(pool, held), _transfer_time(f, j, f.candidate_links[i]))
        else:
            score = _load(pool)
        if best == NONE or score < best_score or (score == best_score and p < f.candidates[best]):
            best, best_score = i, score
    return best


@inner
def choose(f, j):
    """Place in ``candidates`` of the pool for job ``j``, or NONE if no pool can ever hold it."""
    route = f.routes[f.jobs[j].route]
    start, stop = route.start, route.start + route.count
    rule = f.clock[0].dispatch
    if rule == _HOME:
        i = _least(f, j, start, start + route.n_home, rule)
        return i if i != NONE else _least(f, j, start, stop, rule)
    i = _least(f, j, start, stop, rule)
    if i == NONE and (rule == _CHEAPEST or rule == _GREENEST):
        i = _least(f, j, start, stop, _HOME)
    return i

"""Which pool an arriving job joins."""

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
    return (pool.busy + pool.serving + pool.queued_gpus) / pool.energised


@inner
def _backlog(pool, held):
    if pool.queued == 0 and pool.free >= held:
        return 0.0
    if pool.energised == 0:
        return math.inf
    return (pool.queued_work + pool.running_work) / pool.energised


@inner
def _least(f, j, start, stop, rule):
    """The candidate with the least score under a rule; NONE if the rule has no eligible one."""
    best, best_score = NONE, math.inf
    for i in range(start, stop):
        p = f.candidates[i]
        pool = f.pools[p]
        held = held_gpus(pool, f.jobs[j].gpus)
        if held > pool.planned:
            continue
        if rule == _CHEAPEST or rule == _GREENEST:
            if pool.queued > 0 or pool.free < held:
                continue
            site = f.sites[pool.site]
            weight = site.price_usd_per_j if rule == _CHEAPEST else site.carbon_g_per_j
            score = weight * pool.rated_w_per_gpu / pool.speed
        elif rule == _EARLIEST:
            score = _backlog(pool, held)
        else:
            score = _load(pool)
        if best == NONE or score < best_score or (score == best_score and p < best):
            best, best_score = p, score
    return best


@inner
def choose_pool(f, j):
    """Pool for job ``j``, or NONE if no pool can ever hold it."""
    route = f.routes[f.jobs[j].route]
    start, stop = route.start, route.start + route.count
    rule = f.clock[0].dispatch
    if rule == _HOME:
        p = _least(f, j, start, start + route.n_home, rule)
        return p if p != NONE else _least(f, j, start, stop, rule)
    p = _least(f, j, start, stop, rule)
    if p == NONE and (rule == _CHEAPEST or rule == _GREENEST):
        p = _least(f, j, start, stop, _HOME)
    return p

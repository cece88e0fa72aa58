"""Which pool an arriving job joins. A job whose data are still on their way counts as queued where it will run.

Writes: clock.
Reads: candidate_links, candidates, jobs, links, pools, quota, routes, scheduling, sites.
Units: s, W, J, USD, g, bytes, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, part
from gpusim.kernels.course import at_rate, counted_on, speed_in
from gpusim.kernels.gang import held_gpus
from gpusim.kernels.limit import fits_alone, fits_limit
from gpusim.kernels.placement import ALL
from gpusim.kernels.sharing import fits, is_guest
from gpusim.kernels.state.codes import NONE, Dispatch

_HOME, _LEAST_LOADED, _EARLIEST = int(Dispatch.HOME), int(Dispatch.LEAST_LOADED), int(Dispatch.EARLIEST_START)
_CHEAPEST, _GREENEST, _BEST_NODE = int(Dispatch.CHEAPEST), int(Dispatch.GREENEST), int(Dispatch.BEST_NODE)


@inner
def _load(pool):
    if pool.energised == 0:
        return math.inf
    return (pool.busy + pool.serving + pool.queued_gpus + pool.inbound_gpus) / pool.energised


@inner
def is_ready(f, j, p, held):
    """Whether nobody is queued and there is room for the job now, beside jobs whose data are about to arrive."""
    pool = f.pools[p]
    if pool.queued != 0 or pool.free + pool.n_hosts - pool.inbound_gpus < held or not fits(f, j, p, ALL):
        return False
    if pool.free - pool.inbound_gpus < held and not is_guest(f, j):
        return False
    return fits_limit(f, pool.site, counted_on(f, j, p, held))


@inner
def _can_hold(f, j, p, held):
    """Whether the pool as it is now could run the job, if nothing else ran at its site and its tenant held nothing."""
    pool = f.pools[p]
    if held > pool.free + pool.busy + pool.serving or held > f.quota[f.jobs[j].tenant, pool.gpu_type]:
        return False
    return fits_alone(f, pool.site, counted_on(f, j, p, held))


@inner
def _transfer_time(f, j, link):
    """[s] that the data of job ``j`` would take alone on a link."""
    if link == NONE:
        return 0.0
    rate = f.links[link].bytes_per_s
    return f.jobs[j].data_bytes / rate if rate > 0.0 else math.inf


@inner
def _expected_wait(f, j, p, held):
    """[s] Until enough GPUs have come free for the queue and the job, at the rate at which runs end.

    Of ``n`` runs of ``t`` seconds each one ends every ``t / n`` seconds on average (Little's law), and gives the mean
    of their GPUs back. Those that are queued count as if they ran; ``t`` is weighted by GPUs.
    """
    if is_ready(f, j, p, held):
        return 0.0
    pool = f.pools[p]
    ahead_gpus = pool.queued_gpus + pool.inbound_gpus
    gpus, runs = pool.busy + ahead_gpus, pool.running + pool.queued + pool.inbound
    if pool.energised == 0 or gpus == 0:
        return math.inf
    ends = math.ceil(max(ahead_gpus + held - pool.free, held) * runs / gpus)
    return at_rate(ends * ((pool.running_work + pool.queued_work) / gpus) / runs, pool.rate)


@inner
def _least(f, j, start, stop, rule, now_only):
    """Place of the candidate with the least score under a rule; NONE if the rule has no eligible one.

    Ties go to the least loaded, then to the lowest pool. ``now_only``: pools that could run the job as they are.
    """
    best, best_score, best_load = NONE, math.inf, math.inf
    for i in range(start, stop):
        p = f.candidates[i]
        pool = f.pools[p]
        held = held_gpus(pool, f.jobs[j].gpus)
        if held > pool.ordered or (now_only and not _can_hold(f, j, p, held)):
            continue
        load = _load(pool)
        score = load
        if rule == _CHEAPEST or rule == _GREENEST:
            if not is_ready(f, j, p, held):
                continue
            site = f.sites[pool.site]
            weight = site.price_usd_per_j if rule == _CHEAPEST else site.followed_g_per_j
            score = weight * pool.rated_w_per_gpu / speed_in(f, j, p)
        elif rule == _EARLIEST:
            score = max(_expected_wait(f, j, p, held), _transfer_time(f, j, f.candidate_links[i]))
        ahead = best == NONE or score < best_score or (score == best_score and load < best_load)
        if ahead or (score == best_score and load == best_load and p < f.candidates[best]):
            best, best_score, best_load = i, score, load
    return best


@inner
def _best_placed(f, j, start, stop):
    """Place of the first candidate that can start the job at once on the node of the highest score, or NONE.

    Under a placement by score. Gangs take whole nodes, none of which is better than another.
    """
    best, most = NONE, -1
    for i in range(start, stop):
        p = f.candidates[i]
        held = held_gpus(f.pools[p], f.jobs[j].gpus)
        f.clock[0].score = 0
        if _can_hold(f, j, p, held) and is_ready(f, j, p, held) and f.clock[0].score > most:
            best, most = i, f.clock[0].score
    return best


@part
def choose(f, j):
    """Place in ``candidates`` of the pool for job ``j``, or NONE if no pool can ever hold it, from now on.

    Pools that could run the job as they are now come before those that only will, when they are complete.
    """
    route = f.routes[f.jobs[j].route]
    start, stop = route.start, route.start + route.count
    if route.count == 1:
        pool = f.pools[f.candidates[start]]
        return start if held_gpus(pool, f.jobs[j].gpus) <= pool.ordered else NONE
    rule = f.scheduling[0].dispatch
    if rule == _CHEAPEST or rule == _GREENEST:
        i = _least(f, j, start, stop, rule, True)
        if i != NONE:
            return i
        rule = _LEAST_LOADED
    if rule == _BEST_NODE:
        i = _best_placed(f, j, start, stop)
        if i != NONE:
            return i
        rule = _LEAST_LOADED
    for now_only in (True, False):
        if rule == _HOME:
            i = _least(f, j, start, start + route.n_home, rule, now_only)
            if i != NONE:
                return i
        i = _least(f, j, start, stop, rule, now_only)
        if i != NONE:
            return i
    return NONE

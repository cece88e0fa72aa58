"""Which pool an arriving job joins. A job whose data are still on their way counts as queued where it will run.

A rule gives each candidate a number, the less the better; ties go to the least loaded, then to the lowest pool. A
user's own rule is asked in Python. docs/semantics.md has the formulas.

Writes: clock.
Reads: candidate_links, candidates, jobs, links, pools, quota, routes, scheduling, sites.
Units: s, W, J, USD, g, bytes, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, part
from gpusim.kernels.asking import SILENT, ask, rarely
from gpusim.kernels.course import at_rate, counted_on, speed_in
from gpusim.kernels.gang import held_gpus
from gpusim.kernels.limit import fits_alone, fits_limit
from gpusim.kernels.placement import ALL
from gpusim.kernels.sharing import fits, is_guest
from gpusim.kernels.state.codes import NONE, Dispatch

_HOME, _LEAST_LOADED, _EARLIEST = int(Dispatch.HOME), int(Dispatch.LEAST_LOADED), int(Dispatch.EARLIEST_START)
_CHEAPEST, _GREENEST, _BEST_NODE = int(Dispatch.CHEAPEST), int(Dispatch.GREENEST), int(Dispatch.BEST_NODE)
AT_ONCE, NOW, EVER = 0, 1, 2  # pools that can start a job at once, that can run it as they are, that can when complete


# What a pool has for a job ----------------------------------------------------------------------------------------


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
def may_join(f, j, p, which):
    """Whether a pool is of those that a job may be sent to: AT_ONCE, NOW or EVER."""
    held = held_gpus(f.pools[p], f.jobs[j].gpus)
    if held > f.pools[p].ordered or (which != EVER and not _can_hold(f, j, p, held)):
        return False
    return which != AT_ONCE or is_ready(f, j, p, held)


# Rules ------------------------------------------------------------------------------------------------------------


@inner
def _load(f, p):
    """GPUs that are held or asked for, of those that are on."""
    pool = f.pools[p]
    if pool.energised == 0:
        return math.inf
    return (pool.busy + pool.serving + pool.queued_gpus + pool.inbound_gpus) / pool.energised


@inner
def _price(f, j, p):
    """What power costs while a GPU does the work of one of the reference type [USD/s]."""
    return f.sites[f.pools[p].site].price_usd_per_j * f.pools[p].rated_w_per_gpu / speed_in(f, j, p)


@inner
def _carbon(f, j, p):
    """What it emits meanwhile [g/s]."""
    return f.sites[f.pools[p].site].followed_g_per_j * f.pools[p].rated_w_per_gpu / speed_in(f, j, p)


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
def _transfer_time(f, j, link):
    """[s] that the data of job ``j`` would take alone on a link."""
    if link == NONE:
        return 0.0
    rate = f.links[link].bytes_per_s
    return f.jobs[j].data_bytes / rate if rate > 0.0 else math.inf


@inner
def start_in(f, j, i):
    """[s] Until a job is expected to start in a candidate, with its data."""
    p = f.candidates[i]
    wait_s = _expected_wait(f, j, p, held_gpus(f.pools[p], f.jobs[j].gpus))
    return max(wait_s, _transfer_time(f, j, f.candidate_links[i]))


@inner
def _score(f, j, i, rule):
    """What a rule makes of a candidate."""
    p = f.candidates[i]
    if rule == _CHEAPEST:
        return _price(f, j, p)
    if rule == _GREENEST:
        return _carbon(f, j, p)
    if rule == _EARLIEST:
        return start_in(f, j, i)
    return _load(f, p)


# The choice -------------------------------------------------------------------------------------------------------


@inner
def _least(f, j, start, stop, rule, which):
    """Place of the candidate with the least score under a rule, of those that ``which`` names; NONE if there is none.

    Ties go to the least loaded, then to the lowest pool.
    """
    best, best_score, best_load = NONE, math.inf, math.inf
    for i in range(start, stop):
        p = f.candidates[i]
        if not may_join(f, j, p, which):
            continue
        score, load = _score(f, j, i, rule), _load(f, p)
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
        f.clock[0].score = 0
        if may_join(f, j, f.candidates[i], AT_ONCE) and f.clock[0].score > most:
            best, most = i, f.clock[0].score
    return best


@inner
def _looks_at_once(rule):
    """Whether a rule looks only at pools that can start the job at once, and leaves all else to the least loaded."""
    return rule == _CHEAPEST or rule == _GREENEST or rule == _BEST_NODE


@part
def choose(f, j):
    """Place in ``candidates`` of the pool for job ``j``, or NONE if no pool can ever hold it, from now on.

    Pools that could run the job as they are now come before those that only will, when they are complete.
    """
    route, scheduling = f.routes[f.jobs[j].route], f.scheduling[0]
    start, stop = route.start, route.start + route.count
    if route.count == 1:
        return start if may_join(f, j, f.candidates[start], EVER) else NONE
    if rarely(scheduling.own_dispatch != 0):
        answer = ask(f, scheduling.own_dispatch, j)
        if answer != SILENT:
            return answer
    rule, i = scheduling.dispatch, NONE
    if _looks_at_once(rule):
        i = _best_placed(f, j, start, stop) if rule == _BEST_NODE else _least(f, j, start, stop, rule, AT_ONCE)
        if i != NONE:
            return i
        rule = _LEAST_LOADED
    for which in (NOW, EVER):
        if rule == _HOME:
            i = _least(f, j, start, start + route.n_home, rule, which)
        if i == NONE:
            i = _least(f, j, start, stop, rule, which)
        if i != NONE:
            return i
    return NONE

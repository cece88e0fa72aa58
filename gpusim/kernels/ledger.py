"""The books: running integrals of GPU-seconds, waiting and energy, brought up to a moment before anything changes.

Writes: jobs, lanes, pools, sites.
Units: s, W, J, USD, g, GPUs.
"""

from __future__ import annotations

from gpusim.gangs import MILLI
from gpusim.kernels._jit import inner
from gpusim.kernels.state.codes import ABSENT, ABSENT_WAITS, IDLE_FOR, N_PHASE, N_WAIT, Cause, Wait

_ABSENT, _ABSENT_WAITS = tuple(map(int, ABSENT)), tuple(map(int, ABSENT_WAITS))
_N_ABSENT = len(ABSENT)
_IDLE_FRAGMENTED = int(Cause.IDLE_FRAGMENTED)
_IDLE_NO_DEMAND, _IDLE_SPARE, _DATA = int(Cause.IDLE_NO_DEMAND), int(Cause.IDLE_SPARE), int(Wait.DATA)
_SERVING_IDLE, _SERVING, _TRAINING = int(Cause.SERVING_IDLE), int(Cause.SERVING), int(Cause.TRAINING)
_WAIT_BUSY, _WAIT_FRAGMENTED = int(Wait.BUSY), int(Wait.FRAGMENTED)
_WAIT_CPU_MEMORY, _IDLE_CPU_MEMORY = int(Wait.CPU_MEMORY), int(Cause.IDLE_CPU_MEMORY)
_WAITS = tuple(int(wait) for wait, _cause in IDLE_FOR)
_IDLES = tuple(int(cause) for _wait, cause in IDLE_FOR)


@inner
def _unshared(pool):
    """GPUs' worth of shared GPUs that no job has; where none are shared, without a division in every settling."""
    return pool.unshared / MILLI if pool.unshared != 0 else 0.0


@inner
def _short(pool, wait):
    """GPUs that a wait is for beyond the free ones: at work for others, or absent."""
    if wait == _WAIT_BUSY:
        return pool.busy - pool.padding - _unshared(pool) + pool.serving
    for i in range(_N_ABSENT):
        if wait == _ABSENT_WAITS[i]:
            return pool.absent[_ABSENT[i]]
    return 0


@inner
def _settle_asked(pool, dt):
    """Book what is asked for against the GPUs that it does not get, each of them once; the free GPUs left over."""
    free, padding = pool.free, pool.padding + _unshared(pool)
    for i in range(N_WAIT):
        wait = _WAITS[i]
        asked = pool.asked[wait]
        if asked == 0:
            continue
        pool.asked_s[wait] += asked * dt
        taken = min(asked, free)
        free -= taken
        pool.free_s[wait] += taken * dt
        pool.ledger[_IDLES[i]] += taken * dt
        asked -= taken
        if wait == _WAIT_BUSY or wait == _WAIT_FRAGMENTED:
            taken = min(asked, padding)
            padding -= taken
            pool.padding_s[wait] += taken * dt
            asked -= taken
        elif wait == _WAIT_CPU_MEMORY and pool.unshared != 0:
            taken = min(asked, padding, _unshared(pool))
            pool.free_s[wait] += taken * dt
            pool.ledger[_IDLE_CPU_MEMORY] += taken * dt
            pool.ledger[_IDLE_FRAGMENTED] -= taken * dt  # under which all of it is booked
        pool.short_s[wait] += min(asked, _short(pool, wait)) * dt
    return free


@inner
def _settle_absent(pool, dt):
    """Book the GPUs that are neither free nor at work."""
    for i in range(_N_ABSENT):
        pool.ledger[_ABSENT[i]] += pool.absent[_ABSENT[i]] * dt
    pool.retired_s += (pool.planned - pool.ordered) * dt
    pool.ledger[_IDLE_SPARE] += pool.spare * dt


@inner
def settle_pool(pools, p, now):
    """Book the pool's GPU-seconds since it was last settled."""
    pool = pools[p]
    dt = now - pool.settled_s
    if dt <= 0.0:
        return
    pool.settled_s = now
    ledger = pool.ledger
    if pool.free + pool.busy + pool.serving != pool.planned:
        _settle_absent(pool, dt)
    asks = pool.queued > 0 or pool.inbound > 0 or pool.missing_gpus > 0
    ledger[_IDLE_NO_DEMAND] += (_settle_asked(pool, dt) if asks else pool.free) * dt
    ledger[_SERVING] += pool.serving_busy * dt
    ledger[_SERVING_IDLE] += (pool.serving - pool.serving_busy) * dt
    pool.serving_j -= pool.serving_spared_w * dt
    ledger[_TRAINING] += pool.busy * dt
    if pool.unshared != 0:
        unshared = _unshared(pool)
        ledger[_TRAINING] -= unshared * dt
        ledger[_IDLE_FRAGMENTED] += unshared * dt
    pool.queued_job_s += (pool.queued + pool.inbound) * dt
    pool.running_job_s += pool.running * dt


@inner
def settle_lane(lanes, i, now):
    """Book the lane's waiting since it was last settled: queued, under the cause that has held since, and for data."""
    lane = lanes[i]
    dt = now - lane.settled_s
    if dt <= 0.0:
        return
    lane.settled_s = now
    lane.blocked_s[lane.cause] += dt
    lane.job_s[lane.cause] += lane.queued * dt
    lane.gpu_s[lane.cause] += lane.queued_gpus * dt
    lane.job_s[_DATA] += lane.inbound * dt
    lane.gpu_s[_DATA] += lane.inbound_gpus * dt


@inner
def facility_w(site):
    """What a site draws now; what it converts loses by load, and by the square of it."""
    return site.it_w * (site.overhead + site.square_per_w * site.it_w) + site.fixed_w


@inner
def settle_site(sites, s, now):
    """Integrate the site's power, cost and carbon exactly: all are constant between two changes."""
    site = sites[s]
    dt = now - site.settled_s
    if dt <= 0.0:
        return
    site.settled_s = now
    for phase in range(N_PHASE):
        site.energy_j[phase] += site.phase_w[phase] * dt
    drawn_w = facility_w(site)
    facility_j = drawn_w * dt
    site.facility_j += facility_j
    site.cost_usd += facility_j * site.price_usd_per_j
    site.carbon_g += facility_j * site.carbon_g_per_j
    if drawn_w > site.peak_w:
        site.peak_w = drawn_w


@inner
def start_waiting(jobs, j, lanes, i):
    """Remember the lane's integrals in the job (its own causes are the differences)."""
    for cause in range(N_WAIT):
        jobs[j].waits[cause] -= lanes[i].blocked_s[cause]


@inner
def stop_waiting(jobs, j, lanes, i):
    """The job has waited: [s] by cause is what its lane was blocked since ``start_waiting``."""
    for cause in range(N_WAIT):
        jobs[j].waits[cause] += lanes[i].blocked_s[cause]

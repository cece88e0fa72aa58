"""The scheduling pass of one pool: start heads while they fit, then let others pass the blocked head.

Writes: jobs, lanes, pools.
Reads: clock, scheduling.
Units: s, W, GPUs.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, part
from gpusim.kernels.admission import power_allows
from gpusim.kernels.compression import compress, has_rows
from gpusim.kernels.course import at_rate, expected_wall_time
from gpusim.kernels.cpu_memory import who_counts
from gpusim.kernels.expecting import OVERDUE_S
from gpusim.kernels.gang import held_gpus
from gpusim.kernels.lacking import asked_w, job_lacks, why_no_nodes, why_no_power, why_waits
from gpusim.kernels.lanes import count_held
from gpusim.kernels.ledger import settle_lane, settle_pool
from gpusim.kernels.placement import ALL, OPEN, largest_fit, largest_open
from gpusim.kernels.preemption import make_room
from gpusim.kernels.promise import promise_turn, stands, tell
from gpusim.kernels.queueing import (
    ANY_SIZE,
    leave_out_refused,
    list_long_queue,
    next_within_quota,
    over_quota,
    rewind,
    start_waiting_job,
    step_over,
)
from gpusim.kernels.reservation import release, reserve, reserve_power
from gpusim.kernels.running import start
from gpusim.kernels.sharing import fits
from gpusim.kernels.spreading import roams, slowest_rate
from gpusim.kernels.state.codes import FOR_POWER, NONE, SEVERAL, Backfill, Order, Status, Wait

_EASY = int(Backfill.EASY)
_BUSY, _QUOTA, _POLICY = int(Wait.BUSY), int(Wait.QUOTA), int(Wait.POLICY)
_CUSTOM, _QUEUED = int(Order.CUSTOM), int(Status.QUEUED)


@inner
def try_start(f, j, p, family, now):
    """Start a waiting job if nodes and power are there: NONE if it started, else what it waits for."""
    lack = job_lacks(f, j, p, family)
    if lack == NONE:
        start_waiting_job(f, j, p, now)
    return lack


@part
def _start_heads(f, p, now):
    """Start jobs in order until one does not fit; that job (or NONE) and what it waits for."""
    while True:
        j = next_within_quota(f, p, ANY_SIZE)
        if j == NONE:
            return NONE, NONE
        reason = try_start(f, j, p, ALL, now)
        if (
            reason != NONE
            and f.scheduling[0].preempts != 0
            and power_allows(f, j, p)
            and make_room(f, p, who_counts(f, j, p), f.jobs[j].gpus, f.jobs[j].priority, roams(f, j), now)
        ):
            reason = try_start(f, j, p, ALL, now)
        if reason != NONE:
            return j, reason


@part
def start_at_once(f, j, p, now):
    """Start a job that arrives where nobody waits, as its pass would; False, and nothing done, if that cannot be."""
    job, pool = f.jobs[j], f.pools[p]
    held = held_gpus(pool, job.gpus)
    if pool.queued > 0 or pool.reserved_job != NONE or held > pool.free + pool.n_hosts or not fits(f, j, p, ALL):
        return False
    job.pool, job.held = p, held
    if (f.scheduling[0].quotas != 0 and over_quota(f, j, p)) or not power_allows(f, j, p):
        return False
    start(f, j, p, now)
    count_held(f, j, p, 1)
    return True


@inner
def _is_over(f, j, p, limit_s, now):
    """Whether a job that began now would be expected to be over by ``limit_s``, wherever its nodes are."""
    return now + at_rate(expected_wall_time(f, j, p), slowest_rate(f, j, p)) <= limit_s


@inner
def _try_behind_head(f, j, p, limit_s, only_short, now):
    """Start a job behind the blocked head if that does not delay the head."""
    short = _is_over(f, j, p, limit_s, now)
    if only_short and not short:
        return False
    return try_start(f, j, p, ALL if short else OPEN, now) == NONE


@inner
def _largest(f, p):
    """GPUs of the largest job that could start now; 1, if need be, where jobs share GPUs."""
    return max(largest_fit(f, p), min(f.pools[p].n_hosts, 1))


@inner
def _look_for(f, p, limit_s, only_short):
    """Note what may start now behind the head; GPUs of the largest such job."""
    pool = f.pools[p]
    pool.clear_by_s = limit_s
    pool.fit_gpus = _largest(f, p)
    pool.open_gpus = 0 if only_short else max(largest_open(f, p), min(pool.n_hosts, 1))
    return pool.fit_gpus


@inner
def _backfill(f, p, head, limit_s, only_short, now):
    """EASY: walk the queue behind the head."""
    step_over(f, head, p)
    list_long_queue(f, p)
    largest = _look_for(f, p, limit_s, only_short)
    while largest > 0:
        j = next_within_quota(f, p, largest)  # most of a long queue is too large for what is free
        if j == NONE:
            return
        step_over(f, j, p)
        if f.jobs[j].gpus <= largest and _try_behind_head(f, j, p, limit_s, only_short, now):
            largest = _look_for(f, p, limit_s, only_short)


@inner
def explain(f, p, head, reason, now):
    """Write down why the pool's lanes wait from now on; why its free GPUs idle follows from that."""
    pool = f.pools[p]
    for i in range(pool.first_lane, pool.first_lane + pool.n_lanes):
        lane = f.lanes[i]
        if lane.queued > 0:
            wait = reason
            if lane.left_out != 0:
                wait = _QUOTA
            elif head == NONE:
                wait = _POLICY
            if wait != lane.cause:
                settle_pool(f.pools, p, now)
                settle_lane(f.lanes, i, now)
                pool.asked[lane.cause] -= lane.queued_gpus
                pool.asked[wait] += lane.queued_gpus
                lane.cause = wait


@inner
def _explain_queue(f, p, head, reason, now):
    """``explain`` of a queue whose head was found: tenants wait for their quotas wherever the head stands."""
    leave_out_refused(f, p)
    explain(f, p, head, reason, now)


@inner
def _promise_holds(f, p, arrived, now):
    """Whether the promise of the last pass would be made again: same head, nothing that bears on it changed."""
    pool = f.pools[p]
    if pool.reserved_job == NONE or pool.unsettled != 0 or pool.power_held == 2:
        return False
    if f.scheduling[0].order == _CUSTOM or (f.scheduling[0].preempts != 0 and pool.released != 0):
        return False
    if pool.power_held == 1 and (pool.released != 0 or arrived == SEVERAL):
        return False  # of power that came free, or that others were promised, the head may have some sooner
    if pool.shadow_s <= now + OVERDUE_S or next_within_quota(f, p, ANY_SIZE) != pool.reserved_job:
        return False
    if pool.power_held == 1 and not fits(f, pool.reserved_job, p, ALL):
        return False  # jobs that passed it are on its nodes
    return stands(f, p, now)


@inner
def _head_lacks(f, p):
    """What the head lacks whose promise holds."""
    pool = f.pools[p]
    head = pool.reserved_job
    if pool.power_held != 0:
        return why_no_power(f, p, head, asked_w(f, head, p))
    return why_no_nodes(f, p, head, f.jobs[head].gpus)


@inner
def _pass_behind(f, p, arrived, now):
    """A pass behind a head whose promise holds."""
    pool = f.pools[p]
    head = pool.reserved_job
    only_short, reason = pool.power_held != 0, _head_lacks(f, p)
    if pool.released != 0 or arrived == SEVERAL or (arrived != NONE and f.scheduling[0].quotas != 0):
        _backfill(f, p, head, pool.shadow_s, only_short, now)
    elif arrived != NONE and f.jobs[arrived].status == _QUEUED and f.jobs[arrived].gpus <= _largest(f, p):
        # Less is free than when all others behind the head were refused: only who came since can start.
        _try_behind_head(f, arrived, p, pool.shadow_s, only_short, now)
    pool.released = 0
    _explain_queue(f, p, head, reason, now)


@part
def start_behind_head(f, j, p, now):
    """Start a job that arrives behind a head whose promise holds, as its pass would; False, and nothing done, if not.

    Where tenants matter, or it goes before the head, that is for the pass.
    """
    job, pool = f.jobs[j], f.pools[p]
    head, held = pool.reserved_job, held_gpus(pool, job.gpus)
    if f.scheduling[0].backfill != _EASY or head == NONE or pool.n_lanes > 1 or pool.released != 0:
        return False
    if held > pool.free + pool.n_hosts:
        return False
    rewind(f, p)
    if f.jobs[head].rank > job.rank or not _promise_holds(f, p, j, now):
        return False
    short = _is_over(f, j, p, pool.shadow_s, now)
    if (pool.power_held != 0 and not short) or not fits(f, j, p, ALL if short else OPEN):
        return False
    job.pool, job.held = p, held
    if not power_allows(f, j, p):
        return False
    explain(f, p, head, _head_lacks(f, p), now)
    start(f, j, p, now)
    count_held(f, j, p, 1)
    return True


@inner
def _promise_anew(f, p, head, reason, now):
    """What the blocked head is promised, and who may start beside it."""
    backfill = f.scheduling[0].backfill
    lacks_power = reason in FOR_POWER
    if backfill == _EASY:
        if lacks_power:
            reserve_power(f, head, p, now)
        else:
            reserve(f, head, p, now)
        _backfill(f, p, head, f.pools[p].shadow_s, lacks_power, now)
    elif lacks_power:
        promise_turn(f, head, p)


@part
def schedule(f, p, now):
    """One scheduling pass over a pool."""
    pool = f.pools[p]
    if f.scheduling[0].order == _CUSTOM and f.clock[0].ordered_pool != p:
        return  # it waits for its own turn of the policy
    arrived, promised, shadow_s = pool.arrived, pool.reserved_job, pool.shadow_s
    pool.arrived = NONE
    if pool.queued == 0:
        if promised != NONE:
            release(f, p)
            tell(f, p, promised, shadow_s)
        explain(f, p, NONE, NONE, now)
        pool.released = 0
        return
    rewind(f, p)
    if f.scheduling[0].backfill == _EASY and _promise_holds(f, p, arrived, now):
        _pass_behind(f, p, arrived, now)
        return
    if promised != NONE:
        release(f, p)
    head, reason = _start_heads(f, p, now)
    pool.released = 0
    if head != NONE:
        _promise_anew(f, p, head, reason, now)
    tell(f, p, promised, shadow_s)
    _explain_queue(f, p, head, reason, now)


@inner
def schedule_by_plan(f, p, now):
    """One pass over a pool under conservative backfill; False, and nothing done, if its tables must grow first."""
    pool = f.pools[p]
    if f.scheduling[0].order == _CUSTOM and f.clock[0].ordered_pool != p:
        return True  # it waits for its own turn of the policy
    if not has_rows(f, p):
        return False
    pool.arrived = NONE
    compress(f, p, now)
    pool.released = 0
    head, reason = _first_waiting(f, p)
    _explain_queue(f, p, head, reason, now)
    return True


@inner
def _first_waiting(f, p):
    """Under conservative backfill: the first in the walk that still waits, and for what."""
    pool = f.pools[p]
    rewind(f, p)
    head = next_within_quota(f, p, ANY_SIZE) if pool.queued > 0 else NONE
    if head == NONE:
        return NONE, NONE
    return head, why_waits(f, head, p, _BUSY)  # what is free now was promised to others

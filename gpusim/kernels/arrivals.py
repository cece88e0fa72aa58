"""Jobs that arrive: each is rejected, starts at once, joins a queue, or waits for its data; full queues turn away.

Writes: clock, departing, jobs.
Reads: candidate_links, candidates, due_keys, pools, scheduling.
Units: s.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, part
from gpusim.kernels.claiming import withdraw
from gpusim.kernels.dispatch import choose
from gpusim.kernels.noting import is_planned
from gpusim.kernels.prefetch import prefetch
from gpusim.kernels.promise import tell
from gpusim.kernels.queueing import await_data, dequeue, enqueue
from gpusim.kernels.reservation import release
from gpusim.kernels.scheduling import start_at_once, start_behind_head
from gpusim.kernels.state.codes import NONE, Order, Status, Wait
from gpusim.kernels.waking import mark_dirty

AHEAD = 3  # arrivals whose rows are fetched before they are read
_CUSTOM = int(Order.CUSTOM)
_QUEUED, _REJECTED, _DATA = int(Status.QUEUED), int(Status.REJECTED), int(Wait.DATA)


@inner
def _reject(f, j):
    f.jobs[j].status = _REJECTED
    f.clock[0].unfinished -= 1


@inner
def _comes_alone(f, j, now):
    """Whether nothing else happens at the instant of an arrival that could call for a pass, and passes are made."""
    clock, scheduling = f.clock[0], f.scheduling[0]
    if scheduling.cycle_s > 0.0 or is_planned(f) or clock.n_dirty > 0 or clock.first_arrived != j:
        return False
    if clock.n_due > 0 and f.due_keys[0] == now:
        return False  # who has waited for near nodes long enough may start on any, before it
    return j + 1 == len(f.jobs) or f.jobs[j + 1].submit_s != now


@part
def _starts(f, j, p, now):
    """Start a job that arrives alone without a pass, if one would start it and nobody else."""
    return start_at_once(f, j, p, now) or start_behind_head(f, j, p, now)


@part
def play_arrivals(f, now):
    """All jobs that are submitted now; those whose data must come first are put down in ``departing``."""
    clock = f.clock[0]
    while clock.next_arrival < len(f.jobs) and f.jobs[clock.next_arrival].submit_s == now:
        j = clock.next_arrival
        clock.next_arrival += 1
        if j + AHEAD < len(f.jobs):
            prefetch(f.jobs, j + AHEAD)
        i = choose(f, j)
        if i == NONE:
            _reject(f, j)
        elif f.candidate_links[i] == NONE and _comes_alone(f, j, now) and _starts(f, j, f.candidates[i], now):
            clock.first_arrived = clock.next_arrival
        elif f.candidate_links[i] == NONE:
            enqueue(f, j, f.candidates[i], now)
            mark_dirty(f, f.candidates[i])
        else:
            await_data(f, j, f.candidates[i], now)
            f.departing[clock.n_departing].job = j
            f.departing[clock.n_departing].link = f.candidate_links[i]
            clock.n_departing += 1


@inner
def turn_away(f, p, now):
    """Reject those who arrived since the last passes and still wait in a queue beyond its limit, last first.

    Whose data were moved here stays.
    """
    clock, pool = f.clock[0], f.pools[p]
    j = clock.next_arrival - 1
    while pool.queued > f.scheduling[0].queue_limit and j >= clock.first_arrived:
        job = f.jobs[j]
        if job.pool == p and job.status == _QUEUED and job.waits[_DATA] == 0.0:
            dequeue(f, j, now)
            _reject(f, j)
            if pool.reserved_job == j:
                shadow_s = pool.shadow_s
                release(f, p)
                tell(f, p, j, shadow_s)
        j -= 1


@inner
def turn_all_away(f, now):
    """After the passes of an instant, each queue is cut to its limit; with a policy, that which it was asked about."""
    clock, scheduling = f.clock[0], f.scheduling[0]
    if scheduling.queue_limit < 0:
        return
    for p in range(len(f.pools)):
        if scheduling.order != _CUSTOM or p == clock.ordered_pool:
            turn_away(f, p, now)


@inner
def forget_rejected(f, p):
    """Those who were turned away have no reservations."""
    for j in range(f.clock[0].first_arrived, f.clock[0].next_arrival):
        if f.jobs[j].pool == p and f.jobs[j].status == _REJECTED:
            withdraw(f, j, p)

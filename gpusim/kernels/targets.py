"""Targets: jobs get the pool and the GPUs that they shall have, whether a policy in Python decides that or a pass.

First those that run and shall have something else stop, at the cost of an eviction; all of them before any starts. Then
those that wait elsewhere, or ask for another number of GPUs, move and are resized. Then those that shall have GPUs
start, the larger first, as far as quotas, nodes and power allow; and of the rest is said what they wait for.

Nothing here checks a policy's answer: ``engine/doors.py`` has, and asks between the steps if the policy names nodes.

Writes: lanes, picked.
Reads: jobs, pools, scheduling.
Units: GPUs.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.admission import power_allows
from gpusim.kernels.amending import move, resize
from gpusim.kernels.arrivals import turn_away
from gpusim.kernels.lacking import why_waits
from gpusim.kernels.lanes import lane_of
from gpusim.kernels.placement import ALL
from gpusim.kernels.preemption import evict
from gpusim.kernels.queueing import ANY_SIZE, over_quota, rewind, start_waiting_job
from gpusim.kernels.scheduling import explain, try_start
from gpusim.kernels.state.codes import NONE, Status, Wait

_QUEUED, _RUNNING, _POLICY = int(Status.QUEUED), int(Status.RUNNING), int(Wait.POLICY)


@inner
def refused(f, j, p):
    """Whether its quota refuses a job."""
    return f.scheduling[0].quotas != 0 and over_quota(f, j, p)


@inner
def stop(f, j, p, gpus, now):
    """Stop a job that runs elsewhere than in pool ``p``, or with another number of GPUs than ``gpus``; 0 for none."""
    job = f.jobs[j]
    if job.status == _RUNNING and (job.gpus != gpus or job.pool != p):
        evict(f, j, now)


@inner
def _waits(f, j, p):
    return f.jobs[j].status == _QUEUED and f.jobs[j].pool == p


@inner
def _largest_below(f, p, jobs, first, last, size):
    """GPUs of the largest of ``jobs[first:last]`` that wait in pool ``p`` and ask for fewer than ``size``; 0: none."""
    largest = 0
    for i in range(first, last):
        if _waits(f, jobs[i], p) and f.jobs[jobs[i]].gpus < size:
            largest = max(largest, f.jobs[jobs[i]].gpus)
    return largest


@inner
def start(f, p, jobs, first, last, now):
    """Start those of ``jobs[first:last]`` that wait in pool ``p``: what is large needs room in one place."""
    size = _largest_below(f, p, jobs, first, last, ANY_SIZE)
    while size > 0:
        for i in range(first, last):
            j = jobs[i]
            if _waits(f, j, p) and f.jobs[j].gpus == size and not refused(f, j, p):
                try_start(f, j, p, ALL, now)
        size = _largest_below(f, p, jobs, first, last, size)


@inner
def _first_allowed(f, p, jobs, first, last):
    """The first of ``jobs[first:last]`` that waits in pool ``p`` and that its quota allows, or NONE."""
    for i in range(first, last):
        j = jobs[i]
        if _waits(f, j, p) and not refused(f, j, p):
            return j
    return NONE


@inner
def say_why(f, p, jobs, first, last, starts, n_starts, now):
    """All that wait in a pool wait for what the first of them lacks, but those whose quota refuses them.

    ``jobs[first:last]`` are those, in order, maybe among others. Those of ``starts`` that should have had GPUs come
    before them.
    """
    rewind(f, p)
    if f.scheduling[0].quotas != 0:
        for i in range(first, last):
            j = jobs[i]
            if _waits(f, j, p) and over_quota(f, j, p):
                f.lanes[lane_of(f, j, p)].left_out = 1
    head = _first_allowed(f, p, starts, 0, n_starts)
    if head == NONE:
        head = _first_allowed(f, p, jobs, first, last)
    explain(f, p, head, why_waits(f, head, p, _POLICY) if head != NONE else _POLICY, now)


# What policies in Python decide ----------------------------------------------------------------------------------


@kernel
def make_way(f, jobs, pools, gpus, times, now):
    """Stop those of ``jobs`` that shall have something else; then those that shall wait elsewhere, or as others, do.

    Parameters
    ----------
    jobs, pools, gpus : ndarray of int, shape (n,)
        Rows of jobs, of the pools in which they shall be, and their GPUs, 0 for none.
    times : ndarray of float, shape (n,)
        How many times as long each takes with these GPUs as with those that it has or asks for.
    """
    for i in range(len(jobs)):
        stop(f, jobs[i], pools[i], gpus[i], now)
    for i in range(len(jobs)):
        if f.jobs[jobs[i]].pool != pools[i]:
            move(f, jobs[i], pools[i], now)
    for i in range(len(jobs)):
        if gpus[i] > 0 and gpus[i] != f.jobs[jobs[i]].gpus:
            resize(f, jobs[i], gpus[i], times[i], now)


@kernel
def start_on(f, p, j, nodes, now):
    """Start a job on nodes that have room for it; False if its quota or power forbids it."""
    if refused(f, j, p) or not power_allows(f, j, p):
        return False
    for i in range(len(nodes)):
        f.picked[i] = nodes[i]
    start_waiting_job(f, j, p, now)
    return True


@inner
def _close(f, p, jobs, starts, now):
    say_why(f, p, jobs, 0, len(jobs), starts, len(starts), now)
    if f.scheduling[0].queue_limit >= 0:
        turn_away(f, p, now)


@kernel
def fill(f, first, last, jobs, starts, now):
    """In the pools ``first`` to ``last - 1``, start those of ``starts``, which shall have GPUs, and ``close``."""
    for p in range(first, last):
        start(f, p, starts, 0, len(starts), now)
        _close(f, p, jobs, starts, now)


@kernel
def close(f, p, jobs, starts, now):
    """Say why ``jobs`` wait in pool ``p`` until the next round, and cut its queue to its limit."""
    _close(f, p, jobs, starts, now)

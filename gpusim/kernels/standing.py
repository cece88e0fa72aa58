"""By what jobs are compared where a better one takes the GPUs of a worse: the key, and the levels of service.

Less goes first. Keys of those that wait stand still. Of those that run: the expected end falls behind what others would
need from now on; a level of service lasts until a limit is reached, which falls due at a time that is known.

What a cap takes is no reason to stop a run, since the next would be capped too: both would stop each other for ever. A
run under a cap is compared as if it went on without.

Writes: entries.
Reads: cap_draws, jobs, level_keys, limits, pools, scheduling.
Units: s, GPUs.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner
from gpusim.kernels.capped import cap_of
from gpusim.kernels.course import at_rate, cap_rate, expected_length, time_on_gpus
from gpusim.kernels.state.codes import Order, Status

_REMAINING, _REMAINING_GPU, _SERVICE = int(Order.REMAINING), int(Order.REMAINING_GPU), int(Order.SERVICE)
_RUNNING = int(Status.RUNNING)


@inner
def key_of(f, j, now):
    """Key of a job in its list."""
    order, job = f.scheduling[0].order, f.jobs[j]
    if order == _SERVICE:
        return f.level_keys[_level_of(f, j, now)]
    if order == _REMAINING:
        return _uncapped_end_s(f, j, now) if job.status == _RUNNING else expected_length(f, j, job.pool)
    if order == _REMAINING_GPU:
        if job.status == _RUNNING:
            return (_uncapped_end_s(f, j, now) - now) * job.gpus
        return expected_length(f, j, job.pool) * job.gpus
    return f.entries[j].first_key


@inner
def _uncapped_end_s(f, j, now):
    """[s] When a running job is expected to end if no cap slows it from now on."""
    end_s = f.jobs[j].expected_end_s
    return end_s if cap_of(f, j) == 0 else now + (end_s - now) * cap_rate(f, j)


@inner
def keys_change_places(f):
    """Whether keys of those that run may change places with time."""
    order = f.scheduling[0].order
    return order == _REMAINING_GPU or (order == _REMAINING and len(f.cap_draws) > 1)


@inner
def key_if_started(f, p, key, now):
    """The key of one that waits, as those that run have theirs."""
    order = f.scheduling[0].order
    if order == _REMAINING:
        return now + at_rate(key, f.pools[p].rate)
    return at_rate(key, f.pools[p].rate) if order == _REMAINING_GPU else key


# Levels of service -------------------------------------------------------------------------------------------------


@inner
def _speed(f, j):
    """Service that a running job has in a second."""
    return float(f.jobs[j].gpus) if f.scheduling[0].by_gpus != 0 else 1.0


@inner
def _level_of(f, j, now):
    """Level of the service that a job has had: no less than the one that fell due."""
    entry = f.entries[j]
    served = time_on_gpus(f, j, now) * _speed(f, j) - entry.served
    while entry.level < len(f.limits) and served >= f.limits[entry.level]:
        entry.level += 1
    return entry.level


@inner
def next_level_s(f, j):
    """[s] When the level of a job changes if it goes on as it does; inf: not at all."""
    job, entry = f.jobs[j], f.entries[j]
    if job.status == _RUNNING:
        if entry.level == len(f.limits):
            return math.inf
        return job.start_s + ((f.limits[entry.level] + entry.served) / _speed(f, j) - job.run_s)
    promote = f.scheduling[0].promote
    if promote == math.inf or entry.level == 0:
        return math.inf
    return entry.since_s + promote * (job.run_s - entry.served / _speed(f, j))


@inner
def change_level(f, j):
    """A level fell due: who runs has had more service, who waits is promoted to the first."""
    job, entry = f.jobs[j], f.entries[j]
    if job.status == _RUNNING:
        entry.level += 1
    else:
        entry.level = 0
        entry.served = job.run_s * _speed(f, j)

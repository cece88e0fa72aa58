"""What may change about a job while it waits: how many GPUs it asks for, and where it waits."""

from __future__ import annotations

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.booking import withdraw
from gpusim.kernels.noting import is_planned
from gpusim.kernels.preemption import evict
from gpusim.kernels.promise import tell
from gpusim.kernels.queueing import dequeue, enqueue
from gpusim.kernels.reservation import release
from gpusim.kernels.waking import mark_dirty
from gpusim.state.codes import Status

_RUNNING = int(Status.RUNNING)


@inner
def _leave(f, j, now):
    """A job leaves its queue, with what it was promised there; who waits there is to be looked at anew."""
    p = f.jobs[j].pool
    pool = f.pools[p]
    if is_planned(f):
        withdraw(f, j, p)
    elif pool.reserved_job == j:
        shadow_s = pool.shadow_s
        release(f, p)
        tell(f, p, j, shadow_s)
    dequeue(f, j, now)
    pool.released = 1
    mark_dirty(f, p)


@inner
def resize(f, j, gpus, times, now):
    """A waiting job asks for another number of GPUs, with which it needs so many times the time for what is left."""
    job = f.jobs[j]
    _leave(f, j, now)
    job.runtime_s *= times
    job.estimate_s *= times
    job.saved_s *= times
    job.gpus = gpus
    enqueue(f, j, job.pool, now)


@inner
def move(f, j, p, now):
    """A waiting job waits in pool ``p`` from now on."""
    _leave(f, j, now)
    enqueue(f, j, p, now)
    mark_dirty(f, p)


@kernel
def set_job_gpus(f, j, gpus, times, now):
    """A job that waits or runs asks for ``gpus`` GPUs from now on; its run is cut short first, as by an eviction."""
    if f.jobs[j].status == _RUNNING:
        evict(f, j, now)
    resize(f, j, gpus, times, now)

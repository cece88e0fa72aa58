"""What may change about a job while it waits: how many GPUs it asks for, where it waits, what of its work is good.

Writes: jobs, pools, segments.
Reads: clock.
Units: s, GPUs.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner, kernel
from gpusim.kernels.claiming import withdraw
from gpusim.kernels.course import expected_length, lost_in
from gpusim.kernels.gang import own_gpus
from gpusim.kernels.noting import is_planned
from gpusim.kernels.preemption import evict
from gpusim.kernels.promise import tell
from gpusim.kernels.queueing import dequeue, enqueue
from gpusim.kernels.reservation import release
from gpusim.kernels.state.codes import Status
from gpusim.kernels.waking import mark_dirty

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


@kernel
def set_back(f, j, run, kept_s, checkpoint_s, saved_s):
    """A job that waits goes back to an old checkpoint: what it did behind that is lost, in that run and in later ones.

    Reads and writes its ``segments``, ``lost_gpu_s`` and ``saved_s``, and the work queued in its pool.

    Parameters
    ----------
    run : int
        The run that wrote the checkpoint: how many the job had before it.
    kept_s, checkpoint_s : float
        [s of that run's course] Work up to the checkpoint, and time of the run's checkpoints up to it.
    saved_s : float
        [s on the reference type] All work that the checkpoint holds.
    """
    job = f.jobs[j]
    for i in range(f.clock[0].n_segments):
        segment = f.segments[i]
        if segment.job == j and segment.runs_before >= run:
            good_s, written_s = (kept_s, checkpoint_s) if segment.runs_before == run else (0.0, 0.0)
            job.lost_gpu_s -= lost_in(segment)
            segment.kept_s = min(segment.kept_s, segment.load_s + good_s + written_s)
            segment.checkpoint_s = min(segment.checkpoint_s, written_s)
            job.lost_gpu_s += lost_in(segment)
    expected_s = expected_length(f, j, job.pool)
    job.saved_s = min(job.saved_s, saved_s)
    f.pools[job.pool].queued_work += own_gpus(job) * (expected_length(f, j, job.pool) - expected_s)

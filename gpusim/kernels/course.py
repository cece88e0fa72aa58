"""The physics of a run in the fleet: how long it takes, its rate and draw, what is left of it when it is cut short.

What a course is, and its arithmetic, stand in ``gpusim/course.py``; here it is that of a job by its class, its pool and
its pace. While a run reads or writes on storage that jobs share at each moment, storage alone gives its rate. Nearly
all runs are at rate 1 throughout, so that it is the time since the start; the others have a row in ``paces``.

Writes: nothing.
Reads: cap_draws, cap_rates, classes, jobs, paces, pools, segments, sites, speeds.
Units: s, W, GPU/1000, GPUs.
"""

from __future__ import annotations

import math

from gpusim import course
from gpusim.gangs import MILLI
from gpusim.kernels._jit import inner, part
from gpusim.kernels.capped import cap_of
from gpusim.kernels.gang import own_gpus
from gpusim.kernels.state.codes import Status

at_rate = inner(course.at_rate)
_n_checkpoints = inner(course.n_checkpoints)
_through_s = inner(course.through_s)
_n_counting = inner(course.n_counting)
_progress_at = inner(course.progress_at)
_RUNNING = int(Status.RUNNING)


@inner
def checkpoint_time(classes, c, work):
    """[s] spent writing checkpoints in a run of ``work`` [s]."""
    kind = classes[c]
    return _n_checkpoints(work, kind.checkpoint_interval_s) * kind.checkpoint_write_s


@inner
def wall_time(classes, c, work):
    """[s] Length of the course of ``work`` [s]."""
    return classes[c].load_s + work + checkpoint_time(classes, c, work)


@inner
def work_left(f, j):
    """[s] of work on the reference type that the job will still do: to its end, or to its estimate if that kills it."""
    job = f.jobs[j]
    total = job.estimate_s if job.outruns != 0 else job.runtime_s
    return max(total - job.saved_s, 0.0)


@inner
def speed_in(f, j, p):
    """How fast a job works in pool ``p``, of its speed on the reference type."""
    return f.speeds[f.jobs[j].job_class, p]


@inner
def work_in(f, j, p):
    """[s] of work that the job will still do, in pool ``p``."""
    return work_left(f, j) / speed_in(f, j, p)


@inner
def course_length(f, j, p):
    """[s] Length of the job's course in pool ``p``."""
    return wall_time(f.classes, f.jobs[j].job_class, work_in(f, j, p))


@inner
def checkpoints_of(f, j):
    """Checkpoints in the run of a running job, if it is not cut short."""
    return _n_checkpoints(work_in(f, j, f.jobs[j].pool), f.classes[f.jobs[j].job_class].checkpoint_interval_s)


@inner
def expected_length(f, j, p):
    """[s] Length of its course by the estimate."""
    job = f.jobs[j]
    return wall_time(f.classes, job.job_class, max(job.estimate_s - job.saved_s, 0.0) / speed_in(f, j, p))


@inner
def expected_wall_time(f, j, p):
    """[s] that a run would be expected to take if it began in pool ``p`` now."""
    return at_rate(expected_length(f, j, p), f.pools[p].rate)


@inner
def time_to(f, j, progress_s, usual_rate):
    """[s] From now, when a paced run was last settled, to a point of its course: at its usual rate, but for storage."""
    pace = f.paces[j]
    if pace.storage_rate == 0.0:
        return at_rate(progress_s - pace.progress_s, usual_rate)
    at_storage_s = min(progress_s, pace.storage_until_s) - pace.progress_s
    behind_s = progress_s - pace.storage_until_s
    return at_storage_s / pace.storage_rate + (at_rate(behind_s, usual_rate) if behind_s > 0.0 else 0.0)


# Where a run is, and how fast it goes -----------------------------------------------------------------------------


@inner
def time_on_gpus(f, j, now):
    """[s] That a job has been on GPUs in all its runs, with the one under way."""
    job = f.jobs[j]
    return job.run_s + (now - job.start_s) if job.status == _RUNNING else job.run_s


@inner
def cap_rate(f, j):
    """What its cap leaves of the rate of a running job."""
    return f.cap_rates[f.jobs[j].job_class, cap_of(f, j)]


@inner
def usual_pace(f, j):
    """Rate and draw of a paced run but for storage: its own, times its pool's and what its spread and its cap leave."""
    job, pace = f.jobs[j], f.paces[j]
    pool = f.pools[job.pool]
    rate = pace.own_rate * pace.spread * pool.rate * cap_rate(f, j)
    return rate, pace.own_draw * pace.spread * pool.draw * f.cap_draws[pace.cap_step]


@inner
def rate_of(f, j):
    """Rate at which a running job goes."""
    return 1.0 if f.jobs[j].paced == 0 else f.paces[j].rate


@inner
def since(f, j):
    """[s] When the running job got its rate."""
    return f.jobs[j].start_s if f.jobs[j].paced == 0 else f.paces[j].since_s


@inner
def progress(f, j, now):
    """[s] How far along its course a running job is."""
    if f.jobs[j].paced == 0:
        return now - f.jobs[j].start_s
    return _progress_at(now, f.paces[j].progress_s, f.paces[j].since_s, f.paces[j].rate)


# Its checkpoints --------------------------------------------------------------------------------------------------


@inner
def progress_through(f, j, k):
    """[s] Progress of the job at which work goes on behind the k-th checkpoint."""
    kind = f.classes[f.jobs[j].job_class]
    return _through_s(k, kind.load_s, kind.checkpoint_interval_s, kind.checkpoint_write_s)


@inner
def place_counting(f, j, k):
    """[s] Place from which the k-th checkpoint counts, at the earliest where storage that jobs share says when."""
    kind = f.classes[f.jobs[j].job_class]
    return progress_through(f, j, k) + (0.0 if kind.stored != 0 else kind.checkpoint_background_s)


@inner
def counting(f, j, progress_s):
    """Checkpoints of a run, of a class with an interval, that count at a point of its course."""
    kind = f.classes[f.jobs[j].job_class]
    if kind.stored != 0:
        return float(f.paces[j].stored) if f.jobs[j].paced != 0 else 0.0
    worked_s = progress_s - min(kind.load_s, progress_s)
    return _n_counting(worked_s, kind.checkpoint_interval_s, kind.checkpoint_write_s, kind.checkpoint_background_s)


@inner
def kept_of(f, j, progress_s):
    """Of a run cut short at ``progress_s``: work kept, time of finished checkpoints, time loading [s of its course]."""
    kind = f.classes[f.jobs[j].job_class]
    load, interval = min(kind.load_s, progress_s), kind.checkpoint_interval_s
    if interval <= 0.0:
        return progress_s - load, 0.0, load
    if interval == math.inf:
        return 0.0, 0.0, load
    n = counting(f, j, progress_s)
    return n * interval, n * kind.checkpoint_write_s, load


@inner
def saved_with(f, j, kept_s):
    """[s] of work on the reference type that a job has saved once its run has kept ``kept_s`` of its own course."""
    return f.jobs[j].saved_s + kept_s * speed_in(f, j, f.jobs[j].pool)


@inner
def lost_in(segment):
    """[GPU s] held in a part of a run for work that is not kept. Beyond rate 1 time counts, not the work done in it;
    so it does at the rate of storage."""
    done_s = _progress_at(segment.end_s, segment.progress_s, segment.start_s, segment.rate)
    lost_s = done_s - max(segment.progress_s, segment.kept_s)
    rate = segment.rate if segment.by_storage != 0 else max(segment.rate, 1.0)
    return max(lost_s, 0.0) / rate * segment.held


# What it draws ----------------------------------------------------------------------------------------------------


@part
def draws(f, j, p, held):
    """Average draw [W] of the job on ``held`` GPUs by phase, above idle: compute, communication, checkpoint."""
    job, pool = f.jobs[j], f.pools[p]
    c = job.job_class
    work = work_in(f, j, p)
    load_s, checkpoint_s = f.classes[c].load_s, checkpoint_time(f.classes, c, work)
    wall = load_s + work + checkpoint_s
    if wall <= 0.0:
        return 0.0, 0.0, 0.0
    writing, loading = checkpoint_s / wall, load_s / wall
    computing = max(1.0 - writing - loading, 0.0)
    talking = f.classes[c].communication_share * computing
    drawing = held * (pool.draw if job.paced == 0 else f.paces[j].draw)
    if job.milli != 0:
        drawing *= job.milli / MILLI  # as its part of the GPU that it shares
    return (
        drawing * pool.compute_w * (computing - talking),
        drawing * pool.communication_w * (talking + loading),
        drawing * pool.checkpoint_w * writing,
    )


@inner
def draw(f, j, p):
    """[W] that a running job adds to its site's IT power."""
    compute, communication, checkpoint = draws(f, j, p, f.jobs[j].held)
    return compute + communication + checkpoint


@inner
def gpus_power(f, j, drawn_w):
    """[W] of a running job's GPUs, idle power included; ``drawn_w``: what it adds to its site's IT power."""
    return drawn_w + f.pools[f.jobs[j].pool].idle_w * own_gpus(f.jobs[j])


@inner
def counted(f, j, p):
    """[W] of IT power that the limit of pool ``p``'s site counts of a waiting job: under the deepest cap, if any."""
    return counted_on(f, j, p, f.jobs[j].held)


@inner
def counted_on(f, j, p, held):
    """The same on ``held`` GPUs there."""
    compute, communication, checkpoint = draws(f, j, p, held)
    return (compute + communication + checkpoint) * f.sites[f.pools[p].site].floor

"""Reading the fleet at one moment: running integrals, and what runs have come to.

Writes: `out`, `work_s`, `writes_s`.
Reads: classes, clock, jobs, lanes, pools, segments, sites.
Units: s, W, GPUs.
"""

from __future__ import annotations

from gpusim.kernels import course, ledger
from gpusim.kernels._jit import kernel
from gpusim.kernels.course import (
    checkpoint_time,
    checkpoints_of,
    draw,
    gpus_power,
    kept_of,
    lost_in,
    progress,
    rate_of,
    saved_with,
    since,
    time_on_gpus,
    work_in,
)
from gpusim.kernels.ledger import settle_lane, settle_pool, settle_site


@kernel
def settle_all(f, now):
    """Bring every running integral up to ``now``."""
    for p in range(len(f.pools)):
        settle_pool(f.pools, p, now)
    for s in range(len(f.sites)):
        settle_site(f.sites, s, now)
    for i in range(len(f.lanes)):
        settle_lane(f.lanes, i, now)


@kernel
def energies_of(f, rows, now, out):
    """[J] of the GPUs of running jobs at their rates of now, idle power included, into ``out``, shape as ``rows``."""
    for i in range(len(rows)):
        j = rows[i]
        out[i] = gpus_power(f, j, draw(f, j, f.jobs[j].pool)) * (now - since(f, j))


@kernel
def times_on_gpus(f, rows, now, out):
    """[s] That jobs have been on GPUs in all their runs, with those under way, into ``out``, shape as ``rows``."""
    for i in range(len(rows)):
        out[i] = time_on_gpus(f, rows[i], now)


@kernel
def courses_of(f, rows, work_s, writes_s):
    """Work and checkpoints in the courses of jobs' last runs [s], into ``work_s`` and ``writes_s``, as ``rows``."""
    for i in range(len(rows)):
        j = rows[i]
        work = work_in(f, j, f.jobs[j].pool)
        work_s[i], writes_s[i] = work, checkpoint_time(f.classes, f.jobs[j].job_class, work)


@kernel
def progress_and_rate(f, j, now):
    """[s] How far along its course a running job is now, and the rate at which it goes."""
    return progress(f, j, now), rate_of(f, j)


@kernel
def kept_now(f, j, now):
    """What a run would keep if it were cut short now: work, and time of the checkpoints with it [s of its course];
    and what the job would then have saved [s of work on the reference type]."""
    kept_s, checkpoint_s, _load_s = kept_of(f, j, progress(f, j, now))
    return kept_s, checkpoint_s, saved_with(f, j, kept_s)


@kernel
def lost_of_moved(f, moved, out):
    """Add to ``out`` [GPU s], by pool, what jobs that ``moved``, a mask, have lost there."""
    for i in range(f.clock[0].n_segments):
        segment = f.segments[i]
        if moved[segment.job]:
            out[segment.pool] += lost_in(segment)


@kernel
def n_checkpoints(f, j):
    """Checkpoints in the run of a running job, if it is not cut short."""
    return checkpoints_of(f, j)


@kernel
def progress_through(f, j, k):
    """[s] Progress of a job at which work goes on behind the k-th checkpoint."""
    return course.progress_through(f, j, k)


@kernel
def place_counting(f, j, k):
    """[s] Place from which the k-th checkpoint counts, at the earliest where storage that jobs share says when."""
    return course.place_counting(f, j, k)


@kernel
def n_counting(f, j, progress_s):
    """Checkpoints of a job's run that count at a point of its course."""
    return course.counting(f, j, progress_s)


@kernel
def facility_w(f, s):
    """[W] Facility power that a site draws now."""
    return ledger.facility_w(f.sites[s])

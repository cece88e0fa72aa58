"""What the GPUs of jobs did in each run: loading, checkpointing, work kept or lost, slowed, throttled, held unasked.

Loading is restarting in all runs of a job but its first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from gpusim import phases
from gpusim.gangs import MILLI
from gpusim.kernels.reading import courses_of, lost_of_moved
from gpusim.kernels.state.codes import PAUSES, SLOWED_FOR, Cause, Status
from gpusim.kernels.state.fleet import Fleet
from gpusim.units import Intervals

CHUNK = 100_000  # jobs looked at together: memory stays small however many there are
SPLIT = (
    Cause.LOADING, Cause.RESTARTING, Cause.CHECKPOINTING, Cause.LOST_WORK, Cause.SLOWED, Cause.THROTTLED,
    Cause.THROTTLED_FEEDER, *SLOWED_FOR.values(), Cause.IDLE_FRAGMENTED,
)  # fmt: skip
# Under what each phase of a run is booked; of its work, the checkpoints: the rest is training.
BOOKED = {
    phases.LOADING: Cause.LOADING, phases.RESTARTING: Cause.RESTARTING, phases.WORK: Cause.CHECKPOINTING,
    phases.LOST: Cause.LOST_WORK,
}  # fmt: skip


class GpuTime(NamedTuple):
    """What jobs had of GPUs in all their runs, shape (jobs,) each."""

    gpu_s: np.ndarray  # those that they asked for
    held_gpu_s: np.ndarray  # with those that gangs hold unasked in whole nodes
    useful_gpu_s: np.ndarray  # of ``gpu_s``, what is training: neither loading nor checkpoints, not lost, not slowed
    throttled_gpu_s: np.ndarray  # of ``gpu_s``, what caps on power took
    idle_j: np.ndarray  # what the GPUs that they held draw idle, by the pools in which they ran


class Segments(NamedTuple):
    """Segments of runs, each at one rate, as columns; positions are in s of a run's course (``gpusim/course.py``)."""

    job: np.ndarray
    pool: np.ndarray
    gpus: np.ndarray
    held: np.ndarray
    start_s: np.ndarray
    end_s: np.ndarray
    runs_before: np.ndarray  # of the job
    load_s: np.ndarray  # of the run's course
    progress_s: np.ndarray  # when the segment began
    rate: np.ndarray
    cap_rate: np.ndarray  # of that, what a cap on power left
    by_feeder: np.ndarray  # whether a feeder asked for that cap
    by_storage: np.ndarray  # whether storage that jobs share gave the rate: they loaded or wrote a checkpoint
    kept_s: np.ndarray  # up to where the run's work is kept
    writing: np.ndarray  # share of checkpoints in the course between loading and there

    def phases(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """When each phase of the segments begins and ends [s]."""
        return phases.split(
            self.runs_before, self.start_s, self.end_s, self.progress_s, self.rate, self.load_s, self.kept_s
        )


def have_moved(fleet: Fleet) -> np.ndarray:
    """Whether jobs ran in another pool than that in which they are now, shape (n_jobs,)."""
    segments = fleet.segments[: int(fleet.clock[0].n_segments)]
    moved = np.zeros(len(fleet.jobs), bool)
    moved[segments["job"][segments["pool"] != fleet.jobs["pool"][segments["job"]]]] = True
    return moved


def taken_gpu_s(fleet: Fleet, cause: Cause, pools: range) -> dict[int, float]:
    """GPU-seconds booked as idle for a cause, and of work that evictions have undone, by the pool where that was."""
    jobs, moved, of_moved = fleet.jobs, have_moved(fleet), np.zeros(len(fleet.pools))
    if moved.any():
        lost_of_moved(fleet, moved, of_moved)
    return {
        p: float(fleet.pools[p].ledger[cause] + jobs["lost_gpu_s"][(jobs["pool"] == p) & ~moved].sum() + of_moved[p])
        for p in pools
    }


def split_runs(
    fleet: Fleet, edges_s: np.ndarray, binding_s: Mapping[Cause, Sequence[Intervals]] = MappingProxyType({})
) -> tuple[dict[Cause, np.ndarray], GpuTime]:
    """GPU-seconds of ``SPLIT`` in the jobs' runs, by record interval and pool, and of each job.

    ``binding_s``: by what caps are put down to while a limit binds (``SLOWED_FOR``; those of ``PAUSES`` have pauses
    too), and of each site, from when to when [s] that was its lowest limit.

    Returns
    -------
    dict of Cause to ndarray, shape (intervals, pools)
    GpuTime
        What is useful is, in all jobs together, what the pools book as training less ``SPLIT``.
    """
    booked = {cause: np.zeros((len(edges_s) - 1, len(fleet.pools))) for cause in SPLIT}
    gpu_time = GpuTime(*np.zeros((len(GpuTime._fields), len(fleet.jobs))))
    taken = {cause: np.zeros_like(booked[cause]) for cause in (Cause.THROTTLED, Cause.SLOWED)}  # and put down to others
    for segments in segments_of(fleet, edges_s[-1]):
        _book(fleet, edges_s, segments, binding_s, booked, taken, gpu_time)
    for cause, gpu_s in taken.items():
        rest = booked[cause] - gpu_s
        booked[cause] = np.where(rest > 1e-12 * booked[cause], rest, 0.0)  # all but rounding
    return booked, gpu_time


def segments_of(fleet: Fleet, now_s: float, jobs: np.ndarray | bool = True) -> Iterator[Segments]:
    """The segments that are noted, then the last one of each job's last run; of ``jobs``, a mask, only."""
    segments = fleet.segments[: int(fleet.clock[0].n_segments)]
    for first in range(0, len(segments), CHUNK):
        yield _noted(fleet, segments[first : first + CHUNK])
    status = fleet.jobs["status"]
    rows = np.flatnonzero(np.isin(status, [Status.RUNNING, Status.DONE, Status.TIMED_OUT]) & jobs)
    for first in range(0, len(rows), CHUNK):
        yield _last(fleet, rows[first : first + CHUNK], now_s)


def _noted(fleet: Fleet, segments: np.ndarray) -> Segments:
    job, kept_s = segments["job"], segments["kept_s"]
    cut = kept_s < np.inf
    at_work_s = np.where(cut, kept_s - segments["load_s"], 0.0)
    writing = phases.writing_share(segments["checkpoint_s"], at_work_s)
    writing[~cut] = _of_whole_runs(fleet, job[~cut])
    names = (
        "pool", "gpus", "held", "start_s", "end_s", "runs_before", "load_s", "progress_s", "rate", "cap_rate",
        "by_feeder", "by_storage",
    )  # fmt: skip
    columns = (segments[name] for name in names)
    return Segments(job, *columns, kept_s, writing)


def _last(fleet: Fleet, rows: np.ndarray, now_s: float) -> Segments:
    jobs = fleet.jobs[rows]
    paced = jobs["paced"] != 0
    start_s, progress_s, rate = jobs["start_s"].copy(), np.zeros(len(rows)), np.ones(len(rows))
    cap_rate, by_feeder, by_storage = np.ones(len(rows)), *np.zeros((2, len(rows)), "i8")
    pace = fleet.paces[rows[paced]]
    by_storage[paced] = stores = pace["storage_rate"] > 0.0
    by_feeder[paced] = np.where(stores, 0, pace["by_feeder"])
    cap_rate[paced] = np.where(stores, 1.0, fleet.cap_rates[jobs["job_class"][paced], pace["cap_step"]])
    start_s[paced], progress_s[paced], rate[paced] = pace["since_s"], pace["progress_s"], pace["rate"]
    end_s, kept_s = np.minimum(jobs["end_s"], now_s), np.full(len(rows), np.inf)
    writing = _of_whole_runs(fleet, rows)
    load_s = fleet.classes["load_s"][jobs["job_class"]]
    part, shares = jobs["milli"] / MILLI, jobs["milli"] > 0
    gpus, held = (np.where(shares, part, jobs[name]) for name in ("gpus", "held"))
    return Segments(
        rows, jobs["pool"], gpus, held, start_s, end_s, jobs["evictions"], load_s, progress_s, rate,
        cap_rate, by_feeder, by_storage, kept_s, writing,
    )  # fmt: skip


def _of_whole_runs(fleet: Fleet, rows: np.ndarray) -> np.ndarray:
    """Share of checkpoints in the course of runs that are not cut short, from the end of loading on."""
    work_s, writes_s = np.empty(len(rows)), np.empty(len(rows))
    courses_of(fleet, rows, work_s, writes_s)
    return phases.writing_share(writes_s, work_s + writes_s)


def _book(
    fleet: Fleet,
    edges_s: np.ndarray,
    segments: Segments,
    binding_s: Mapping[Cause, Sequence[Intervals]],
    booked: dict[Cause, np.ndarray],
    others: dict[Cause, np.ndarray],
    gpu_time: GpuTime,
) -> None:
    job, pool, held, start_s, end_s, rate = (
        getattr(segments, name) for name in ("job", "pool", "held", "start_s", "end_s", "rate")
    )
    gpus = segments.gpus * 1.0
    at_work, throttled, slowed = phases.uses_of(gpus, rate, segments.cap_rate, segments.by_storage)
    by_site = np.where(segments.by_feeder == 0, throttled, 0.0)
    writing = at_work * phases.writing_at_storage(segments.writing, rate, segments.by_storage)
    taken = [
        (BOOKED[phase], writing if phase == phases.WORK else at_work, *span_s)
        for phase, span_s in segments.phases().items()
    ]
    taken += [
        (Cause.SLOWED, slowed, start_s, end_s),
        (Cause.THROTTLED, by_site, start_s, end_s),
        (Cause.THROTTLED_FEEDER, throttled - by_site, start_s, end_s),
    ]
    for cause, rates, from_s, to_s in taken:
        _spread(edges_s, booked[cause], pool, rates, from_s, to_s)
        np.add.at(gpu_time.useful_gpu_s, job, -rates * (to_s - from_s))
    losses = {Cause.THROTTLED: by_site, Cause.SLOWED: np.where(rate == 0.0, slowed, 0.0)}
    for cause, by_site in binding_s.items():
        for site, spans in enumerate(by_site):
            for name, lost in losses.items() if spans else ():
                if name == Cause.SLOWED and cause not in PAUSES:
                    continue
                mine = np.flatnonzero((fleet.pools["site"][pool] == site) & (lost > 0.0))
                for from_s, to_s in spans if len(mine) else ():
                    bound_s = np.maximum(start_s[mine], from_s), np.minimum(end_s[mine], to_s)
                    for out in (booked[cause], others[name]):
                        _spread(edges_s, out, pool[mine], lost[mine], *bound_s)
    np.add.at(gpu_time.throttled_gpu_s, job, throttled * (end_s - start_s))
    np.add.at(gpu_time.useful_gpu_s, job, gpus * (end_s - start_s))
    np.add.at(gpu_time.gpu_s, job, gpus * (end_s - start_s))
    np.add.at(gpu_time.held_gpu_s, job, held * (end_s - start_s))
    np.add.at(gpu_time.idle_j, job, fleet.pools["idle_w"][pool] * held * (end_s - start_s))
    _spread(edges_s, booked[Cause.IDLE_FRAGMENTED], pool, held - gpus, start_s, end_s)


def _spread(edges_s, out, pool, rate, start_s, end_s) -> None:
    """Add the integral over [start, end) of each run's ``rate``, per interval and pool."""
    keep = (end_s > start_s) & (rate > 0.0)
    pool, rate, start_s, end_s = pool[keep], rate[keep], start_s[keep], end_s[keep]
    first = np.searchsorted(edges_s, start_s, side="right") - 1
    last = np.minimum(np.searchsorted(edges_s, end_s, side="left") - 1, len(out) - 1)
    for offset in range(int((last - first).max()) + 1 if len(first) else 0):
        rows = np.flatnonzero(first + offset <= last)
        i = first[rows] + offset
        a, b = np.maximum(start_s[rows], edges_s[i]), np.minimum(end_s[rows], edges_s[i + 1])
        np.add.at(out, (i, pool[rows]), rate[rows] * (b - a))

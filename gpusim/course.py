"""The arithmetic of a run's course: where its checkpoints are, what counts at a place, when a place is passed.

With ``kernels/course.py``, which applies it to jobs in the fleet, this is the physics of a run. It takes numbers and
knows no records, so that kernels compile it and tables of finished runs are read by the same rules.

A run goes through a course: it loads, then works, with a checkpoint after each full interval of work but the last. The
work stops while the first part of a checkpoint is written, the rest is written beside it; then the checkpoint counts. A
place in it is in seconds at rate 1. At rate r a run moves r seconds along its course in each second; at rate 0 it is
paused. A segment of a run is a part of it at one rate.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

CLOSE_S = 1e-6  # places that differ by less are the same
LEAST_S = 1.0  # between two looks at a run that does not move

# Checkpoints. Kernels compile these, so none calls another. Intervals [s]: 0 keeps all at each moment, inf nothing.


def n_checkpoints(work_s, interval_s):
    """Checkpoints in a run of so much work: one after each full interval but the last."""
    if interval_s <= 0.0 or interval_s == math.inf or work_s <= interval_s:
        return 0.0
    return math.ceil(work_s / interval_s) - 1.0


def through_s(k, load_s, interval_s, write_s):
    """[s] Place at which work goes on behind the k-th checkpoint."""
    return load_s + k * (interval_s + write_s)


def n_counting(worked_s, interval_s, write_s, background_s):
    """Checkpoints that count at a place so far behind the end of loading, for intervals above 0."""
    return np.floor(np.maximum(worked_s - background_s, 0.0) / (interval_s + write_s))


# Rates. Kernels compile these too.


def at_rate(length_s, rate):
    """[s] that a length of course takes."""
    if rate == 1.0:
        return length_s
    return length_s / rate if rate > 0.0 else math.inf


def place_at(now_s, place_s, since_s, rate):
    """[s] Place of a run that was at ``place_s`` when it got its rate."""
    return place_s + rate * (now_s - since_s)


def look_s(left_s: float, rate: float) -> float:
    """[s] Until the next look at a run that has ``left_s`` to go along its course.

    No later than it could be there from now on at rate 1, or at its own if that is more; but not over and over at once
    where it does not move.
    """
    return at_rate(left_s, rate) if rate >= 1.0 else min(max(left_s, LEAST_S), at_rate(left_s, rate))


# Segments as columns of tables, shape (segments,) each: runs that are over, and what those under way have done.

LOADING, RESTARTING, WORK, LOST = "loading", "restarting", "work", "lost work"  # phases, in the order of the course


def phases(runs_before, start_s, end_s, place_s, rate, load_s, kept_s) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """When each phase of segments begins and ends [s]; one that a segment has not, ends as it begins.

    A job's first run loads, the others restart. Then comes work with its checkpoints, and from where the run's work is
    not kept, work that is lost.

    Parameters
    ----------
    runs_before : array
        Runs of the job before the segment's.
    start_s, end_s : array
        [s] When the segment begins and ends.
    place_s, rate : array
        [s] Place of the run when it begins, and its rate.
    load_s, kept_s : array
        [s] Places in the run's course: the end of loading, and up to where its work is kept; inf: all of it.
    """
    loaded_s = passed_s(load_s, start_s, end_s, place_s, rate)
    worked_s = np.maximum(passed_s(kept_s, start_s, end_s, place_s, rate), loaded_s)
    first_s = np.where(runs_before == 0, loaded_s, start_s)
    return {
        LOADING: (start_s, first_s), RESTARTING: (first_s, loaded_s), WORK: (loaded_s, worked_s),
        LOST: (worked_s, end_s),
    }  # fmt: skip


def passed_s(at_s, start_s, end_s, place_s, rate) -> np.ndarray:
    """[s] When each segment passes a place of its run's course, its start or end if that is before or behind it."""
    ahead_s = np.maximum(at_s - place_s, 0.0)
    passes_s = start_s + np.divide(ahead_s, rate, out=np.full(len(rate), np.inf), where=rate > 0.0)
    return np.where(ahead_s == 0.0, start_s, np.minimum(passes_s, end_s))


class GpuTime(NamedTuple):
    """GPUs of segments by what their time goes into; all together they are the segments' GPUs."""

    at_work: np.ndarray  # what the phase is
    throttled: np.ndarray  # being slowed by a cap on power
    slowed: np.ndarray  # by whatever else


def gpu_time(gpus, rate, cap_rate, by_storage) -> GpuTime:
    """At rate 0.8, a fifth of GPUs' time is lost to being slowed; on storage that jobs share it is loading and writing.

    ``cap_rate``: what a cap on power left of the rate. Beyond rate 1 time counts, not the work done in it.
    """
    at_work = gpus * np.where(by_storage, 1.0, np.minimum(rate, 1.0))
    uncapped = np.where(cap_rate < 1.0, gpus * np.minimum(rate / cap_rate, 1.0), at_work)
    return GpuTime(at_work, uncapped - at_work, gpus - uncapped)


def writing_share(writing_s, worked_s) -> np.ndarray:
    """Share of checkpoints in the work with its checkpoints, both [s]."""
    return np.minimum(writing_s / np.maximum(worked_s, 1e-300), 1.0)


def writing_at_storage(writing, rate, by_storage) -> np.ndarray:
    """The same in the time of segments: where storage gives the rate, what it takes beyond the work is writing."""
    return np.where(by_storage, np.maximum(1.0 - rate * (1.0 - writing), 0.0), writing)


# Runs of one class, for which its times are numbers, at places of any shape.


class Done(NamedTuple):
    """What of a run's course lies before places [s]."""

    loading_s: np.ndarray
    work_s: np.ndarray
    writing_s: np.ndarray  # checkpoints, while work stops


def done_at(place_s, load_s: float, interval_s: float, write_s: float) -> Done:
    """What a run has done at places of its course."""
    loading_s = np.minimum(place_s, load_s)
    worked_s = place_s - loading_s
    if not 0.0 < interval_s < math.inf:
        return Done(loading_s, worked_s, np.zeros_like(worked_s))
    cycles, rest_s = np.divmod(worked_s, interval_s + write_s)
    work_s = cycles * interval_s + np.minimum(rest_s, interval_s)
    return Done(loading_s, work_s, worked_s - work_s)


def kept_at(place_s, load_s: float, interval_s: float, write_s: float, background_s: float) -> np.ndarray:
    """[s] Places up to which the work of runs that are cut short at places of their course is kept."""
    loading_s = np.minimum(place_s, load_s)
    if interval_s <= 0.0:
        return np.asarray(place_s)
    if interval_s == math.inf:
        return loading_s
    n = n_counting(place_s - loading_s, interval_s, write_s, background_s)
    return loading_s + n * (interval_s + write_s)

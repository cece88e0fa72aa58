"""Phases of runs: what segments of them did when, and what their GPUs' time went into.

A segment is a part of a run at one rate. What is loading, work, a checkpoint or lost in it follows from where in the
run's course it begins (``course.py``), here for many at once; nothing of it is kept while a run lasts.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gpusim.course import CLOSE_S, n_counting

# Segments as columns, shape (segments,) each.

LOADING, RESTARTING, WORK, LOST = "loading", "restarting", "work", "lost work"  # phases, in the order of the course


def split(runs_before, start_s, end_s, progress_s, rate, load_s, kept_s) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """When each phase of segments begins and ends [s]; one that a segment has not, ends as it begins.

    A job's first run loads, the others restart. Then comes work with its checkpoints, and from where the run's work is
    not kept, work that is lost.

    Parameters
    ----------
    runs_before : array
        Runs of the job before the segment's.
    start_s, end_s : array
        [s] When the segment begins and ends.
    progress_s, rate : array
        Progress of the run when it begins [s], and its rate.
    load_s, kept_s : array
        [s] Points of the run's course: the end of loading, and up to where its work is kept; inf: all of it.
    """
    loaded_s = passed_s(load_s, start_s, end_s, progress_s, rate)
    worked_s = np.maximum(passed_s(kept_s, start_s, end_s, progress_s, rate), loaded_s)
    first_s = np.where(runs_before == 0, loaded_s, start_s)
    return {
        LOADING: (start_s, first_s), RESTARTING: (first_s, loaded_s), WORK: (loaded_s, worked_s),
        LOST: (worked_s, end_s),
    }  # fmt: skip


def passed_s(at_s, start_s, end_s, progress_s, rate) -> np.ndarray:
    """[s] When each segment passes a point of its run's course, its start or end if that is before or behind it."""
    ahead_s = np.maximum(at_s - progress_s, 0.0)
    passes_s = start_s + np.divide(ahead_s, rate, out=np.full(len(rate), np.inf), where=rate > 0.0)
    return np.where(ahead_s == 0.0, start_s, np.minimum(passes_s, end_s))


class Uses(NamedTuple):
    """GPUs of segments by what their time goes into; all together they are the segments' GPUs."""

    at_work: np.ndarray  # what the phase is
    throttled: np.ndarray  # being slowed by a cap on power
    slowed: np.ndarray  # by whatever else


def uses_of(gpus, rate, cap_rate, by_storage) -> Uses:
    """At rate 0.8, a fifth of GPUs' time is lost to being slowed; on storage that jobs share it is loading and writing.

    ``cap_rate``: what a cap on power left of the rate. Beyond rate 1 time counts, not the work done in it.
    """
    at_work = gpus * np.where(by_storage, 1.0, np.minimum(rate, 1.0))
    uncapped = np.where(cap_rate < 1.0, gpus * np.minimum(rate / cap_rate, 1.0), at_work)
    return Uses(at_work, uncapped - at_work, gpus - uncapped)


def writing_share(writing_s, worked_s) -> np.ndarray:
    """Share of checkpoints in the work with its checkpoints, both [s]."""
    return np.minimum(writing_s / np.maximum(worked_s, 1e-300), 1.0)


def writing_at_storage(writing, rate, by_storage) -> np.ndarray:
    """The same in the time of segments: where storage gives the rate, what it takes beyond the work is writing."""
    return np.where(by_storage, np.maximum(1.0 - rate * (1.0 - writing), 0.0), writing)


# Runs of one class, for which its times are numbers, at points of any shape.


class Done(NamedTuple):
    """What of a run's course lies before points [s]."""

    loading_s: np.ndarray
    work_s: np.ndarray
    writing_s: np.ndarray  # checkpoints, while work stops


def done_at(progress_s, load_s: float, interval_s: float, write_s: float) -> Done:
    """What a run has done at points of its course."""
    loading_s = np.minimum(progress_s, load_s)
    worked_s = progress_s - loading_s
    if not 0.0 < interval_s < math.inf:
        return Done(loading_s, worked_s, np.zeros_like(worked_s))
    cycles, rest_s = np.divmod(worked_s, interval_s + write_s)
    work_s = cycles * interval_s + np.minimum(rest_s, interval_s)
    return Done(loading_s, work_s, worked_s - work_s)


def kept_at(progress_s, load_s: float, interval_s: float, write_s: float, background_s: float) -> np.ndarray:
    """[s] Points up to which the work of runs that are cut short at points of their course is kept, by its checkpoints.

    One that counts at the very point does, however the sums that lead there are rounded.
    """
    loading_s = np.minimum(progress_s, load_s)
    if interval_s <= 0.0:
        return np.asarray(progress_s)
    if interval_s == math.inf:
        return loading_s
    n = n_counting(progress_s - loading_s + CLOSE_S, interval_s, write_s, background_s)
    return loading_s + n * (interval_s + write_s)

"""What the GPUs of jobs did in each run: loading, checkpointing, work kept or lost, GPUs held without being asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gpusim.state import Cause, Fleet, Status

CHUNK = 100_000  # jobs looked at together: memory stays small however many there are
SPLIT = (Cause.LOADING, Cause.CHECKPOINTING, Cause.LOST_WORK, Cause.IDLE_FRAGMENTED)


class _Runs(NamedTuple):
    """Runs as columns; times in s, ``writes_s`` all checkpoints up to ``planned_end_s``."""

    job: np.ndarray
    start_s: np.ndarray
    end_s: np.ndarray
    planned_end_s: np.ndarray
    lost_s: np.ndarray
    writes_s: np.ndarray


def split_runs(fleet: Fleet, edges_s: np.ndarray) -> dict[Cause, np.ndarray]:
    """GPU-seconds of ``SPLIT`` in the jobs' runs, by record interval and pool.

    Returns
    -------
    dict of Cause to ndarray, shape (intervals, pools)
    """
    booked = {cause: np.zeros((len(edges_s) - 1, len(fleet.pools))) for cause in SPLIT}
    for runs in _all_runs(fleet, edges_s[-1]):
        _book(fleet, edges_s, runs, booked)
    return booked


def _all_runs(fleet: Fleet, now_s: float) -> Iterator[_Runs]:
    """The runs that evictions cut short, then the last run of each job."""
    cut = fleet.segments[: int(fleet.clock[0].n_segments)]
    yield _Runs(cut["job"], cut["start_s"], cut["end_s"], cut["end_s"], cut["lost_s"], cut["checkpoint_s"])
    status = fleet.jobs["status"][: int(fleet.clock[0].n_jobs)]
    rows = np.flatnonzero(np.isin(status, [Status.RUNNING, Status.DONE, Status.TIMED_OUT]))
    for first in range(0, len(rows), CHUNK):
        yield _last_runs(fleet, rows[first : first + CHUNK], now_s)


def _last_runs(fleet: Fleet, rows: np.ndarray, now_s: float) -> _Runs:
    jobs = fleet.jobs[rows]
    total_s = np.where(jobs["outruns"] != 0, jobs["estimate_s"], jobs["runtime_s"])
    work_s = np.maximum(total_s - jobs["saved_s"], 0.0) / fleet.pools["speed"][jobs["pool"]]
    load_s = fleet.classes["load_s"][jobs["job_class"]]
    # What is neither loading nor work was checkpoints: the wall time says how long they took.
    writes_s = np.maximum(jobs["end_s"] - jobs["start_s"] - load_s - work_s, 0.0)
    writes_s[work_s + load_s <= 0.0] = 0.0
    end_s = np.minimum(jobs["end_s"], now_s)
    return _Runs(rows, jobs["start_s"], end_s, jobs["end_s"], np.zeros(len(rows)), writes_s)


def _book(fleet: Fleet, edges_s: np.ndarray, runs: _Runs, booked: dict[Cause, np.ndarray]) -> None:
    job, start_s, end_s, planned_end_s, lost_s, writes_s = runs
    pool, gpus = fleet.jobs["pool"][job], fleet.jobs["gpus"][job] * 1.0
    unasked = fleet.jobs["held"][job] - gpus  # of gangs that hold whole nodes
    loaded_s = np.minimum(start_s + fleet.classes["load_s"][fleet.jobs["job_class"][job]], end_s)
    kept_end_s = np.maximum(end_s - lost_s, loaded_s)
    writing = np.minimum(writes_s / np.maximum(planned_end_s - lost_s - loaded_s, 1e-300), 1.0)
    _spread(edges_s, booked[Cause.LOADING], pool, gpus, start_s, loaded_s)
    _spread(edges_s, booked[Cause.CHECKPOINTING], pool, gpus * writing, loaded_s, kept_end_s)
    _spread(edges_s, booked[Cause.LOST_WORK], pool, gpus, kept_end_s, end_s)
    _spread(edges_s, booked[Cause.IDLE_FRAGMENTED], pool, unasked, start_s, end_s)


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

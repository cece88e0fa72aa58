"""The arithmetic of a run's course: where its checkpoints are, what counts at a point, when a point is passed.

With ``kernels/course.py``, which applies it to jobs in the fleet, and ``phases.py``, which splits segments of runs by
it, this is the physics of a run. It takes numbers and knows no records: kernels compile it, and tables of finished runs
are read by the same rules.

A run goes through a course: it loads, then works, with a checkpoint after each full interval of work but the last. The
work stops while the first part of a checkpoint is written, the rest is written beside it; then the checkpoint counts.
How far it is along its course, its progress, is in seconds at rate 1. At rate r it grows by r in each second; at rate
0 the run is paused.
"""

from __future__ import annotations

import math

import numpy as np

CLOSE_S = 1e-6  # points that differ by less are the same
LEAST_S = 1.0  # between two looks at a run that does not move

# Checkpoints. Kernels compile these, so none calls another. Intervals [s]: 0 keeps all at each moment, inf nothing.


def n_checkpoints(work_s, interval_s):
    """Checkpoints in a run of so much work: one after each full interval but the last."""
    if interval_s <= 0.0 or interval_s == math.inf or work_s <= interval_s:
        return 0.0
    return math.ceil(work_s / interval_s) - 1.0


def through_s(k, load_s, interval_s, write_s):
    """[s] Progress at which work goes on behind the k-th checkpoint."""
    return load_s + k * (interval_s + write_s)


def n_counting(worked_s, interval_s, write_s, background_s):
    """Checkpoints that count at a point so far behind the end of loading, for intervals above 0."""
    return np.floor(np.maximum(worked_s - background_s, 0.0) / (interval_s + write_s))


# Rates. Kernels compile these too.


def at_rate(length_s, rate):
    """[s] that a length of course takes."""
    if rate == 1.0:
        return length_s
    return length_s / rate if rate > 0.0 else math.inf


def progress_at(now_s, progress_s, since_s, rate):
    """[s] Progress of a run that was at ``progress_s`` when it got its rate."""
    return progress_s + rate * (now_s - since_s)


def look_s(left_s: float, rate: float) -> float:
    """[s] Until the next look at a run that has ``left_s`` to go along its course.

    No later than it could be there from now on at rate 1, or at its own if that is more; but not over and over at once
    where it does not move.
    """
    return at_rate(left_s, rate) if rate >= 1.0 else min(max(left_s, LEAST_S), at_rate(left_s, rate))

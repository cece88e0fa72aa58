"""How long a job runs and what an eviction leaves of its work."""

from __future__ import annotations

import math

from gpusim.engine.description import ClassSpec


def checkpoints(work_s: float, kind: ClassSpec) -> int:
    """Checkpoints written during ``work_s`` seconds of work: none at the end of the last stretch."""
    interval_s = kind.checkpoint_interval_s
    if work_s <= 0 or interval_s == 0 or math.isinf(interval_s):
        return 0
    return math.ceil(work_s / interval_s) - 1


def wall_s(work_s: float, kind: ClassSpec) -> float:
    """Seconds on the GPUs for ``work_s`` seconds of work."""
    return kind.load_s + work_s + checkpoints(work_s, kind) * kind.checkpoint_write_s


def at_rate(length_s: float, rate: float) -> float:
    """Seconds that a length of a run's course takes."""
    return length_s / rate if rate > 0 else math.inf


def kept_s(place_s: float, work_s: float, kind: ClassSpec) -> float:
    """Work that survives an eviction at a place of the run's course: up to the last finished checkpoint."""
    worked_s = max(place_s - kind.load_s, 0)
    interval_s = kind.checkpoint_interval_s
    if interval_s == 0:
        return min(worked_s, work_s)
    if math.isinf(interval_s):
        return 0
    written_s = max(worked_s - kind.checkpoint_background_s, 0)  # the last of it is beside the work that follows
    finished = math.floor(written_s / (interval_s + kind.checkpoint_write_s))
    return min(finished, checkpoints(work_s, kind)) * interval_s

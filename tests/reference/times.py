"""How long a job runs, what it does when, and what an eviction leaves of its work."""

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


def kept_s(progress_s: float, work_s: float, kind: ClassSpec) -> float:
    """Work that survives an eviction at a place of the run's course: up to the last finished checkpoint."""
    worked_s = max(progress_s - kind.load_s, 0)
    interval_s = kind.checkpoint_interval_s
    if interval_s == 0:
        return min(worked_s, work_s)
    if math.isinf(interval_s):
        return 0
    written_s = max(worked_s - kind.checkpoint_background_s, 0)  # the last of it is beside the work that follows
    finished = math.floor(written_s / (interval_s + kind.checkpoint_write_s))
    return min(finished, checkpoints(work_s, kind)) * interval_s


# A run stage by stage. Kinds are those of the engine, or classes of scenarios with an interval in numbers.

LOADING, WORK, WRITING, LOST = "loading", "work", "writing", "lost work"


def stages(work_s: float, kind: ClassSpec) -> list[tuple[str, float]]:
    """What a run does one after the other, and for how long [s of its course]."""
    found, interval_s = [(LOADING, kind.load_s)], kind.checkpoint_interval_s
    while 0 < interval_s < work_s:
        found += [(WORK, interval_s), (WRITING, kind.checkpoint_write_s)]
        work_s -= interval_s
    return [*found, (WORK, work_s)]


def checkpoint_places(work_s: float, kind: ClassSpec) -> list[tuple[float, float]]:
    """Of each checkpoint of a run: places at which work goes on behind it, and from which it counts."""
    progress_s, found = 0.0, []
    for what, lasts_s in stages(work_s, kind):
        progress_s += lasts_s
        if what == WRITING:
            found.append((progress_s, progress_s + kind.checkpoint_background_s))
    return found


def walk(
    work_s: float, kind: ClassSpec, pieces: list[tuple[float, float, float]], kept_s: float
) -> list[tuple[str, int, float, float]]:
    """What a run did when: (what, piece, from, to [s]); behind the place ``kept_s`` its work is lost.

    ``pieces``: (from, to [s], rate), one behind the other; the run is at rate 0 when it is paused.
    """
    left, progress_s, found = stages(work_s, kind)[::-1], 0.0, []
    for i, (now, end_s, rate) in enumerate(pieces):
        while now < end_s:
            while len(left) > 1 and left[-1][1] <= 1e-9:
                left.pop()
            what, stage_s = left[-1]
            room_s = stage_s if what == LOADING or progress_s >= kept_s - 1e-9 else min(stage_s, kept_s - progress_s)
            then = end_s if rate == 0.0 else min(end_s, now + max(room_s, 1e-9) / rate)
            found.append((LOST if what != LOADING and progress_s >= kept_s - 1e-9 else what, i, now, then))
            moved_s = rate * (then - now)
            left[-1] = (what, stage_s - moved_s)
            progress_s, now = progress_s + moved_s, then
    return found

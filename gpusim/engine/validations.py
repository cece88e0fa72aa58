"""Validations of jobs, which find that their work is corrupted: every so many checkpoints of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator

from gpusim.engine.corruption import Corruption
from gpusim.engine.environment import FleetEnvironment
from gpusim.state.codes import Status

CLOSE_S = 1e-6  # of a run's course
LEAST_S = 1.0  # between two looks at a run that does not move


def watch(
    env: FleetEnvironment, spoiled: Corruption, every: int, is_over: Callable[[], bool], validate: Callable[[int], None]
) -> Generator:
    """SimPy process: call ``validate(job)`` when a corrupted job next does, unless it is over before.

    A run is looked at no later than it could be there from now on at rate 1, or at its own if that is more; while the
    job waits, no later than if it started now. So the moment is exact, whatever slows the job meanwhile.
    """
    run, target_s = -1, math.nan
    while not is_over() and not spoiled.has_ended(env) and spoiled.spoils(env):
        row = env.fleet.jobs[spoiled.job]
        kind = env.fleet.classes[row.job_class]
        apart_s = every * float(kind.checkpoint_interval_s + kind.checkpoint_write_s)
        first_s = float(kind.load_s + kind.checkpoint_background_s)
        if row.status != Status.RUNNING:
            yield env.at(env.now + first_s + apart_s)
            continue
        pace = env.fleet.paces[spoiled.job]
        rate = 1.0 if row.paced == 0 else float(pace.rate)
        since_s, before_s = (row.start_s, 0.0) if row.paced == 0 else (pace.since_s, pace.place_s)
        place_s = float(before_s + rate * (env.now - since_s))
        if run != row.evictions:
            run = int(row.evictions)
            target_s = first_s + apart_s * max(1.0, math.ceil((place_s - first_s) / apart_s - CLOSE_S))
        left_s = target_s - place_s
        if left_s <= CLOSE_S:
            validate(spoiled.job)
            return
        yield env.at(env.now + (left_s / rate if rate >= 1.0 else _look_s(left_s, rate)))


def _look_s(left_s: float, rate: float) -> float:
    """[s] Until the next look at a run that is slowed."""
    look_s = max(left_s, LEAST_S)
    return min(look_s, left_s / rate) if rate > 0.0 else look_s

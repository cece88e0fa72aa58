"""Validations of jobs, which find that their work is corrupted: every so many checkpoints of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator

from gpusim.engine.corruption import Corruption
from gpusim.engine.course import CLOSE_S, LEAST_S, look_s, place_and_rate
from gpusim.engine.environment import FleetEnvironment
from gpusim.kernels.state.codes import Status


def watch(
    env: FleetEnvironment, spoiled: Corruption, every: int, is_over: Callable[[], bool], validate: Callable[[int], None]
) -> Generator:
    """SimPy process: call ``validate(job)`` when a corrupted job next does, unless it is over before.

    A run is looked at no later than it could be there from now on at rate 1, or at its own if that is more; while the
    job waits, no later than if it started now. So the moment is exact, whatever slows the job meanwhile; to a second
    where storage that jobs share says when a checkpoint counts.
    """
    run, validations = -1, 0
    while not is_over() and not spoiled.has_ended(env) and spoiled.spoils(env):
        row = env.fleet.jobs[spoiled.job]
        kind = env.fleet.classes[row.job_class]
        apart_s = every * float(kind.checkpoint_interval_s + kind.checkpoint_write_s)
        behind_s = 0.0 if kind.stored else float(kind.checkpoint_background_s)  # until one counts
        least_s = behind_s + apart_s  # from the end of loading
        if row.status != Status.RUNNING:
            yield env.at(env.now + least_s)
            continue
        place_s, rate = place_and_rate(env.fleet, spoiled.job, env.now)
        load_s = float(kind.load_s)
        first_s, stored = load_s + behind_s, int(env.fleet.paces[spoiled.job].stored) if row.paced else 0
        if run != row.evictions:
            run = int(row.evictions)
            begun = stored // every + 1 if kind.stored else math.ceil((place_s - first_s) / apart_s - CLOSE_S)
            validations = max(1, begun)
        left_s = first_s + apart_s * validations - place_s
        if place_s < load_s:
            left_s = min(left_s, least_s)
        if left_s <= CLOSE_S and kind.stored and stored < every * validations:
            yield env.at(env.now + LEAST_S)
            continue
        if left_s <= CLOSE_S:
            validate(spoiled.job)
            return
        yield env.at(env.now + look_s(left_s, rate))

"""Work that a fault has spoiled without a sign: what of a job is still good, and how it goes back to that."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gpusim.engine.environment import FleetEnvironment
from gpusim.state.codes import Status
from gpusim.state.fleet import Fleet


class Corruption(NamedTuple):
    """A job that a fault has hit, as it was right then: what it had written by then is good, what follows is not."""

    job: int
    run: int  # runs of the job before this one
    kept_s: float  # of this run, work in checkpoints that count by then, and the time that writing them took
    checkpoint_s: float
    saved_s: float  # work on the reference type in all good checkpoints
    runtime_s: float  # of the job, by which work is measured: other numbers of GPUs change it

    @classmethod
    def of(cls, env: FleetEnvironment, job: int) -> Corruption:
        """A running job is hit now."""
        row = env.fleet.jobs[job]
        kept_s, checkpoint_s = _kept(env, job)
        speed = float(env.fleet.speeds[row.job_class, row.pool])
        saved_s = float(row.saved_s) + kept_s * speed
        return cls(job, int(row.evictions), kept_s, checkpoint_s, saved_s, float(row.runtime_s))

    def has_ended(self, env: FleetEnvironment) -> bool:
        """Whether the job is over: nothing can be undone."""
        return env.fleet.jobs[self.job].status in (Status.DONE, Status.TIMED_OUT)

    def spoils(self, env: FleetEnvironment) -> bool:
        """Whether the job still builds, or has ended building, on what followed: it may have gone back meanwhile."""
        row = env.fleet.jobs[self.job]
        if row.evictions == self.run:
            return True
        segments = env.fleet.segments[: int(env.fleet.clock[0].n_segments)]
        mine = segments[(segments["job"] == self.job) & (segments["runs_before"] == self.run)]
        load_s = float(env.fleet.classes[row.job_class].load_s)
        return bool((mine["kept_s"] - mine["checkpoint_s"] - load_s > self.kept_s + 1e-6).any())

    def undo(self, env: FleetEnvironment) -> None:
        """A job that waits goes back to its last good checkpoint: what it did since is lost, in that run and later."""
        fleet, row = env.fleet, env.fleet.jobs[self.job]
        load_s = float(fleet.classes[row.job_class].load_s)
        segments = fleet.segments[: int(fleet.clock[0].n_segments)]
        for i in np.flatnonzero((segments["job"] == self.job) & (segments["runs_before"] >= self.run)):
            one = segments[i]
            kept_s, checkpoint_s = (self.kept_s, self.checkpoint_s) if one.runs_before == self.run else (0.0, 0.0)
            row.lost_gpu_s -= _lost(one)
            one.kept_s = min(one.kept_s, load_s + kept_s + checkpoint_s)
            one.checkpoint_s = min(one.checkpoint_s, checkpoint_s)
            row.lost_gpu_s += _lost(one)
        before_s = _expected_s(fleet, self.job)
        row.saved_s = min(row.saved_s, self.saved_s * row.runtime_s / self.runtime_s)
        fleet.pools[row.pool].queued_work += row.held * (_expected_s(fleet, self.job) - before_s)
        if row.status == Status.QUEUED:
            env.set_job_gpus(self.job, int(row.gpus))  # as many as before: what it was promised is of less work


def _kept(env: FleetEnvironment, job: int) -> tuple[float, float]:
    """[s] Of a run's course up to now: work in checkpoints that count, and the time that writing them took."""
    row = env.fleet.jobs[job]
    kind, pace = env.fleet.classes[row.job_class], env.fleet.paces[job]
    place_s = env.now - row.start_s if row.paced == 0 else pace.place_s + pace.rate * (env.now - pace.since_s)
    worked_s = max(0.0, float(place_s - kind.load_s))
    interval_s, write_s = float(kind.checkpoint_interval_s), float(kind.checkpoint_write_s)
    if interval_s <= 0.0 or interval_s == math.inf:
        return (worked_s if interval_s <= 0.0 else 0.0), 0.0
    written = math.floor(max(worked_s - kind.checkpoint_background_s, 0.0) / (interval_s + write_s))
    return written * interval_s, written * write_s


def _lost(segment: np.record) -> float:
    """[GPU-s] Of a part of a run, held for work that was not kept."""
    done_s = segment.place_s + segment.rate * (segment.end_s - segment.start_s)
    lost_s = done_s - max(segment.place_s, segment.kept_s)
    return float(max(lost_s, 0.0) / max(segment.rate, 1.0) * segment.held)


def _expected_s(fleet: Fleet, job: int) -> float:
    """[s] Length of a waiting job's course by its estimate."""
    row = fleet.jobs[job]
    kind = fleet.classes[row.job_class]
    work_s = max(row.estimate_s - row.saved_s, 0.0) / fleet.speeds[row.job_class, row.pool]
    interval_s, writes = kind.checkpoint_interval_s, 0.0
    if 0.0 < interval_s < math.inf and work_s > interval_s:
        writes = math.ceil(work_s / interval_s) - 1.0
    return float(kind.load_s + work_s + writes * kind.checkpoint_write_s)

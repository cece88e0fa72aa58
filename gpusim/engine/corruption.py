"""Work that a fault has silently corrupted: what of a job is still good, and how it goes back to that."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpusim.engine.environment import FleetEnvironment
from gpusim.kernels import amending, reading
from gpusim.kernels.state.codes import Status


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
        kept = np.empty(2)
        reading.kept_now(env.fleet, job, env.now, kept)
        kept_s, checkpoint_s = kept.tolist()
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
        return bool((mine["kept_s"] - mine["checkpoint_s"] - mine["load_s"] > self.kept_s + 1e-6).any())

    def undo(self, env: FleetEnvironment) -> None:
        """A job that waits goes back to its last good checkpoint: what it did since is lost, in that run and later."""
        row = env.fleet.jobs[self.job]
        saved_s = self.saved_s * float(row.runtime_s) / self.runtime_s
        amending.set_back(env.fleet, self.job, self.run, self.kept_s, self.checkpoint_s, saved_s)
        if row.status == Status.QUEUED:
            env.set_job_gpus(self.job, int(row.gpus))  # as many as before: what it was promised is of less work

"""Jobs of two halves that depend on one another, as rollouts and training of reinforcement learning do."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import simpy

from gpusim.engine.environment import FleetEnvironment
from gpusim.state.codes import Status

LOOK_S = 300.0  # [s] between looks: halves notice each other with the batches that they exchange


class Partners:
    """A half whose other half does not run waits on its GPUs, from the next look on until it does.

    Who has ended needs nobody, and nobody waits for who was rejected.

    Parameters
    ----------
    pairs : ndarray of int, shape (pairs, 2)
        Rows of the jobs.
    """

    def __init__(self, env: FleetEnvironment, pairs: np.ndarray):
        self.env, self._pairs = env, pairs

    def play(self) -> Generator[simpy.Event]:
        """Look at the halves, again and again."""
        looks = 0
        while len(self._pairs):
            self._look()
            looks += 1
            yield self.env.at(looks * LOOK_S)

    def _look(self) -> None:
        status = self.env.fleet.jobs["status"][self._pairs]
        running, over = status == Status.RUNNING, np.isin(status, OVER)
        alone = running & ~(running | over)[:, ::-1]
        for half, rate in ((alone, 0.0), (running & ~alone, 1.0)):
            jobs = self._pairs[half]
            for job in jobs[self._rates(jobs) != rate].tolist():
                self.env.set_job_rate(job, rate)
        self._pairs = self._pairs[~over.all(axis=1)]

    def _rates(self, jobs: np.ndarray) -> np.ndarray:
        """A run begins at rate 1, also one that goes on where another was evicted."""
        fleet = self.env.fleet
        return np.where(fleet.jobs["paced"][jobs] != 0, fleet.paces["own_rate"][jobs], 1.0)


OVER = (Status.DONE, Status.TIMED_OUT, Status.REJECTED)

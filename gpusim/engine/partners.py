"""Jobs of two halves that depend on one another, as rollouts and training of reinforcement learning do."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import simpy

from gpusim.engine.environment import FleetEnvironment
from gpusim.kernels.state.codes import Status

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
        self.env, jobs = env, env.fleet.jobs
        first_s = jobs["submit_s"][pairs].min(axis=1)
        order = np.argsort(first_s, kind="stable")
        self._first_s, self._to_come = first_s[order], pairs[order]
        self._pairs = pairs[:0]  # those who have come and are not over

    def play(self) -> Generator[simpy.Event]:
        """Look at the halves, again and again."""
        looks = 0
        while len(self._pairs) + len(self._to_come):
            self._look()
            looks += 1
            yield self.env.at(looks * LOOK_S)

    def _look(self) -> None:
        come = np.searchsorted(self._first_s, self.env.now, side="right")
        if come:
            self._pairs = np.concatenate([self._pairs, self._to_come[:come]])
            self._first_s, self._to_come = self._first_s[come:], self._to_come[come:]
        status = self.env.fleet.jobs["status"][self._pairs]
        running, over = status == Status.RUNNING, _IS_OVER[status]
        alone = running & ~(running | over)[:, ::-1]
        changing = running & (self._rates(self._pairs) != np.where(alone, 0.0, 1.0))
        if changing.any():
            for half, rate in ((alone, 0.0), (~alone, 1.0)):
                for job in self._pairs[changing & half].tolist():
                    self.env.set_job_rate(job, rate)
        self._pairs = self._pairs[~over.all(axis=1)]

    def _rates(self, jobs: np.ndarray) -> np.ndarray:
        """A run begins at rate 1, also one that goes on where another was evicted."""
        fleet = self.env.fleet
        return np.where(fleet.jobs["paced"][jobs] != 0, fleet.paces["own_rate"][jobs], 1.0)


OVER = (Status.DONE, Status.TIMED_OUT, Status.REJECTED)
_IS_OVER = np.isin(np.arange(max(Status) + 1), OVER)

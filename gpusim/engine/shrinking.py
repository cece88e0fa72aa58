"""Jobs that go on with the GPUs that are left when nodes fail, and take as many as before once these are back."""

from __future__ import annotations

import numpy as np

from gpusim import gangs
from gpusim.engine.environment import FleetEnvironment
from gpusim.kernels.state.codes import ON, Status


class Shrinking:
    """Watches over jobs that may shrink, by row (``may``, shape (jobs,))."""

    def __init__(self, env: FleetEnvironment, may: np.ndarray):
        self._env, self._may = env, may
        self._shrunk: dict[int, int] = {}  # jobs that are smaller than they were, and what they were

    def lost(self, job: int, gpus: int, nodes: int) -> None:
        """A job on ``gpus`` GPUs was interrupted, and so many of its nodes failed: look at it behind all that spares do
        at this instant."""
        if self._may[job]:
            self._env.at(self._env.now).callbacks.append(lambda _event: self._shrink(job, gpus, nodes))

    def back(self) -> None:
        """Nodes are back: jobs grow again, the first in the table first, behind all that is back at this instant."""
        if self._shrunk:
            self._env.at(self._env.now).callbacks.append(lambda _event: self._grow())

    def _shrink(self, job: int, gpus: int, nodes: int) -> None:
        env, row = self._env, self._env.fleet.jobs[job]
        if row.status != Status.QUEUED or row.gpus != gpus:
            return
        per_node = int(env.fleet.pools[row.pool].gpus_per_node)
        left = min(gpus, (gangs.n_nodes(gpus, per_node) - nodes) * per_node)
        if self._idle_nodes(int(row.pool)) * per_node < gpus and left >= max(int(env.sizes.least[job]), 1):
            self._shrunk.setdefault(job, gpus)
            env.set_job_gpus(job, left)

    def _grow(self) -> None:
        env, jobs = self._env, self._env.fleet.jobs
        for job, wanted in sorted(self._shrunk.items()):
            row = jobs[job]
            if row.status not in (Status.QUEUED, Status.RUNNING):
                del self._shrunk[job]
                continue
            per_node = int(env.fleet.pools[row.pool].gpus_per_node)
            own = int(row.gpus) if row.status == Status.RUNNING else 0
            if self._idle_nodes(int(row.pool)) * per_node + own >= wanted:
                del self._shrunk[job]
                env.set_job_gpus(job, wanted)

    def _idle_nodes(self, pool: int) -> int:
        """Nodes of a pool that are on and without any job."""
        row = self._env.fleet.pools[pool]
        nodes = self._env.fleet.nodes[int(row.first_node) : int(row.first_node + row.n_nodes)]
        return int(np.count_nonzero((nodes["state"] == ON) & (nodes["free"] == row.gpus_per_node)))

"""Jobs whose nodes fail: spare nodes take their place, or the jobs go on with the GPUs that are left."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from gpusim import gangs
from gpusim.engine.environment import FleetEnvironment
from gpusim.kernels import control
from gpusim.kernels.state.codes import ABSENT_UNTIL, ON, Status

# Spare nodes: kept free, and put to work in the place of nodes that fail.


class Spares:
    """Keeps nodes of pools aside: so many, less those of the pool that are down.

    Parameters
    ----------
    wanted : dict of int to (int, float)
        By pool: spare nodes while none is down, and [s] until one is at work.
    """

    def __init__(self, env: FleetEnvironment, wanted: dict[int, tuple[int, float]]):
        self.env, self._wanted = env, wanted
        self._due: set[int] = set()  # pools that are to be looked at
        self._starting: defaultdict[int, int] = defaultdict(int)  # spares on their way to work

    def look_at(self, pool: int) -> None:
        """Nodes of a pool came or went: see to its spares, behind what is being done to it."""
        if self._wanted[pool][0] and pool not in self._due:
            self._due.add(pool)
            self.env.at(self.env.now).callbacks.append(lambda _event: self._see_to(pool))

    def _see_to(self, pool: int) -> None:
        self._due.discard(pool)
        start_s = self._wanted[pool][1]
        aside, wanted = self._aside(pool), self._aside_wanted(pool)
        if wanted > aside or start_s == 0.0:
            self._set(pool, wanted)
            return
        for _ in range(aside - wanted - self._starting[pool]):
            self._starting[pool] += 1
            self.env.at(self.env.now + start_s).callbacks.append(lambda _event: self._start(pool))

    def _start(self, pool: int) -> None:
        """A spare is ready, and still needed unless a repair was faster."""
        self._starting[pool] -= 1
        aside = self._aside(pool)
        if aside > self._aside_wanted(pool):
            self._set(pool, aside - 1)

    def _aside(self, pool: int) -> int:
        row = self.env.fleet.pools[pool]
        return int(row.spare // row.gpus_per_node)

    def _aside_wanted(self, pool: int) -> int:
        row = self.env.fleet.pools[pool]
        down = sum(int(row.absent[cause]) for cause in ABSENT_UNTIL[None])  # of nodes that are on
        return max(self._wanted[pool][0] - down // int(row.gpus_per_node), 0)

    def _set(self, pool: int, nodes: int) -> None:
        control.set_spares(self.env.fleet, self.env.serving, pool, nodes, self.env.now)
        self.env.share_demand()


# Jobs that go on with the GPUs that are left when nodes fail, and take as many as before once these are back.


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

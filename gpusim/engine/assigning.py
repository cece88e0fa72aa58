"""Rounds of a policy that dispatches and allocates for the whole fleet at once: in which pool each job runs."""

from __future__ import annotations

import numpy as np

from gpusim.engine.build import Names
from gpusim.engine.doors import Rounds
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.mover import Mover
from gpusim.kernels import rounds, targets
from gpusim.kernels.state.codes import NONE
from gpusim.policies.policy import Policy


class FleetRounds(Rounds):
    """One round of a policy with the door ``assign``, in place of all others.

    With a ``mover``, one that ``moves_data`` may also send jobs where their data are not, which then come there first.
    """

    def __init__(self, env: FleetEnvironment, policy: Policy, name: str, names: Names, mover: Mover | None = None):
        super().__init__(env, policy, name, names)
        self._mover = mover if getattr(policy, "moves_data", False) else None

    def __call__(self) -> None:
        """Ask the policy; stop, move and start jobs."""
        jobs = self._all()
        if len(jobs):
            self._assign(jobs)
        self._clock[0]["first_arrived"] = self._clock[0]["next_arrival"]

    def _all(self) -> np.recarray:
        """All that wait, then all that run, pool by pool."""
        count = 0
        for kernel, numbers in ((rounds.list_waiting, self._queued), (rounds.list_running, self._running)):
            for p in np.flatnonzero(numbers).tolist():
                count += self._list(kernel, p, count, int(numbers[p]))
        return self._rows[:count].copy()

    def _assign(self, jobs: np.recarray) -> None:
        env, fleet = self.env, self.env.fleet
        far, speeds = self._transfer_s(jobs), fleet.speeds[jobs.job_class]
        allowed = far < np.inf
        allowed.flags.writeable = speeds.flags.writeable = jobs.flags.writeable = False
        answer = self._ask("assign", None, jobs, self._views.all(), allowed, speeds, env.now)
        pools, gpus = self._parts(jobs, answer)
        self._check(jobs, allowed, pools)
        self._check_sizes(jobs, pools, gpus)
        leaves = (pools >= 0) & (far[np.arange(len(jobs)), pools] > 0.0)
        gets, rows = (pools >= 0) & ~leaves, jobs.job.copy()
        self._make_way(rows, np.where(gets, pools, jobs.pool), np.where(gets, gpus, 0), jobs.gpus)
        for job, pool in zip(rows[leaves].tolist(), pools[leaves].tolist(), strict=True):
            self._mover.take(job, pool)
        targets.fill(fleet, 0, len(fleet.pools), rows, rows[gets], env.now)
        env.raise_errors()

    def _parts(self, jobs: np.recarray, answer: object) -> tuple[np.ndarray, np.ndarray]:
        """Pools and GPUs of an answer: of one without GPUs, those that each job has or asks for."""
        sized = isinstance(answer, tuple) and len(answer) == 2
        pools, gpus = answer if sized else (answer, jobs.gpus)
        return (
            self._whole("assign", None, pools, len(jobs), "the row of a pool for each job, -1 for none"),
            self._whole("assign", None, gpus, len(jobs), "the GPUs of each job"),
        )

    def _transfer_s(self, jobs: np.recarray) -> np.ndarray:
        """[s] Until each could be in each pool, shape (n_jobs, n_pools): infinite where it may not run.

        A policy that moves data sees it as its ``transfer_s``; for others all is where it is.
        """
        if self._mover is None:
            return np.where(self._allowed(jobs), 0.0, np.inf)
        found = self.policy.transfer_s = self._mover.transfer_s(jobs)
        found.flags.writeable = False
        return found

    def _allowed(self, jobs: np.recarray) -> np.ndarray:
        """Where each may run, shape (n_jobs, n_pools): where it is, and wherever its data and its checkpoints are."""
        fleet = self.env.fleet
        routes = np.zeros((len(fleet.routes), len(fleet.pools)), dtype=bool)
        for row, route in zip(routes, fleet.routes, strict=True):
            at = slice(int(route.start), int(route.start + route.count))
            row[fleet.candidates[at][fleet.candidate_links[at] == NONE]] = True
        records, site = fleet.jobs[jobs.job], fleet.pools["site"]
        anywhere = np.isnan(records["first_start_s"])[:, None] | (site == site[jobs.pool][:, None])
        return (routes[records["route"]] & anywhere) | (np.arange(len(fleet.pools)) == jobs.pool[:, None])

    def _check_sizes(self, jobs: np.recarray, pools: np.ndarray, gpus: np.ndarray) -> None:
        """GPUs of jobs that get some, where they are others than these have or ask for."""
        none = np.flatnonzero((pools >= 0) & (gpus < 1))
        if len(none):
            raise self._error(
                None, f"assign gave job {jobs[none[0]].job} {gpus[none[0]]} GPUs; give 1 at least, or pool -1"
            )
        changed = (pools >= 0) & (gpus != jobs.gpus)
        for p in np.unique(pools[changed]).tolist():
            mine = changed & (pools == p)
            self._check_targets(p, jobs[mine], gpus[mine], "assign")

    def _check(self, jobs: np.recarray, allowed: np.ndarray, pools: np.ndarray) -> None:
        there = (pools >= -1) & (pools < allowed.shape[1])
        there[there] &= (pools[there] < 0) | allowed[np.flatnonzero(there), pools[there]]
        if not there.all():
            i = int(np.flatnonzero(~there)[0])
            may = ", ".join(map(str, np.flatnonzero(allowed[i])))
            raise self._error(None, f"assign sent job {jobs[i].job} to pool {pools[i]}; it may run in {may}, or -1")
        kept = np.flatnonzero(jobs.running & ~jobs.preemptible & (pools != jobs.pool))
        if len(kept):
            job = jobs[kept[0]]
            raise self._error(
                None,
                f"assign sent job {job.job} to pool {pools[kept[0]]}; it runs in {job.pool} and is not preemptible",
            )

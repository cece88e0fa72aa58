"""Rounds of a policy that says for the whole fleet at once in which pool each job runs."""

from __future__ import annotations

import numpy as np

from gpusim.engine.doors import Rounds
from gpusim.kernels import rounds
from gpusim.state.codes import NONE


class FleetRounds(Rounds):
    """One round of a policy with the door ``assign``, in place of all others."""

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
        allowed, speeds = self._allowed(jobs), fleet.speeds[jobs.job_class]
        views = [self._view(p) for p in range(len(fleet.pools))]
        allowed.flags.writeable = speeds.flags.writeable = jobs.flags.writeable = False
        answer = self._ask("assign", None, jobs, views, allowed, speeds, env.now)
        pools = self._whole("assign", None, answer, len(jobs), "the row of a pool for each job, -1 for none")
        self._check(jobs, allowed, pools)
        env.make_segment_room()
        stays = jobs.running & (pools == jobs.pool)
        rounds.stop_and_resize(fleet, jobs, np.where(stays, jobs.gpus, 0), np.ones(len(jobs)), env.now)
        moving = ~stays & (pools >= 0)
        rounds.dispatch(fleet, jobs[moving], pools[moving], env.now)
        first, where = int(self._clock[0]["first_arrived"]), fleet.jobs["pool"][jobs.job]
        for p in range(len(fleet.pools)):
            mine = where == p
            rows, gets = jobs[mine], pools[mine] == p
            turn = np.argsort(-rows.gpus, kind="stable")  # what is large needs room in one place
            rounds.start_in_turn(fleet, p, rows, turn[gets[turn]], env.now)
            self._clock[0]["first_arrived"] = first
            rounds.close(fleet, p, rows, np.where(gets, rows.gpus, 0), env.now)

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

"""The doors at which a policy in Python decides in rounds: what it is shown there, and what follows from its answers.

A round goes through the four points of decision in this order: dispatch, for all that wait; then pool by pool order or
allocate; and place, for each job that starts. Where a policy has no door the scenario's rules decide. Its answers are
checked (``questions``) and carried out by a kernel (``targets``). Dispatch and allocate for a whole fleet at once:
``assigning``; dispatch and place at events: ``at_events``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gpusim.engine.build import Names
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.questions import Questions, shown
from gpusim.kernels import rounds, targets
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import Status
from gpusim.kernels.state.queues import QUEUE
from gpusim.policies.policy import Policy


class Rounds(Questions):
    """One round of a policy over every pool, at every call."""

    def __init__(self, env: FleetEnvironment, policy: Policy, name: str, names: Names):
        super().__init__(env, policy, name, names)
        self._rows = records(QUEUE, 64)
        # Plain arrays: to look up a field of a record array takes longer than a round without jobs.
        self._clock, self._pools = (getattr(env.fleet, name).view(np.ndarray) for name in ("clock", "pools"))
        self._queued, self._running = self._pools["queued"], self._pools["running"]

    def __call__(self) -> None:
        """Ask the policy at its doors, and do what it says."""
        clock = self._clock[0]
        if hasattr(self.policy, "dispatch"):
            self._dispatch()
        allocates = hasattr(self.policy, "allocate")
        pools = np.flatnonzero(self._queued + self._running if allocates else self._queued).tolist()
        first = int(clock["first_arrived"])
        for p in pools:
            clock["first_arrived"] = first
            if allocates:
                self._allocate(p)
            else:
                self._order(p)
        clock["first_arrived"] = clock["next_arrival"]

    # The doors ---------------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Door 1: in which pool each waiting job waits."""
        fleet = self.env.fleet
        count = 0
        for p in np.flatnonzero(self._queued).tolist():
            count += self._list(rounds.list_waiting, p, count, int(self._queued[p]))
        if not count:
            return
        jobs = self._rows[:count]
        allowed = np.zeros((count, len(fleet.pools)), dtype=bool)
        rounds.list_allowed(fleet, jobs, allowed)
        allowed.flags.writeable = False
        pools = self._ask_pools(jobs, allowed)
        targets.make_way(fleet, jobs["job"].copy(), pools, jobs["gpus"].copy(), np.ones(count), self.env.now)

    def _order(self, p: int) -> None:
        """Door 2: who goes first; a pass in that order follows."""
        fleet = self.env.fleet
        count = self._list(rounds.list_waiting, p, 0, int(self._queued[p]))
        jobs = self._rows[:count]
        self.policy.pool = self._views.of(p)
        found = self._ask("order", p, shown(jobs), self.env.now)
        positions = self._whole("order", p, found, None, f"positions in the queue of {count}, best first")
        self._distinct("order", p, positions, count, "the queue")
        rounds.accept_order(fleet, p, jobs, positions)
        self.env.run_passes()

    def _allocate(self, p: int) -> None:
        """Door 3: how many GPUs each job that waits or runs shall have."""
        env, fleet = self.env, self.env.fleet
        waiting = self._list(rounds.list_waiting, p, 0, int(self._queued[p]))
        count = waiting + self._list(rounds.list_running, p, waiting, int(self._running[p]))
        jobs = self._rows[:count]
        jobs[waiting:] = jobs[waiting:][np.argsort(jobs["job"][waiting:])]
        self.policy.pool = self._views.of(p)
        answer = self._ask("allocate", p, shown(jobs), env.now)
        gpus = self._whole("allocate", p, answer, count, "the GPUs that each job shall have")
        self._check_targets(p, jobs, gpus)
        rows = jobs["job"].copy()
        self._make_way(rows, np.full(count, p), gpus, jobs["gpus"])
        if hasattr(self.policy, "place"):
            self._place(p, jobs, np.argsort(-gpus, kind="stable")[: np.count_nonzero(gpus)])
            targets.close(fleet, p, rows, rows[gpus > 0], env.now)
        else:
            targets.fill(fleet, p, p + 1, rows, rows[gpus > 0], env.now)
            env.raise_errors()

    def _make_way(self, rows: np.ndarray, pools: np.ndarray, gpus: np.ndarray, before: np.ndarray) -> None:
        """Stop, move and resize jobs: they shall have ``gpus`` GPUs of ``pools``, not ``before``."""
        self.env.make_segment_room()
        times = self.env.sizes.times(rows, before, np.maximum(gpus, 1))
        targets.make_way(self.env.fleet, rows, pools, gpus, times, self.env.now)

    def _place(self, p: int, jobs: np.recarray, turn: np.ndarray) -> None:
        """Door 4: on which nodes each job starts, the larger first; none: it waits."""
        fleet = self.env.fleet
        for i in turn.tolist():
            job = int(jobs[i].job)
            if fleet.jobs[job].status != Status.QUEUED:
                continue
            found = self._ask_nodes(p, jobs, i, may_wait=True)
            if len(found):
                targets.start_on(fleet, p, job, found + int(fleet.pools[p].first_node), self.env.now)

    # What is shown and checked ---------------------------------------------------------------------------------------

    def _list(self, kernel: Callable, p: int, first: int, count: int) -> int:
        """Have a kernel list ``count`` jobs of a pool behind the ``first`` rows; how many."""
        if first + count > len(self._rows):
            grown = records(QUEUE, 2 * (first + count))
            grown[:first] = self._rows[:first]
            self._rows = grown
        sizes = self.env.sizes
        return kernel(self.env.fleet, p, self._rows, first, sizes.gpus, sizes.least, sizes.most, self.env.now)

    def _check_targets(self, p: int, jobs: np.recarray, gpus: np.ndarray, door: str = "allocate") -> None:
        most = int(self.env.fleet.pools[p].planned)
        bad = np.flatnonzero((gpus < 0) | (gpus > most))
        if len(bad):
            raise self._error(
                p,
                f"{door} gave job {jobs[bad[0]].job} {gpus[bad[0]]} GPUs; give 0 to {most:,}, all that the pool has",
            )
        sizes, job = self.env.sizes, jobs["job"]
        beyond = (gpus > 0) & sizes.ranged[job] & ((gpus < jobs["min_gpus"]) | (gpus > jobs["max_gpus"]))
        if beyond.any():
            one = jobs[np.flatnonzero(beyond)[0]]
            raise self._error(
                p,
                f"{door} gave job {one.job} {gpus[beyond][0]:,} GPUs; give 0, or {one.min_gpus:,} to"
                f" {one.max_gpus:,}, the range of its class",
            )
        kept = np.flatnonzero(jobs["running"] & ~jobs["preemptible"] & (gpus != jobs["gpus"]))
        if len(kept):
            job = jobs[kept[0]]
            raise self._error(
                p,
                f"{door} gave job {job.job} {gpus[kept[0]]} GPUs; it runs, is not preemptible and keeps its"
                f" {job.gpus:,}",
            )

"""Checks of the nodes of jobs before these work: what is found to be faulty goes to repair, and the job starts anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.hidden_faults import HiddenFaults
from gpusim.kernels.state.codes import NONE, Status
from gpusim.scenario.job_class import JobClass
from gpusim.scenario.scenario import Scenario


def may_find(scenario: Scenario, kind: JobClass) -> bool:
    """Whether checks of the nodes of jobs of a class may find faults."""
    return kind.check_s > 0.0 and scenario.failures.start_check_finds > 0.0


class Checks:
    """Checks at the start of each run of jobs; ``check_s``, shape (jobs,): how long they take [s], 0: none."""

    def __init__(self, env: FleetEnvironment, check_s: np.ndarray, faults: HiddenFaults):
        self._env, self._check_s, self._faults = env, check_s, faults

    def hear(self, jobs: Iterable[int]) -> None:
        """Jobs have started or stopped now."""
        for job in jobs:
            row = self._env.fleet.jobs[job]
            if self._check_s[job] > 0.0 and row.status == Status.RUNNING and row.start_s == self._env.now:
                over = self._env.at(self._env.now + float(self._check_s[job]))
                over.callbacks.append(lambda _event, job=job, run=int(row.evictions): self._check(job, run))

    def _check(self, job: int, run: int) -> None:
        row = self._env.fleet.jobs[job]
        if row.status == Status.RUNNING and row.evictions == run:
            self._faults.check(sorted(self._nodes_of(job)))

    def _nodes_of(self, job: int) -> Iterator[int]:
        """Rows of the nodes on which a job runs."""
        fleet = self._env.fleet
        next_held = fleet.nodes["next_held"]  # a column: a large job has thousands of nodes
        n = int(fleet.holdings[fleet.jobs[job].holding].first_node)
        while n != NONE:
            yield n
            n = int(next_held[n])

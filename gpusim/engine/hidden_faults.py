"""Faults that do not show: left by repairs or silently corrupting, and the checks and validations that find them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from gpusim.course import CLOSE_S, LEAST_S, look_s
from gpusim.engine.environment import FleetEnvironment
from gpusim.kernels import amending, reading
from gpusim.kernels.state.codes import NONE, Status
from gpusim.scenario.job_class import JobClass
from gpusim.scenario.scenario import Scenario

# Faults of nodes that do not show: left by a repair, silently corrupting, or what makes a node fail more often.


class Fault:
    """A fault until it shows or is found; ``find`` does what follows when a check finds it."""

    def __init__(self, find: Callable[[], object]):
        self._find = find
        self.is_hidden = True

    def find(self) -> None:
        """A check finds it."""
        self.is_hidden = False
        self._find()

    def shows(self) -> None:
        """It is no longer hidden."""
        self.is_hidden = False


class HiddenFaults:
    """The hidden faults of all nodes; a check finds each of them with probability ``finds``."""

    def __init__(self, finds: float, random: np.random.Generator):
        self._finds, self._random = finds, random
        self._of_node: defaultdict[int, list[Fault]] = defaultdict(list)

    def hide(self, nodes: Iterable[int], find: Callable[[], object]) -> Fault:
        """One more, of some nodes (rows): it is there until it is found, or somebody says that it is not hidden."""
        fault = Fault(find)
        for n in nodes:
            self._of_node[n].append(fault)
        return fault

    def happens(self, probability: float) -> bool:
        """Whether something happens that does with some probability."""
        return bool(self._random.random() < probability)

    def check(self, nodes: Iterable[int]) -> None:
        """Check some nodes: each of their faults is found or not, whichever of its nodes are checked."""
        there: dict[Fault, None] = {}
        for n in nodes:
            if n in self._of_node:
                self._of_node[n] = [fault for fault in self._of_node[n] if fault.is_hidden]
                there.update(dict.fromkeys(self._of_node[n]))
        for fault in [fault for fault in there if self.happens(self._finds)]:
            if fault.is_hidden:
                fault.find()


# Checks of the nodes of jobs before these work: what is found to be faulty goes to repair, and the job starts anew.


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
        n = int(fleet.holdings[fleet.jobs[job].holding].first_node)
        following = fleet.nodes["next_held"]  # a plain array: rows of records are slow to read one by one
        while n != NONE:
            yield n
            n = int(following[n])


# Work that a fault has silently corrupted: what of a job is still good, and how it goes back to that.


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
        kept_s, checkpoint_s, saved_s = reading.kept_now(env.fleet, job, env.now)
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


# Validations of jobs, which find that their work is corrupted: every so many checkpoints of a run.


def watch(
    env: FleetEnvironment, spoiled: Corruption, every: int, is_over: Callable[[], bool], validate: Callable[[int], None]
) -> Generator:
    """SimPy process: call ``validate(job)`` when a corrupted job next does, unless it is over before.

    A run is looked at no later than it could be there from now on at rate 1, or at its own if that is more; while the
    job waits, no later than if it started now. So the moment is exact, whatever slows the job meanwhile; to a second
    where storage that jobs share says when a checkpoint counts.
    """
    run, n = -1, 0  # the checkpoint at which it validates next
    while not is_over() and not spoiled.has_ended(env) and spoiled.spoils(env):
        fleet, job = env.fleet, spoiled.job
        row = fleet.jobs[job]
        kind = fleet.classes[row.job_class]
        least_s = reading.place_counting(fleet, job, every) - float(kind.load_s)
        if row.status != Status.RUNNING:
            yield env.at(env.now + least_s)
            continue
        progress_s, rate = reading.progress_and_rate(fleet, job, env.now)
        counting = reading.n_counting(fleet, job, progress_s - CLOSE_S)
        if run != row.evictions:
            run, n = int(row.evictions), every * (int(counting) // every + 1)
        left_s = reading.place_counting(fleet, job, n) - progress_s
        if progress_s < kind.load_s:
            left_s = min(left_s, least_s)
        if left_s <= CLOSE_S and kind.stored and counting < n:
            yield env.at(env.now + LEAST_S)
            continue
        if left_s <= CLOSE_S:
            validate(job)
            return
        yield env.at(env.now + look_s(left_s, rate))

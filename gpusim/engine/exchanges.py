"""One training run at several sites: its parts exchange what they learnt; and jobs of two halves."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import numpy as np
import simpy

from gpusim.engine.clock import EventPriority
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.links import Network
from gpusim.kernels.state.codes import Status
from gpusim.scenario.workload import Exchange

# Jobs of two halves that depend on one another, as rollouts and training of reinforcement learning do.

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


# One training run at several sites: its parts go on together, and exchange what they learnt over the links.

CLOSE = 1e-9  # apart by no more of the time that is left, parts end together


class Exchanges:
    """The parts of one run, jobs at several sites: all work or all wait, and every so often they exchange updates.

    An exchange is over when all parts have sent theirs to the first and had the mean back: on a path of its own that
    takes twice the size over the bandwidth, and the round trip. Where a part is faster than another it goes at the
    other's pace, so that all would end at the same time.

    Parameters
    ----------
    regions : sequence of str
        Of each site.
    rows : mapping of frozenset of str to int
        The path between two regions, as a row of the network.
    parts : ndarray of int, shape (parts,)
        Rows of the jobs; the first is to whom the others send.
    """

    def __init__(
        self,
        env: FleetEnvironment,
        network: Network,
        regions: Sequence[str],
        rows: Mapping[frozenset[str], int],
        spec: Exchange,
        parts: np.ndarray,
    ):
        self.env, self._network, self._regions, self._rows = env, network, regions, rows
        self._spec, self._parts = spec, parts.tolist()
        self._late: simpy.Event | None = None  # the exchange that goes on while they work

    def play(self) -> Generator[simpy.Event]:
        """Work, exchange, work, until the last is over."""
        yield self.env.at(float(self.env.fleet.jobs["submit_s"][self._parts].max()), EventPriority.PASSES)
        while left := [j for j in self._parts if self._status(j) not in OVER]:
            if any(self._status(j) != Status.RUNNING for j in left):
                self._pause(left)
                yield self.env.at(self.env.now + LOOK_S, EventPriority.PASSES)
                continue
            self._go_on(left)
            yield self.env.at(self.env.now + self._spec.every_s, EventPriority.PASSES)
            left = [j for j in left if self._status(j) == Status.RUNNING]
            if len(left) < len(self._parts) or not (paths := self._paths(left)):
                continue
            if self._spec.overlap:
                if self._late is not None and not self._late.triggered:
                    self._pause(left)
                    yield self._late
                self._late = self.env.process(self._exchange(paths))
            else:
                self._pause(left)
                yield self.env.process(self._exchange(paths))

    def _exchange(self, paths: list[int]) -> Generator[simpy.Event]:
        for _way in ("to the first", "and back"):
            yield self.env.all_of([self.env.process(self._network.bring(row, self._spec.size_bytes)) for row in paths])

    def _paths(self, parts: list[int]) -> list[int]:
        """From each other part to the first; none within a region, and none where data are everywhere."""
        fleet = self.env.fleet
        first, *others = (self._regions[int(fleet.pools[fleet.jobs[j].pool].site)] for j in parts)
        return [self._rows[ends] for other in others if (ends := frozenset((first, other))) in self._rows]

    def _go_on(self, parts: list[int]) -> None:
        """At full rate who has most left to do, the others at a rate at which they end with it."""
        for j in parts:
            self._set(j, 1.0)
        left_s = {j: float(self.env.fleet.jobs[j].end_s) - self.env.now for j in parts}
        most_s = max(left_s.values())
        for j in parts:
            if left_s[j] < most_s * (1.0 - CLOSE):
                self._set(j, left_s[j] / most_s)

    def _pause(self, parts: list[int]) -> None:
        for j in parts:
            self._set(j, 0.0)

    def _set(self, j: int, rate: float) -> None:
        fleet = self.env.fleet
        if self._status(j) == Status.RUNNING:  # to change the rate of one may have another evicted, for want of power
            paced = fleet.jobs[j].paced != 0
            if (fleet.paces[j].own_rate if paced else 1.0) != rate:
                self.env.set_job_rate(j, rate)

    def _status(self, j: int) -> int:
        return int(self.env.fleet.jobs[j].status)

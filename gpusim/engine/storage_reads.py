"""Checkpoints that jobs read at their starts: at every moment all who read at a site get the same part of its storage.

A run's course holds the time of a read alone (``engine/storage.py``). What a read takes beyond that, its job loads
longer: by what is known now until the read is over, and then exactly, whatever has slowed the job meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from gpusim.engine.course import place_and_rate
from gpusim.engine.environment import FleetEnvironment
from gpusim.kernels.state.codes import Status
from gpusim.scenario.job_class import JobClass
from gpusim.scenario.scenario import Scenario

WHOLE = 1.0 - 1e-12  # of a read that is through, to rounding


def may_wait(scenario: Scenario, kind: JobClass) -> bool:
    """Whether jobs of a class may wait for each other's reads."""
    return kind.stored_gb > 0.0 and any(site.storage.shared_reads for site in scenario.sites.values())


class Storage:
    """Reads at one site, of jobs by row.

    As all get the same, a read is through when the bytes that each has got since nobody read reach its mark.
    """

    def __init__(self, bytes_per_s: float):
        self._bytes_per_s = bytes_per_s
        self._each_bytes, self._since_s = 0.0, 0.0  # and by when
        self._marks: dict[int, float] = {}
        self.due_s = math.inf  # when the next read is through, if nothing changes

    def begin(self, job: int, size_bytes: float, now_s: float) -> None:
        """A read begins now."""
        self._settle(now_s)
        self._marks[job] = self._each_bytes + size_bytes

    def drop(self, job: int, now_s: float) -> None:
        """A read is given up now, if it is not through."""
        self._settle(now_s)
        self._marks.pop(job, None)

    def through(self) -> list[int]:
        """Jobs whose reads are through at the moment that was due."""
        self._each_bytes, self._since_s = min(self._marks.values()), self.due_s
        found = [job for job, mark in self._marks.items() if mark * WHOLE <= self._each_bytes]
        for job in found:
            del self._marks[job]
        return found

    def ends_s(self) -> Iterator[tuple[int, float]]:
        """(job, when [s] its read is through if nobody comes or goes), the first first."""
        time_s, got, n = self._since_s, self._each_bytes, len(self._marks)
        for i, (job, mark) in enumerate(sorted(self._marks.items(), key=lambda item: (item[1], item[0]))):
            time_s += (mark - got) * (n - i) / self._bytes_per_s
            got = mark
            yield job, time_s

    def _settle(self, now_s: float) -> None:
        if self._marks:
            self._each_bytes += (now_s - self._since_s) * self._bytes_per_s / len(self._marks)
        else:
            self._each_bytes = 0.0  # small again: sums over a long run stay exact
        self._since_s = now_s


class SharedReads:
    """Reads of all jobs at sites whose storage is shared at each moment.

    Parameters
    ----------
    bytes_per_s : mapping of int to float
        [bytes/s] At which each such site (row) is read.
    size_bytes, usual_s : ndarray, shape (jobs,)
        [bytes] What a job reads at its starts; [s] what of its class's time to load is for that.
    """

    def __init__(
        self, env: FleetEnvironment, bytes_per_s: Mapping[int, float], size_bytes: np.ndarray, usual_s: np.ndarray
    ):
        self._env, self._size_bytes, self._usual_s = env, size_bytes, usual_s
        self._sites = {site: Storage(rate) for site, rate in bytes_per_s.items()}
        self._reading: dict[int, tuple[int, int]] = {}  # jobs, at which site, in which run

    def hear(self, jobs: Iterable[int]) -> None:
        """Jobs have started or stopped now."""
        changed: dict[int, None] = {}
        for job in jobs:
            row = self._env.fleet.jobs[job]
            runs = row.status == Status.RUNNING
            if (known := self._reading.get(job)) is not None and not (runs and known[1] == row.evictions):
                del self._reading[job]
                self._sites[known[0]].drop(job, self._env.now)
                changed[known[0]] = None
            site = int(self._env.fleet.pools[row.pool].site)
            if runs and row.start_s == self._env.now and site in self._sites and self._size_bytes[job] > 0.0:
                self._reading[job] = site, int(row.evictions)
                self._sites[site].begin(job, float(self._size_bytes[job]), self._env.now)
                changed[site] = None
        for site in changed:
            for job, end_s in self._sites[site].ends_s():
                self._load_until(job, self._reading[job][1], end_s)
            self._plan(site)

    def _plan(self, site: int) -> None:
        """Wake up when the next read is through; moments planned earlier are void."""
        storage = self._sites[site]
        storage.due_s = due_s = next((end_s for _job, end_s in storage.ends_s()), math.inf)
        if due_s < math.inf:
            self._env.at(due_s).callbacks.append(lambda _event: self._end(site) if storage.due_s == due_s else None)

    def _end(self, site: int) -> None:
        for job in self._sites[site].through():
            self._load_until(job, self._reading.pop(job)[1], self._env.now)
        self._plan(site)

    def _load_until(self, job: int, run: int, end_s: float) -> None:
        """The read of a job's run is through at ``end_s`` [s] if it goes on at its rate of now."""
        row = self._env.fleet.jobs[job]
        if row.status != Status.RUNNING or row.evictions != run:
            return  # it stopped at this very moment
        place_s, rate = place_and_rate(self._env, job)
        stall_s = place_s + rate * (end_s - self._env.now) - float(self._usual_s[job])
        if not math.isclose(stall_s, float(row.stall_s), rel_tol=1e-12, abs_tol=1e-9):
            self._env.set_stall(job, stall_s)

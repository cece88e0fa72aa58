"""Checkpoints on storage that jobs share at each moment: all who read at a site at one moment get the same part of its
bandwidth, and so do all who write, whether their work stops or goes on meanwhile.

A run's course has the time of a read, or of a write for which work stops, alone (``engine/storage.py``). As long as one
lasts, its job goes along its course at the rate at which it is through when the bytes are, if nobody comes or goes:
whatever slows or pauses the job otherwise. A write beside the work changes no course: its checkpoint counts once it is
through, and one that is due before then is written behind it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from gpusim.course import CLOSE_S, look_s
from gpusim.engine.environment import FleetEnvironment
from gpusim.kernels.pace import set_stored
from gpusim.kernels.reading import n_checkpoints, progress_and_rate, progress_through
from gpusim.kernels.state.codes import Status

WHOLE = 1.0 - 1e-12  # of bytes that are through, to rounding


class Bandwidth:
    """Reads, or writes, at one site, of jobs by row.

    As all get the same, one is through when the bytes that each has got since nobody was there reach its mark.
    """

    def __init__(self, bytes_per_s: float):
        self._bytes_per_s = bytes_per_s
        self._each_bytes, self._since_s = 0.0, 0.0  # and by when
        self._marks: dict[int, float] = {}
        self.due_s = math.inf  # when the next is through, if nothing changes

    def begin(self, job: int, size_bytes: float, now_s: float) -> None:
        """A job begins to read or write so many bytes now."""
        self._settle(now_s)
        self._marks[job] = self._each_bytes + size_bytes

    def drop(self, job: int, now_s: float) -> None:
        """It is given up now, if it is not through."""
        self._settle(now_s)
        self._marks.pop(job, None)

    def through(self) -> list[int]:
        """Jobs that are through at the moment that was due."""
        self._each_bytes, self._since_s = min(self._marks.values()), self.due_s
        found = [job for job, mark in self._marks.items() if mark * WHOLE <= self._each_bytes]
        for job in found:
            del self._marks[job]
        return found

    def ends_s(self) -> Iterator[tuple[int, float]]:
        """(job, when [s] it is through if nobody comes or goes), the first first."""
        time_s, got, n = self._since_s, self._each_bytes, len(self._marks)
        for i, (job, mark) in enumerate(sorted(self._marks.items(), key=lambda item: (item[1], item[0]))):
            time_s += max(mark - got, 0.0) * (n - i) / self._bytes_per_s
            got = max(mark, got)
            yield job, time_s

    def _settle(self, now_s: float) -> None:
        if self._marks:
            self._each_bytes += (now_s - self._since_s) * self._bytes_per_s / len(self._marks)
        else:
            self._each_bytes = 0.0  # small again: sums over a long run stay exact
        self._since_s = now_s


class CheckpointSizes(NamedTuple):
    """Checkpoints of jobs, shape (jobs,) each."""

    bytes: np.ndarray  # 0: not on storage
    read_s: np.ndarray  # of a job's course, to read one
    write_s: np.ndarray  # of its course, to write one while work stops; 0: it goes on meanwhile


class _Run(NamedTuple):
    """A run of a job, by how many it had before."""

    job: int
    before: int
    site: int
    writes: int  # if it is not cut short


class _Visit(NamedTuple):
    """A run reads, or writes its k-th checkpoint."""

    run: _Run
    bandwidth: Bandwidth
    k: int  # 0: it reads
    until_s: float  # how far along its course it is through; NaN: its work goes on meanwhile


class SharedStorage:
    """Checkpoints of all jobs where storage is shared at each moment.

    Parameters
    ----------
    read, write : mapping of int to float
        [bytes/s] At which the storage of each site (row) is read and written.
    """

    def __init__(
        self, env: FleetEnvironment, read: Mapping[int, float], write: Mapping[int, float], sizes: CheckpointSizes
    ):
        self._env, self._sizes = env, sizes
        self._read, self._write = ({site: Bandwidth(rate) for site, rate in of.items()} for of in (read, write))
        self._runs: dict[int, int] = {}  # jobs that have begun to read in a run
        self._visits: dict[int, _Visit] = {}

    def hear(self, jobs: Iterable[int]) -> None:
        """Jobs have started or stopped now."""
        changed: dict[Bandwidth, None] = {}
        for job in jobs:
            row = self._env.fleet.jobs[job]
            runs, before = row.status == Status.RUNNING, int(row.evictions)
            if (visit := self._visits.get(job)) is not None and not (runs and visit.run.before == before):
                del self._visits[job]
                visit.bandwidth.drop(job, self._env.now)
                changed[visit.bandwidth] = None
            if not runs:
                self._runs.pop(job, None)
            elif self._runs.get(job) != before and self._sizes.bytes[job] > 0.0:
                self._runs[job] = before
                site, writes = int(self._env.fleet.pools[row.pool].site), int(n_checkpoints(self._env.fleet, job))
                run = _Run(job, before, site, writes)
                changed[self._begin(run, 0, float(self._sizes.read_s[job]), 1.0)] = None
        for bandwidth in changed:
            self._share(bandwidth)

    def _begin(self, run: _Run, k: int, until_s: float, part: float) -> Bandwidth:
        """A run begins to read, or to write its k-th checkpoint, of which a part is left."""
        bandwidth = (self._write if k else self._read)[run.site]
        self._visits[run.job] = _Visit(run, bandwidth, k, until_s)
        bandwidth.begin(run.job, part * float(self._sizes.bytes[run.job]), self._env.now)
        return bandwidth

    def _share(self, bandwidth: Bandwidth) -> None:
        """Somebody has come or gone: the others are through at other times."""
        for job, end_s in bandwidth.ends_s():
            until_s = self._visits[job].until_s
            if math.isnan(until_s):
                continue
            progress_s, rate = progress_and_rate(self._env.fleet, job, self._env.now)
            left_s, takes_s = until_s - progress_s, end_s - self._env.now
            if left_s <= CLOSE_S or takes_s <= 0.0:
                continue  # it is through in no time
            is_new = self._env.fleet.jobs[job].paced == 0 or self._env.fleet.paces[job].storage_rate == 0.0
            if is_new or not math.isclose(rate, left_s / takes_s, rel_tol=1e-12):
                self._env.set_storage_rate(job, left_s / takes_s, until_s)
        self._plan(bandwidth)

    def _plan(self, bandwidth: Bandwidth) -> None:
        """Wake up when the next is through; moments planned earlier are void."""
        bandwidth.due_s = due_s = next((end_s for _job, end_s in bandwidth.ends_s()), math.inf)
        if due_s < math.inf:
            end = self._env.at(due_s)
            end.callbacks.append(lambda _event: self._end(bandwidth) if bandwidth.due_s == due_s else None)

    def _end(self, bandwidth: Bandwidth) -> None:
        for job in bandwidth.through():
            visit = self._visits.pop(job)
            if not self._goes_on(visit.run):  # it has stopped at this very moment
                continue
            if math.isnan(visit.until_s):
                set_stored(self._env.fleet, job, visit.k)
            else:
                self._env.set_storage_rate(job, 0.0, visit.until_s)
            self._look(visit.run, visit.k + 1)
        self._plan(bandwidth)

    def _goes_on(self, run: _Run) -> bool:
        row = self._env.fleet.jobs[run.job]
        return bool(row.status == Status.RUNNING and row.evictions == run.before)

    def _look(self, run: _Run, k: int) -> None:
        """Whether a run writes its k-th checkpoint now; if not, look again when it could."""
        if k > run.writes or not self._goes_on(run):
            return
        write_s, until_s = float(self._sizes.write_s[run.job]), progress_through(self._env.fleet, run.job, k)
        progress_s, rate = progress_and_rate(self._env.fleet, run.job, self._env.now)
        left_s = until_s - write_s - progress_s
        if left_s > CLOSE_S:
            self._env.at(self._env.now + look_s(left_s, rate)).callbacks.append(lambda _event: self._look(run, k))
        elif write_s == 0.0:
            self._share(self._begin(run, k, math.nan, 1.0))
        elif (part := (until_s - progress_s) / write_s) * write_s > CLOSE_S:
            self._share(self._begin(run, k, until_s, min(part, 1.0)))
        else:  # it was let go behind its last look, so that it is through already
            self._look(run, k + 1)

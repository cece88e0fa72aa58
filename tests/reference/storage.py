"""Jobs, a GPU each, that read and write checkpoints on storage that all share: from one change of anything to the next.

A run is a list of stages; those at storage go at its bandwidth over the number of those who do the same, the others at
the rate of the job. Where work goes on while a checkpoint is written, its bytes go into a list of the run's own, of
which the first is written.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

READ, WRITE, LOAD, WORK, COPY = "read", "write", "load", "work", "copy"
DONE = 1e-9  # of bytes [GB] or seconds that are left


@dataclass(frozen=True)
class Storage:
    """What it gives, and what jobs do beside it."""

    read_gb_s: float
    write_gb_s: float
    load_s: float  # behind a read
    every_s: float  # from one checkpoint's end to the next one's beginning
    copy_s: float  # before a write


@dataclass(frozen=True)
class StoredJob:
    """A job that needs one GPU and gets it at once."""

    submit_s: float
    work_s: float
    size_gb: float
    stops: bool  # its work, while a checkpoint is written


@dataclass
class Outcome:
    """What became of a job."""

    end_s: float = math.nan
    loading_s: float = 0.0
    writing_s: float = 0.0  # of checkpoints that are kept
    lost_s: float = 0.0
    stops: int = 0


@dataclass
class _Run:
    """What is left of a run, the next last, and what it has done since its last checkpoint."""

    stages: list[list] = field(default_factory=list)  # [what, left of it: GB or s]
    since: dict[str, float] = field(default_factory=lambda: {WORK: 0.0, COPY: 0.0, WRITE: 0.0})
    beside: list[list] = field(default_factory=list)  # [left of it: GB, what was done for it: as ``since``]


def play(
    storage: Storage, jobs: list[StoredJob], cuts: list[tuple[float, int]], rates: list[tuple[float, float]]
) -> list[Outcome]:
    """Outcomes of jobs.

    ``cuts``: (time [s], job) that is stopped and starts anew at once; ``rates``: (time [s], rate) of all that run.
    """
    saved_s, found, runs = [0.0] * len(jobs), [Outcome() for _ in jobs], {}
    moments = sorted({*(job.submit_s for job in jobs), *(t for t, _ in cuts), *(t for t, _ in rates)})
    now, rate = 0.0, 1.0
    while any(math.isnan(one.end_s) for one in found):
        rate = next((value for time_s, value in rates if time_s == now), rate)
        for j in {j for time_s, j in cuts if time_s == now and j in runs}:
            undone = [runs[j].since, *(since for _gb, since in runs[j].beside)]
            found[j].lost_s += sum(sum(since.values()) for since in undone)
            found[j].stops += 1
            runs[j] = _run(storage, jobs[j], saved_s[j])
        runs |= {j: _run(storage, job, 0.0) for j, job in enumerate(jobs) if job.submit_s == now}
        at = [run.stages[-1][0] for run in runs.values()]
        writing = at.count(WRITE) + sum(bool(run.beside) for run in runs.values())
        speed = {READ: storage.read_gb_s / max(at.count(READ), 1), WRITE: storage.write_gb_s / max(writing, 1)}
        speed |= dict.fromkeys((LOAD, WORK, COPY), rate)
        takes_s = [run.stages[-1][1] / speed[what] for run, what in zip(runs.values(), at) if speed[what] > 0.0]
        takes_s += [run.beside[0][0] / speed[WRITE] for run in runs.values() if run.beside]
        then = min([now + min(takes_s, default=math.inf), *(t for t in moments if t > now)])
        for j, run in list(runs.items()):
            stage, one = run.stages[-1], found[j]
            what, gone_s = stage[0], then - now
            stage[1] -= speed[what] * gone_s
            if what in run.since:
                run.since[what] += gone_s
            else:
                one.loading_s += gone_s
            if run.beside:
                run.beside[0][0] -= speed[WRITE] * gone_s
                if run.beside[0][0] <= DONE * max(1.0, speed[WRITE]):
                    saved_s[j] += storage.every_s
                    one.writing_s += run.beside.pop(0)[1][COPY]
            if stage[1] > DONE * max(1.0, speed[what]):
                continue
            run.stages.pop()
            if what == COPY and not jobs[j].stops:
                run.beside.append([jobs[j].size_gb, run.since])
                run.since = dict.fromkeys(run.since, 0.0)
            elif what == WRITE:
                saved_s[j] += storage.every_s
                one.writing_s += run.since[COPY] + run.since[WRITE]
                run.since = dict.fromkeys(run.since, 0.0)
            elif not run.stages:
                one.end_s = then
                one.writing_s += sum(since[COPY] for _gb, since in run.beside)
                del runs[j]
        now = then
    return found


def _run(storage: Storage, job: StoredJob, saved_s: float) -> _Run:
    left_s = job.work_s - saved_s
    n = math.ceil(left_s / storage.every_s) - 1
    cycle = [[WORK, storage.every_s], [COPY, storage.copy_s], *([[WRITE, job.size_gb]] if job.stops else [])]
    stages = [[READ, job.size_gb], [LOAD, storage.load_s]]
    stages += [list(stage) for _ in range(n) for stage in cycle]
    stages.append([WORK, left_s - n * storage.every_s])
    return _Run(stages[::-1])

"""Gavel's simulator in plain Python: rounds that last as long as the longest task, GPUs by how far behind a job is.

As stanford-futuredata/gavel at c4fa400 has it. Shares of time are what ``plain_gavel_shares`` computes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

ROUND_S = 360.0
RESET_S = 1920.0  # shares are computed anew this long after the last time, at the earliest
TYPES = ("v100", "p100", "k80")  # in the order in which they are filled
MOST_FAILURES = 5  # of a job that is too short for a step on each of its GPUs

Shares = Callable[["Snapshot"], np.ndarray]


@dataclass
class Snapshot:
    """What shares are computed from: jobs there now, with steps/s on each type, GPUs, weights, steps left, age [s]."""

    jobs: np.ndarray
    throughput: np.ndarray
    gpus: np.ndarray
    weights: np.ndarray
    steps_left: np.ndarray
    age_s: np.ndarray
    capacity: np.ndarray


@dataclass
class GavelSimulator:
    """The scheduler and the cluster of one run, all as the authors' simulator has them.

    A round begins when the last task of the one before has ended. Each job that is given GPUs does as many steps as
    fit in a round, or all that are left. Types are filled one after the other, in the order of the priority share of
    time / share received, then of what earlier shares still owe, then of the share itself.
    """

    throughput: np.ndarray  # (jobs, types)
    gpus: np.ndarray
    steps: np.ndarray
    weights: np.ndarray
    arrival_s: np.ndarray
    capacity: np.ndarray  # (types,)
    shares: Shares
    shuffled: bool = False  # types in a random order at each round: policies that do not know throughputs
    only_with_shares: bool = False  # FIFO: a job without a share gets nothing
    seed: int = 0
    now_s: float = 0.0
    end_s: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        n, types = self.throughput.shape
        self.end_s = np.full(n, np.nan)
        self.left = self.steps.copy()
        self.failures = np.zeros(n, dtype=int)
        self.share, self.has_share = np.zeros((n, types)), np.zeros(n, dtype=bool)
        self.owed = np.zeros((n, types))
        self.received_s, self.type_s = np.full((n, types), ROUND_S / 2.0), np.zeros(types)
        self.there: list[int] = []
        self.last_reset_s, self.stale = 0.0, True
        self.shuffler = random.Random(self.seed + 5)

    def play(self) -> np.ndarray:
        """[s] End of each job, shape (n_jobs,); NaN of those too short to run."""
        waiting = list(range(len(self.gpus)))
        open_jobs = len(waiting)
        running: list[tuple[float, int, int, int]] = []  # end, job, type, steps
        begin_s, end_s = 0.0, None
        self.now_s = float(self.arrival_s[0])
        while open_jobs:
            if not waiting and not running:
                self.last_reset_s = 0.0
            if running:
                begin_s = begin_s if end_s is None else end_s
                self.now_s = end_s = max(end for end, *_rest in running)
            elif waiting:
                self.now_s = float(self.arrival_s[waiting[0]])
            for task in sorted(running, key=lambda task: (-task[0], task[1])):
                open_jobs -= self._finish(*task, begin_s)
            while waiting and self.arrival_s[waiting[0]] <= self.now_s:
                self.there.append(waiting.pop(0))
                self.stale = True
            running = self._round()
        return self.end_s

    def _finish(self, end_s: float, job: int, kind: int, steps: int, begin_s: float) -> bool:
        """A task ends; whether its job is gone."""
        if steps < self.gpus[job] or end_s <= begin_s:  # somebody has no step to do: counted as a failure
            self.failures[job] += 1
            self.stale = True
            gone = self.failures[job] >= MOST_FAILURES
        else:
            self.failures[job] = 0
            self.left[job] -= steps
            self.received_s[job, kind] += end_s - begin_s
            self.type_s[kind] += end_s - begin_s
            gone = self.left[job] <= 0
            if gone:
                self.end_s[job] = end_s
        if gone:
            self.there.remove(job)
            self.stale = True
        return gone

    def _round(self) -> list[tuple[float, int, int, int]]:
        """Who runs until when."""
        if self.stale and (self.last_reset_s == 0.0 or self.now_s - self.last_reset_s >= RESET_S):
            self._reset()
        kinds = np.flatnonzero(self.capacity).tolist()
        if self.shuffled:
            self.shuffler.shuffle(kinds)
        chosen, taken = [], set()
        for kind in kinds:
            left = int(self.capacity[kind])
            for job in sorted(self.there, key=lambda job, kind=kind: self._urgency(job, kind), reverse=True):
                if job in taken or self.throughput[job, kind] <= 0.0 or self.gpus[job] > left:
                    continue
                if self.only_with_shares and self._urgency(job, kind)[0] <= 0.0:
                    continue
                taken.add(job)
                left -= int(self.gpus[job])
                if self.has_share[job]:  # newcomers hold their place, but wait for shares
                    chosen.append((job, kind))
        tasks = []
        for job, kind in chosen:
            rate = self.throughput[job, kind]
            steps = min(int(rate * ROUND_S), int(self.left[job]))
            tasks.append((self.now_s + steps / rate, job, kind, steps))
        return tasks

    def _urgency(self, job: int, kind: int) -> tuple[float, float, float]:
        share = self.share[job, kind] if self.has_share[job] else 0.0
        received = self.received_s[job, kind] / self.type_s[kind] if self.type_s[kind] else 0.0
        priority = share / received if received > 0.0 else share * 1e9
        return (priority, self.owed[job, kind], share)

    def _reset(self) -> None:
        """New shares; what the old ones still owe is remembered."""
        elapsed_s = self.now_s - self.last_reset_s
        jobs = np.array(self.there, dtype=int)
        due_s = np.where(self.has_share[jobs, None], self.share[jobs], 0.0) * elapsed_s
        self.owed[jobs] += due_s - (self.received_s[jobs] - ROUND_S / 2.0)
        self.received_s[jobs] = ROUND_S / 2.0
        self.type_s = np.full(len(self.capacity), len(jobs) * ROUND_S / 2.0)
        self.last_reset_s, self.stale = self.now_s, False
        if len(jobs):
            age_s = self.now_s - self.arrival_s[jobs]
            columns = (column[jobs] for column in (self.throughput, self.gpus, self.weights, self.left))
            self.share[jobs] = self.shares(Snapshot(jobs, *columns, age_s, self.capacity)).clip(0.0, 1.0)
            self.has_share[jobs] = True

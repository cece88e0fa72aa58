"""A plain preemptive scheduler of GPUs that are only counted: in every pass the line is gone through from the front."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
import pandas as pd

ROUNDING_S = 1e-6  # what sums of times may lack of a limit


class OrderedJobs(Protocol):
    """The jobs that wait and run, in the order in which they shall have GPUs."""

    def join(self, job: int) -> None:
        """A job comes."""

    def leave(self, job: int) -> None:
        """It has ended."""

    def pass_time(self, job: int, seconds: float, runs: bool) -> None:
        """So much time has passed for a job."""

    def order(self, running: set[int]) -> list[int]:
        """All jobs, the first first."""

    def after_pass(self, running: set[int], stopped: Iterable[int]) -> None:
        """Who runs after the pass, and who was stopped in it."""

    def next_look_s(self, now: float, running: set[int]) -> float:
        """When the order is to be looked at again though nobody comes or ends; inf: not at all."""


def play(jobs: pd.DataFrame, gpus: int, line: OrderedJobs, blocks: bool = False) -> pd.DataFrame:
    """First start and end of each job [s]: each gets its GPUs if so many are left, whoever holds them, at no cost.

    Parameters
    ----------
    jobs : DataFrame
        ``submit_time``, rising, ``num_gpu``, ``duration``.
    gpus : int
        In all.
    blocks : bool
        The first that does not fit ends the pass.
    """
    submit_s, wanted = jobs["submit_time"].tolist(), jobs["num_gpu"].tolist()
    left_s = [float(value) for value in jobs["duration"]]
    start_s, end_s = np.full(len(jobs), np.nan), np.full(len(jobs), np.nan)
    there: set[int] = set()
    running: set[int] = set()
    now, arrived, look_s = 0.0, 0, math.inf
    while arrived < len(jobs) or there:
        ends_s = min((now + left_s[job] for job in running), default=math.inf)
        following = min(submit_s[arrived] if arrived < len(jobs) else math.inf, ends_s, look_s)
        passed_s, now = following - now, following
        for job in running:
            left_s[job] -= passed_s
        for job in [job for job in sorted(running) if left_s[job] <= ROUNDING_S]:
            end_s[job] = now
            line.leave(job)
            there.discard(job)
        before = sorted(there)
        while arrived < len(jobs) and submit_s[arrived] == now:
            line.join(arrived)
            there.add(arrived)
            arrived += 1
        for job in before:
            line.pass_time(job, passed_s, job in running)
        running &= there
        free, gets = gpus, set()
        for job in line.order(running):
            if wanted[job] <= free:
                free -= wanted[job]
                gets.add(job)
            elif blocks:
                break
        for job in gets - running:
            start_s[job] = now if np.isnan(start_s[job]) else start_s[job]
        stopped, running = running - gets, gets
        line.after_pass(running, stopped)
        look_s = line.next_look_s(now, running)
    return pd.DataFrame({"start_s": start_s, "end_s": end_s})


class Sorted:
    """By a key that is worked out anew at every pass: (GPUs, time left) to a number.

    Equals stand as they stood at the last pass, or, ``anew``, those that run first, then as they came.
    """

    def __init__(self, jobs: pd.DataFrame, key: Callable[[float, float], float], anew: bool):
        self.gpus, self.left_s = jobs["num_gpu"].tolist(), jobs["duration"].tolist()
        self.key, self.anew = key, anew
        self.jobs: list[int] = []

    def join(self, job: int) -> None:
        self.jobs.append(job)

    def leave(self, job: int) -> None:
        self.jobs.remove(job)

    def pass_time(self, job: int, seconds: float, runs: bool) -> None:
        self.left_s[job] -= seconds if runs else 0.0

    def order(self, running: set[int]) -> list[int]:
        if self.anew:
            self.jobs.sort(key=lambda job: (job not in running, job))
        self.jobs.sort(key=lambda job: self.key(self.gpus[job], self.left_s[job]))
        return list(self.jobs)

    def after_pass(self, running: set[int], stopped: Iterable[int]) -> None:
        pass

    def next_look_s(self, now: float, running: set[int]) -> float:
        return math.inf


class LevelQueues:
    """Tiresias's queues: by the service had, in seconds or GPU-seconds; who waited ``promote`` times as long goes back.

    ``theirs``: a queue is a list at whose end join who comes, falls or is promoted; after each pass those that run
    stand before those that wait. GPU-seconds are looked at only at events, and at (limit - seconds) / GPUs from now,
    later than the limit. Waiting counts on over several times. Else, as gpusim has it: in a queue those that run come
    first, then as they came; a job falls when it reaches the limit; waiting counts from its beginning.
    """

    def __init__(
        self, jobs: pd.DataFrame, limits: tuple[float, ...], by_gpus: bool, promote: float = math.inf, *, theirs: bool
    ):
        self.gpus, self.limits, self.by_gpus = jobs["num_gpu"].tolist(), limits, by_gpus
        self.promote, self.theirs = promote, theirs
        self.run_s, self.waited_s = [0.0] * len(jobs), [0.0] * len(jobs)
        self.level = [0] * len(jobs)
        self.queues: list[list[int]] = [[] for _ in range(len(limits) + 1)]

    def join(self, job: int) -> None:
        self.queues[0].append(job)

    def leave(self, job: int) -> None:
        self.queues[self.level[job]].remove(job)

    def _move(self, job: int, level: int) -> None:
        self.leave(job)
        self.level[job] = level
        self.queues[level].append(job)

    def _speed(self, job: int) -> float:
        return self.gpus[job] if self.by_gpus else 1.0

    def pass_time(self, job: int, seconds: float, runs: bool) -> None:
        level = self.level[job]
        if runs:
            self.run_s[job] += seconds
            if level < len(self.limits) and self.run_s[job] * self._speed(job) >= self.limits[level] - ROUNDING_S:
                self._move(job, level + 1)
        elif self.run_s[job] > 0.0:
            self.waited_s[job] += seconds
            if level > 0 and self.waited_s[job] >= self.promote * self.run_s[job] - ROUNDING_S:
                self.run_s[job] = self.waited_s[job] = 0.0
                self._move(job, 0)

    def order(self, running: set[int]) -> list[int]:
        if not self.theirs:
            for queue in self.queues:
                queue.sort(key=lambda job: (job not in running, job))
        return [job for queue in self.queues for job in queue]

    def after_pass(self, running: set[int], stopped: Iterable[int]) -> None:
        for queue in self.queues:
            queue.sort(key=lambda job: job not in running)
        if not self.theirs:
            for job in stopped:
                self.waited_s[job] = 0.0

    def next_look_s(self, now: float, running: set[int]) -> float:
        looks = [now + self._away_s(job, job in running) for queue in self.queues for job in queue]
        return min((look for look in looks if look > now), default=math.inf)

    def _away_s(self, job: int, runs: bool) -> float:
        level = self.level[job]
        if not runs:
            waits = self.run_s[job] > 0.0 and level > 0 and self.promote < math.inf
            return self.promote * self.run_s[job] - self.waited_s[job] if waits else math.inf
        if level == len(self.limits):
            return math.inf
        if self.theirs and self.by_gpus:
            return (self.limits[level] - self.run_s[job]) // self.gpus[job]
        return (self.limits[level] - self.run_s[job] * self._speed(job)) / self._speed(job)

"""Anchors of scheduling: hand-worked schedules, the promise of EASY backfill, fairness and slowdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.analysis.metrics import bounded_slowdown
from gpusim.engine.layout import Rules
from gpusim.state import Backfill
from gpusim.units import HOUR_S
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import LAWS, play, poisson_arrivals, responses_s, stream, work


class Schedule(NamedTuple):
    """Starts [s] of jobs, and the first starts promised to them (NaN: none), both of shape (n_jobs,)."""

    start_s: np.ndarray
    promised_s: np.ndarray


class Jobs(NamedTuple):
    """Jobs in order of submission, columns of shape (n_jobs,)."""

    submit_s: np.ndarray
    gpus: np.ndarray
    runtime_s: np.ndarray
    estimate_s: np.ndarray


Scheduler = Callable[[Jobs, int, Backfill], Schedule]  # jobs, GPUs of the one node, backfill


def one_node(jobs: Jobs, gpus: int, backfill: Backfill) -> Schedule:
    """The engine's schedule on one node, where placement cannot bind: only numbers of free GPUs matter."""
    return _schedule(jobs, [(1, gpus)], backfill)


def _schedule(jobs: Jobs, pools: list[tuple[int, int]], backfill: Backfill) -> Schedule:
    plan = work(jobs.submit_s, jobs.runtime_s, jobs.gpus, estimate_s=jobs.estimate_s)
    fleet = play(plan, pools, Rules(backfill=backfill))
    return Schedule(fleet.jobs["first_start_s"].copy(), fleet.jobs["promised_s"].copy())


def _hand_worked(
    item: int, jobs: list[tuple[int, float]], starts_h: dict[Backfill, list[float]], scheduler: Scheduler
) -> Iterator[Row]:
    """Starts, end, mean wait and use of jobs (GPUs, hours) all submitted at time 0 to four GPUs."""
    gpus, hours = (np.array(column) for column in zip(*jobs, strict=True))
    runtime_s = hours * HOUR_S
    for backfill, expected_h in starts_h.items():
        ours_h = scheduler(Jobs(np.zeros(len(jobs)), gpus, runtime_s, runtime_s), 4, backfill).start_s / HOUR_S
        name = {Backfill.NONE: "FCFS", Backfill.EASY: "EASY", Backfill.CONSERVATIVE: "conservative"}[backfill]
        for j, (expected, ours) in enumerate(zip(expected_h, ours_h, strict=True)):
            yield Row(item, f"{name}: start of J{j + 1} [h]", expected, ours, 0.0)
        makespan, expected_makespan = (ours_h + hours).max(), (np.array(expected_h) + hours).max()
        yield Row(item, f"{name}: makespan [h]", expected_makespan, makespan, 0.0)
        yield Row(item, f"{name}: mean wait [h]", np.mean(expected_h), ours_h.mean(), 0.0)
        used = (gpus * hours).sum() / 4.0
        yield Row(item, f"{name}: utilisation", used / expected_makespan, used / makespan, 0.0)


def backfill_or_not(_effort: Effort, scheduler: Scheduler = one_node) -> Iterator[Row]:
    """12: four jobs on four GPUs; the last must not pass the head, though it would fit from 8 h on."""
    passed_h = [0.0, 10.0, 0.0, 15.0]
    starts_h = {Backfill.NONE: [0.0, 10.0, 15.0, 15.0], Backfill.EASY: passed_h, Backfill.CONSERVATIVE: passed_h}
    yield from _hand_worked(12, [(2, 10.0), (4, 5.0), (2, 8.0), (2, 4.0)], starts_h, scheduler)


def delayed_third(_effort: Effort, scheduler: Scheduler = one_node) -> Iterator[Row]:
    """13: EASY protects the head alone: a backfilled job pushes the third one back, as conservative never does."""
    in_turn_h = [0.0, 10.0, 12.0, 17.0]
    starts_h = {Backfill.NONE: in_turn_h, Backfill.EASY: [0.0, 10.0, 20.0, 0.0], Backfill.CONSERVATIVE: in_turn_h}
    yield from _hand_worked(13, [(3, 10.0), (3, 2.0), (4, 5.0), (1, 20.0)], starts_h, scheduler)


def first_promises(jobs: Jobs, gpus: int, start_s: np.ndarray) -> np.ndarray:
    """Shadow time [s] of each job at the moment it became head of a first-come queue, by counting GPUs.

    Parameters
    ----------
    gpus : int
        Of the one node.
    start_s : ndarray, shape (n_jobs,)
        The schedule to be judged.

    Returns
    -------
    ndarray, shape (n_jobs,)
        NaN for jobs that passed a head or could start at once. A job is head once all before it have started; those
        behind it that start at the same instant come after the promise.
    """
    end_s, expected_s = start_s + jobs.runtime_s, start_s + jobs.estimate_s
    promised_s = np.full(len(start_s), np.nan)
    by_start = np.lexsort((np.arange(len(start_s)), start_s))
    running: list[int] = []
    following, head_s = 0, -np.inf
    for j in range(len(start_s)):
        head_s = max(head_s, jobs.submit_s[j])
        if start_s[j] < head_s:
            continue
        while following < len(by_start):
            i = by_start[following]
            if (start_s[i], i) >= (head_s, j):
                break
            running.append(i)
            following += 1
        running = [i for i in running if end_s[i] > head_s]
        free = gpus - sum(jobs.gpus[i] for i in running)
        if free < jobs.gpus[j]:
            for i in sorted(running, key=lambda i: expected_s[i]):
                free += jobs.gpus[i]
                if free >= jobs.gpus[j]:
                    promised_s[j] = expected_s[i]
                    break
        head_s = max(head_s, start_s[j])
    return promised_s


def easy_promise(effort: Effort, scheduler: Scheduler = one_node) -> Iterator[Row]:
    """14: under EASY no head starts later than promised when it became head, if estimates are upper bounds."""
    n = effort.size(1, 100_000)
    submit_s = poisson_arrivals(stream(14, "arrivals"), 0.45, n)
    runtime_s = 10.0 * LAWS["lognormal cv2=4"](stream(14, "runtimes"), n)
    gpus = stream(14, "gangs").choice([1, 2, 4, 8, 16], n)
    loose_s = runtime_s * stream(14, "estimates").uniform(1.0, 3.0, n)
    for name, estimate_s in (("exact estimates", runtime_s), ("upper bounds", loose_s)):
        jobs = Jobs(submit_s, gpus, runtime_s, estimate_s)
        schedule = scheduler(jobs, 32, Backfill.EASY)
        counted_s = first_promises(jobs, 32, schedule.start_s)
        promised = ~np.isnan(counted_s)
        differing = np.count_nonzero(counted_s[promised] != schedule.promised_s[promised])
        broken = np.count_nonzero(schedule.start_s[promised] > counted_s[promised])
        made = np.count_nonzero(~np.isnan(schedule.promised_s))
        yield Row(14, f"{name}: heads promised a start", promised.sum(), made, 0.0)
        yield Row(14, f"{name}: promises unlike those counted apart", 0.0, differing, 0.0)
        yield Row(14, f"{name}: promises broken", 0.0, broken, 0.0)
    jobs = Jobs(submit_s, 2 * gpus, runtime_s, loose_s)
    schedule = _schedule(jobs, [(8, 8)], Backfill.EASY)
    broken = np.count_nonzero(schedule.start_s > schedule.promised_s)
    yield Row(14, "gangs of up to 4 nodes: promises broken", 0.0, broken, 0.0)


def fairness(_effort: Effort, backfill: Backfill = Backfill.NONE) -> Iterator[Row]:
    """15: finish-time fairness (Mahajan et al. 2020) of two equal jobs on one GPU; bounded slowdown of two jobs.

    Finish-time fairness is the response over that in a fleet of one's own of 1/N of the GPUs, here 2 S.
    """
    runtime_s = np.full(2, 3600.0)
    fleet = play(work(np.zeros(2), runtime_s), [(1, 1)], Rules(backfill=backfill))
    for j, (expected, ours) in enumerate(zip((0.5, 1.0), responses_s(fleet) / (2.0 * runtime_s), strict=True)):
        yield Row(15, f"FCFS: finish-time fairness of job {j + 1}", expected, ours, 0.0)
    slowdown = bounded_slowdown(pd.DataFrame({"wait_s": [30.0, 300.0], "run_s": [2.0, 100.0]}))
    yield Row(15, "bounded slowdown: waits 30 s, runs 2 s", 3.2, slowdown[0], 0.0)
    yield Row(15, "bounded slowdown: waits 300 s, runs 100 s", 4.0, slowdown[1], 0.0)

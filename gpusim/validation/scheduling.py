"""Anchors of scheduling: hand-worked schedules, the promise of EASY backfill, fairness and slowdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import exp1

from gpusim.engine.description import Scheduling
from gpusim.kernels.state.codes import Backfill, Order
from gpusim.results.metrics import bounded_slowdown
from gpusim.units import HOUR_S
from gpusim.validation.anchor import Effort, Row, mean_of_runs
from gpusim.validation.cases import LAWS, WARM_UP, play, play_in_pieces, poisson_arrivals, stream, waits_s, work
from gpusim.validation.plain import reserved
from gpusim.validation.time_slices import two_alike


class Starts(NamedTuple):
    """Starts [s] of jobs, and the first starts promised to them (NaN: none), both of shape (n_jobs,)."""

    start_s: np.ndarray
    promised_s: np.ndarray


class Jobs(NamedTuple):
    """Jobs in order of submission, columns of shape (n_jobs,)."""

    submit_s: np.ndarray
    gpus: np.ndarray
    runtime_s: np.ndarray
    estimate_s: np.ndarray


Schedule = Callable[[Jobs, int, Backfill], Starts]  # jobs, GPUs of the one node, backfill


def one_node(jobs: Jobs, gpus: int, backfill: Backfill) -> Starts:
    """The engine's schedule on one node, where placement cannot bind: only numbers of free GPUs matter."""
    return _schedule(jobs, [(1, gpus)], backfill)


def _schedule(jobs: Jobs, pools: list[tuple[int, int]], backfill: Backfill) -> Starts:
    plan = work(jobs.submit_s, jobs.runtime_s, jobs.gpus, estimate_s=jobs.estimate_s)
    fleet = play(plan, pools, Scheduling(backfill=backfill))
    return Starts(fleet.jobs["first_start_s"].copy(), fleet.jobs["promised_s"].copy())


def _hand_worked(
    item: int, jobs: list[tuple[int, float]], starts_h: dict[Backfill, list[float]], scheduler: Schedule
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


def backfill_or_not(_effort: Effort, scheduler: Schedule = one_node) -> Iterator[Row]:
    """12: four jobs on four GPUs; the last must not pass the head, though it would fit from 8 h on."""
    passed_h = [0.0, 10.0, 0.0, 15.0]
    starts_h = {Backfill.NONE: [0.0, 10.0, 15.0, 15.0], Backfill.EASY: passed_h, Backfill.CONSERVATIVE: passed_h}
    yield from _hand_worked(12, [(2, 10.0), (4, 5.0), (2, 8.0), (2, 4.0)], starts_h, scheduler)


def delayed_third(_effort: Effort, scheduler: Schedule = one_node) -> Iterator[Row]:
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


def easy_promise(effort: Effort, scheduler: Schedule = one_node) -> Iterator[Row]:
    """14: under EASY no head starts later than promised when it became head, if estimates are upper bounds."""
    n = effort.size(1, 100_000)
    submit_s = poisson_arrivals(stream(14, "arrivals"), 0.45, n)
    runtime_s = 10.0 * LAWS["lognormal cv2=4"](stream(14, "runtimes"), n)
    gpus = stream(14, "gangs").choice([1, 2, 4, 8, 16], n)
    loose_s = runtime_s * stream(14, "estimates").uniform(1.0, 3.0, n)
    for name, estimate_s in (("exact estimates", runtime_s), ("upper bounds", loose_s)):
        jobs = Jobs(submit_s, gpus, runtime_s, estimate_s)
        schedule = scheduler(jobs, 32, Backfill.EASY)
        yield from _promises(name, schedule, first_promises(jobs, 32, schedule.start_s))
    if scheduler is one_node:
        yield from easy_gangs(effort)


def easy_gangs(effort: Effort) -> Iterator[Row]:
    """14: gangs of whole nodes, which are counted as the GPUs of one node are: a node is a unit of eight GPUs."""
    n = effort.size(1, 20_000)
    submit_s = poisson_arrivals(stream(14, "gang arrivals"), 0.3, n)
    runtime_s = 10.0 * LAWS["lognormal cv2=4"](stream(14, "gang runtimes"), n)
    nodes = stream(14, "gang nodes").choice([1, 2, 3, 4, 8], n)
    loose_s = runtime_s * stream(14, "gang estimates").uniform(1.0, 3.0, n)
    schedule = _schedule(Jobs(submit_s, 8 * nodes, runtime_s, loose_s), [(12, 8)], Backfill.EASY)
    counted_s = first_promises(Jobs(submit_s, nodes, runtime_s, loose_s), 12, schedule.start_s)
    yield from _promises("gangs of 1 to 8 nodes", schedule, counted_s)


def _promises(name: str, schedule: Starts, counted_s: np.ndarray) -> Iterator[Row]:
    promised = ~np.isnan(counted_s)
    differing = np.count_nonzero(counted_s[promised] != schedule.promised_s[promised])
    broken = np.count_nonzero(schedule.start_s[promised] > counted_s[promised])
    made = np.count_nonzero(~np.isnan(schedule.promised_s))
    yield Row(14, f"{name}: heads promised a start", promised.sum(), made, 0.0)
    yield Row(14, f"{name}: promises unlike those counted independently", 0.0, differing, 0.0)
    yield Row(14, f"{name}: promises broken", 0.0, broken, 0.0)


def conservative(_effort: Effort, scheduler: Schedule = one_node) -> Iterator[Row]:
    """38: with exact estimates each job starts at the one reservation that conservative backfill made when it came.

    Run times are a second at the least, as the scheduler's reservations are.
    """
    n = 2_000
    submit_s = poisson_arrivals(stream(38, "arrivals"), 0.35, n)
    runtime_s = np.maximum(10.0 * LAWS["lognormal cv2=4"](stream(38, "runtimes"), n), 1.0)
    gpus = stream(38, "gangs").choice([1, 2, 4, 8, 16], n)
    expected_s = reserved(submit_s, runtime_s, gpus, 32)
    found_s = scheduler(Jobs(submit_s, gpus, runtime_s, runtime_s), 32, Backfill.CONSERVATIVE).start_s
    off = np.count_nonzero(np.abs(found_s - expected_s) > 1e-6)
    yield Row(38, "conservative: starts unlike the reservations counted", 0.0, off, 0.0)
    yield Row(38, "conservative: mean wait [s]", (expected_s - submit_s).mean(), (found_s - submit_s).mean(), 1e-9)
    loose_s = runtime_s * stream(38, "estimates").uniform(1.0, 3.0, n)
    schedule = scheduler(Jobs(submit_s, gpus, runtime_s, loose_s), 32, Backfill.CONSERVATIVE)
    promised_s = np.where(schedule.start_s > submit_s, schedule.promised_s, submit_s)  # none where it starts at once
    late = np.count_nonzero(~(schedule.start_s <= promised_s + 1e-6))
    yield Row(38, "conservative, upper bounds: jobs without a promise or after the first one", 0.0, late, 0.0)
    alone_s = _promised_alone(Jobs(submit_s, gpus, runtime_s, loose_s), 32, schedule.start_s)
    alone = ~np.isnan(alone_s)
    off = np.count_nonzero(~(np.abs(promised_s - alone_s)[alone] <= 1e-6))
    yield Row(38, "conservative, upper bounds: promises unlike those counted independently", 0.0, off, 0.0)


def _promised_alone(jobs: Jobs, gpus: int, start_s: np.ndarray) -> np.ndarray:
    """First promise [s] of the jobs that found nobody waiting, beside what ran then by its estimates; else NaN."""
    promised_s = np.full(len(start_s), np.nan)
    for j, submit in enumerate(jobs.submit_s):
        if (start_s[:j] > submit).any():
            continue
        running = np.flatnonzero(start_s[:j] + jobs.runtime_s[:j] > submit)
        until_s = start_s[running] + jobs.estimate_s[running]
        free = gpus - jobs.gpus[running].sum()
        promised_s[j] = submit
        for i in np.argsort(until_s, kind="stable"):
            if free >= jobs.gpus[j]:
                break
            free += jobs.gpus[running[i]]
            promised_s[j] = until_s[i]
    return promised_s


def fairness(effort: Effort, order: Order = Order.FAIR_SHARE) -> Iterator[Row]:
    """15: tenants with shares 1, 2 and 5 of eight GPUs, two jobs on one; bounded slowdowns, and their mean of M/M/1.

    Each tenant has 40 jobs of an hour for each GPU of its share, all there at once. In a fleet of its own, of its
    share, it would end after 40 h: finish-time fairness (Mahajan et al. 2020) is its last end over that.

    Slowdown: of M/M/1 with mean run time m and load r, P(W > t) = r exp(-(1 - r) t / m) whatever the job's own run
    time S. Integrated over S: 1 + E[W] E1(tau / m) / m for those of tau and more, and the rest below tau.
    """
    tenant = np.repeat([0, 1, 2], [40, 80, 200])
    runtime_s = np.full(len(tenant), 3600.0)
    jobs = work(np.zeros(len(tenant)), runtime_s, tenant=tenant)
    fleet = play(jobs, [(1, 8)], Scheduling(order=order), shares=[1.0, 2.0, 5.0])
    for k, share in enumerate((1, 2, 5)):
        fair = fleet.jobs["end_s"][tenant == k].max() / (40 * 3600.0)
        yield Row(15, f"tenant with a share of {share}: finish-time fairness", 1.0, fair, 0.0)
    yield from two_alike()
    for wait_s, run_s, expected in ((30.0, 2.0, 3.2), (300.0, 100.0, 4.0)):
        ours = bounded_slowdown(pd.DataFrame({"wait_s": [wait_s], "run_s": [run_s]}))[0]
        yield Row(15, f"bounded slowdown of {run_s:g} s behind a wait of {wait_s:g} s", expected, float(ours), 0.0)
    load, mean_s, tau_s = 0.8, 100.0, 10.0
    short = np.exp(-(1.0 - load) * tau_s / mean_s) * (1.0 - np.exp(-load * tau_s / mean_s)) * mean_s / tau_s
    expected = 1.0 + short / (1.0 - load) + load / (1.0 - load) * exp1(tau_s / mean_s)

    def one(run: int) -> tuple[float]:
        n = WARM_UP + effort.size(4, 500_000)
        submit_s = poisson_arrivals(stream(15, run, "arrivals"), load / mean_s, n)
        run_s = mean_s * LAWS["exponential"](stream(15, run, "runtimes"), n)
        wait_s = play_in_pieces(work(submit_s, run_s), [(1, 1)], waits_s)
        return (bounded_slowdown(pd.DataFrame({"wait_s": wait_s, "run_s": run_s[WARM_UP:]})).mean(),)

    slowdown = mean_of_runs(effort.runs(4), one)[0]
    yield Row(15, "M/M/1 at load 0.8: mean bounded slowdown", expected, slowdown, effort.widen(0.03))

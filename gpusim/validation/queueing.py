"""Anchors of queueing theory: one GPU per job, waiting and blocking against closed forms."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpusim.engine.description import Scheduling
from gpusim.kernels.state.codes import Status
from gpusim.kernels.state.fleet import Fleet
from gpusim.policies import queue_orders
from gpusim.policies.queue_orders import Key
from gpusim.validation import formulas
from gpusim.validation.anchor import Effort, Row, mean_of_runs
from gpusim.validation.cases import (
    LAWS,
    WARM_UP,
    Law,
    play,
    play_in_pieces,
    poisson_arrivals,
    responses_s,
    stream,
    waits_s,
    work,
)

EXPONENTIAL = LAWS["exponential"]
MILLION = 1_000_000

# servers, load, runs, tolerances of P(wait) and of the mean wait and its p95; the p99 spreads half as much again
_MMC = [
    (1, 0.8, 8, 0.002, 0.012),
    (4, 3.2, 10, 0.004, 0.016),
    (8, 6.4, 8, 0.006, 0.020),
    (16, 14.4, 16, 0.010, 0.028),
    (64, 57.6, 16, 0.020, 0.044),
]
# law of run times, its squared variation, runs, tolerance of the mean wait
_MG1 = [
    ("constant", 0.0, 5, 0.015),
    ("exponential", 1.0, 5, 0.02),
    ("lognormal cv2=4", 4.0, 10, 0.04),
    ("lognormal cv2=10", 10.0, 10, 0.10),
]


def _single_queue(servers: int, rate_per_s: float, n: int, law: Law, names: tuple) -> np.ndarray:
    """Waits [s] of ``n`` jobs after the warm-up at ``servers`` GPUs, shape (n,)."""
    submit_s = poisson_arrivals(stream(*names, "arrivals"), rate_per_s, WARM_UP + n)
    runtime_s = law(stream(*names, "runtimes"), WARM_UP + n)
    return play_in_pieces(work(submit_s, runtime_s), [(servers, 1)], waits_s)


def mmc(effort: Effort, law: Law = EXPONENTIAL) -> Iterator[Row]:
    """1: M/M/c, first come, first served: share of jobs that wait, mean wait, its quantiles."""
    for servers, rate, full_runs, share_tolerance, tolerance in _MMC:
        runs, n = effort.runs(full_runs), effort.size(full_runs, MILLION)

        def one(run: int, servers=servers, rate=rate, n=n) -> tuple[float, ...]:
            wait_s = _single_queue(servers, rate, n, law, (1, servers, run))
            return (wait_s > 0.0).mean(), wait_s.mean(), *np.quantile(wait_s, [0.95, 0.99])

        ours = mean_of_runs(runs, one)
        figures = [
            ("P(wait)", formulas.erlang_c(servers, rate), share_tolerance),
            ("mean wait", formulas.mmc_wait(servers, rate), tolerance),
            ("p95 wait", formulas.mmc_wait_quantile(servers, rate, 0.95), tolerance),
            ("p99 wait", formulas.mmc_wait_quantile(servers, rate, 0.99), 1.5 * tolerance),
        ]
        for (what, expected, allowed), value in zip(figures, ours, strict=True):
            yield Row(1, f"M/M/{servers} at load {rate:g}: {what}", expected, value, effort.widen(allowed))


def _rejected(fleet: Fleet) -> np.ndarray:
    return fleet.jobs["status"] == Status.REJECTED


def loss(effort: Effort, queue_limit: int | None = 0) -> Iterator[Row]:
    """2: a pool without waiting room blocks the same share of jobs whatever the law of their run times.

    The share blocked hangs on the load twelve times over at 100 GPUs, so drawn times are scaled to have exactly the
    law's mean: the mean of a heavy-tailed sample would else be most of the error. More runs where few are blocked.
    """
    for servers, load, full_runs in ((8, 6.4, 4), (16, 12.8, 4), (100, 90.0, 16)):
        runs, n = effort.runs(full_runs), effort.size(full_runs, MILLION)
        for name in ("exponential", "constant", "lognormal cv2=4"):

            def one(run: int, servers=servers, load=load, name=name, n=n) -> tuple[float]:
                names = (2, servers, name, run)
                submit_s = poisson_arrivals(stream(*names, "arrivals"), load, WARM_UP + n)
                runtime_s = LAWS[name](stream(*names, "runtimes"), WARM_UP + n)
                submit_s *= (WARM_UP + n) / load / submit_s[-1]
                runtime_s /= runtime_s.mean()
                rules = Scheduling(queue_limit=queue_limit)
                return (play_in_pieces(work(submit_s, runtime_s), [(servers, 1)], _rejected, rules).mean(),)

            ours = mean_of_runs(runs, one)[0]
            what = f"{servers} GPUs, load {load:g}, {name}: share blocked"
            yield Row(2, what, formulas.erlang_b(servers, load), ours, effort.widen(0.01))


def mg1(effort: Effort) -> Iterator[Row]:
    """3: M/G/1: the mean wait grows with the variance of run times (Pollaczek-Khinchine)."""
    for name, cv2, full_runs, tolerance in _MG1:
        runs, n = effort.runs(full_runs), effort.size(full_runs, MILLION)

        def one(run: int, name=name, n=n) -> tuple[float]:
            return (_single_queue(1, 0.8, n, LAWS[name], (3, name, run)).mean(),)

        ours = mean_of_runs(runs, one)[0]
        what = f"M/G/1 at load 0.8, {name}: mean wait"
        yield Row(3, what, formulas.mg1_wait(0.8, cv2), ours, effort.widen(tolerance))


def priorities(effort: Effort, key: Key | None = queue_orders.priority) -> Iterator[Row]:
    """6: two priority classes at one GPU, without preemption and with (all work kept, free of charge)."""
    runs, n = effort.runs(4), WARM_UP + effort.size(4, MILLION // 2)

    def one(run: int, preempts: bool) -> tuple[float, float]:
        submit_s = poisson_arrivals(stream(6, run, "arrivals"), 0.8, n)
        runtime_s = EXPONENTIAL(stream(6, run, "runtimes"), n)
        first = stream(6, run, "classes").uniform(size=n) < 0.3 / 0.8
        jobs = work(submit_s, runtime_s, priority=first.astype(int), preemptible=np.full(n, preempts))
        rules = Scheduling(key=key, preempts=preempts)
        value = play_in_pieces(jobs, [(1, 1)], responses_s if preempts else waits_s, rules)
        return value[first[WARM_UP:]].mean(), value[~first[WARM_UP:]].mean()

    for preempts, what, expected in (
        (False, "no preemption: mean wait", formulas.priority_waits(0.3, 0.5)),
        (True, "preemptive resume: mean response", formulas.preemptive_responses(0.3, 0.5)),
    ):
        ours = mean_of_runs(runs, lambda run, preempts=preempts: one(run, preempts))
        for k, tolerance in enumerate((0.016, 0.047)):
            yield Row(6, f"{what} of class {k + 1}", expected[k], ours[k], effort.widen(tolerance))


def pooling(effort: Effort) -> Iterator[Row]:
    """7: two sites of four GPUs, jobs split at random, against one pool of eight; the same jobs in both."""
    runs, n = effort.runs(8), WARM_UP + effort.size(8, MILLION)

    def one(run: int) -> tuple[float, float]:
        submit_s = poisson_arrivals(stream(7, run, "arrivals"), 6.4, n)
        runtime_s = EXPONENTIAL(stream(7, run, "runtimes"), n)
        site = stream(7, run, "sites").integers(0, 2, n)
        split = work(submit_s, runtime_s, route=site, routes=[([0], 0), ([1], 0)])
        apart = play_in_pieces(split, [(4, 1), (4, 1)], waits_s)
        return apart.mean(), play_in_pieces(work(submit_s, runtime_s), [(8, 1)], waits_s).mean()

    apart, pooled = mean_of_runs(runs, one)
    expected = formulas.mmc_wait(4, 3.2), formulas.mmc_wait(8, 6.4)
    tolerance = effort.widen(0.02)
    yield Row(7, "two sites of 4 GPUs: mean wait", expected[0], apart, tolerance)
    yield Row(7, "one pool of 8 GPUs: mean wait", expected[1], pooled, tolerance)
    yield Row(7, "gain of pooling", expected[0] / expected[1], apart / pooled, tolerance)


def large_pool(effort: Effort) -> Iterator[Row]:
    """8: a large pool in the square-root staffing regime."""
    runs, n = effort.runs(16), effort.size(16, MILLION)

    def one(run: int) -> tuple[float, float]:
        wait_s = _single_queue(420, 400.0, n, EXPONENTIAL, (8, run))
        return (wait_s > 0.0).mean(), wait_s.mean()

    share, wait_s = mean_of_runs(runs, one)
    yield Row(8, "M/M/420 at load 400: P(wait)", formulas.erlang_c(420, 400.0), share, effort.widen(0.05))
    yield Row(8, "M/M/420 at load 400: mean wait", formulas.mmc_wait(420, 400.0), wait_s, effort.widen(0.10))


def head_of_line(effort: Effort, key: Key | None = None) -> Iterator[Row]:
    """10: two GPUs, a queue that never empties, jobs of one or two GPUs: what waiting in line costs."""
    n = effort.size(1, 400_000)
    for p, throughput, utilisation in ((0.5, 8 / 7, 6 / 7), (0.8, 1.470588, 0.882353)):
        gpus = np.where(stream(10, p, "sizes").uniform(size=n) < p, 1, 2)
        runtime_s = EXPONENTIAL(stream(10, p, "runtimes"), n)
        fleet = play(work(np.zeros(n), runtime_s, gpus), [(1, 2)], Scheduling(key=key))
        span_s = fleet.jobs["end_s"].max()
        used = (gpus * runtime_s).sum() / (2.0 * span_s)
        tolerance = effort.widen(0.005)
        yield Row(10, f"one GPU with chance {p:g}: throughput", throughput, n / span_s, tolerance)
        yield Row(10, f"one GPU with chance {p:g}: utilisation", utilisation, used, tolerance)

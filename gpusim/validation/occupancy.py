"""Anchors of how many jobs and GPUs are in use over time: an unlimited fleet, and a plain count."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpusim.kernels.state.codes import Cause, Status
from gpusim.units import HOUR_S
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import LAWS, open_fleet, poisson_arrivals, stream, waits_s, work
from gpusim.validation.plain import Count, first_come

_GANGS, _GANG_SHARES = np.array([8, 64, 512]), [0.70, 0.25, 0.05]


def _moments(start_s: np.ndarray, end_s: np.ndarray, weight: np.ndarray, a_s: float, b_s: float) -> tuple[float, float]:
    """Mean and standard deviation over [a_s, b_s) of the summed weight of what runs."""
    times = np.concatenate([start_s, end_s, [b_s]])
    change = np.concatenate([weight, -weight, [0.0]])
    order = np.argsort(times, kind="stable")
    level = np.cumsum(change[order])
    times = np.clip(times[order], a_s, b_s)
    span = np.diff(times, append=b_s)
    mean = (level * span).sum() / (b_s - a_s)
    return mean, np.sqrt((level**2 * span).sum() / (b_s - a_s) - mean**2)


def unlimited(effort: Effort) -> Iterator[Row]:
    """9: with GPUs for all, running jobs are Poisson and busy GPUs compound Poisson, whatever the run times' law."""
    warm_s, end_s = 200 * HOUR_S, (200 + effort.size(1, 5000)) * HOUR_S
    for name in ("exponential", "constant", "lognormal cv2=4"):
        n = round(10 / HOUR_S * end_s * 1.2)
        submit_s = poisson_arrivals(stream(9, name, "arrivals"), 10 / HOUR_S, n)
        submit_s = submit_s[submit_s < end_s]
        n = len(submit_s)
        runtime_s = 4 * HOUR_S * LAWS[name](stream(9, name, "runtimes"), n)
        gpus = stream(9, name, "gangs").choice(_GANGS, n, p=_GANG_SHARES)
        env = open_fleet(work(submit_s, runtime_s, gpus), [(2000, 8)])
        env.run(until=env.at(warm_s))
        env.settle()
        before = env.fleet.pools[0].copy()
        env.run(until=env.at(end_s))
        env.settle()
        after, jobs = env.fleet.pools[0], env.fleet.jobs
        span_s = end_s - warm_s
        busy = (after.ledger[Cause.TRAINING] - before.ledger[Cause.TRAINING]) / span_s
        running = (after.running_job_s - before.running_job_s) / span_s
        ended_s = np.minimum(jobs["end_s"], end_s)
        _, busy_sd = _moments(jobs["start_s"], ended_s, jobs["held"], warm_s, end_s)
        _, running_sd = _moments(jobs["start_s"], ended_s, np.ones(n), warm_s, end_s)
        mean_tolerance, sd_tolerance = effort.widen(0.05), effort.widen(0.07)
        yield Row(9, f"{name}: mean busy GPUs", 1888.0, busy, mean_tolerance)
        yield Row(9, f"{name}: SD of busy GPUs", 753.0, busy_sd, sd_tolerance)
        yield Row(9, f"{name}: mean running jobs", 40.0, running, mean_tolerance)
        yield Row(9, f"{name}: SD of running jobs", np.sqrt(40.0), running_sd, sd_tolerance)
        yield Row(9, f"{name}: jobs that waited", 0.0, float((waits_s(env.fleet) > 0.0).sum()), 0.0)


def little(_effort: Effort, gpus: int = 32) -> Iterator[Row]:
    """11: jobs that wait and run on a closed window, two classes on one node, against a plain count of the same jobs.

    What the engine holds is seen class by class at every event, and in total as the pool's own integrals; the count
    knows nothing of the engine.
    """
    n, a_s, b_s = 1500, 250.0, 1250.0
    submit_s = poisson_arrivals(stream(11, "arrivals"), 1.0, n)
    runtime_s = 4.0 * LAWS["lognormal cv2=4"](stream(11, "runtimes"), n)
    wanted = stream(11, "gangs").choice([1, 2, 4, 8, 16], n)
    tenant = stream(11, "tenants").integers(0, 2, n)
    start_s = first_come(submit_s, runtime_s, Count(32, wanted))
    end_s = start_s + runtime_s

    events = np.unique(np.clip(np.concatenate([submit_s, start_s, end_s]), a_s, b_s))
    env = open_fleet(work(submit_s, runtime_s, wanted, tenant=tenant), [(1, gpus)], shares=[2.0, 1.0])
    env.run(until=env.at(a_s))
    env.settle()
    before = env.fleet.pools[0].copy()
    seen = np.zeros((2, 2))  # (class, queued or running) [job s]
    for left_s, right_s in zip(events[:-1], events[1:], strict=True):
        env.run(until=env.at(0.5 * (left_s + right_s)))
        status = env.fleet.jobs["status"]
        for c, state in enumerate((Status.QUEUED, Status.RUNNING)):
            seen[:, c] += np.bincount(tenant[status == state], minlength=2) * (right_s - left_s)
    env.run(until=env.at(b_s))
    env.settle()
    after = env.fleet.pools[0]

    def within(first_s: np.ndarray, last_s: np.ndarray) -> np.ndarray:
        return np.clip(last_s, a_s, b_s) - np.clip(first_s, a_s, b_s)

    waited, there = within(submit_s, start_s), within(submit_s, end_s)
    span_s = b_s - a_s
    for k in range(2):
        mine = tenant == k
        yield Row(11, f"class {k + 1}: mean in queue", waited[mine].sum() / span_s, seen[k, 0] / span_s, 1e-9)
        yield Row(11, f"class {k + 1}: mean in system", there[mine].sum() / span_s, seen[k].sum() / span_s, 1e-9)
    queued = (after.queued_job_s - before.queued_job_s) / span_s
    running = (after.running_job_s - before.running_job_s) / span_s
    busy = (after.ledger[Cause.TRAINING] - before.ledger[Cause.TRAINING]) / span_s
    yield Row(11, "total: mean in queue", waited.sum() / span_s, queued, 1e-9)
    yield Row(11, "total: mean in system", there.sum() / span_s, queued + running, 1e-9)
    yield Row(11, "total: mean busy GPUs", (wanted * within(start_s, end_s)).sum() / span_s, busy, 1e-9)

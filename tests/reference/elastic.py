"""Elastic policies in plain Python: sizes, worths and the division, one job and one GPU count after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Curve = Callable[[int], float]


@dataclass
class Elastic:
    """A job as an elastic policy sees it."""

    gpus: int
    submitted: int
    least: int
    most: int
    curve: Curve
    submit_s: float
    evictions: int = 0
    running: bool = False
    preemptible: bool = True
    pool: int = 0


def sizes(job: Elastic, node: int, pool: int) -> list[int]:
    """What it may have: 1, 2, 4, ... of a node, whole nodes in round numbers, its ends, its own."""
    found = {job.least, job.most, job.submitted, job.gpus}
    found |= {n for n in range(1, node + 1) if n & (n - 1) == 0}
    found |= {n * node for n in range(1, pool // node + 1) if len(bin(n).rstrip("0")) - 2 <= 3}
    return sorted(n for n in found if job.least <= n <= min(job.most, pool))


def held(gpus: int, node: int) -> int:
    """Whole nodes for gangs."""
    return gpus if gpus <= node else -(-gpus // node) * node


def restart(job: Elastic, gpus: int, now_s: float, restart_s: float) -> float:
    """What a change leaves of its speed; to 0 GPUs where it is: a move."""
    if not job.running or gpus == job.gpus:
        return 1.0
    age_s = now_s - job.submit_s
    return max(age_s - job.evictions * restart_s, 0.0) / (age_s + restart_s)


def sia_best(jobs: list[Elastic], of: list[dict], speeds: list[list[float]], free: list[int], now_s: float) -> float:
    """The greatest sum of Sia's worths, lambda less (r G)^p, by trying all.

    ``of``: of each job, what it would hold by (pool, GPUs); ``speeds``: by job and pool; ``free``: GPUs by pool.
    """
    if not jobs:
        return 0.0
    job, options, rest = jobs[0], of[0], (jobs[1:], of[1:], speeds[1:])
    best = sia_best(*rest, free, now_s)
    for (pool, gpus), takes in options.items():
        worth = sia_worth(job, (pool, gpus), options, speeds[0], now_s)
        if worth > 0.0 and takes <= free[pool]:
            left = [have - takes * (p == pool) for p, have in enumerate(free)]
            best = max(best, worth + sia_best(*rest, left, now_s))
    return best


def sia_worth(job: Elastic, one: tuple[int, int], options: dict, speeds: list[float], now_s: float) -> float:
    """Lambda less (r G)^p of a configuration: pool and GPUs."""
    pool, gpus = one
    goodput = speeds[pool] * job.curve(gpus) / min(speeds[p] * job.curve(n) for p, n in options)
    factor = restart(job, gpus if pool == job.pool else 0, now_s, 30.0)
    return 1.1 - (factor * goodput) ** -0.5 if factor > 0.0 else float("-inf")


def pollux_worth(job: Elastic, gpus: int, options: list[int], now_s: float, part: int) -> float:
    """1 / r S less than that of a job without GPUs."""
    equal = min(max(part, options[0]), options[-1])
    speedup = restart(job, gpus, now_s, 30.0) * job.curve(gpus) / job.curve(equal)
    return 100.0 - 1.0 / speedup if speedup > 0.0 else float("-inf")


def divide(options: list[list[tuple[int, float]]], gpus: int) -> list[int]:
    """(GPUs, worth) of each job; which GPUs each gets: over and over the step of all that is worth most per GPU."""
    has, worth = [0] * len(options), [0.0] * len(options)
    while True:
        best, step = 0.0, None
        for i, of_job in enumerate(options):
            for count, value in of_job:
                more = count - has[i]
                if 0 < more <= gpus and (value - worth[i]) / more > best:
                    best, step = (value - worth[i]) / more, (i, count, value)
        if step is None:
            return has
        i, count, value = step
        gpus -= count - has[i]
        has[i], worth[i] = count, value

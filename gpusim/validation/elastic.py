"""Anchors of elastic jobs: exponential jobs on one curve share the GPUs, as well as may be or nearly."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from gpusim.engine.assigning import FleetRounds
from gpusim.engine.build import Names
from gpusim.engine.clock import EventPriority
from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling
from gpusim.engine.doors import Rounds
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.engine.sizes import Sizes
from gpusim.kernels.state.codes import Order
from gpusim.policies.policy import Policy
from gpusim.policies.pollux import Pollux
from gpusim.policies.sia import Sia
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import LAWS, WARM_UP, poisson_arrivals, responses_s, stream, work

GPUS, SERIAL = 8, 0.2
ALL_RUN = 3.0  # no second GPU is worth more than that another job runs: at most 1 - 8^-0.5 against 2
MOST = 400  # jobs in the chain: more have no weight

Curve = Callable[[np.ndarray], np.ndarray]


def amdahl(gpus: np.ndarray) -> np.ndarray:
    """Speed with so many GPUs, a fifth of the work being serial."""
    return np.asarray(gpus, float) / (1.0 + SERIAL * (np.asarray(gpus, float) - 1.0))


def equal_parts_s(rate_per_s: float, curve: Curve = amdahl) -> float:
    """[s] Mean time in system of exponential jobs, 1 s long on one GPU, that share the GPUs as equally as may be.

    That is the best there is where all are on one concave curve (Berg, Dorsman and Harchol-Balter 2018).
    Their number is a birth-death chain: k jobs end at the rate of the speeds of k parts.
    """
    weights = [1.0]
    for k in range(1, MOST):
        part, more = divmod(GPUS, min(k, GPUS))
        ends = more * curve(part + 1) + (min(k, GPUS) - more) * curve(part)
        weights.append(weights[-1] * rate_per_s / float(ends))
    share = np.array(weights) / sum(weights)
    return float(share @ np.arange(MOST)) / rate_per_s


def mean_time_s(policy: Callable[..., Policy], rate_per_s: float, jobs: int, curve: Curve = amdahl) -> float:
    """[s] The same of ours, by a policy that is asked at every arrival and end."""
    before = min(WARM_UP // 10, jobs)  # that are not counted
    n = before + jobs
    submit_s = poisson_arrivals(stream("elastic", "arrivals"), rate_per_s, n)
    runtime_s = LAWS["exponential"](stream("elastic", "sizes"), n)
    columns = work(submit_s, runtime_s, preemptible=np.ones(n, bool))
    classes, rules = [ClassSpec(checkpoint_interval_s=0.0)], Scheduling(order=Order.CUSTOM, cycle_s=1e12)
    fleet = allocate([PoolSpec(0, 0, GPUS, 1)], 1, columns, rules, classes=classes)
    ranged, most = np.ones(n, bool), np.full(n, GPUS)
    sizes = replace(Sizes.proportional(fleet.jobs["gpus"]), most=most, ranged=ranged, curves=[curve])
    env = FleetEnvironment(fleet, None, sizes)
    env.set_nodes_on(0, GPUS)
    names = Names([""], [""], [""], [""], [("", "")], np.ones(1))
    rule = policy(restart_s=0.0)
    one = (FleetRounds if hasattr(rule, "assign") else Rounds)(env, rule, "elastic", names)

    def live(job: int) -> Generator:
        yield env.at(submit_s[job], EventPriority.PASSES)
        one()
        yield env.completion(job)
        yield env.at(env.now, EventPriority.PASSES)
        one()

    def come() -> Generator:
        for job in range(n):
            yield env.at(submit_s[job])
            env.process(live(job))

    env.process(come())
    env.run(until=env.finished)
    return float(responses_s(env.detach())[before:].mean())


def equal_parts(effort: Effort, curve: Curve = amdahl) -> Iterator[Row]:
    """54: elastic jobs under Pollux's rule, which of jobs alike makes equal parts."""
    for rate in (4.0, 2.0):
        ours = mean_time_s(Pollux, rate, effort.size(1, 5_000), curve)
        yield Row(54, f"Pollux, {rate:g} jobs/s: mean time", equal_parts_s(rate), ours, effort.widen(0.05))


def sia_beside_pollux(effort: Effort) -> Iterator[Row]:
    """57: the same jobs under Sia's rule, of that under Pollux's, the best there is for them.

    Where it is worth enough that a job runs at all both make equal parts. With the published constants jobs wait though
    a GPU each were there. What the paper gains over Pollux, 30 to 93%, is by matching jobs to types of GPU.
    """
    jobs = effort.size(1, 600)
    pollux_s, all_run_s, sia_s = (
        mean_time_s(rule, 4.0, jobs) for rule in (Pollux, partial(Sia, at_all=ALL_RUN), Sia)
    )  # fmt: skip
    yield Row(57, f"Sia, at_all = {ALL_RUN:g}: mean time over that under Pollux", 1.0, all_run_s / pollux_s, 1e-9)
    yield Row(57, "Sia as published: mean time over that under Pollux", 1.0, sia_s / pollux_s, effort.widen(0.06))

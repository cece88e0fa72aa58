"""Anchor of finish-time fairness: how much better off the worst job is under Themis's rule than under Tiresias's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpusim.engine.build import Names
from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling
from gpusim.engine.doors import Rounds
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.engine.processes import cycle
from gpusim.kernels.state.codes import Order
from gpusim.kernels.state.fleet import Fleet
from gpusim.policies.finish_time import FinishTime
from gpusim.policies.indices import ServiceLevels
from gpusim.policies.policy import Policy
from gpusim.scenario.policy_options import TIRESIAS
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import stream, work

NODES, PER_NODE, LOAD = 64, 1, 0.9
LEASE_S = 600.0
PUBLISHED = 2.25  # Themis's gain in fairness, at least (Mahajan et al., abstract)
SIZES, WEIGHTS = [1, 2, 4, 8, 16, 32], [0.3, 0.15, 0.2, 0.2, 0.1, 0.05]
LEAST_S, MEAN_S, SIGMA = 3600.0, 14_400.0, 1.5


def jobs_of(run: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Submissions and run times [s], and GPUs: lognormal run times, cut at an hour, so that a lease is short to all."""
    draw = stream("finish time", run)
    gpus = draw.choice(SIZES, n, p=WEIGHTS)
    runtime_s = draw.lognormal(0.0, SIGMA, n)
    runtime_s = np.maximum(runtime_s * MEAN_S / runtime_s.mean(), LEAST_S)
    gap_s = (gpus * runtime_s).mean() / (NODES * PER_NODE * LOAD)
    return np.cumsum(draw.exponential(gap_s, n)), runtime_s, gpus


def play(jobs: tuple[np.ndarray, np.ndarray, np.ndarray], policy: Policy | None) -> Fleet:
    """The fleet after all jobs have ended, preempted at no cost: under a policy in leases, else under Tiresias's."""
    submit_s, runtime_s, gpus = jobs
    levels = ServiceLevels(tuple(TIRESIAS), tuple(map(float, range(len(TIRESIAS) + 1))), by_gpus=True)
    rules = (
        Scheduling(order=Order.CUSTOM, cycle_s=LEASE_S)
        if policy
        else Scheduling(Order.SERVICE, greedy=True, levels=levels)
    )
    columns = work(submit_s, runtime_s, gpus, preemptible=np.ones(len(gpus), bool))
    classes = [ClassSpec(checkpoint_interval_s=0.0)]
    env = FleetEnvironment(allocate([PoolSpec(0, 0, NODES, PER_NODE)], 1, columns, rules, classes=classes))
    env.set_nodes_on(0, NODES)
    if policy:
        names = Names([""], [""], [""], [""], [("", "")], np.ones(1))
        env.process(cycle(env, LEASE_S, Rounds(env, policy, "finish_time", names)))
    env.run(until=env.finished)
    return env.detach()


def ratios(fleet: Fleet) -> np.ndarray:
    """Time in the system of each job, of that with an n-th of the GPUs; n: mean number of jobs while it was there."""
    jobs = fleet.jobs
    moments = np.concatenate([jobs.submit_s, jobs.end_s])
    order = np.argsort(moments, kind="stable")
    moments, there = moments[order], np.cumsum(np.repeat([1, -1], len(jobs))[order])
    job_s = np.concatenate([[0.0], np.cumsum(there[:-1] * np.diff(moments))])
    begun, ended = (np.interp(time_s, moments, job_s) for time_s in (jobs.submit_s, jobs.end_s))
    n = (ended - begun) / (jobs.end_s - jobs.submit_s)
    alone_s = jobs.runtime_s * np.maximum(jobs.held * n / (NODES * PER_NODE), 1.0)
    return (jobs.end_s - jobs.submit_s) / alone_s


def themis_beside_tiresias(effort: Effort, policy: type[Policy] = FinishTime) -> Iterator[Row]:
    """58: the worst finish-time ratio of a workload under discretised 2-D LAS, of that under finish-time fairness.

    Nodes are of one GPU: what is compared is who gets GPUs, not who finds them in one place.
    """
    runs, found = max(effort.runs(8), 2), []
    for run in range(runs):
        jobs = jobs_of(run, 200)
        themis, tiresias = (ratios(play(jobs, rule)).max() for rule in (policy(), None))
        found.append(tiresias / themis)
    better = float(np.mean(np.array(found) >= PUBLISHED))
    yield Row(58, f"workloads in which Tiresias's worst finish time is {PUBLISHED:g} times Themis's", 1.0, better, 0.0)

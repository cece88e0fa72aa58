"""Anchor of one queue for all sites: with data everywhere it must do what one pool of all GPUs does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpusim.engine.assigning import FleetRounds
from gpusim.engine.build import Names
from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.engine.processes import cycle
from gpusim.kernels.state.codes import Dispatch, Order
from gpusim.policies.mast import Mast
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import LAWS, poisson_arrivals, stream, work

CYCLE_S = 0.1


def starts_s(submit_s: np.ndarray, runtime_s: np.ndarray, pools: list[int], policy: Mast) -> np.ndarray:
    """[s] Start of each job of one GPU, all of which come to the first of pools of so many GPUs, a site each."""
    n = len(pools)
    jobs = work(submit_s, runtime_s, routes=[(list(range(n)), 1)])
    rules = Scheduling(order=Order.CUSTOM, cycle_s=CYCLE_S, dispatch=Dispatch.HOME)
    specs = [PoolSpec(site, 0, gpus, 1) for site, gpus in enumerate(pools)]
    env = FleetEnvironment(allocate(specs, n, jobs, rules, classes=[ClassSpec(checkpoint_interval_s=0.0)]))
    for p, gpus in enumerate(pools):
        env.set_nodes_on(p, gpus)
    sites = [str(site) for site in range(n)]
    names = Names(sites, [""], [""], [""], [(site, "") for site in sites], np.ones(1))
    env.process(cycle(env, CYCLE_S, FleetRounds(env, policy, "mast", names)))
    env.run(until=env.finished)
    return env.detach().jobs["start_s"]


def pooled_by_mast(effort: Effort) -> Iterator[Row]:
    """59: two sites of four GPUs under one queue, against one pool of eight, the same jobs; load 0.8."""
    n = max(effort.size(1, 2_000), 200)
    submit_s = poisson_arrivals(stream(59, "arrivals"), 6.4, n)
    runtime_s = LAWS["exponential"](stream(59, "runtimes"), n)
    pooled, apart = (starts_s(submit_s, runtime_s, pools, Mast()) for pools in ([8], [4, 4]))
    yield Row(59, "jobs that start when they do in one pool of 8 GPUs", 1.0, float((pooled == apart).mean()), 0.0)

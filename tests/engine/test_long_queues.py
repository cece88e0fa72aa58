"""Long queues under EASY: searched by size they give the same schedules, in time that grows with the jobs only."""

import time

import numpy as np
import pytest

from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.kernels.state.codes import Backfill, Order
from gpusim.kernels.state.fleet import Fleet
from gpusim.policies.queue_orders import priority, sjf

ONE_BY_ONE = np.iinfo("i8").max
SIZES = (1, 2, 3, 5, 8, 9, 16, 24)
CLASSES, SHARES = [ClassSpec(), ClassSpec(0.2, 100.0, 5.0, 3.0)], [1.0, 2.0, 4.0]
NODE = PoolSpec(0, 0, 6, 8, compute_w=500.0)


def _work(n_jobs: int, n_pools: int, sizes=SIZES, seed=1) -> Work:
    """Jobs that come far faster than they can run."""
    random = np.random.default_rng(seed)
    runtime_s = np.ceil(300.0 * np.exp(1.2 * random.standard_normal(n_jobs)))
    return Work(
        submit_s=np.cumsum(random.integers(0, 3, n_jobs)).astype(float),
        gpus=random.choice(sizes, n_jobs),
        runtime_s=runtime_s,
        estimate_s=np.ceil(runtime_s * random.uniform(0.8, 3.0, n_jobs)),
        route=random.integers(0, n_pools, n_jobs),
        routes=[([p], 0) for p in range(n_pools)],
        priority=random.integers(0, 3, n_jobs),
        tenant=random.integers(0, 3, n_jobs),
        job_class=random.integers(0, 2, n_jobs),
        preemptible=random.random(n_jobs) < 0.5,
    )


def _play(work: Work, pools: list[PoolSpec], rules: Scheduling, limit_w=np.inf, long_queue=None, **more) -> Fleet:
    fleet = allocate(pools, 1, work, rules, **more)
    if long_queue is not None:
        fleet.scheduling["long_queue"] = long_queue
    fleet.sites["limit_w"] = fleet.sites["grid_w"] = limit_w
    env = FleetEnvironment(fleet)
    for p, pool in enumerate(pools):
        env.set_nodes_on(p, pool.n_nodes)
    env.run(until=env.finished)
    return fleet


@pytest.mark.parametrize("limit_w", [np.inf, 40_000.0])
@pytest.mark.parametrize(
    ("order", "quota", "preempts"),
    [
        ({}, None, False),
        ({"key": sjf}, None, False),
        ({"order": Order.FAIR_SHARE}, None, False),
        ({}, np.array([[24], [40], [1000]]), False),
        ({"key": priority}, None, True),
    ],
)
def test_searched_by_size_or_one_by_one(order, quota, preempts, limit_w):
    """Three thousand jobs of all sizes, with power short and not: every start is the same."""
    rules, pools = Scheduling(**order, backfill=Backfill.EASY, preempts=preempts), [NODE, NODE]
    work = _work(3000, 2)
    more = {"classes": CLASSES, "shares": SHARES, "quota": quota, "limit_w": limit_w}
    one_by_one = _play(work, pools, rules, long_queue=ONE_BY_ONE, **more).jobs
    for long_queue in (1, 64):
        jobs = _play(work, pools, rules, long_queue=long_queue, **more).jobs
        assert (jobs["start_s"] == one_by_one["start_s"]).all()
        assert (jobs["first_start_s"] == one_by_one["first_start_s"]).all()


@pytest.mark.parametrize("limit_w", [np.inf, 24_000.0])
def test_time_grows_with_the_jobs(limit_w):
    """Eight times the jobs, nearly all of them queued: not 64 times the work. GPUs are short, or power."""
    rules, pools = Scheduling(backfill=Backfill.EASY), [NODE] * (1 if limit_w == np.inf else 3)
    more = {"classes": CLASSES, "shares": SHARES, "limit_w": limit_w}

    def seconds(n_jobs: int) -> float:
        work = _work(n_jobs, len(pools), sizes=(1, 2, 4, 8))
        began = time.process_time()
        _play(work, pools, rules, **more)
        return time.process_time() - began

    seconds(100)  # compiles
    assert seconds(32_000) < 24.0 * min(seconds(4000) for _ in range(3))

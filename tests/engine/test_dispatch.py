"""Which pool a job joins, and when it leaves its queue for another: by hand, on two pools of one type."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.engine.description import PoolSpec, Scheduling, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.kernels.state.codes import Backfill, Dispatch
from gpusim.kernels.state.fleet import Fleet

SIZE = 8


def play(jobs, nodes, rules: Scheduling, on=None, route=None, then=()) -> Fleet:
    """Play (submit, gpus, runtime) jobs on pools of ``nodes`` nodes each, ``on`` of them on, at a site each.

    ``then``: (time, pool, nodes that are on from then).
    """
    columns = np.array(jobs, dtype=float)
    work = Work(
        submit_s=columns[:, 0],
        gpus=columns[:, 1].astype(int),
        runtime_s=columns[:, 2],
        estimate_s=columns[:, 2],
        route=np.zeros(len(jobs), int),
        routes=[(list(range(len(nodes))), 0) if route is None else route],
    )
    fleet = allocate([PoolSpec(p, 0, n, SIZE) for p, n in enumerate(nodes)], len(nodes), work, rules)
    env = FleetEnvironment(fleet)
    for p, n in enumerate(nodes if on is None else on):
        env.set_nodes_on(p, n)

    def switch(time_s, pool, wanted):
        yield env.at(time_s)
        env.set_nodes_on(pool, wanted)

    for change in then:
        env.process(switch(*change))
    env.run(until=env.finished)
    env.settle()
    return fleet


@pytest.mark.parametrize("rule", list(Dispatch))
def test_a_gang_goes_where_it_fits_now(rule):
    """Eight nodes are planned here and two are on; there four are, all at work, and the gang of four waits for them."""
    rules = Scheduling(dispatch=rule)
    fleet = play([(0, 32, 100), (1, 32, 10)], [8, 4], rules, on=[2, 4], then=[(1e6, 0, 8)])
    assert fleet.jobs["pool"].tolist() == [1, 1]
    assert fleet.jobs["start_s"].tolist() == [0, 100]


@pytest.mark.parametrize("rule", [Dispatch.LEAST_LOADED, Dispatch.EARLIEST_START])
def test_a_gang_that_fits_nowhere_waits_for_what_is_planned(rule):
    fleet = play([(0, 64, 10)], [8, 4], Scheduling(dispatch=rule), on=[2, 4], then=[(50, 0, 8)])
    assert fleet.jobs[0].pool == 0
    assert fleet.jobs[0].start_s == 50


def test_earliest_start_spreads_what_can_start_everywhere():
    """Jobs that could start at once in any of four pools go to the least loaded, not all to the first."""
    fleet = play([(t, 8, 1000) for t in range(40)], [16] * 4, Scheduling(dispatch=Dispatch.EARLIEST_START))
    assert np.bincount(fleet.jobs["pool"]).tolist() == [10] * 4


def test_earliest_start_looks_at_how_fast_gpus_come_free():
    """One node of ten-second jobs gives its GPUs back sooner than one of hour-long jobs."""
    jobs = [(0, 8, 3600), (1, 8, 10), (2, 8, 50)]
    fleet = play(jobs, [1, 1], Scheduling(dispatch=Dispatch.EARLIEST_START))
    assert fleet.jobs["pool"].tolist() == [0, 1, 1]
    assert fleet.jobs[2].start_s == 11


def waits(rule: Dispatch, load: float, backfill: Backfill, redispatch: bool = False) -> np.ndarray:
    """[s] Waits of 4,000 jobs of 1 to 32 GPUs in pools of 4 to 32 nodes, at a share of what these can do."""
    random, nodes = np.random.default_rng(7), [4, 8, 16, 32]
    gpus = random.choice([1, 2, 4, 8, 16, 32], 4000)
    runtime_s = np.round(60.0 * np.exp(random.standard_normal(4000)))
    end_s = (gpus * runtime_s).sum() / (load * sum(nodes) * SIZE)
    submit_s = np.sort(np.round(random.uniform(0.0, end_s, 4000)))
    rules = Scheduling(dispatch=rule, backfill=backfill, redispatch=redispatch)
    fleet = play(np.column_stack([submit_s, gpus, runtime_s]), nodes, rules)
    return fleet.jobs["start_s"] - fleet.jobs["submit_s"]


@pytest.mark.parametrize("backfill", [Backfill.NONE, Backfill.EASY])
@pytest.mark.parametrize("load", [0.6, 0.8, 0.9])
def test_earliest_start_does_not_herd(load, backfill):
    earliest, least = (waits(rule, load, backfill) for rule in (Dispatch.EARLIEST_START, Dispatch.LEAST_LOADED))
    assert earliest.mean() < 0.9 * least.mean()


@pytest.mark.parametrize("backfill", [Backfill.NONE, Backfill.EASY])
@pytest.mark.parametrize("rule", [Dispatch.LEAST_LOADED, Dispatch.EARLIEST_START])
def test_moving_to_where_there_is_room_shortens_waits(rule, backfill):
    assert waits(rule, 0.8, backfill, redispatch=True).mean() < 0.9 * waits(rule, 0.8, backfill).mean()


def test_a_waiting_job_moves_to_a_pool_that_comes_free():
    """Both pools are at work; the third job is queued in the first, the second comes free before."""
    jobs = [(0, 8, 100), (0, 8, 50), (1, 8, 10)]
    stay, move = (play(jobs, [1, 1], Scheduling(redispatch=redispatch)) for redispatch in (False, True))
    assert (stay.jobs[2].pool, stay.jobs[2].start_s) == (0, 100)
    assert (move.jobs[2].pool, move.jobs[2].start_s) == (1, 50)
    assert move.jobs[2].waits.sum() == 49


def test_a_job_does_not_move_where_its_route_does_not_lead():
    jobs = [(0, 8, 100), (1, 8, 10)]
    fleet = play(jobs, [1, 1], Scheduling(redispatch=True), route=([0], 0))
    assert fleet.jobs["pool"].tolist() == [0, 0]


def test_a_job_at_home_stays_there():
    jobs = [(0, 8, 100), (0, 8, 100), (1, 8, 10)]
    rules = Scheduling(dispatch=Dispatch.HOME, redispatch=True)
    fleet = play(jobs, [1, 1], rules, route=([0, 1], 1))
    assert fleet.jobs["pool"].tolist() == [0, 0, 0]

"""Jobs that wait in one pool and start in another under conservative backfill: by hand, beside the reference."""

from __future__ import annotations

import math

import pytest

from gpusim.engine import playing
from gpusim.engine.clock import EventPriority
from gpusim.engine.description import PoolSpec, Scheduling
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import Backfill, Dispatch
from gpusim.kernels.state.plans import SEAT
from tests.engine.kit import outcomes, play_case, world
from tests.engine.test_dispatch import waits
from tests.engine.test_reference import assert_same
from tests.reference.case import Case, Change, JobSpec, Outcome
from tests.reference.simulator import simulate

UNTIL_S = 1000.0
PLANNED = Scheduling(backfill=Backfill.CONSERVATIVE, redispatch=True)


def play(jobs: list[tuple], routes: list[list[int]], limit_w: float = math.inf, pools: int = 3) -> list[Outcome]:
    """Outcomes of (submit, GPUs, runtime, route) on pools of one node of 4 GPUs, of 4 W each, at one site.

    The engine's, which are the reference's.
    """
    case = Case(
        [JobSpec(submit_s, gpus, run_s, run_s, route=route) for submit_s, gpus, run_s, route in jobs],
        [PoolSpec(0, 0, 1, 4, compute_w=4.0) for _pool in range(pools)],
        PLANNED,
        routes=[(route, 0) for route in routes],
        changes=[Change(0.0, "grid", 0, limit_w), *(Change(0.0, "deliver", p, 1) for p in range(pools))],
    )
    played = play_case(case, UNTIL_S)
    assert_same(played, simulate(case, UNTIL_S))
    return played


def test_who_waited_behind_a_job_that_moved_starts_at_that_instant():
    """The third job moves at 3 s to the second pool: the GPUs that it had reserved are for the fourth."""
    jobs = [(0.0, 2, 100.0, 0), (0.0, 2, 3.0, 1), (1.0, 4, 20.0, 2), (2.0, 2, 150.0, 0)]
    played = play(jobs, [[0], [1], [0, 1]], pools=2)
    assert [(job.pool, job.start_s) for job in played] == [(0, 0.0), (1, 0.0), (1, 3.0), (0, 3.0)]
    assert [job.promised_s for job in played[2:]] == [100.0, 120.0]


def test_nobody_moves_into_power_that_is_reserved():
    """From 10 s on 32 W of 40 are for a job of the first pool and one of the third: too few are left in the second."""
    jobs = [(0.0, 4, 100.0, 0), (0.0, 4, 3.0, 1), (0.0, 2, 10.0, 2), (1.0, 4, 20.0, 3), (2.0, 4, 5.0, 2)]
    played = play(jobs, [[0], [1], [2], [0, 1]], limit_w=40.0)
    assert [(job.pool, job.start_s) for job in played[3:]] == [(0, 100.0), (2, 10.0)]


def test_short_jobs_move_into_power_that_is_reserved_for_later():
    jobs = [(0.0, 4, 100.0, 0), (0.0, 4, 3.0, 1), (0.0, 2, 10.0, 2), (1.0, 4, 7.0, 3), (2.0, 4, 5.0, 2)]
    played = play(jobs, [[0], [1], [2], [0, 1]], limit_w=40.0)
    assert [(job.pool, job.start_s) for job in played[3:]] == [(1, 3.0), (2, 10.0)]


def test_what_a_job_has_reserved_is_not_in_its_way():
    """It runs beyond the time from which its own 16 W are reserved where it waits; there are 24 W."""
    jobs = [(0.0, 2, 100.0, 0), (0.0, 2, 3.0, 1), (1.0, 4, 200.0, 2)]
    played = play(jobs, [[0], [1], [0, 1]], limit_w=24.0, pools=2)
    assert (played[2].promised_s, played[2].pool, played[2].start_s) == (100.0, 1, 3.0)


@pytest.mark.parametrize("rule", [Dispatch.LEAST_LOADED, Dispatch.EARLIEST_START])
def test_moving_to_where_there_is_room_shortens_waits(rule):
    stay, move = (waits(rule, 0.8, Backfill.CONSERVATIVE, redispatch=redispatch) for redispatch in (False, True))
    assert move.mean() < 0.9 * stay.mean()


def test_tables_of_plans_grow_before_a_job_moves(monkeypatch: pytest.MonkeyPatch):
    """A pool of eight nodes comes at 3 s, for whose jobs the seats do not suffice: one moves when they do."""
    case = Case(
        [JobSpec(0.0, 1, 100.0, 100.0), JobSpec(1.0, 1, 5.0, 5.0)],
        [PoolSpec(0, 0, 1, 1), PoolSpec(0, 0, 8, 1)],
        PLANNED,
        routes=[([0, 1], 0)],
        changes=[Change(0.0, "deliver", 0, 1), Change(3.0, "deliver", 1, 8)],
    )
    env, _services = world(case)
    env.fleet.clock[0].seats_kept += len(env.fleet.seats) - 14  # as if there were replicas that may take them
    grown_s = []

    def grow(fleet):
        assert fleet.clock[0].n_dirty == 0  # passes are over
        grown_s.append(fleet.clock[0].now_s)
        seats = records(SEAT, len(fleet.seats) + 1)
        seats[:-1] = fleet.seats
        fleet.put("seats", seats)

    monkeypatch.setattr(playing, "grow_plans", grow)
    env.run(until=env.at(UNTIL_S, EventPriority.OVER))
    env.settle()
    assert grown_s == [3.0] * 5
    assert_same(outcomes(env.fleet), simulate(case, UNTIL_S))
    assert (env.fleet.jobs[1].pool, env.fleet.jobs[1].start_s) == (1, 3.0)

"""Promises of GPUs: a start in advance, and a time without preemption; kept, and broken without the policy."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.errors import PolicyError, ScenarioError
from tests.policies.kit import ONE, ends, play

CYCLE = {"mode": "cycle", "cycle_s": 60.0}
HOUR = 3600.0


def starts(result):
    """First start of every job [s]."""
    return result.jobs["start_s"].tolist()


# Spot ----------------------------------------------------------------------------------------------------------------


def spot(jobs, preemptible, hours):
    scheduler = {**CYCLE, "options": {"guaranteed_h": hours}}
    return play("spot", jobs, scheduler=scheduler, preemptible=np.array(preemptible), days=0.3)


@pytest.mark.parametrize(("hours", "start_s"), [(0.0, 600.0), (0.25, 900.0), (0.5, 1800.0), (1.0, 3600.0)])
def test_no_spot_job_is_preempted_before_it_had_its_time(hours, start_s):
    """Both spot jobs began at 0; a job on demand comes at 600 s and has the GPUs of one when its hour is over."""
    result = spot([(0, 2 * HOUR, 8), (0, 2 * HOUR, 8), (600, 1200, 8)], [True, True, False], hours)
    assert starts(result)[2] == start_s
    assert sorted(ends(result)[:2]) == pytest.approx([2 * HOUR, 2 * HOUR + 1200.0])
    assert result.jobs["evictions"].sum() == 1


def test_who_started_last_makes_way():
    result = spot([(0, 5000, 8), (300, 5000, 8), (1200, 600, 8)], [True, True, False], 0.1)
    assert result.jobs["evictions"].tolist() == [0, 1, 0]


def test_the_guarantee_begins_anew_with_each_start():
    """Stopped at 600 s, the second goes on at 1,200 s, and the next job on demand waits for it until 1,800 s."""
    jobs = [(0, 9000, 8), (0, 9000, 8), (600, 600, 8), (1260, 600, 16)]
    result = spot(jobs, [True, True, False, False], 1 / 6)
    assert starts(result)[2:] == [600.0, 1800.0]


def test_no_spot_job_starts_in_front_of_one_on_demand():
    """Eight GPUs come free for the job on demand that needs sixteen; a spot job would hold it up for its hour."""
    jobs = [(0, 600, 8), (0, 1200, 8), (60, 300, 16), (120, 5000, 8)]
    result = spot(jobs, [False, False, False, True], 1.0)
    assert starts(result)[2:] == [1200.0, 1500.0]


# Reservations --------------------------------------------------------------------------------------------------------


def reserved(jobs, order="reservations", days=0.3, reservations=None, **columns):
    """Jobs of tenants a and launch; launch has 8 of the 16 GPUs from one hour on, for an hour."""
    one = {"tenant": "launch", "gpus": 8, "start_h": 1.0, "hours": 1.0}
    options = {"options": {"reservations": reservations or [one]}} if order == "reservations" else {}
    return play(order, jobs, scheduler={**CYCLE, **options}, tenants=("a", "launch"), days=days, **columns)


LONG = [(0, 2 * HOUR, 8)] * 4


def test_a_promised_start_is_kept():
    """Jobs of two hours fill the pool all day; the launch begins at its hour, and without a reservation much later."""
    jobs, tenant = [*LONG, (HOUR, 1800, 8)], [0] * 4 + [1]
    kept = reserved(jobs, tenant=tenant)
    assert starts(kept)[4] == HOUR
    assert kept.jobs["evictions"].sum() == 0  # nobody was let on nodes that are promised
    assert starts(reserved(jobs, "fifo", tenant=tenant))[4] > 3 * HOUR


def test_who_ends_in_time_may_use_what_is_reserved():
    """Half an hour fits before the reservation, two hours do not; behind it both may."""
    short = reserved([(0, 1800, 8), (0, 2 * HOUR, 8), (0, 2 * HOUR, 8)], tenant=[0, 0, 0])
    assert starts(short) == [0.0, 1800.0, 2 * HOUR]
    assert starts(reserved([(0, HOUR, 16), (0, 60, 16)], tenant=[0, 0])) == [0.0, 2 * HOUR]


def test_who_is_late_is_stopped_where_that_may_be():
    """An estimate of half an hour, a run of two: at the promised hour it goes, or stays if it is not preemptible."""
    jobs, columns = [(0, 3 * HOUR, 8), (0, 2 * HOUR, 8), (HOUR, 600, 8)], {"tenant": [0, 0, 1]}
    columns["estimate_s"] = np.array([3 * HOUR, 1800.0, 600.0])
    stopped = reserved(jobs, **columns)
    assert starts(stopped)[2] == HOUR
    assert stopped.jobs["evictions"].tolist() == [0, 1, 0]
    stays = reserved(jobs, preemptible=np.zeros(3, bool), **columns)
    assert starts(stays)[2] == 2 * HOUR


def test_reservations_of_one_time_have_nodes_of_their_own():
    two = [{"tenant": name, "gpus": 8, "start_h": 0.5, "hours": 1.0} for name in ("a", "launch")]
    result = reserved([(0, HOUR, 8), (0, HOUR, 8), (0, 600, 16)], tenant=[1, 0, 0], reservations=two)
    assert starts(result) == [0.0, 0.0, 5400.0]  # each on its own; nobody has both nodes before the reservations end
    more = [*two, {"tenant": "a", "gpus": 1, "start_h": 1.0, "hours": 1.0}]
    with pytest.raises(PolicyError, match="the pool has 0 that are not reserved then"):
        reserved(LONG, tenant=[0] * 4, reservations=more)


def test_gangs_and_small_jobs_keep_off():
    """Jobs of two GPUs never stand in the way of a gang of two nodes that is promised the whole pool."""
    jobs = sorted([(300 * i, 2400, 2) for i in range(20)] + [(3500, 1200, 16)])
    gang = np.array([gpus for _submit_s, _runtime_s, gpus in jobs]) == 16
    whole = [{"tenant": "launch", "gpus": 16, "start_h": 1.0, "hours": 1.0}]
    result = reserved(jobs, tenant=gang.astype(int), reservations=whole)
    began = np.array(starts(result))
    assert began[gang] == HOUR
    assert not ((began[~gang] < HOUR) & (np.array(ends(result))[~gang] > HOUR)).any()
    assert (began[~gang] < HOUR).sum() == 5  # those that end in time


@pytest.mark.parametrize(
    ("one", "told"),
    [
        ({"site": "on"}, "reservations.*site: unknown name .on. .did you mean .one."),
        ({"gpu_type": "H10"}, "gpu_type: unknown name"),
        ({"gpus": 0}, "gpus"),
    ],
)
def test_faults_of_a_scenario(one, told):
    table = {"tenant": "t", "gpus": 8, "start_h": 1.0, "hours": 1.0} | one
    scheduler = {"order": "reservations", "mode": "cycle", "options": {"reservations": [table]}}
    base = {"name": "t", "run": {"start": "2026-06-01T00:00:00Z", "days": 1}, "sites": ONE, "scheduler": scheduler}
    with pytest.raises(ScenarioError, match=told):
        gpusim.Scenario.from_dict(base)


def test_an_unknown_tenant():
    other = [{"tenant": "lunch", "gpus": 8, "start_h": 1.0, "hours": 1.0}]
    with pytest.raises(PolicyError, match="no tenant 'lunch' .did you mean 'launch'"):
        reserved(LONG, tenant=[0] * 4, reservations=other)

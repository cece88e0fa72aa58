"""Deadlines that are strict or soft, and work held back: against the rules written plainly, and in whole runs."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.queues import QUEUE
from gpusim.policies.deferral import Deferral
from gpusim.policies.slo import Slo
from gpusim.results.conservation import check
from tests.policies.test_mast import play

HOUR = 3600.0


def queue(dice: random.Random, n: int) -> np.recarray:
    """Jobs that wait, many alike."""
    jobs = records(QUEUE, n)
    for row in range(n):
        jobs[row].job, jobs[row].submit_s = row, 100.0 * dice.randint(0, 3)
        jobs[row].estimate_s, jobs[row].run_s = 100.0 * dice.randint(0, 5), 100.0 * dice.choice([0, 0, 1])
        jobs[row].deadline_s = 100.0 * dice.choice([0, 0, 1, 5])
        jobs[row].tenant, jobs[row].priority = dice.randint(0, 1), dice.randint(0, 2)
        jobs[row].job_class = dice.randint(0, 1)
    return jobs


def test_who_can_be_on_time_first():
    """Job by job: those on time, then the late of soft tenants, then of strict ones; each by deadlines."""
    dice = random.Random(1)
    for _ in range(300):
        jobs, slack, now_s = queue(dice, dice.randint(0, 9)), dice.choice([1.0, 2.0, 3.0]), 100.0 * dice.randint(3, 9)
        policy = Slo(slack, ["strict", "late is never"])
        policy.pool = SimpleNamespace(tenants=("soft", "strict"), classes=("any", "late is never"))

        def turn(job, slack=slack, now_s=now_s):
            due_s = job.submit_s + (job.deadline_s or slack * (job.estimate_s + job.run_s))
            if now_s + job.estimate_s <= due_s:
                return 0, due_s, job.job
            return (2 if job.tenant == 1 or job.job_class == 1 else 1), due_s, job.job

        assert policy.order(jobs, now_s).tolist() == [job.job for job in sorted(jobs, key=turn)]


def test_strict_and_soft_in_a_fleet():
    """All is taken until 1,000 s. The last job can then still be on time; of the others, late by then, the strict one
    came first: it starts last, or before the soft one if it is soft too."""
    jobs, strict = [(0, 1000, 16), (0, 1000, 16), (1, 300, 32), (2, 300, 32), (10, 1100, 32)], {"strict": ["t"]}
    for options, turn in ((strict, [4, 3, 2]), ({}, [4, 2, 3])):
        found = play(jobs, "slo", options=options, sites=ONE, days=0.1, tenant=np.array([0, 0, 0, 1, 0]))
        assert found.set_index("job_id").loc[turn, "start_s"].is_monotonic_increasing


def test_deadlines_of_their_own():
    """Of equal jobs that can all be on time those that are due first start first; one of them is due by five estimates.
    Without deadlines of their own they start as they come."""
    jobs, scheduler = [(i, 1000, 32) for i in range(4)], {"options": {"slack": 5.0}}
    for own, turn in ([0.0, 9000.0, 0.0, 4000.0], [0, 3, 2, 1]), ([0.0] * 4, [0, 1, 2, 3]):
        found = play(jobs, "slo", sites=ONE, days=0.1, deadline_s=own, **scheduler)
        assert found.set_index("job_id").loc[turn, "start_s"].is_monotonic_increasing


ONE = {"paris": {"region": "FR", "jurisdiction": "EU", "grid_mw": 5.0, "pools": {"H100": {"gpus": 32}}}}


def test_a_tenant_that_is_none_gets_a_suggestion():
    with pytest.raises(ScenarioError, match="strict.*tt.*did you mean 't'"):
        play([(0, 1, 1)], "slo", options={"strict": ["tt"]})


def test_high_is_above_the_mean_of_the_last_day():
    """Against the values of every hour of the last day, looked at once an hour, a constant half of the time."""
    dice = random.Random(2)
    for _ in range(20):
        policy, seen = Deferral(), []
        jobs = records(QUEUE, 1)
        for hour in range(60):
            price = seen[-1] if seen and dice.random() < 0.5 else float(dice.randint(0, 9))
            policy.pool = SimpleNamespace(site="a", price_usd_per_mwh=price, carbon_g_per_kwh=0.0)
            jobs.submit_s = hour * HOUR
            mean = np.mean(seen[-24:]) if seen else np.inf
            assert len(policy.order(jobs, hour * HOUR)) == (0 if price > mean * (1 + 1e-12) else 1), (hour, price, mean)
            seen.append(price)


def test_who_is_held_back():
    """Neither the urgent nor who has waited long; nobody while the signal is low."""
    policy, jobs = Deferral("carbon", above=100.0, most_h=1.0), records(QUEUE, 3)
    jobs.priority, jobs.submit_s = [0, 1, 0], [HOUR, HOUR, 0.0]
    policy.pool = SimpleNamespace(site="a", price_usd_per_mwh=0.0, carbon_g_per_kwh=101.0)
    assert policy.order(jobs, HOUR).tolist() == [1, 2]
    policy.pool.carbon_g_per_kwh = 100.0
    assert policy.order(jobs, HOUR).tolist() == [0, 1, 2]


@pytest.mark.parametrize("signal", ["price", "carbon"])
def test_held_back_work_costs_less(signal):
    """Of the seed with room for it: less per MWh of what is followed, and nobody waits longer than 6 h and a round."""
    room = {"scheduler.mode": "cycle", "scheduler.cycle_s": 300.0, "run.days": 4.0, "services": {}}
    small = gpusim.Scenario.from_toml("seeds/small.toml").with_(
        {**room, "workload.streams.research.jobs_per_day": 200.0}
    )
    held = {"scheduler.order": "deferral", "scheduler.options": {"signal": signal, "most_h": 6.0}}
    first, later = gpusim.run(small), gpusim.run(small.with_(held))
    assert check(later) == []
    column = "cost_usd" if signal == "price" else "carbon_kg"
    each = [float(one.sites[column].sum() / one.sites["energy_facility_j"].sum()) for one in (first, later)]
    assert each[1] < each[0]
    waited_s = (later.jobs["start_s"] - later.jobs["submit_s"]).max()
    assert HOUR < waited_s <= 6 * HOUR + 300.0 + 1e-6

"""Leases: by hand, against the rule written plainly, and in a fleet beside policies that preempt nobody."""

from __future__ import annotations

import random

import numpy as np
import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.queues import QUEUE
from gpusim.policies.leases import Leases
from gpusim.policies.policy import PoolView
from gpusim.results.conservation import check
from tests.policies.kit import ends, play

LEASE = {"mode": "cycle", "cycle_s": 10.0, "options": {"lease_h": 100.0 / 3600.0}}
ALL_DAY = (0, 1000, 16)  # submitted, run time [s], GPUs: all of them


def test_who_has_no_deadline_makes_way_at_the_end_of_a_lease():
    """The job of 50 s is due at 230 s: it runs from 100 s to 150 s, between two parts of the long one."""
    result = play("leases", [ALL_DAY, (30, 50, 16)], deadline_s=[0.0, 200.0], scheduler=LEASE)
    assert ends(result) == [1050.0, 150.0]
    assert result.jobs["evictions"].tolist() == [1, 0]


@pytest.mark.parametrize(("strict", "at_s"), [([], [1050.0, 150.0]), (["t"], [1000.0, 1050.0])])
def test_who_cannot_be_on_time(strict, at_s):
    """Due at 90 s, before the lease ends: it is shorter than the other, or, of strict tenants, comes last."""
    scheduler = {**LEASE, "options": {**LEASE["options"], "strict": strict}}
    assert ends(play("leases", [ALL_DAY, (30, 50, 16)], deadline_s=[0.0, 60.0], scheduler=scheduler)) == at_s


def test_who_would_make_others_late_is_not_accepted():
    """Both are due, at 305 and 300 s; with the second, which would go first, the first would end at 350 s."""
    jobs = [(0, 300, 16), (1, 50, 16)]
    assert ends(play("leases", jobs, deadline_s=[305.0, 0.0], scheduler=LEASE)) == [300.0, 350.0]
    assert ends(play("leases", jobs, deadline_s=[305.0, 299.0], scheduler=LEASE)) == [300.0, 350.0]
    assert ends(play("leases", jobs, deadline_s=[500.0, 299.0], scheduler=LEASE)) == [350.0, 150.0]


def plainly(jobs, gpus, lease_s, now_s, accepted, renews, known):
    """The rule one job at a time: GPUs of each; ``accepted`` and ``known`` are what was decided before."""
    begins_s = now_s if renews else (now_s // lease_s + 1) * lease_s

    def due(job):
        return job["submit_s"] + job["deadline_s"] if job["deadline_s"] else float("inf")

    def on_time(rows):
        left = {j: jobs[j]["estimate_s"] - (begins_s - now_s if jobs[j]["running"] else 0.0) for j in rows}
        time_s = begins_s
        while any(left[j] > 0 for j in rows):
            free = gpus - sum(
                job["held"] for j, job in enumerate(jobs)
                if j not in rows and job["running"] and not job["preemptible"] and now_s + job["estimate_s"] > time_s
            )  # fmt: skip
            if any(left[j] > 0 and time_s + left[j] > due(jobs[j]) for j in rows):
                return False
            for j in sorted(rows, key=lambda j: (due(jobs[j]), j)):
                if left[j] > 0 and jobs[j]["held"] <= free:
                    free -= jobs[j]["held"]
                    left[j] -= lease_s
            time_s += lease_s
        return True

    able = [j for j, job in enumerate(jobs) if due(job) < float("inf") and now_s + job["estimate_s"] <= due(job)]
    now_accepted = [j for j in able if j in accepted]
    for j in able:
        if j not in known and on_time([*now_accepted, j]):
            now_accepted.append(j)
    keeps = [job["running"] and not (renews and job["preemptible"]) for job in jobs]
    free = gpus - sum(job["held"] for job, keep in zip(jobs, keeps, strict=True) if keep)

    def turn(j):
        job, late = jobs[j], now_s + jobs[j]["estimate_s"] > due(jobs[j])
        if j in now_accepted:
            return 0, due(job), j
        return (2 if late and job["tenant"] == 1 else 1), job["estimate_s"] * job["held"], j

    for j in sorted(range(len(jobs)), key=turn):
        if not keeps[j] and jobs[j]["held"] <= free:
            free -= jobs[j]["held"]
            keeps[j] = True
    return [job["held"] if keep else 0 for job, keep in zip(jobs, keeps, strict=True)]


def test_against_the_rule_written_plainly():
    dice, seen = random.Random(4), set()
    for _ in range(400):
        gpus, lease_s, now_s = 8, 100.0, float(dice.choice([400, 450]))
        jobs, free = [], gpus
        for _ in range(dice.randint(1, 8)):
            job = {
                "held": dice.choice([1, 2, 4, 8]), "estimate_s": 50.0 * dice.randint(1, 8), "running": False,
                "submit_s": now_s - 100.0 * dice.randint(0, 3), "deadline_s": 100.0 * dice.choice([0, 0, 3, 5, 8, 12]),
                "preemptible": dice.random() < 0.7, "tenant": dice.randint(0, 1),
            }  # fmt: skip
            if job["held"] <= free and dice.random() < 0.5:
                job["running"] = True
                free -= job["held"]
            jobs.append(job)
        rows = records(QUEUE, len(jobs))
        for j, job in enumerate(jobs):
            rows[j].job = j
            for name, value in job.items():
                rows[j][name] = value
            rows[j].gpus = job["held"]
        policy, renews = Leases(lease_s / 3600.0, ["strict"]), dice.random() < 0.5
        accepted = {j for j in range(len(jobs)) if jobs[j]["deadline_s"] and dice.random() < 0.3}
        known = accepted | {j for j in range(len(jobs)) if dice.random() < 0.2}
        policy._accepted = {j: j in accepted for j in known}
        policy._lease = {} if renews else {("a", "H100"): 4}
        policy.pool = PoolView("a", "H100", rows[:0], 8, gpus, gpus, free, 0, 0, 0, 0, np.ones(2), np.zeros(2),
                               tenants=("soft", "strict"), classes=("any",))  # fmt: skip
        ours = policy.allocate(rows, now_s).tolist()
        assert ours == plainly(jobs, gpus, lease_s, now_s, accepted, renews, known)
        seen.add(tuple(ours))
    assert len(seen) > 100


def test_more_deadlines_are_met_where_others_can_be_stopped():
    """Long jobs without deadlines fill the site; of those that have one more end in time, and nothing is lost."""
    stream = {"tenant": "t", "job_class": "c", "runtime_sigma": 1.0, "preemptible": True}
    scenario = gpusim.Scenario.from_dict({
        "name": "leases", "run": {"start": "2026-06-01", "days": 2.0}, "tenants": {"t": {}},
        "sites": {"one": {"region": "FR", "jurisdiction": "EU", "grid_mw": 5.0, "pools": {"H100": {"gpus": 64}}}},
        "workload": {
            "classes": {"c": {"checkpoint_interval_s": 600.0}},
            "streams": {
                "long": {**stream, "jobs_per_day": 40.0, "gpus": {"8": 1.0}, "runtime_median_s": 20000.0},
                "due": {**stream, "jobs_per_day": 60.0, "gpus": {"8": 1.0}, "runtime_median_s": 1800.0,
                        "deadline_slack": 3.0},
            },
        },
        "scheduler": {"order": "leases", "mode": "cycle", "cycle_s": 60.0, "options": {"lease_h": 0.5}},
    })  # fmt: skip
    leases = gpusim.run(scenario)
    slo = gpusim.run(scenario.with_({"scheduler.order": "slo", "scheduler.options": {}}))
    assert check(leases) == []
    met = [one.metrics().value["deadlines_met"] for one in (leases, slo)]
    assert met[0] > 0.95
    assert met[1] < 0.9


def test_a_tenant_or_class_that_is_none_gets_a_suggestion():
    with pytest.raises(ScenarioError, match="strict.*tt.*did you mean 't'"):
        play("leases", [(0, 1, 1)], scheduler={**LEASE, "options": {"strict": ["tt"]}})

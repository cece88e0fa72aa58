"""Policies that see running jobs too: shortest remaining time first, sizes, dispatch and placement of one's own."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.errors import PolicyError, ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check

HERE = __name__
SITE = {"region": "FR", "jurisdiction": "EU", "grid_mw": 5.0}
TWO = {"one": {**SITE, "pools": {"H100": {"gpus": 16}}}, "two": {**SITE, "pools": {"H100": {"gpus": 16}}}}


def play(order, jobs, sites=None, cycle_s=10.0, interval_s=0.0, days=0.1, **scheduler):
    """Jobs (submit [s], run time [s], GPUs), all preemptible, on one site of 16 H100; checkpoints without end."""
    submit_s, runtime_s, gpus, *more = (np.array(column) for column in zip(*jobs, strict=True))
    scenario = gpusim.Scenario.from_dict(
        {
            "name": "r", "run": {"start": "2026-06-01T00:00:00Z", "days": days},
            "scheduler": {"mode": "cycle", "cycle_s": cycle_s, "order": order, **scheduler},
            "sites": sites or {"one": TWO["one"]}, "tenants": {"t": {}},
            "workload": {"trace": "jobs.csv", "classes": {"c": {"checkpoint_interval_s": interval_s}}},
        }
    )  # fmt: skip
    table = JobTable.build(
        {"job_class": ["c"]}, job_id=np.arange(len(jobs)), submit_s=submit_s.astype(float),
        runtime_s=runtime_s.astype(float), gpus=gpus, preemptible=more[0] if more else np.ones(len(jobs), bool),
    )  # fmt: skip
    result = gpusim.run(scenario, trace=table)
    assert check(result) == []
    return result


def ends(result):
    return result.jobs["end_s"].tolist()


# Shortest remaining time first -------------------------------------------------------------------------------------


def test_a_short_job_takes_the_place_of_a_long_one():
    """All GPUs for 100 s; at 30 s comes a job of 20 s, which goes first; then one of 90 s, longer than what is left."""
    result = play("srtf", [(0, 100, 16), (30, 20, 16), (40, 90, 16)])
    assert ends(result) == [120.0, 50.0, 210.0]
    assert result.jobs["evictions"].tolist() == [1, 0, 0]


def test_it_goes_by_what_is_left_not_by_the_whole():
    """At 70 s the long job has 30 s to go: a job of 40 s does not displace it, as one of 20 s does."""
    assert ends(play("srtf", [(0, 100, 16), (70, 40, 16)])) == [100.0, 140.0]
    assert ends(play("srtf", [(0, 100, 16), (70, 20, 16)])) == [120.0, 90.0]


def test_what_a_preemption_costs():
    """Without checkpoints nothing is kept: at 30 s a job of 20 s takes over, and all is done anew from 50 s on."""
    result = play("srtf", [(0, 100, 16), (30, 20, 16)], interval_s=float("inf"))
    assert ends(result) == [150.0, 50.0]
    assert result.jobs["lost_gpu_s"].tolist() == [16 * 30.0, 0.0]


def test_who_is_not_preemptible_keeps_its_gpus():
    assert ends(play("srtf", [(0, 100, 16, False), (30, 20, 16, True)])) == [100.0, 120.0]


def test_its_mean_time_in_system_is_the_least():
    """On one server, over random jobs: no other order, with preemption or without, does better."""
    draw = np.random.default_rng(7)
    submit_s, runtime_s = np.sort(draw.integers(0, 400, 60)) * 10, draw.integers(1, 15, 60) * 10
    jobs = [(int(s), int(r), 16) for s, r in zip(submit_s, runtime_s, strict=True)]

    def mean_s(order: str) -> float:
        result = play(order, jobs, backfill="none")
        assert result.jobs["end_s"].notna().all()
        return float((result.jobs["end_s"] - result.jobs["submit_s"]).mean())

    left_s, now_s, time_s = dict(enumerate(runtime_s.tolist())), 0, 0.0
    while left_s:  # by hand, in steps of 10 s
        there = [i for i in left_s if submit_s[i] <= now_s]
        if there:
            first = min(there, key=lambda i: (left_s[i], i))
            left_s[first] -= 10
            if not left_s[first]:
                time_s += now_s + 10 - submit_s[first]
                del left_s[first]
        now_s += 10
    assert mean_s("srtf") == pytest.approx(time_s / len(jobs))
    assert mean_s("srtf") < min(mean_s("sjf"), mean_s("fifo")) - 5.0


def test_it_decides_in_rounds():
    with pytest.raises(ScenarioError, match="order = 'finish_time' decides in rounds: it needs mode = \"cycle\""):
        play("finish_time", [(0, 1, 1)], mode="event")


# Policies of one's own ---------------------------------------------------------------------------------------------


class Equal:
    """All jobs have as many GPUs, a power of two."""

    def allocate(self, jobs, now_s):
        share = 2 ** int(np.log2(self.pool.planned_gpus // len(jobs)))
        return np.full(len(jobs), share)


class Half:
    """All have half of what they were submitted with."""

    def allocate(self, jobs, now_s):
        return jobs.submitted_gpus // 2


class Last:
    """First come, first served, on the last nodes that have room."""

    def allocate(self, jobs, now_s):
        return jobs.gpus

    def place(self, job, nodes, now_s):
        size = self.pool.gpus_per_node
        free = np.flatnonzero((nodes["state"] == 1) & (nodes["free"] >= min(job.gpus, size)))
        wanted = -(-job.gpus // size)
        return free[-wanted:] if len(free) >= wanted else []


class Elsewhere:
    """Every job that may go to the second pool waits there."""

    def dispatch(self, jobs, pools, allowed, now_s):
        assert [pool.site for pool in pools] == ["one", "two"]
        return np.where(allowed[:, 1], 1, jobs.pool)

    def order(self, queue, now_s):
        return np.arange(len(queue))


def test_sizes_follow_what_a_policy_says():
    """One job has 16 GPUs and does 100 s of work with 8 in 50 s; when another comes, each has 8."""
    result = play(f"{HERE}:Equal", [(0, 100, 8), (20, 100, 8)])
    # Up to 20 s the first does 40 of 100; both with 8 until it ends at 80; then 60 done, 40 left with 16: 20 s.
    assert ends(result) == [80.0, 100.0]
    assert result.jobs["gpu_s"].tolist() == [800.0, 800.0]
    assert result.jobs["evictions"].tolist() == [1, 1]


def test_a_policy_knows_what_was_submitted():
    """8 of 16 for each: both at once, in twice the time, and no round changes that."""
    result = play(f"{HERE}:Half", [(0, 100, 16), (0, 100, 16)])
    assert ends(result) == [200.0, 200.0]
    assert result.jobs["evictions"].tolist() == [0, 0]


def test_nodes_are_those_that_a_policy_picks(monkeypatch):
    seen = []

    class Watch(Last):
        def place(self, job, nodes, now_s):
            found = super().place(job, nodes, now_s)
            seen.append((int(job.job), list(found)))
            return found

    monkeypatch.setattr(f"{HERE}.Last", Watch)
    result = play(f"{HERE}:Last", [(0, 100, 4), (0, 100, 8), (0, 100, 4)])
    assert ends(result) == [100.0, 100.0, 100.0]
    assert seen[:3] == [(1, [1]), (0, [0]), (2, [0])]


def test_jobs_wait_where_a_policy_sends_them():
    result = play(f"{HERE}:Elsewhere", [(0, 100, 16), (0, 100, 16)], sites=TWO, dispatch="least_loaded")
    assert result.jobs["site"].astype(str).tolist() == ["two", "two"]
    assert ends(result) == [100.0, 200.0]


def test_why_they_wait():
    """Those that should have had GPUs wait for these; where all are held back, for the policy."""
    busy = play("srtf", [(0, 1000, 16, False), (10, 2000, 16, True)])
    assert busy.waits.groupby("cause", observed=True)["job_s"].sum()["busy"] == pytest.approx(990.0)
    down = play(f"{HERE}:Nobody", [(0, 1000, 16)])
    assert down.waits.groupby("cause", observed=True)["job_s"].sum()["policy"] > 8000.0


class Nobody:
    def allocate(self, jobs, now_s):
        return np.zeros(len(jobs), int)


class TooFew:
    def allocate(self, jobs, now_s):
        return [1] * (len(jobs) + 1)


class Below:
    def allocate(self, jobs, now_s):
        return [-1] * len(jobs)


class Beyond:
    def allocate(self, jobs, now_s):
        return [17] * len(jobs)


class Ragged:
    def allocate(self, jobs, now_s):
        return [[1], [1, 2]]


class Cruel:
    def allocate(self, jobs, now_s):
        return np.where(jobs.running, 0, jobs.gpus)


class Full(Last):
    def place(self, job, nodes, now_s):
        return [0]


class SameTwice(Last):
    def place(self, job, nodes, now_s):
        return [0, 0]


class Nowhere(Elsewhere):
    def dispatch(self, jobs, pools, allowed, now_s):
        return np.full(len(jobs), 7)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("TooFew", "allocate returned int64 of shape (3,); return 2 whole numbers: the GPUs that each job shall have"),
        ("Below", "allocate gave job 0 -1 GPUs; give 0 to 16"),
        ("Beyond", "allocate gave job 0 17 GPUs; give 0 to 16"),
        ("Ragged", "allocate returned no sequence of whole numbers"),
        ("Cruel", "allocate gave job 0 0 GPUs; it runs, is not preemptible and keeps its 8"),
        ("Full", "place gave job 1 the nodes [0]; give 1, on and with 8 free GPUs each, but node 0 has not"),
        ("SameTwice", "place returned position 0 at place 1, which is repeated or outside the nodes"),
        ("Nowhere", "dispatch sent job 0 to pool 7; it may wait in 0"),
    ],
)
def test_faulty_answers(name, told):
    with pytest.raises(PolicyError) as caught:
        play(f"{HERE}:{name}", [(0, 100, 8, False), (0, 100, 8, False)])
    assert told in str(caught.value)
    assert name in str(caught.value)
    assert "s into the run" in str(caught.value)

"""Policies of one's own that are asked for keys: the compiled scheduler orders by them at every event."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.errors import PolicyError
from gpusim.policies.indices import RemainingTime, ServiceLevels
from gpusim.policies.loading import load_policy
from gpusim.studies.comparison import comparison
from tests.policies.kit import ends, play

HERE = __name__
DICE = np.random.default_rng(5)
BUSY = [
    (float(submit_s), float(DICE.integers(5, 400)), int(DICE.choice([1, 2, 4, 8, 16])))
    for submit_s in np.sort(DICE.integers(0, 4000, 120))
]


def shortest(jobs):
    """The built-in order ``sjf``, by hand."""
    return jobs.estimate_s


def shortest_left(_jobs):
    """The built-in order ``srtf``, by hand."""
    return RemainingTime()


def least_served(_jobs, limit_s):
    """The built-in order ``las`` with one limit, by hand."""
    return ServiceLevels((limit_s,), (0.0, 1.0))


class LaterFirst:
    """Last come, first served, but for jobs of a few GPUs."""

    def __init__(self, few=1):
        self.few = few

    def key(self, jobs):
        return np.where(jobs.gpus <= self.few, -np.inf, -jobs.submit_s)


@pytest.mark.parametrize("scheduler", [{}, {"backfill": "none"}, {"backfill": "conservative"}, {"preemption": "order"}])
@pytest.mark.parametrize("mode", ["event", "cycle"])
def test_an_order_of_the_queue_by_hand(scheduler, mode):
    scheduler = {**scheduler, "mode": mode}
    mine = play(f"{HERE}:shortest", BUSY, scheduler=scheduler).jobs
    assert mine.equals(play("sjf", BUSY, scheduler=scheduler).jobs)
    if scheduler.get("backfill") != "conservative":  # with exact estimates starts are promised as jobs come
        assert not mine["start_s"].equals(play("fifo", BUSY, scheduler=scheduler).jobs["start_s"])


def test_shortest_remaining_time_with_preemption_by_hand():
    mine = play(f"{HERE}:shortest_left", BUSY).jobs
    assert mine.equals(play("srtf", BUSY).jobs)
    assert mine["evictions"].sum() > 0


def test_least_attained_service_by_hand():
    mine = play(f"{HERE}:least_served", BUSY, scheduler={"options": {"limit_s": 60.0}}).jobs
    assert mine.equals(play("las", BUSY, scheduler={"options": {"limits": [60.0]}}).jobs)


def test_a_class_with_options():
    jobs = [(0, 100, 16), (10, 10, 8), (20, 10, 16), (30, 10, 16)]
    assert ends(play(f"{HERE}:LaterFirst", jobs)) == [100.0, 130.0, 120.0, 110.0]
    few = {"options": {"few": 8}}
    assert ends(play(f"{HERE}:LaterFirst", jobs, scheduler=few)) == [100.0, 110.0, 130.0, 120.0]


def test_what_is_shown():
    """Every job as it was submitted; parts of a GPU as fractions; nothing that a policy may write."""
    seen = []

    class Curious:
        def key(self, jobs):
            seen.append(jobs)
            return np.zeros(len(jobs))

    globals()["curious"] = Curious()
    try:
        scenario = gpusim.Scenario.from_toml("small", {"run.days": 1.0, "scheduler.order": f"{HERE}:curious"})
        result = gpusim.run(scenario)
    finally:
        del globals()["curious"]
    (jobs,) = seen
    assert jobs.submit_s.tolist() == result.jobs["submit_s"].tolist()
    assert jobs.gpus.tolist() == result.jobs["gpus"].tolist()
    assert jobs.estimate_s.tolist() == result.jobs["estimate_s"].tolist()
    with pytest.raises(ValueError, match="read-only"):
        jobs.gpus[0] = 1


def too_few(jobs):
    return jobs.estimate_s[1:]


def words(jobs):
    return ["first"] * len(jobs)


def unknown(jobs):
    return np.where(jobs.job == 3, np.nan, 0.0)


def ragged(jobs):
    return [[1.0], [1.0, 2.0]]


def raises(jobs):
    return jobs.no_such_field


def falling(_jobs):
    return ServiceLevels((50.0, 10.0), (0.0, 1.0, 2.0))


def lacking(_jobs):
    return ServiceLevels((50.0, 60.0), (0.0, 1.0))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("too_few", "key returned float64 of shape (119,); return 120 numbers, one for each job"),
        ("words", "key returned <U5 of shape (120,); return 120 numbers, one for each job"),
        ("unknown", "key returned NaN for job 3"),
        ("ragged", "key returned no sequence of numbers"),
        ("raises", "key raised AttributeError"),
        ("falling", "key returned levels with 2 limits, 3 keys, promote = inf; give limits that rise"),
        ("lacking", "key returned levels with 2 limits, 2 keys, promote = inf; give limits that rise"),
        ("least_served", "key raised TypeError: least_served() missing 1 required positional argument: 'limit_s'"),
    ],
)
def test_faulty_answers(name, told):
    with pytest.raises(PolicyError) as caught:
        play(f"{HERE}:{name}", BUSY)
    assert told in str(caught.value)
    assert f"{HERE}:{name}" in str(caught.value)


class Both:
    def key(self, jobs):
        return jobs.estimate_s

    def order(self, queue, now_s):
        return np.arange(len(queue))


class InRounds:
    def order(self, queue, now_s):
        return np.arange(len(queue))


class DispatchesTwice:
    def assign(self, jobs, pools, allowed, speeds, now_s):
        return jobs.pool

    def dispatch(self, jobs, pools, allowed, now_s):
        return jobs.pool


def test_what_cannot_be_loaded():
    with pytest.raises(PolicyError, match="it has 'assign', which dispatches too, and 'dispatch'; keep one"):
        load_policy(f"{HERE}:DispatchesTwice")
    with pytest.raises(
        PolicyError, match="it has 'key', which is asked once, and a method that is asked in every round"
    ):
        load_policy(f"{HERE}:Both")
    with pytest.raises(PolicyError, match="unknown option \\(did you mean 'limit_s'\\?\\); it takes limit_s"):
        load_policy(f"{HERE}:least_served", limit=3.0)
    with pytest.raises(PolicyError, match="has no 'shortst' \\(did you mean 'shortest'\\?\\)"):
        load_policy(f"{HERE}:shortst")


@pytest.mark.parametrize(
    ("name", "scheduler", "told"),
    [
        ("InRounds", {}, 'decides in rounds: it needs scheduler.mode = "cycle"'),
        ("InRounds", {"mode": "cycle", "preemption": "order"}, "needs an order that stands for each job"),
        (
            "shortest_left", {"topology": "preferred", "topology_wait_s": 60.0},
            "takes GPUs for the first in its order: scheduler.topology_wait_s is 60; give 0",
        ),
    ],
)  # fmt: skip
def test_what_does_not_go_together(name, scheduler, told):
    with pytest.raises(PolicyError, match=told):
        play(f"{HERE}:{name}", BUSY, scheduler=scheduler)


def test_compared_with_others():
    """A policy with keys is compared at events, and with backfill; one that decides in rounds, in cycles."""
    spec = comparison("small", [f"{HERE}:shortest+easy", f"{HERE}:shortest", f"{HERE}:InRounds"])
    cases = spec.axes["policy"].cases
    assert [case["scheduler.mode"] for case in cases.values()] == ["event", "event", "cycle"]
    assert [case["scheduler.backfill"] for case in cases.values()] == ["easy", "none", "none"]

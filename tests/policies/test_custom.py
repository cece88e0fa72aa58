"""Policies in Python: the same schedules as the built-in orders, what they may see, and what is said of faulty ones."""

from dataclasses import replace

import numpy as np
import pytest

import gpusim
from gpusim.engine.description import PoolSpec, Scheduling
from gpusim.errors import PolicyError
from gpusim.kernels.state.codes import Order
from gpusim.policies.loading import load_policy
from tests.engine.kit import play_case
from tests.reference.case import Case, Change, JobSpec

HERE = __name__
SCENARIO = gpusim.Scenario.from_toml("seeds/small.toml").with_(
    {
        "run.days": 1.0,
        "workload.streams.research.jobs_per_day": 1200.0,
        "scheduler.mode": "cycle",
        "services.chat.may_preempt": False,
    }
)


class Shortest:
    """The built-in order ``sjf``, by hand."""

    def order(self, queue, now_s):
        return np.lexsort((queue.job, queue.estimate_s))


class Nobody:
    """Holds back everybody."""

    def order(self, queue, now_s):
        return []


class Curious:
    """Remembers what it was shown."""

    seen: list = []

    def order(self, queue, now_s):
        free = self.pool.nodes["free"][self.pool.nodes["state"] == 1].sum()
        Curious.seen.append((now_s, self.pool, queue.copy(), free))
        with pytest.raises(ValueError, match="read-only"):
            queue.gpus[0] = 1
        with pytest.raises(ValueError, match="read-only"):
            self.pool.nodes["free"][0] = 0
        return np.arange(len(queue))


class Twice:
    def order(self, queue, now_s):
        return [0, 0]


class Outside:
    def order(self, queue, now_s):
        return [len(queue)]


class Fractions:
    def order(self, queue, now_s):
        return np.array([0.5])


class Raises:
    def order(self, queue, now_s):
        return queue["no such field"]


class NoMethod:
    pass


class NeedsArgument:
    def __init__(self, limit):
        pass

    def order(self, queue, now_s):
        return []


def _run(policy: str, **changes):
    return gpusim.run(SCENARIO.with_({"scheduler.order": policy, **changes}), seed=3)


@pytest.mark.parametrize("backfill", ["none", "easy", "conservative"])
def test_a_policy_in_python_gives_the_built_in_schedule(backfill):
    changes = {"scheduler.backfill": backfill, "scheduler.redispatch": False}  # of which a policy knows nothing
    mine, built_in = _run(f"{HERE}:Shortest", **changes), _run("sjf", **changes)
    assert mine.jobs["start_s"].notna().sum() > 500
    assert (mine.jobs["wait_s"] > 60.0).any()
    for column in ("start_s", "end_s", "site"):
        assert mine.jobs[column].astype(str).equals(built_in.jobs[column].astype(str))
    assert not mine.jobs["start_s"].equals(_run("fifo", **changes).jobs["start_s"])  # the order does matter here


def test_starts_are_on_cycles():
    started = _run("fifo", **{"scheduler.cycle_s": 45.0}).jobs["start_s"].dropna()
    assert np.allclose(started % 45.0, 0.0)


def test_jobs_left_out_wait_for_the_policy():
    result = _run(f"{HERE}:Nobody")
    assert result.jobs["start_s"].isna().all()
    waited = result.waits.groupby("cause", observed=True)["job_s"].sum()
    assert waited["policy"] > 0.99 * waited.sum()  # the rest: until the first cycle
    idle = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    assert idle["idle_policy"] > 0.0


def test_what_a_policy_sees():
    Curious.seen = []
    _run(f"{HERE}:Curious")
    now_s, pool, queue, free = Curious.seen[-1]
    assert now_s % SCENARIO.scheduler.cycle_s == 0.0
    assert (pool.site, pool.gpu_type) in {("texas", "H100"), ("frankfurt", "H200")}
    assert 0 <= pool.free_gpus <= pool.energised_gpus <= 8 * len(pool.nodes)
    assert pool.free_gpus == free
    assert 0.0 < pool.facility_w <= pool.limit_w
    assert pool.price_usd_per_mwh > 0.0
    assert (np.diff(queue.submit_s) >= 0.0).all()
    assert (queue.submit_s <= now_s).all()
    assert (queue.estimate_s > 0.0).all()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Twice", "position 0 at place 1"),
        ("Outside", "repeated or outside the queue"),
        ("Fractions", "whole numbers"),
        ("Raises", "no field of name no such field"),
    ],
)
def test_faulty_answers(name, told):
    """The error names the policy, the site and the time."""
    with pytest.raises(PolicyError, match=told) as caught:
        _run(f"{HERE}:{name}")
    assert name in str(caught.value)
    assert " at texas (H100), " in str(caught.value) or " at frankfurt (H200), " in str(caught.value)
    assert "s into the run" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("no_such_module:Policy", "cannot import 'no_such_module'"),
        (f"{HERE}:Shortets", "did you mean 'Shortest'"),
        (f"{HERE}:NoMethod", "no method 'key"),
        (f"{HERE}:NeedsArgument", "raised TypeError"),
    ],
)
def test_policies_that_cannot_be_loaded(path, told):
    with pytest.raises(PolicyError, match=told):
        load_policy(path)


def test_a_policy_sees_the_jobs_of_all_tenants_in_order_of_submission():
    """With quotas each tenant has a queue of its own."""
    seen = []

    def note(rows):
        seen.append([row for row, _gpus, _estimate_s in rows])
        return []

    jobs = [JobSpec(float(i // 2), 1, 1.0, 1.0, tenant=(2, 0, 1)[i % 3]) for i in range(9)]
    rules = Scheduling(order=Order.CUSTOM, cycle_s=10.0)
    case = Case(jobs, [PoolSpec(0, 0, 1, 4)], rules, shares=[1.0] * 3, quota=[[4]] * 3, cycle_s=10.0, policy=note)
    play_case(replace(case, changes=[Change(0.0, "deliver", 0, 1)]), 15.0)
    assert seen[-1] == list(range(9))


def test_a_policy_of_rounds_needs_cycle_mode():
    with pytest.raises(PolicyError, match='Shortest\' decides in rounds: it needs scheduler.mode = "cycle"'):
        gpusim.run(SCENARIO.with_({"scheduler.mode": "event", "scheduler.order": f"{HERE}:Shortest"}))

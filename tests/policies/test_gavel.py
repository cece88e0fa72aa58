"""Shares of time on GPU types: against brute force and theory, and a fleet of two types that follows them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import gpusim
from gpusim.engine.site_tables import pools_it_j
from gpusim.errors import PolicyError, ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.policies.finish_time_shares import equal_part, least_worst_finish
from gpusim.policies.gavel import Gavel
from gpusim.policies.shares_of_time import greatest_least, greatest_sum
from gpusim.results.conservation import check
from gpusim.validation.plain_gavel import Snapshot
from gpusim.validation.plain_gavel_shares import MaxMin

HERE = __name__
THREE = [(0, 4000, 8, "slow"), (0, 3000, 8, "fast"), (500, 900, 4, "slow")]


def valid(shares, held, capacity, allowed):
    return (
        (shares >= -1e-9).all() and (shares.sum(axis=1) <= 1.0 + 1e-9).all() and not shares[~allowed].any()
        and ((shares * held).sum(axis=0) <= capacity + 1e-9).all()
    )  # fmt: skip


# The linear programme ----------------------------------------------------------------------------------------------


def grid_best(worth, capacity, steps=20):
    """The greatest least, and the greatest sum, over all shares in twentieths, of two jobs of a GPU on two types."""
    parts = [(a / steps, b / steps) for a, b in product(range(steps + 1), repeat=2) if a + b <= steps]
    least = most = 0.0
    for one, two in product(parts, repeat=2):
        if all(one[t] + two[t] <= capacity[t] + 1e-12 for t in range(2)):
            each = (np.dot(worth[0], one), np.dot(worth[1], two))
            least, most = max(least, min(each)), max(most, sum(each))
    return least, most


def test_against_brute_force():
    """Two jobs, two types: nothing on a grid is better than the programme, and the grid comes within its step."""
    draw, ones, all_allowed = np.random.default_rng(4), np.ones((2, 2)), np.ones((2, 2), bool)
    for _ in range(5):
        worth, capacity = draw.uniform(0.2, 2.0, (2, 2)), np.array([1.0, float(draw.choice([1.0, 2.0]))])
        least, most = grid_best(worth, capacity)
        fair = greatest_least(worth, ones, capacity, all_allowed)
        rich = greatest_sum(worth, ones, capacity, all_allowed)
        assert valid(fair, ones, capacity, all_allowed)
        assert valid(rich, ones, capacity, all_allowed)
        assert least - 1e-7 <= (fair * worth).sum(axis=1).min() <= least + 2.0 / 20
        assert most - 1e-7 <= (rich * worth).sum() <= most + 4.0 / 20


def test_alike_jobs_share_alike():
    """Three jobs on one GPU have a third of the time each; of two that differ in GPUs both have what there is."""
    ones = np.ones((3, 1))
    assert greatest_least(ones, ones, np.array([1.0]), ones > 0) == pytest.approx(np.full((3, 1), 1 / 3))


def test_nobody_is_worse_off_than_with_an_equal_part():
    """The published property: time spread as the GPUs are is allowed, so the least is no less than that."""
    draw = np.random.default_rng(6)
    for _ in range(10):
        n, capacity = int(draw.integers(2, 9)), draw.integers(1, 5, 3).astype(float)
        speeds, held = draw.uniform(0.05, 1.0, (n, 3)), np.ones((n, 3))
        allowed = np.ones((n, 3), bool)
        shares = Gavel().shares(speeds, held, capacity, allowed, np.ones(n))
        assert valid(shares, held, capacity, allowed)
        each = min(1.0, capacity.sum() / n) * capacity / capacity.sum()
        assert ((shares * speeds).sum(axis=1) >= (speeds @ each) * (1 - 1e-6)).all()


def rho(shares, speeds, part, left, age_s, alone_s):
    """Ratios of finish times under shares."""
    return (age_s + left / (shares * speeds).sum(axis=1)) / (alone_s + left / part)


def test_no_shares_on_a_grid_are_fairer():
    """Two jobs of some age on two types: no shares in twentieths have a better worst ratio of finish times."""
    draw, ones, all_allowed = np.random.default_rng(11), np.ones((2, 2)), np.ones((2, 2), bool)
    parts = [(a / 20, b / 20) for a, b in product(range(21), repeat=2) if 0 < a + b <= 20]
    for _ in range(4):
        speeds, left = draw.uniform(0.2, 2.0, (2, 2)), draw.uniform(100.0, 900.0, 2)
        age_s, capacity = draw.uniform(0.0, 800.0, 2), np.array([1.0, 1.0])
        alone_s = age_s * draw.uniform(0.5, 1.0, 2)
        found = least_worst_finish(speeds, ones, capacity, all_allowed, left, age_s, alone_s)
        part = equal_part(speeds, ones, capacity, all_allowed)
        assert part == pytest.approx(speeds.mean(axis=1))  # of two types half of each
        assert valid(found, ones, capacity, all_allowed)
        case = speeds, part, left, age_s, alone_s
        pairs = (np.array(pair) for pair in product(parts, repeat=2))
        grid = min(rho(pair, *case).max() for pair in pairs if (pair.sum(axis=0) <= 1.0 + 1e-12).all())
        ours = rho(found, *case).max()
        assert grid - 0.15 <= ours <= grid + 1e-3


def test_finish_times_are_no_worse_than_alone():
    """The published property: with an equal part always to be had, nobody who had it so far ends later than alone."""
    draw = np.random.default_rng(12)
    for _ in range(6):
        n, capacity = int(draw.integers(2, 12)), draw.integers(4, 9, 3).astype(float)
        speeds, held = draw.uniform(0.05, 1.0, (n, 3)), np.tile(draw.choice([1, 1, 2, 4], n)[:, None], (1, 3))
        left, alone_s = draw.uniform(10.0, 1e4, n), draw.uniform(0.0, 1e4, n)
        shares = least_worst_finish(speeds, held, capacity, np.ones((n, 3), bool), left, alone_s, alone_s)
        assert valid(shares, held, capacity, np.ones((n, 3), bool))
        part = equal_part(speeds, held, capacity, np.ones((n, 3), bool))
        assert rho(shares, speeds, part, left, alone_s, alone_s).max() <= 1.0 + 1e-3


def test_finish_times_by_hand():
    """One GPU: shares count as if they lasted, so jobs that just came have half each; who waited has more."""
    one = np.ones((2, 1))
    zero = np.zeros(2)
    shares = least_worst_finish(one, one, np.array([1.0]), one > 0, np.array([900.0, 100.0]), zero, zero)
    assert shares == pytest.approx(np.array([[0.5], [0.5]]))
    late = least_worst_finish(
        one, one, np.array([1.0]), one > 0, np.array([100.0, 100.0]), np.array([100.0, 0.0]), zero
    )
    assert late[0, 0] == pytest.approx(1.0 - late[1, 0])
    assert late[0, 0] > 0.6


def test_what_runs_nowhere_has_no_share():
    held = np.array([[1.0], [9.0]])
    found = least_worst_finish(np.ones((2, 1)), held, np.array([4.0]), held > 0, np.ones(2), np.zeros(2), np.zeros(2))
    assert found.tolist() == [[1.0], [0.0]]


def test_not_aware_all_types_are_alike():
    """Without speeds each job spends its time as the GPUs are, where it fits."""
    speeds, held = np.array([[1.0, 0.1], [0.1, 1.0], [1.0, 1.0]]), np.array([[1, 1], [1, 1], [4, 4]])
    blind = Gavel(aware=False).shares(speeds, held, np.array([3.0, 5.0]), np.ones((3, 2), bool), np.ones(3))
    assert blind[0] == pytest.approx(blind[1])
    assert blind[0, 1] / blind[0, 0] == pytest.approx(5.0 / 3.0)
    assert blind[2, 0] == 0.0
    known = Gavel().shares(speeds, held, np.array([3.0, 5.0]), np.ones((3, 2), bool), np.ones(3))
    assert known[0, 0] > known[0, 1]


def test_who_gains_most_has_the_fast_type():
    """The paper's case: a job five times as fast on the new type, one twice as fast, of each type a GPU."""
    speeds = np.array([[1.0, 0.2], [1.0, 0.5]])
    shares = Gavel("throughput").shares(speeds, np.ones((2, 2)), np.ones(2), np.ones((2, 2), bool), np.ones(2))
    assert shares == pytest.approx(np.array([[1.0, 0.0], [0.0, 1.0]]))


def test_makespan_by_hand():
    """Work of 3 and 1 on one GPU: three quarters and a quarter of the time, both done at 4."""
    one = np.ones((2, 1))
    shares = Gavel("makespan").shares(one, one, np.array([1.0]), one > 0, np.array([3.0, 1.0]))
    assert shares == pytest.approx(np.array([[0.75], [0.25]]))


def test_who_fits_nowhere_does_not_count():
    held = np.array([[1.0], [9.0]])
    assert greatest_least(np.ones((2, 1)), held, np.array([4.0]), np.ones((2, 1), bool)).tolist() == [[1.0], [0.0]]


def test_the_least_is_what_gavels_own_solver_finds():
    """Shares are many, the greatest least is one: that of the programme as the authors have it, solved by ECOS."""
    pytest.importorskip("ecos")
    draw = np.random.default_rng(9)
    for _ in range(6):
        n, capacity = int(draw.integers(2, 12)), draw.integers(2, 9, 3)
        rate, gpus = draw.uniform(0.05, 5.0, (n, 3)), draw.choice([1, 1, 2], n)
        moment = Snapshot(np.arange(n), rate, gpus, np.ones(n), np.ones(n), np.ones(n), capacity)
        held = np.tile(gpus[:, None], (1, 3))
        ours = Gavel().shares(rate, held, capacity, np.ones((n, 3), bool), np.ones(n))
        worth = rate / (rate @ (capacity / capacity.sum()))[:, None] * gpus[:, None]
        least = [(shares * worth).sum(axis=1).min() for shares in (MaxMin(throughputs=True)(moment), ours)]
        assert least[1] == pytest.approx(least[0], rel=1e-5)


# Fleets ------------------------------------------------------------------------------------------------------------


def play(jobs, order="gavel", interval_s=0.0, load_s=0.0, days=0.2, spy=None, **options):
    """Jobs (submit [s], run time [s], GPUs, class) on a site of 8 H100 and 8 A100; class ``slow`` gains little."""
    submit_s, runtime_s, gpus, kind = zip(*jobs, strict=True)
    each = {"checkpoint_interval_s": interval_s, "load_s": load_s}
    scenario = gpusim.Scenario.from_dict(
        {
            "name": "g", "run": {"start": "2026-06-01T00:00:00Z", "days": days},
            "scheduler": {"mode": "cycle", "cycle_s": 60.0, "order": order, "options": options},
            "sites": {"one": {"region": "FR", "jurisdiction": "EU", "grid_mw": 5.0,
                              "pools": {"H100": {"gpus": 8}, "A100": {"gpus": 8}}}},
            "tenants": {"t": {}},
            "workload": {"trace": "jobs.csv", "classes": {"fast": {**each, "speeds": {"A100": 0.2}},
                                                          "slow": {**each, "speeds": {"A100": 0.5}}}},
        }
    )  # fmt: skip
    table = JobTable.build(
        {"job_class": ["fast", "slow"]}, job_id=np.arange(len(jobs)), submit_s=np.array(submit_s, float),
        runtime_s=np.array(runtime_s, float), gpus=np.array(gpus), preemptible=np.ones(len(jobs), bool),
        job_class=np.array([["fast", "slow"].index(name) for name in kind]),
    )  # fmt: skip
    result = gpusim.run(scenario, trace=table, processes=[spy] if spy else [])
    assert check(result) == []
    return result


def test_shares_become_time():
    """Two jobs alike on two types: by turns on either, both done at about the same time, as fast as the mean."""
    result = play([(0, 6000, 8, "fast"), (0, 6000, 8, "fast")])
    first, second = sorted(result.jobs["end_s"])
    assert first == pytest.approx(6000 / 0.6, rel=0.02)
    assert second - first <= 120.0
    assert result.jobs["evictions"].min() > 20  # they change places all the time
    finish = play([(0, 6000, 8, "fast"), (0, 6000, 8, "fast")], objective="finish_time")
    assert finish.jobs["end_s"].max() == pytest.approx(6000 / 0.6, rel=0.02)
    work = play([(0, 6000, 8, "fast"), (0, 6000, 8, "fast")], objective="throughput")
    assert work.jobs["evictions"].max() <= 1


def test_the_fast_type_to_who_gains_most():
    result = play([(0, 3000, 8, "slow"), (0, 3000, 8, "fast")], objective="throughput")
    assert result.jobs["end_s"][1] == 3000.0
    # The other works at half speed until then, and is as fast from the next round on.
    assert result.jobs["end_s"][0] == pytest.approx(3000.0 + 1500.0, abs=61.0)
    assert result.jobs["gpu_type"].astype(str).tolist() == ["H100", "H100"]


def test_books_of_jobs_that_moved():
    """Energy of pools, of GPUs idle and at work, adds up to the site's though a job drew it in both."""
    seen = {}

    def spy(fleet, online_s, serving_s, jobs):
        seen["it_j"] = pools_it_j(fleet, online_s, serving_s, jobs)
        seen["idle_w"] = fleet.pools["idle_w"].tolist()
        seen["idle_j"] = online_s / fleet.pools["gpus_per_node"] * fleet.pools["node_idle_w"]
        return seen["it_j"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gpusim.engine.site_tables.pools_it_j", spy)
        result = play(
            [(0, 4000, 8, "slow"), (0, 3000, 8, "fast"), (500, 900, 4, "slow")], interval_s=300.0, load_s=20.0
        )
    assert "idle_j" in result.jobs
    assert seen["it_j"].sum() == pytest.approx(result.sites["energy_it_j"].sum(), rel=1e-9)
    kinds = result.costs["gpu_type"].tolist()  # in the order of the pools
    parts = result.job_segments
    idle_w = parts["gpu_type"].astype(str).map(dict(zip(kinds, seen["idle_w"], strict=True)))
    above_j = (parts["power_w"] - idle_w * parts["held_gpus"]) * (parts["end_s"] - parts["start_s"])
    of_kinds = above_j.groupby(parts["gpu_type"].astype(str)).sum()[kinds].to_numpy()
    assert seen["it_j"] == pytest.approx(seen["idle_j"] + of_kinds, rel=1e-9)  # all of these moved
    training = result.ledger[result.ledger["cause"] == "training"].groupby("gpu_type", observed=True)["gpu_s"].sum()
    assert (training > 0.0).all()
    assert len(training) == 2


def test_work_is_conserved_across_types():
    """What was kept in each run, by the speed of its type, is the work of the job."""
    seen = {}

    def watch(env):
        yield env.at(0.19 * 86400.0)
        seen["parts"] = env.fleet.segments[: int(env.fleet.clock[0].n_segments)].copy()
        seen["jobs"], seen["speeds"] = env.fleet.jobs.copy(), env.fleet.speeds.copy()

    result = play(THREE, load_s=20.0, spy=watch)
    assert (result.jobs["status"] == "done").all()
    jobs, done = seen["jobs"], np.zeros(3)
    for part in seen["parts"]:
        done[part.job] += max(part.kept_s - 20.0, 0.0) * seen["speeds"][jobs[part.job].job_class, part.pool]
    for j, job in enumerate(jobs):
        done[j] += (job.end_s - job.start_s - 20.0) * seen["speeds"][job.job_class, job.pool]
    np.testing.assert_allclose(done, result.jobs["runtime_s"], rtol=1e-9)
    assert len({int(part.pool) for part in seen["parts"]}) == 2


def test_it_beats_a_policy_that_does_not_know_types():
    """Jobs of both classes, more than there is room for: mean completion by max-min below that of fair turns."""
    draw = np.random.default_rng(8)
    jobs = [
        (int(s), int(r), 4, k) for s, r, k in
        zip(np.sort(draw.integers(0, 2000, 12)), draw.integers(300, 2000, 12), draw.choice(["fast", "slow"], 12))
    ]  # fmt: skip

    def mean_s(**given):
        result = play(jobs, days=0.3, **given)
        assert result.jobs["end_s"].notna().all()
        return float((result.jobs["end_s"] - result.jobs["submit_s"]).mean())

    assert mean_s(objective="throughput") < 0.9 * mean_s(order="finish_time")


# What cannot be -----------------------------------------------------------------------------------------------------


class Far:
    def assign(self, jobs, pools, allowed, speeds, now_s):
        return np.full(len(jobs), 2)


class Short:
    def assign(self, jobs, pools, allowed, speeds, now_s):
        return [0] * (len(jobs) + 1)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Far", "assign sent job 0 to pool 2; it may run in 0, 1, or -1"),
        ("Short", "assign returned int64 of shape (2,); return 1 whole number: the row of a pool for each job"),
    ],
)
def test_faulty_answers(name, told):
    with pytest.raises(PolicyError) as caught:
        play([(0, 100, 8, "fast")], order=f"{HERE}:{name}")
    assert told in str(caught.value)


def test_wrong_options():
    with pytest.raises(ScenarioError, match="objective"):
        play([(0, 100, 8, "fast")], objective="max_mim")

"""Policies that come with gpusim, on cases worked by hand, and what theory says of them."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.engine.description import Scheduling
from gpusim.errors import ScenarioError
from gpusim.kernels.state.codes import Order
from gpusim.policies.gittins import gittins_levels
from gpusim.policies.indices import ServiceLevels
from gpusim.scenario.orders import ORDERS, How
from gpusim.validation.cases import play as play_work
from gpusim.validation.cases import responses_s, work
from tests.policies.kit import SITE, ends, play

ONES = [(0, 100, 16), (30, 20, 16), (40, 90, 16)]


def test_shortest_remaining_time_at_once():
    """At 30 s a job of 20 s goes first; one of 90 s is longer than what the first has left."""
    result = play("srtf", ONES)
    assert ends(result) == [120.0, 50.0, 210.0]
    assert result.jobs["evictions"].tolist() == [1, 0, 0]


def test_what_a_preemption_costs():
    """Without checkpoints nothing is kept: from 50 s on 100 s are left, more than the third's 90."""
    result = play("srtf", ONES, interval_s=float("inf"))
    assert ends(result) == [240.0, 50.0, 140.0]
    assert result.jobs["lost_gpu_s"].tolist() == [16 * 30.0, 0.0, 0.0]


def test_remaining_gpu_time():
    """At 1 s the second needs 40 s x 16 GPUs, more than 49 s x 8 of the first; by time alone it is the shortest."""
    jobs = [(0, 50, 8), (1, 40, 16), (1, 100, 8)]
    assert ends(play("srtf_gpu", jobs)) == [50.0, 141.0, 101.0]
    assert ends(play("srtf", jobs)) == [90.0, 41.0, 141.0]


def test_least_attained_service():
    """After 50 s the first falls a level; the newcomer runs from then on."""
    options = {"options": {"limits": [50.0]}}
    assert ends(play("las", [(0, 100, 16), (30, 40, 16)], scheduler=options)) == [140.0, 90.0]
    assert ends(play("las", [(0, 100, 16), (60, 40, 16)], scheduler=options)) == [140.0, 100.0]


def test_service_in_gpu_time():
    """50 s of 16 GPUs are 800 GPU s; with a limit of 1,600 the first has ended before it falls."""
    jobs = [(0, 100, 16), (30, 40, 16)]
    assert ends(play("las_2d", jobs, scheduler={"options": {"limits": [800.0]}})) == [140.0, 90.0]
    assert ends(play("las_2d", jobs, scheduler={"options": {"limits": [1600.0]}})) == [100.0, 140.0]


def test_promotion():
    """At 50 s the first makes way; at 100 s it has waited as long as it ran, and is back as the other falls."""
    jobs = [(0, 100, 16), (30, 200, 16)]
    promoted = {"options": {"limits": [50.0], "promote": 1.0}}
    assert ends(play("las", jobs, scheduler={"options": {"limits": [50.0]}})) == [300.0, 250.0]
    assert ends(play("las", jobs, scheduler=promoted)) == [150.0, 300.0]


def test_gpu_time_and_deadlines():
    """All wait for the first: then by estimate x GPUs, or by when two estimates behind the submission have passed."""
    jobs = [(0, 100, 16), (1, 10, 16), (2, 100, 1), (50, 20, 16)]
    scheduler = {"backfill": "none"}
    assert ends(play("gpu_time", jobs, scheduler=scheduler)) == [100.0, 210.0, 200.0, 230.0]
    assert ends(play("deadline", jobs, scheduler=scheduler)) == [100.0, 110.0, 230.0, 130.0]
    soon = {**scheduler, "options": {"slack": 0.1}}
    assert ends(play("deadline", jobs, scheduler=soon)) == [100.0, 110.0, 210.0, 230.0]
    own = [0.0, 300.0, 0.0, 0.0]  # the second is due at 301, not at 21: behind the third, due at 202, and the fourth
    assert ends(play("deadline", jobs, scheduler=scheduler, deadline_s=own)) == [100.0, 230.0, 220.0, 120.0]
    assert ends(play("smallest", jobs, scheduler=scheduler)) == [100.0, 210.0, 200.0, 230.0]


def test_any_order_may_preempt():
    """The urgent take GPUs at once, the latest of the others first; equals never do."""
    jobs = [(0, 100, 8), (0, 100, 8), (10, 20, 8), (20, 10, 8)]
    greedy = {"preemption": "order"}
    assert ends(play("priority", jobs, scheduler=greedy, priority=[1, 0, 2, 0])) == [100.0, 120.0, 30.0, 110.0]
    assert play("fifo", jobs, scheduler=greedy).jobs["evictions"].sum() == 0


def test_gittins_index():
    """Of exponential times it hardly moves, of like ones it rises, of a mixture it falls once the short are gone."""
    draw = np.random.default_rng(1)
    _limits, flat = gittins_levels(draw.exponential(10.0, 200_000), 5)
    assert flat == pytest.approx(np.full(5, 0.1), rel=0.05)
    _limits, rising = gittins_levels(draw.uniform(9.0, 11.0, 10_000), 5)
    assert (np.diff(rising) > 0.0).all()
    limits, falling = gittins_levels(np.array([1.0] * 9 + [100.0]), 3)
    assert limits.tolist() == [1.0]
    assert falling == pytest.approx([9 / 10.0, 1 / 99.0])  # nine of ten within 10 x 1 s; one in 99 s more


def _mean_s(rules: Scheduling, submit_s: np.ndarray, runtime_s: np.ndarray) -> float:
    jobs = work(submit_s, runtime_s, preemptible=np.ones(len(submit_s), bool))
    return float(responses_s(play_work(jobs, [(1, 1)], rules)).mean())


@pytest.fixture(scope="module")
def heavy():
    """One server at load 0.8, nine tenths of the jobs short, one tenth long."""
    draw = np.random.default_rng(3)
    n = 60_000
    runtime_s = np.where(draw.random(n) < 0.9, draw.exponential(1.0, n), draw.exponential(20.0, n))
    return np.cumsum(draw.exponential(2.9 / 0.8, n)), runtime_s


def test_who_wins_on_a_heavy_tail(heavy):
    """SRTF needs sizes; Gittins their law; LAS nothing: in this order, and all far below FIFO."""
    limits, index = gittins_levels(heavy[1], 40)
    fine = tuple(np.geomspace(0.05, 200.0, 40).tolist())
    las = ServiceLevels(fine, tuple(map(float, range(41))))
    gittins = ServiceLevels(tuple(limits.tolist()), tuple((-index).tolist()))
    fifo = _mean_s(Scheduling(), *heavy)
    found = [
        _mean_s(Scheduling(order=Order.REMAINING, greedy=True), *heavy),
        _mean_s(Scheduling(order=Order.SERVICE, greedy=True, levels=gittins), *heavy),
        _mean_s(Scheduling(order=Order.SERVICE, greedy=True, levels=las), *heavy),
    ]
    assert found[0] < found[1] < 1.02 * found[2]
    assert found[2] < 0.45 * fifo


def test_one_level_is_first_come_first_served(heavy):
    """The negative control: with a limit that nobody reaches, service so far makes no difference."""
    nothing = ServiceLevels((1e9,), (0.0, 1.0))
    submit_s, runtime_s = heavy[0][:5000], heavy[1][:5000]
    assert _mean_s(Scheduling(order=Order.SERVICE, greedy=True, levels=nothing), submit_s, runtime_s) == pytest.approx(
        _mean_s(Scheduling(), submit_s, runtime_s), rel=1e-12
    )


@pytest.mark.parametrize(
    ("scheduler", "fault"),
    [
        ({"order": "las", "options": {"limts": [1.0]}}, "options.limts: unknown key (did you mean 'limits'?)"),
        ({"order": "las", "options": {"limits": [2.0, 1.0]}}, "options.limits: give limits that rise, each once"),
        ({"order": "gittins", "options": {"levels": 1}}, "options.levels: found 1; give a whole number from 2"),
        (
            {"order": "gittins", "options": {"run_times_s": [1.0]}},
            "found a list of 1; give a list of numbers greater than 0, at least 2,",
        ),
        (
            {"order": "las_2d", "options": {"limits": []}},
            "found an empty list; give a list of numbers greater than 0, at least one, 1,000 at most",
        ),
        ({"order": "multifactor"}, "order = 'multifactor' decides in rounds: it needs mode = \"cycle\""),
        ({"order": "fair_share", "preemption": "order"}, "needs an order that stands for each job"),
    ],
)
def test_faults_of_options(scheduler, fault):
    order = scheduler.pop("order")
    with pytest.raises(ScenarioError) as raised:
        play(order, ONES, scheduler=scheduler)
    assert fault in str(raised.value)


@pytest.mark.parametrize("order", [name for name, spec in ORDERS.items() if spec.how is not How.ROUNDS])
def test_each_runs_in_cycles_too(order):
    """All jobs end, and no GPU-second is lost from the books (``play`` checks)."""
    result = play(order, [(7 * i, 30 + 11 * (i % 5), 1 + 5 * (i % 3)) for i in range(12)], scheduler={"mode": "cycle"})
    assert result.jobs["end_s"].notna().all()


def test_who_makes_way_leaves_its_place_before_another_takes_it():
    """A full site of 8 GPUs changes one job for another in one pass; who waits at the next site is not forgotten."""
    sites = {
        "small": {**SITE, "pools": {"H100": {"gpus": 8}}}, "large": {**SITE, "pools": {"H100": {"gpus": 16}}},
    }  # fmt: skip
    jobs = [(0, 1000, 16), (1, 1500, 16), *[(2, 800, 1)] * 8, (100, 50, 1)]
    result = play("srtf", jobs, sites=sites)
    assert result.jobs["site"].tolist() == ["large"] * 2 + ["small"] * 9
    assert result.jobs["evictions"].sum() == 1
    assert result.jobs["start_s"].tolist()[:2] == [0.0, 1000.0]
    assert set(result.jobs["status"]) == {"done"}

"""Runs whose rate changes, worked out by hand; random changes are compared in `test_reference`."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.engine.runs import split_runs
from gpusim.kernels.state.codes import Backfill, Cause, Status
from gpusim.results.conservation import check
from tests.engine.kit import play_case
from tests.reference.case import Case, Change, JobSpec
from tests.reference.simulator import simulate

HOUR_S = 3600.0
# 8 GPUs that draw 10 W idle and 100 W more at work.
POOL = PoolSpec(0, 0, 1, 8, idle_w=10.0, compute_w=100.0, node_idle_w=80.0)


def played(runtime_s, changes, gpus=4, classes=None, until_s=10_000.0):
    """The fleet after jobs of some run times, all submitted at 0, with changes (time [s], what to do with env)."""
    n = len(runtime_s)
    columns = {"gpus": np.full(n, gpus), "runtime_s": np.array(runtime_s), "estimate_s": np.array(runtime_s)}
    work = Work(np.zeros(n), route=np.zeros(n, "i8"), routes=[([0], 0)], **columns)
    env = FleetEnvironment(allocate([POOL], 1, work, Scheduling(), classes=classes))
    env.set_nodes_on(0, 1)

    def change():
        for time_s, act in changes:
            yield env.at(time_s)
            act(env)

    env.process(change())
    env.run(until=until_s)
    env.settle()
    return env.detach()


def booked(fleet, until_s=10_000.0):
    """GPU-seconds by cause, what is left of training last."""
    split, work = split_runs(fleet, np.array([0.0, until_s]))
    sums = {cause.name.lower(): float(gpu_s.sum()) for cause, gpu_s in split.items() if gpu_s.sum()}
    training = fleet.pools["ledger"][0, Cause.TRAINING] - sum(sums.values())
    assert work.useful_gpu_s.sum() == pytest.approx(training)
    return {**sums, "training": pytest.approx(training)}


def test_a_pause():
    """100 s of work with a pause of 30 s: it ends at 130 s, and idles on its GPUs meanwhile."""
    fleet = played(
        [100.0], [(20.0, lambda env: env.set_job_rate(0, 0.0)), (50.0, lambda env: env.set_job_rate(0, 1.0))]
    )
    assert fleet.jobs[0].end_s == 130.0
    assert booked(fleet) == {"slowed": 4 * 30.0, "training": 4 * 100.0}
    assert fleet.jobs[0].energy_j == 4 * (130.0 * 10.0 + 100.0 * 100.0)


def test_who_draws_too_much_starts_anew():
    """480 of 700 W until it draws twice as much: it is evicted, and nobody waits before it."""
    limit = (0.0, lambda env: env.set_limit(0, 700.0, 700.0))
    fleet = played([100.0], [limit, (20.0, lambda env: env.set_job_rate(0, 1.0, 2.0))])
    assert fleet.jobs[["evictions", "start_s", "end_s"]].tolist() == [(1, 20.0, 120.0)]


def test_rates_multiply():
    """Half its own rate and half its pool's from 40 s on: what is left takes four times as long."""
    fleet = played(
        [100.0, 100.0], [(40.0, lambda env: env.set_job_rate(0, 0.5)), (40.0, lambda env: env.set_pool_rate(0, 0.5))]
    )
    assert fleet.jobs["end_s"].tolist() == [280.0, 160.0]
    assert booked(fleet) == {"slowed": 4 * (180.0 + 60.0), "training": 4 * 200.0}
    assert fleet.jobs["energy_j"].tolist() == [4 * (280.0 * 10.0 + 100.0 * 100.0), 4 * (160.0 * 10.0 + 100.0 * 100.0)]


def test_a_boost_takes_less_time_and_what_was_asked_for_of_power():
    """At rate 2 from the start, with 1.5 of the draw; who starts later goes at that rate too."""
    fleet = played([100.0] * 3, [(0.0, lambda env: env.set_site_rate(0, 2.0, 1.5))], gpus=4)
    assert fleet.jobs["end_s"].tolist() == [50.0, 50.0, 100.0]
    assert booked(fleet) == {"training": 4 * 150.0}
    assert fleet.jobs["energy_j"].tolist() == [4 * 50.0 * 160.0] * 3


def test_what_checkpoints_keep_of_a_run_that_was_slowed():
    """Loads 10 s, then 30 s of work and 5 s of writing over and over. At half rate from 50 s on, a node fails at 110 s.

    The run is then 80 s along its course: 10 loading, 30 + 5 + 30 + 5, of which 60 are kept; nothing is lost.
    At 120 s, 5 s along the next interval, these would be. The node is back at once, and the run loads again.
    """
    kind = [ClassSpec(checkpoint_interval_s=30.0, checkpoint_write_s=5.0, load_s=10.0)]
    for fails_s, lost_s in ((110.0, 0.0), (120.0, 5.0)):
        changes = [(50.0, lambda env: env.set_pool_rate(0, 0.5)), (fails_s, lambda env: env.fail_node(0))]
        changes += [(fails_s, lambda env: env.set_pool_rate(0, 1.0)), (fails_s, lambda env: env.repair_node(0))]
        fleet = played([100.0], changes, classes=kind)
        job = fleet.jobs[0]
        assert (job.evictions, job.saved_s, job.lost_gpu_s) == (1, 60.0, 4 * lost_s)
        assert job.end_s == fails_s + 10.0 + 40.0 + 5.0
        sums = {
            "loading": 4 * 10.0,
            "restarting": 4 * 10.0,
            "checkpointing": 4 * 15.0,
            "slowed": 4 * (fails_s - 50.0) / 2,
            "training": 4 * 100.0,
        }
        assert booked(fleet) == pytest.approx(sums | ({"lost_work": 4 * lost_s} if lost_s else {}))


def test_conservation_and_the_same_jobs(small):
    """Rates of all kinds come and go over a day; every law holds, and useful work is what the ledger calls training."""

    def change(env):
        rates = np.random.default_rng(3)
        for hour in range(1, 24):
            yield env.at(hour * HOUR_S)
            status = env.fleet.jobs["status"]
            for job in rates.permutation(np.flatnonzero(status == Status.RUNNING))[:20].tolist():
                if status[job] != Status.RUNNING:
                    continue  # evicted, as others took its power
                env.set_job_rate(job, float(rates.choice([0.0, 0.3, 0.8, 1.0, 1.2])), float(rates.uniform(0.2, 1.2)))
            env.set_pool_rate(int(rates.integers(len(env.fleet.pools))), float(rates.uniform(0.5, 1.1)))
            env.set_site_rate(int(rates.integers(len(env.fleet.sites))), float(rates.uniform(0.7, 1.0)))

    result = gpusim.run(small, processes=[change])
    assert check(result) == []
    sums = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    assert sums["slowed"] > 0.02 * sums["training"]
    assert result.jobs["useful_gpu_s"].sum() == pytest.approx(sums["training"], rel=1e-9)
    assert "slowed" in set(result.bottlenecks()["cause"])


@pytest.fixture(scope="module")
def small():
    return gpusim.Scenario.from_toml("seeds/small.toml").with_({"run.days": 1.0})


def test_who_is_overdue_holds_its_nodes_after_a_change_of_rate():
    """The head needs 3 of 5 nodes; those of an overdue job are expected in a second, so that others may pass it."""
    jobs = [(0, 5, 1, 0), (0, 1, 1, 1), (0, 1, 1, 1), (1, 9, 0, 0), (2, 3, 1, 1)]  # submit, GPUs, run time, estimate
    case = Case(
        jobs=[JobSpec(float(s), g, float(r), float(e)) for s, g, r, e in jobs],
        pools=[PoolSpec(0, 0, 5, 4, speed=0.5)],
        rules=Scheduling(backfill=Backfill.EASY),
        routes=[([0], 0)],
        changes=[Change(0.0, "nodes", 0, 5), Change(1.0, "pool_rate", 0, 0.25, 0.0)],
    )
    assert [job.start_s for job in play_case(case, 10_000.0)] == [0.0, 0.0, 0.0, 5.0, 2.0]
    assert play_case(case, 10_000.0) == simulate(case, 10_000.0)

"""Jobs whose number of GPUs changes, worked out by hand; random changes are compared in `test_reference`."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.engine.runs import split_runs
from gpusim.errors import ProcessError
from gpusim.kernels.state.codes import Backfill, Cause, Status
from gpusim.results.conservation import check

HOUR_S = 3600.0
KEEPS_ALL, KEEPS_NOTHING = ClassSpec(checkpoint_interval_s=0.0), ClassSpec()
POOL = PoolSpec(0, 0, 2, 8, idle_w=10.0, compute_w=100.0, node_idle_w=80.0)


def played(gpus, runtime_s, changes, kind=KEEPS_ALL, until_s=10_000.0, **rules):
    """The fleet of two nodes after jobs that are all submitted at 0, and changes (time [s], job, GPUs)."""
    n = len(gpus)
    work = Work(np.zeros(n), np.array(gpus), np.array(runtime_s), np.array(runtime_s), np.zeros(n, "i8"), [([0], 0)])
    env = FleetEnvironment(allocate([POOL], 1, work, Scheduling(**rules), classes=[kind]))
    env.set_nodes_on(0, 2)

    def change():
        for time_s, job, count in changes:
            yield env.at(time_s)
            env.set_job_gpus(job, count)

    env.process(change())
    env.run(until=until_s)
    env.settle()
    return env.detach()


def booked(fleet, until_s=10_000.0):
    """GPU-seconds by cause, what is left of training last; and what jobs had."""
    split, work = split_runs(fleet, np.array([0.0, until_s]))
    sums = {cause.name.lower(): float(gpu_s.sum()) for cause, gpu_s in split.items() if gpu_s.sum()}
    training = fleet.pools["ledger"][0, Cause.TRAINING] - sum(sums.values())
    assert work.useful_gpu_s.sum() == pytest.approx(training)
    return {**sums, "training": pytest.approx(training)}, work


def test_twice_the_gpus_take_half_the_time_for_what_is_left():
    fleet = played([4], [100.0], [(40.0, 0, 8)])
    job = fleet.jobs[0]
    assert (job.end_s, job.evictions, job.held) == (40.0 + 30.0, 1, 8)
    sums, work = booked(fleet)
    assert sums == {"training": 4 * 40.0 + 8 * 30.0}
    assert work.gpu_s[0] == work.held_gpu_s[0] == 400.0
    assert job.energy_j == 400.0 * 110.0


def test_to_a_gang_and_back():
    """12 of 16 GPUs on two whole nodes for a third of the time, then 2: what is left takes six times as long."""
    fleet = played([4], [90.0], [(30.0, 0, 12), (40.0, 0, 2)])
    assert fleet.jobs[0].end_s == 40.0 + (90.0 - 30.0 - 3 * 10.0) * 2
    sums, work = booked(fleet)
    assert sums == {"idle_fragmented": 4 * 10.0, "training": 4 * 30.0 + 12 * 10.0 + 2 * 60.0}
    assert (work.gpu_s[0], work.held_gpu_s[0]) == (360.0, 400.0)


def test_without_checkpoints_a_change_costs_the_run():
    fleet = played([4], [100.0], [(40.0, 0, 8)], kind=KEEPS_NOTHING)
    assert fleet.jobs[0].end_s == 40.0 + 50.0
    assert fleet.jobs[0].lost_gpu_s == 4 * 40.0
    assert booked(fleet)[0] == {"lost_work": 4 * 40.0, "training": 8 * 50.0}


def test_it_waits_in_its_old_place_until_its_gpus_are_there():
    """The first of three wants all GPUs from 10 s on: it goes on when the second ends, and before the third."""
    fleet = played([8, 8, 16], [100.0, 50.0, 10.0], [(10.0, 0, 16)], backfill=Backfill.NONE)
    assert fleet.jobs["start_s"].tolist() == [50.0, 0.0, 95.0]
    assert fleet.jobs["end_s"].tolist() == [95.0, 50.0, 105.0]


@pytest.mark.parametrize("backfill", list(Backfill))
def test_a_head_that_asks_for_less_starts_at_once(backfill):
    """And one that asks for more no longer starts when it was promised to."""
    jobs = [8, 16, 8], [100.0, 40.0, 10.0]
    fleet = played(*jobs, [(30.0, 1, 8)], backfill=backfill)
    assert (fleet.jobs[1].start_s, fleet.jobs[1].end_s) == (30.0, 110.0)
    later = played([8, 8, 8], [100.0, 60.0, 30.0], [(30.0, 2, 16)], backfill=backfill)
    assert (later.jobs[2].start_s, later.jobs[2].end_s) == (100.0, 115.0)


def test_what_a_run_gave_back_is_what_it_had():
    """Under conservative backfill, all 16 GPUs until 100 s: at 50 s the run shrinks to 8, and others have 8."""
    jobs = [16, 8, 8], [100.0, 10.0, 10.0]
    fleet = played(*jobs, [(50.0, 0, 8)], backfill=Backfill.CONSERVATIVE)
    assert fleet.jobs["start_s"].tolist() == [60.0, 50.0, 50.0]  # it comes back when those that were promised are done
    assert fleet.jobs["end_s"].tolist() == [160.0, 60.0, 60.0]


@pytest.mark.parametrize(
    ("job", "gpus", "said"),
    [(0, 0, "found 0; give a whole number from 1 to 16"), (0, 17, "found 17"), (1, 4, "job 1 is done")],
)
def test_what_cannot_be(job, gpus, said):
    with pytest.raises(ProcessError, match=said):
        played([4, 4], [100.0, 10.0], [(50.0, job, gpus)])


def test_conservation():
    """Jobs of a day grow and shrink every hour; every law holds."""
    sizes = np.random.default_rng(5)

    def change(env):
        for hour in range(1, 24):
            yield env.at(hour * HOUR_S)
            status = env.fleet.jobs["status"]
            for job in sizes.permutation(np.flatnonzero(np.isin(status, [Status.RUNNING, Status.QUEUED])))[
                :30
            ].tolist():
                env.set_job_gpus(job, int(sizes.choice([1, 2, 8, 12, 64])))

    result = gpusim.run(gpusim.Scenario.from_toml("seeds/small.toml").with_({"run.days": 1.0}), processes=[change])
    assert check(result) == []
    changed = result.jobs["gpu_s"] != result.jobs["gpus"] * result.jobs["run_s"]
    assert changed.sum() > 100
    assert result.jobs["useful_gpu_s"].sum() == pytest.approx(
        result.ledger.loc[result.ledger["cause"] == "training", "gpu_s"].sum(), rel=1e-9
    )

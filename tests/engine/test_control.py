"""Control processes: a curtailment written by a user, and the same bytes on every run."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

import gpusim
from gpusim.engine.description import PoolSpec, Scheduling, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.kernels.state.codes import Cause, Status
from gpusim.results.conservation import check
from gpusim.units import HOUR_S

SCENARIO = gpusim.Scenario.from_toml("seeds/small.toml").with_({"run.days": 2.0})
CAP_W = 350e3


def curtail(env):
    """From hour 30 to 34 the grid asks Texas to draw no more than ``CAP_W``."""
    yield env.at(30 * HOUR_S)
    env.sites["texas"].set_cap(CAP_W)
    env.log(env.now, "texas", "curtailment", "the grid calls", CAP_W, "W")
    yield env.at(34 * HOUR_S)
    env.sites["texas"].set_cap(np.inf)


@pytest.fixture(scope="module")
def curtailed():
    return gpusim.run(SCENARIO, processes=[curtail])


def test_a_curtailment_binds_and_is_booked(curtailed):
    power = curtailed.power[curtailed.power["site"] == "texas"].set_index("start_s")
    called = power.loc[30 * HOUR_S : 33 * HOUR_S]
    assert len(called) == 4
    assert (called["limit_w"] == CAP_W).all()
    assert (called["facility_w"] <= CAP_W * (1 + 1e-9)).all()
    assert power.loc[29 * HOUR_S, "facility_w"] > CAP_W
    assert power.loc[36 * HOUR_S, "limit_w"] == 0.8e6
    assert not check(curtailed)
    idle = curtailed.ledger[(curtailed.ledger["site"] == "texas") & (curtailed.ledger["cause"] == "idle_rule")]
    assert idle.set_index("start_s")["gpu_s"].reindex(called.index).sum() > 0.0
    assert (curtailed.events["kind"] == "curtailment").sum() == 1


def test_what_differs_in_one_thing_shares_all_other_randomness(curtailed):
    plain = gpusim.run(SCENARIO)
    for column in ("submit_s", "gpus", "runtime_s", "estimate_s"):
        assert curtailed.jobs[column].equals(plain.jobs[column])
    before = plain.jobs["start_s"] < 30 * HOUR_S
    assert before.sum() > 500
    assert curtailed.jobs.loc[before, "start_s"].equals(plain.jobs.loc[before, "start_s"])
    assert not curtailed.jobs["start_s"].equals(plain.jobs["start_s"])


@pytest.mark.parametrize("mode", ["event", "cycle"])
def test_a_process_waits_for_jobs(mode):
    """It wakes at the very end of each job, of two that end together for both, and at once for one that has ended."""
    order, woken, beside = (5, 3, 3, 40), [], []

    def follow(env):
        for job in order:
            assert (yield env.completion(job)) == job
            woken.append(env.now)

    def follow_beside(env):
        yield env.completion(order[0])
        beside.append((env.now, int(env.fleet.jobs[order[0]].status)))

    result = gpusim.run(SCENARIO.with_({"scheduler.mode": mode}), processes=[follow, follow_beside])
    end_s = result.jobs["end_s"].to_numpy()
    assert woken == np.maximum.accumulate(end_s[list(order)]).tolist()
    assert beside == [(end_s[order[0]], Status.DONE)]


def test_a_run_that_drains_at_once_still_has_an_interval():
    result = gpusim.run(SCENARIO.with_({"run.drain": True, "workload.streams.research.jobs_per_day": 1e-9}))
    assert len(result.jobs) == 0
    assert result.power["end_s"].unique().tolist() == [3600.0]
    assert check(result) == []


def _digest(folder) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.glob("*.parquet"))}


def test_same_bytes_on_every_run(tmp_path):
    """In this process twice and in another one; another seed gives others."""
    gpusim.run(SCENARIO, seed=7).save(tmp_path / "a")
    gpusim.run(SCENARIO, seed=7).save(tmp_path / "b")
    code = (
        "import sys, gpusim; s = gpusim.Scenario.from_toml('seeds/small.toml').with_({'run.days': 2.0});"
        "gpusim.run(s, seed=int(sys.argv[1])).save(sys.argv[2])"
    )
    for seed, name in ((7, "c"), (8, "d")):
        subprocess.run([sys.executable, "-c", code, str(seed), str(tmp_path / name)], check=True)
    first = _digest(tmp_path / "a")
    assert len(first) == 15
    assert _digest(tmp_path / "b") == first
    assert _digest(tmp_path / "c") == first
    assert _digest(tmp_path / "d")["jobs.parquet"] != first["jobs.parquet"]


def test_services_share_demand_once_for_all_that_happens_at_an_instant():
    """Three nodes break at 1 s, a fourth at 2 s: services hear of each instant once, behind all of it."""
    job = Work(*(np.array(column) for column in ([9.0], [1], [9.0], [9.0], [0])), [([0], 0)])
    env, heard = FleetEnvironment(allocate([PoolSpec(0, 0, 4, 8)], 1, job, Scheduling())), []
    env.connect(serve=lambda: heard.append((env.now, int(env.fleet.pools[0].absent[Cause.DOWN]))))
    env.set_nodes_on(0, 4)

    def break_down():
        for time_s, nodes in ((1.0, (0, 1, 2)), (2.0, (3,))):
            yield env.at(time_s)
            assert all([env.fail_node(node) for node in nodes])

    env.process(break_down())
    env.run(until=3.0)
    assert heard == [(0.0, 0), (1.0, 24), (2.0, 32)]

"""Runs with failures: who is interrupted, what is down, what is lost, and that nothing else changes."""

import numpy as np
import pytest

import gpusim
from gpusim.errors import GpusimError
from gpusim.inputs.jobtable import JobTable
from gpusim.report.findings import Findings
from gpusim.report.sections.failures import FailuresSection
from gpusim.results.conservation import check
from gpusim.results.effective import effective_times
from gpusim.scenario.checkpoints import daly_s, effective_time
from gpusim.units import DAY_S, HOUR_S
from gpusim.validation.failures import long_run, play

OFTEN = {"failures.mix": "llama3", "failures.factor": 60.0, "workload.classes.research.load_s": 120.0}


@pytest.fixture(scope="module")
def small() -> gpusim.Scenario:
    return gpusim.Scenario.from_toml("seeds/small.toml").with_({"run.days": 3.0})


@pytest.fixture(scope="module")
def broken(small) -> gpusim.Result:
    return gpusim.run(small.with_(OFTEN), 1)


def test_everything_is_accounted_for(broken):
    """GPU-seconds, waits and energy add up with failures, jobs that restart and a service that loses replicas."""
    check(broken)
    booked = broken.ledger.groupby("cause")["gpu_s"].sum()
    assert booked["down"] > 0.0
    assert booked["restarting"] > 0.0
    assert broken.failures["jobs"].sum() == len(broken.interruptions) > 5
    assert broken.jobs["evictions"].sum() >= len(broken.interruptions)


def test_same_bytes(small, broken, tmp_path):
    again = gpusim.run(small.with_(OFTEN), 1)
    for name, table in broken.tables.items():
        assert table.equals(again.tables[name]), name
    broken.save(tmp_path / "run")
    loaded = gpusim.Result.load(tmp_path / "run")
    assert loaded.interruptions.equals(broken.interruptions)


def test_without_failures_there_are_no_tables_of_them(small):
    result = gpusim.run(small.with_({"run.days": 0.5, "failures": {}}), 1)
    assert "failures" not in result.tables
    with pytest.raises(AttributeError, match="its scenario has no failures"):
        result.failures  # noqa: B018


def test_the_same_failures_whatever_the_scheduler_does(small, broken):
    """Under another order the same nodes fail at the same times, as far as they are on."""
    other = gpusim.run(small.with_(OFTEN | {"scheduler.order": "sjf", "scheduler.backfill": "none"}), 1)
    ours, theirs = (one.tables["failures"][["time_s", "site", "cause", "repair_s"]] for one in (broken, other))
    assert ours.equals(theirs)


def test_a_rack_is_lost_whole():
    """A job on two of three racks loses one of them, goes on on the others, and the rack is back after its repair."""
    rack = {"of": "domain", "per_1000_days": 100.0, "repair": {"swap": 1.0}}
    failures = {"causes": {"rack": rack}, "repairs": {"swap": {"mean_h": 10.0, "sigma": 0.0}}}
    scenario = long_run(16, 40.0, failures, checkpoint_interval_s=0.0).with_(
        {"sites.site.pools": {"GB200": {"gpus": 216.0}}}
    )
    result = play(scenario, 144, 3)
    assert set(result.tables["failures"]["nodes"]) == {18}
    ledger = result.tables["ledger"]
    down_s = ledger.loc[ledger["cause"] == "down", "gpu_s"].sum() / 72
    assert down_s == pytest.approx(10.0 * HOUR_S * len(result.tables["failures"]), rel=0.05)
    job = result.tables["jobs"].iloc[0]
    assert job["evictions"] == len(result.tables["interruptions"]) > 3


def test_a_site_is_lost_whole_and_told():
    outage = {"of": "site", "per_1000_days": 200.0, "repair": {"reset": 1.0}}
    result = play(long_run(64, 30.0, {"causes": {"outage": outage}}, 3, checkpoint_interval_s=0.0), 64, 1)
    failures = result.tables["failures"]
    assert set(failures["nodes"]) == {11}
    told = result.tables["events"]
    assert (told["kind"] == "failure").sum() == len(failures) > 1
    assert told.loc[told["kind"] == "failure", "detail"].iloc[0] == "outage: 11 nodes down"


def test_replicas_that_failures_stop_are_counted(small):
    """Constant demand and no jobs: a site that fails takes all its replicas with it, a node one or none."""
    outage = {"of": "site", "per_1000_days": 2000.0, "repair": {"reset": 1.0}}
    host = {"of": "node", "per_1000_days": 1000.0, "repair": {"reset": 1.0}}
    spec = small.with_({
        "workload": {}, "run.days": 1.0, "failures": {"causes": {"outage": outage, "host": host}},
        "services.chat.mean_tokens_per_s": 24_000.0, "services.chat.peak_to_mean": 1.0,
        "services.chat.control_s": 300.0,
        "services.chat.deployments": [{"site": "frankfurt", "gpu_type": "H200"}],
    })  # fmt: skip
    result = gpusim.run(spec, 1)
    hit = result.failures[result.failures["site"] == "frankfurt"]
    most = int(result.services["wanted_replicas"].max())
    sites, nodes = (hit.loc[hit["cause"] == cause, "replicas"] for cause in ("outage", "host"))
    assert set(sites) == {most}
    assert set(nodes) == {0, 1}
    assert (hit[["jobs", "gpus"]] == 0).all(axis=None)
    assert (result.failures.loc[result.failures["site"] != "frankfurt", "replicas"] == 0).all()
    said = " ".join(FailuresSection().lead(Findings(result)))
    assert f"interrupted jobs 0 times and stopped {int(sites.sum() + nodes.sum())} replicas of services." in said


@pytest.mark.parametrize(
    ("write_s", "background_s", "every_s"), [(0.0, 0.0, 1800.0), (5.0, 600.0, 1800.0), (60.0, 0.0, "young_daly")]
)
def test_effective_time_is_as_expected(write_s, background_s, every_s):
    """A job that never waits, checkpoints written beside the work and intervals by Daly among them."""
    mttf_s = 10_000.0
    cause = {"of": "node", "per_1000_days": 1000.0 * DAY_S / mttf_s / 4, "repair": {"reset": 1.0}}
    failures = {"causes": {"any": cause}, "repairs": {"reset": {"mean_h": 0.0}}}
    kind = {
        "checkpoint_interval_s": every_s, "checkpoint_write_s": write_s, "checkpoint_background_s": background_s,
        "load_s": 200.0,
    }  # fmt: skip
    result = play(long_run(32, 2000 * mttf_s / DAY_S, failures, **kind), 32, 7)
    found = effective_times(result).iloc[0]
    own_s = daly_s(write_s, mttf_s) if every_s == "young_daly" else every_s
    assert found["expected_ettr"] == pytest.approx(effective_time(own_s, write_s, background_s, 200.0, mttf_s))
    assert found["ettr"] == pytest.approx(found["expected_ettr"], rel=0.015)
    assert found["mttf_hours"] * HOUR_S == pytest.approx(mttf_s, rel=0.07)


def test_background_writes_lose_more_than_none():
    """Negative control: the same run, whose checkpoints counted at once, would keep more."""
    assert effective_time(1800.0, 5.0, 600.0, 200.0, 1e4) < effective_time(1800.0, 5.0, 0.0, 200.0, 1e4) - 0.04


def test_effective_times_by_what_jobs_are(broken):
    """Parts of the whole, and no formula where rates depend on age."""
    whole = broken.effective_times()
    by_tenant = broken.effective_times("tenant")
    assert by_tenant["interruptions"].sum() == whole["interruptions"].iloc[0] == len(broken.interruptions)
    useful = (by_tenant["ettr"] * by_tenant["elapsed_gpu_hours"]).sum()
    assert useful == pytest.approx(whole["ettr"].iloc[0] * whole["elapsed_gpu_hours"].iloc[0])
    by_job = broken.effective_times("job")
    assert np.all(by_job["goodput"] >= by_job["ettr"] - 1e-12)
    with pytest.raises(GpusimError, match="found 'tenants' .did you mean 'tenant'"):
        broken.effective_times("tenants")


def test_no_formula_for_rates_that_depend_on_age():
    cause = {"of": "node", "per_1000_days": 50.0, "shape": 0.7, "repair": {"reset": 1.0}}
    result = play(long_run(32, 30.0, {"causes": {"any": cause}}, 2, checkpoint_interval_s=600.0), 32, 1)
    assert np.isnan(effective_times(result)["expected_ettr"].iloc[0])


def test_no_jobs_no_effective_time(small):
    result = gpusim.run(small.with_({"run.days": 0.2} | OFTEN), jobs=JobTable.build(submit_s=[]))
    assert len(result.effective_times()) == 0


def test_spares_take_the_place_of_nodes_that_fail():
    """A job that needs all but the spares goes on at once while one is down; without them it waits for the repair."""
    failures = {
        "causes": {"any": {"of": "node", "per_1000_days": 20.0, "repair": {"swap": 1.0}}},
        "repairs": {"swap": {"mean_h": 12.0, "sigma": 0.0}},
    }
    names = {"tenant": ["lab"], "job_class": ["pretraining"]}  # the small jobs take what is free
    jobs = JobTable.build(names=names, submit_s=[0.0, 1.0, 1.0], gpus=[64, 8, 8], runtime_s=1e9)
    scenario = long_run(64, 120.0, failures, 2, checkpoint_interval_s=0.0).with_({"scheduler.backfill": "none"})
    without = gpusim.run(scenario, 5, jobs=jobs)
    kept = gpusim.run(scenario.with_({"sites.site.pools.H100.spare_nodes": 2}), 5, jobs=jobs)
    warm = gpusim.run(
        scenario.with_({"sites.site.pools.H100.spare_nodes": 2, "sites.site.pools.H100.spare_start_s": 600.0}), 5,
        jobs=jobs,
    )  # fmt: skip
    columns = ["time_s", "cause", "repair_s"]
    assert kept.tables["failures"][columns].equals(warm.tables["failures"][columns])
    shares = [one.effective_times("size").set_index("size").loc["9-64", "ettr"] for one in (without, warm, kept)]
    assert shares[0] < 0.97
    assert shares[0] < shares[1] < shares[2]
    assert shares[2] > 0.995
    interrupted = len(warm.interruptions)
    assert 0 < interrupted < 40
    spare_h = kept.ledger.loc[kept.ledger["cause"] == "idle_spare", "gpu_s"].sum() / HOUR_S / 8
    down_h = kept.ledger.loc[kept.ledger["cause"] == "down", "gpu_s"].sum() / HOUR_S / 8
    assert spare_h + down_h == pytest.approx(2 * 120 * 24.0, rel=0.01)
    for one in (without, kept, warm):
        check(one)

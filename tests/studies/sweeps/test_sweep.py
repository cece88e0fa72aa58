"""What is asked of a sweep, and rounds until an interval is narrow."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import gpusim
from gpusim.errors import GpusimError, StoreError
from gpusim.scenario.scenario import Scenario
from gpusim.studies.sweeps.spec import SweepSpec
from gpusim.sweeps import Sweep
from tests.studies.sweeps.kit import SCENARIO, SWEEP, run_files, study


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def done(tmp_path: Path) -> Sweep:
    return gpusim.sweep(study(tmp_path), "out", executor="serial")


def test_a_run_is_gpusim_run(done: Sweep) -> None:
    """Scenario and seed of a row, run by hand, give its figures: replication r has seed r at every point."""
    row = done.table().query("point == 3 and replication == 4").iloc[0]
    changes = {"workload.streams.batch.jobs_per_day": row["load"], "scheduler.order": row["order"]}
    metrics = gpusim.run(Scenario.from_toml("tiny.toml").with_(changes), row["seed"]).metrics().value
    assert row["seed"] == 4
    assert (row["load"], row["order"]) == (200.0, "sjf")
    assert row["jobs"] == metrics["jobs"] > 0
    assert row["wait_mean_s"] == metrics["wait_mean_s"] > 0.0


def test_means_and_differences(done: Sweep) -> None:
    waits = done.table().pivot(index="replication", columns="point", values="wait_mean_s")
    mean = done.summary(["wait_mean_s"]).set_index("point")
    half = stats.t.ppf(0.975, 4) * waits.sem()
    np.testing.assert_allclose(mean["mean"], waits.mean())
    np.testing.assert_allclose(mean["high"], waits.mean() + half)
    np.testing.assert_allclose(mean["low"], np.maximum(waits.mean() - half, 0.0))  # no wait is below 0
    gain = done.against(1, ["wait_mean_s"]).set_index("point")
    assert list(gain.index) == [0, 2, 3]
    np.testing.assert_allclose(gain["difference"], waits.sub(waits[1], axis=0).drop(columns=1).mean())
    assert set(done.summary()["measure"]) == {"goodput", "wait_mean_s"}
    assert set(done.sensitivity("fleet wait_mean_s")["axis"].dropna()) >= {"load", "order"}


def test_a_cause_that_never_showed_cost_nothing(done: Sweep) -> None:
    idle = done.summary(["pool gb/H100 idle_power gpu_hours_lost"])
    assert (idle[["mean", "low", "high"]] == 0.0).all(axis=None)
    assert (idle["n"] == 5).all()


def test_what_cannot_be_asked(done: Sweep, tmp_path: Path) -> None:
    with pytest.raises(GpusimError, match="did you mean 'goodput'"):
        done.summary(["godput"])
    with pytest.raises(GpusimError, match="point 9: no finished run; the points are 0 to 3"):
        done.against(9)
    about = tmp_path / "out" / "sweep.json"
    text = about.read_text()
    for bad in (text.replace('"spec"', '"spek"'), text.replace('"replications": 5', '"replications": "many"')):
        about.write_text(bad)
        with pytest.raises(StoreError, match="cannot be read"):
            Sweep.load("out")
    about.write_text(text.replace('"study": "sweep"', '"study": "relief"'))
    with pytest.raises(StoreError, match="not a sweep"):
        Sweep.load("out")


def test_loaded_from_its_store(done: Sweep) -> None:
    again = Sweep.load("out")
    assert again.spec == done.spec
    pd.testing.assert_frame_equal(again.summary(), done.summary())


def test_points_that_are_the_same_run_once(tmp_path: Path) -> None:
    text = SWEEP.replace("values = [100.0, 200.0]", "values = [100.0, 200.0]\nhow = 'scale'").replace(
        'values = ["fifo", "sjf"]', 'cases = { a = { "scheduler.order" = "fifo" }, b = { "scheduler.order" = "fifo" } }'
    )
    done = gpusim.sweep(study(tmp_path, text.replace('key = "scheduler.order"\n', "")), "out", executor="serial")
    assert len(run_files(tmp_path / "out")) == 10
    assert len(done.table()) == 20
    assert (done.against(0, ["jobs"]).query("point == 1")[["low", "high"]] == 0.0).all(axis=None)


def test_replications_until_the_interval_is_narrow(tmp_path: Path) -> None:
    text = """scenario = "tiny.toml"
replications = 4
[stop]
measure = "jobs"
half_width = 1.5
most = 300
"""
    spec, told = study(tmp_path, text, SCENARIO.replace("days = 0.2", "days = 0.05")), []
    done = gpusim.sweep(spec, "out", executor="serial", progress=told.append)
    jobs = done.table()["jobs"]
    assert 4 < len(jobs) < 300
    assert stats.t.ppf(0.975, len(jobs) - 1) * jobs.sem() <= 1.5
    assert len({state.total for state in told}) > 1  # in rounds
    assert {state.kept for state in told} == {0}  # what a round made is not told of as if it had been there before
    before = run_files(tmp_path / "out")
    most = SweepSpec.from_dict(
        {**spec.model_dump(), "stop": {**spec.stop.model_dump(), "half_width": 0.01, "most": 60}}
    )
    gpusim.sweep(most, "out", executor="serial")
    assert len(run_files(tmp_path / "out")) == 60
    assert before.items() < run_files(tmp_path / "out").items()


def test_the_measurements_of_speed_check_what_they_ran(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = Path(__file__).parents[3] / "experiments" / "sweep_speed.py"
    spec = importlib.util.spec_from_file_location("sweep_speed", path)
    speed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(speed)
    study(tmp_path)
    tiny = Scenario.from_toml("tiny.toml")
    assert speed.overhead(tiny, tmp_path / "overhead") > 0.0
    assert speed.processes(tiny, tmp_path, count=4, times=1) > 0.0
    with pytest.raises(AssertionError):  # it is not the scenario of 20,000 jobs
        speed.replications(tiny, tmp_path, count=2)
    assert "both with the same bytes" in capsys.readouterr().out

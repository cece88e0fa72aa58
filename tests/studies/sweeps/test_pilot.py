"""The warm-up that is found by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

import gpusim
from gpusim.errors import GpusimError
from tests.studies.sweeps.kit import SCENARIO, policy_study, run_files, study

SWEEP = 'scenario = "tiny.toml"\nreplications = 3\nwarm_up_days = "auto"\n'
# Jobs of 9 h on average, 120 a day, on 64 GPUs: the fleet, empty at first, fills within a day, up to 7/10.
BUSY = (
    SCENARIO.replace("days = 0.2", "days = 8.0")
    .replace("gpus = 8", "gpus = 64")
    .replace("jobs_per_day = 200.0", 'jobs_per_day = 120.0\nruntime_sigma = 0.5\ngpus = { "1" = 1.0 }')
    .replace("runtime_median_s = 600.0", "runtime_median_s = 28800.0")
)


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_fleet_that_starts_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = study(tmp_path, SWEEP, BUSY)
    done = gpusim.sweep(spec, "out", executor="serial")
    jobs = gpusim.run(gpusim.Scenario.from_toml("tiny.toml"), 0).pools.groupby("start_s")["running_jobs"].sum()
    keys = {one.partition(".")[0] for one in run_files(tmp_path / "out")}
    found_s = next(s for s in jobs.index if set(_keys(spec, s)) == keys)  # what the runs' keys were made with
    assert 0.1 * 86_400 < found_s < 2.0 * 86_400
    assert jobs.loc[: 0.5 * found_s].mean() < 0.8 * jobs.loc[found_s:].mean()
    whole = gpusim.sweep(study(tmp_path, SWEEP.replace('"auto"', "0.0"), BUSY), "whole", executor="serial")
    assert (done.table()["allocation"] > whole.table()["allocation"]).all()
    # Pilots run once for a store.
    monkeypatch.setattr("gpusim.studies.sweeps.sweep.jobs_present", None)
    told = []
    gpusim.sweep(spec, "out", executor="serial", progress=told.append)
    assert told[-1].kept == 3


def test_a_fleet_that_never_settles(tmp_path: Path) -> None:
    spec = study(tmp_path, SWEEP, BUSY.replace("120.0", "600.0"))
    with pytest.raises(GpusimError, match='warm_up_days: pilot runs do not settle .* give days instead of "auto"'):
        gpusim.sweep(spec, "out", workers=2)


def test_a_pilot_that_fails(tmp_path: Path) -> None:
    policy_study(tmp_path, "raise ValueError('no idea')")
    text = (tmp_path / "sweep.toml").read_text()
    (tmp_path / "sweep.toml").write_text('warm_up_days = "auto"\n' + text)
    with pytest.raises(GpusimError, match="warm_up_days: a pilot run failed: PolicyError: .*no idea"):
        gpusim.sweep("sweep.toml", "out", executor="serial")


def _keys(spec: gpusim.studies.sweeps.spec.SweepSpec, warm_up_s: float) -> list[str]:
    from gpusim.studies.sweeps.run import Run

    scenario = gpusim.Scenario.from_toml(spec.scenario)
    return [Run(scenario, seed, float(warm_up_s)).key for seed in range(3)]

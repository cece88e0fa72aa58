"""Power from sample to sample: steps against their integral by hand, energy of the run, ramps, bands, smoothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gpusim.errors import ResultError
from gpusim.results import swings
from gpusim.results.power_series import WorkSteps, power_series, steps_of
from gpusim.results.tables.record import Record
from gpusim.scenario.checkpoints import interval_s, mttf_s
from gpusim.scenario.hardware import built_in
from gpusim.scenario.job_class import JobClass
from gpusim.scenario.scenario import Scenario

HOUR_S = 3600.0
# Loads 10 s at 30 W; steps of 2 s: 1.6 s at 100 W, 0.1 s of it at 150 W, then 0.4 s at 30 W; writes 5 s at 10 W.
STEPS = WorkSteps(2.0, 0.4, 100.0, 30.0, 10.0, 150.0, 10.0, 20.0, 5.0)


def by_hand_w(at_s):
    """[W] at a moment."""
    if at_s < 10.0:
        return 30.0
    rest_s = (at_s - 10.0) % 25.0
    if rest_s >= 20.0:
        return 10.0
    in_step_s = rest_s % 2.0
    if in_step_s < 0.1:
        return 150.0
    return (160.0 - 15.0) / 1.5 if in_step_s < 1.6 else 30.0


def test_energy_is_the_integral_of_what_is_drawn():
    at_s = np.arange(0.0, 120.0, 0.001)
    drawn_w = np.array([by_hand_w(moment + 0.0005) for moment in at_s])
    by_sums = np.append(0.0, np.cumsum(drawn_w)) * 0.001
    found = STEPS.energy_j(np.append(at_s, 120.0), 0.0)
    assert np.abs(found - by_sums).max() < 1e-6 * by_sums[-1]


def test_a_step_of_a_training_run():
    """What a GPU of the catalogue does: 0.95, 0.33 and 0.19 of 700 W, peaks of 850 W; an hour of it by its shares."""
    gpu = built_in()["H100"]
    gpu = {"compute_fraction": 0.95, "communication_fraction": 0.33, "checkpoint_fraction": 0.19, **gpu}
    steps = steps_of(JobClass(communication_share=0.25), gpu, 16_384)
    assert (steps.work_w + 16_384 * 72) / 16_384 == pytest.approx(665.0)
    assert (steps.peak_w + 16_384 * 72) / 16_384 == pytest.approx(850.0)
    hour_j = steps.energy_j(np.array([HOUR_S]), 0.0)[0]
    assert hour_j == pytest.approx(HOUR_S * (0.75 * steps.work_w + 0.25 * steps.exchange_w))


@pytest.fixture(scope="module")
def result():
    """A job of 64 GPUs from 600 s on, one that draws the same throughout, for two hours."""
    scenario = Scenario.from_dict(
        {
            "name": "steps", "run": {"start": "2026-06-01T00:00:00Z", "days": 1.0}, "tenants": {"lab": {}},
            "sites": {"here": {"region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 1.0,
                               "pools": {"H100": {"gpus": 128}}}},
            "workload": {"classes": {"train": {"communication_share": 0.2}, "one": {}}},
        }
    )  # fmt: skip
    jobs = pd.DataFrame(
        {
            "job_id": [0, 1], "status": "running", "site": "here", "gpu_type": "H100", "job_class": ["train", "one"],
            "gpus": [64, 4], "start_s": [600.0, 0.0],
            "end_s": [2 * HOUR_S, np.nan], "evictions": 0, "run_s": [6600.0, 2 * HOUR_S],
        }
    )  # fmt: skip
    gpu = scenario.gpus["H100"].model_dump()
    train, one = (steps_of(scenario.workload.classes[name], gpu, gpus) for name, gpus in (("train", 64), ("one", 4)))
    mean_w = 0.8 * train.work_w + 0.2 * train.exchange_w
    ran_s = np.array([3000.0, HOUR_S])
    power = pd.DataFrame(
        {
            "site": "here", "start_s": [0.0, HOUR_S], "end_s": [HOUR_S, 2 * HOUR_S],
            "compute_j": ran_s * mean_w + HOUR_S * one.work_w, "communication_j": 0.0, "checkpoint_j": 0.0,
            "serving_j": 0.0, "idle_j": 50_000.0 * HOUR_S,
        }
    )  # fmt: skip
    power["it_w"] = (power["compute_j"] + power["idle_j"]) / HOUR_S
    power["facility_w"] = 1.1 * power["it_w"] + 1000.0
    manifest = {"scenario": scenario.to_toml_dict(), "seed": 0, "duration_s": 2 * HOUR_S, "gpus": {"H100": gpu}}
    return Record(manifest, {"jobs": jobs, "power": power, "sites": pd.DataFrame({"site": ["here"]})})


def test_the_series_has_the_energy_of_the_run(result):
    series = power_series(result, "here", 0.0, 2 * HOUR_S, 0.5)
    assert len(series) == 14_400
    power = result.tables["power"]
    for i, part in enumerate((series[:7200], series[7200:])):
        assert part["it_w"].mean() == pytest.approx(power["it_w"][i], rel=1e-9)
        assert part["facility_w"].mean() == pytest.approx(power["facility_w"][i], rel=1e-9)
    assert series["scale"].to_numpy() == pytest.approx(1.0, abs=1e-3)
    before = series[series["time_s"] < 599.0]["jobs_w"]
    assert np.ptp(before) < 1e-6 * before.mean()  # only who draws the same throughout


def test_runs_are_where_they_were(result):
    """A job that was evicted for an hour draws nothing then, whatever its last end."""
    parts = {
        "job_id": 0, "run": [0, 1], "site": "here", "gpu_type": "H100", "gpus": 64, "start_s": [600.0, 5000.0],
        "end_s": [1400.0, 7200.0], "rate": 1.0,
    }  # fmt: skip
    evicted = Record(result.manifest, {**result.tables, "job_segments": pd.DataFrame(parts)})
    series = power_series(evicted, "here", 0.0, 2 * HOUR_S, 0.5)
    drawn_w = (series["jobs_w"] / series["scale"]).to_numpy()
    at_s = series["time_s"].to_numpy()
    runs = ((at_s >= 600.0) & (at_s < 1400.0)) | (at_s >= 5000.0)
    assert drawn_w[runs].min() > 2.0 * drawn_w[~runs].max()
    power = evicted.tables["power"]
    for i, part in enumerate((series[:7200], series[7200:])):
        assert part["it_w"].mean() == pytest.approx(power["it_w"][i], rel=1e-9)


def test_a_job_goes_along_its_course_at_its_rates(result):
    """Slowed to half its rate and draw, its steps take twice as long at half the power; paused, it draws nothing; then
    it goes on with the checkpoint in which it was. Its class writes every 1,000 s, for 100 s."""
    scenario = Scenario.from_dict(result.manifest["scenario"])
    times = {"checkpoint_interval_s": 1000.0, "checkpoint_write_s": 100.0, "load_s": 50.0, "communication_share": 0.2}
    manifest = {**result.manifest, "scenario": scenario.with_({"workload.classes.train": times}).to_toml_dict()}
    gpu = manifest["gpus"]["H100"]
    above_w = np.array([1000.0, 500.0, 0.0, 1000.0])
    parts = {
        "job_id": 0, "run": 0, "site": "here", "gpu_type": "H100", "gpus": 64, "held_gpus": 64,
        "start_s": [600.0, 1000.0, 2330.0, 3000.0], "end_s": [1000.0, 2330.0, 3000.0, 7200.0],
        "rate": [1.0, 0.5, 0.0, 1.0], "power_w": 64 * gpu["idle_w"] + above_w,
    }  # fmt: skip
    tables = {**result.tables, "job_segments": pd.DataFrame(parts), "jobs": result.tables["jobs"][:1]}
    series = power_series(Record(manifest, tables), "here", 0.0, 2 * HOUR_S, 1.0)
    drawn_w = (series["jobs_w"] / series["scale"]).to_numpy()
    steps = steps_of(JobClass(**times), gpu, 64)
    assert drawn_w[601:649] == pytest.approx([steps.exchange_w] * 48)
    mean_w = 0.8 * steps.work_w + 0.2 * steps.exchange_w
    assert drawn_w[700:900].mean() == pytest.approx(mean_w, rel=1e-6)
    assert drawn_w[1100:2100].mean() == pytest.approx(0.5 * mean_w, rel=1e-6)
    # 400 s and half of 1,330 s along its course, a checkpoint has been written for 15 s; 85 s of it are left.
    assert drawn_w[2301:2330] == pytest.approx([0.5 * steps.write_w] * 29)
    assert drawn_w[2330:3000].max() == 0.0
    assert drawn_w[3000:3085] == pytest.approx([steps.write_w] * 85)
    assert drawn_w[3100:4000].mean() == pytest.approx(mean_w, rel=1e-6)


def test_checkpoints_at_the_best_interval_are_drawn(result):
    """By Young and Daly, at the rate of failures of the job's 64 GPUs."""
    scenario = Scenario.from_dict(result.manifest["scenario"])
    cause = {"of": "node", "per_1000_days": 1000.0, "repair": {"fast": 1.0}}
    scenario = scenario.with_(
        {
            "failures": {"causes": {"any": cause}, "repairs": {"fast": {"mean_h": 1.0}}},
            "workload.classes.train": {
                "checkpoint_interval_s": "young_daly",
                "checkpoint_write_s": 60.0,
                "communication_share": 0.2,
            },
        }
    )
    every_s = interval_s(scenario.workload.classes["train"], mttf_s(scenario, 64))
    assert every_s < HOUR_S
    record = Record(
        {**result.manifest, "scenario": scenario.to_toml_dict()}, {**result.tables, "jobs": result.tables["jobs"][:1]}
    )
    series = power_series(record, "here", 0.0, 2 * HOUR_S, 1.0)
    drawn_w = (series["jobs_w"] / series["scale"]).to_numpy()
    begins_s = 600.0 + every_s
    assert np.ptp(drawn_w[int(begins_s) + 1 : int(begins_s) + 60]) < 1e-6
    assert drawn_w[int(begins_s) + 30] < 0.5 * drawn_w[700:900].mean()


def test_all_gpus_of_a_job_stall_together(result):
    """Between exchange and peak 64 GPUs swing by 64 x (850 - 231) W."""
    series = power_series(result, "here", HOUR_S, HOUR_S + 20.0, 0.01)
    assert np.ptp(series["jobs_w"] / series["scale"]) == pytest.approx(64 * (850.0 - 0.33 * 700.0), rel=1e-6)
    again = power_series(result, "here", HOUR_S, HOUR_S + 20.0, 0.01)
    pd.testing.assert_frame_equal(series, again)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("there", 0.0, 10.0), "no site 'there'"),
        (("here", 0.0, 1e6), "give one within 0 to 7200 s"),
        (("here", 5.0, 5.0), "give one within"),
        (("here", 0.0, 10.0, 0.0), "give samples above 0 s"),
        (("here", 0.0, 10.0, 20.0), "no longer than the window"),
        (("here", 0.0, 10.0, 1.0, 0.0), "give more than 0"),
    ],
)
def test_bad_input(result, arguments, says):
    with pytest.raises(ResultError, match=says):
        power_series(result, *arguments)


def square(seconds=60.0, step_s=0.01, high_w=10e6, low_w=2e6):
    """Half a second low, half a second high."""
    at_s = np.arange(round(seconds / step_s)) * step_s
    return np.where(np.floor(at_s * 2.0 + 1e-9) % 2 == 0, low_w, high_w)


def test_ramps():
    """8 MW within a sample: 80 MW/s over 0.1 s, 8 over 1 s at most; a line has its slope over any window."""
    found = swings.ramps(np.linspace(0.0, 60e6, 6001), 0.01)
    assert found["up_mw_per_s"].to_numpy() == pytest.approx([1.0] * 4)
    assert found["down_mw_per_s"].tolist() == [0.0] * 4
    assert swings.ramps(square(), 0.01)["up_mw_per_s"][0] == pytest.approx(80.0)


def test_bands_hold_the_variance():
    """A square wave of 1 Hz swings by 4 MW about its mean: its first line, 1 Hz, has 8 / pi^2 of the variance."""
    found = swings.bands(square(), 0.01).set_index("from_hz")["rms_mw"]
    assert found[1.0] == pytest.approx(4.0 * np.sqrt(8.0) / np.pi, rel=1e-3)
    assert (found**2).sum() <= 16.0
    assert (found**2).sum() == pytest.approx(16.0, rel=0.03)  # the rest is above 20 Hz
    assert swings.bands(square(step_s=0.1), 0.1)["to_hz"].max() == 5.0


def test_smoothing():
    """Storage of 1.2 MW takes 2.4 MW off a swing of 8; dummy load of 8 MW keeps it at 10 and burns 4 in the mean."""
    watts = square()
    stored = swings.by_storage(watts, 0.01, 1.2e6)
    assert np.ptp(stored.power_w[1000:]) == pytest.approx(0.7 * 8e6, rel=1e-3)
    assert 0.5 * 1.2e6 <= stored.held_j <= 1.2e6  # half a second of it, and what the beginning takes
    burnt = swings.by_dummy_load(watts, 0.01, 8e6)
    assert np.ptp(burnt.power_w[1000:]) == 0.0
    assert burnt.lost_j == pytest.approx(60.0 * 4e6, rel=0.03)
    assert swings.by_dummy_load(watts, 0.01, 1e6).power_w.max() == 10e6

"""Streams: what each field does, what is refused, and that parts draw independently."""

from __future__ import annotations

import time
import tomllib
from datetime import UTC, datetime

import numpy as np
import pytest

from gpusim.errors import ScenarioError
from gpusim.inputs.synthetic import synthesize
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.workload import Workload
from gpusim.units import DAY_S

WEEK_S = 7 * DAY_S


def jobs(streams: dict[str, dict], duration_s: float = WEEK_S, seed: int = 3, **options):
    full = {name: {"tenant": "t", "job_class": "c", "jobs_per_day": 2000.0, **spec} for name, spec in streams.items()}
    return synthesize(Workload.model_validate({"streams": full}), duration_s, seed, **options)


def scenario(**stream) -> Scenario:
    data = tomllib.loads(Scenario.starter())
    data["workload"]["streams"] = {"s": {"tenant": "lab", "job_class": "research", "jobs_per_day": 500.0, **stream}}
    return Scenario.from_dict(data)


def test_stream_without_a_preset():
    table = jobs({"s": {"runtime_median_s": 3600.0, "runtime_sigma": 1.5, "gpus": {"1": 0.75, "8": 0.25}}}, 10 * WEEK_S)
    assert len(table) == pytest.approx(140_000, rel=0.01)
    assert np.median(table["runtime_s"]) == pytest.approx(3600.0, rel=0.02)
    assert np.log(table["runtime_s"]).std() == pytest.approx(1.5, rel=0.01)
    assert (table["gpus"] == 8).mean() == pytest.approx(0.25, abs=0.005)
    assert set(table.labels("final_state")) == {"completed"}
    np.testing.assert_array_equal(table["estimate_s"], table["runtime_s"])


def test_defaults_of_run_times():
    table = jobs({"s": {}}, 10 * WEEK_S)
    assert np.median(table["runtime_s"]) == pytest.approx(600.0, rel=0.03)
    assert np.log(table["runtime_s"]).std() == pytest.approx(2.2, rel=0.01)


def test_daily_sinusoid_peaks_at_15_h_local_time():
    table = jobs({"s": {"peak_to_mean": 1.8, "utc_offset_h": -5.0}}, 10 * WEEK_S)
    by_hour = np.bincount((table["submit_s"] // 3600.0).astype(int) % 24, minlength=24)
    share = by_hour / by_hour.mean()
    assert share[19:21].mean() == pytest.approx(1.8, rel=0.03)  # 15 h in UTC-5 is 20 h in UTC
    assert share[7:9].mean() == pytest.approx(0.2, abs=0.03)


def test_estimates_are_up_to_the_factor_over_run_times():
    table = jobs({"s": {"preset": "seren", "estimate_factor_max": 3.0}})
    factor = table["estimate_s"] / table["runtime_s"]
    assert factor.min() >= 1.0
    assert factor.max() <= 3.0
    assert factor.mean() == pytest.approx(2.0, rel=0.02)


def test_deadlines_are_so_many_run_times_after_submission():
    def slack(**spec):
        table = jobs({"s": spec})
        return table["deadline_s"] / table["runtime_s"]

    assert (slack() == 0.0).all()  # none
    np.testing.assert_allclose(slack(deadline_slack=2.0), 2.0)
    drawn = slack(preset="philly", deadline_slack=2.0, deadline_slack_max=4.0)
    assert drawn.min() >= 2.0
    assert drawn.max() <= 4.0
    assert drawn.mean() == pytest.approx(3.0, rel=0.02)
    assert (jobs({"s": {"deadline_s": 60.0}})["deadline_s"] == 60.0).all()


@pytest.mark.parametrize("spec", [{}, {"preset": "philly"}])
def test_another_stream_changes_nothing(spec):
    alone = jobs({"a": spec})
    both = jobs({"b": {"preset": "kalos", "tenant": "other"}, "a": spec})
    mine = both.take(both.labels("tenant") == "t")
    for column in ("submit_s", "gpus", "runtime_s", "estimate_s"):
        np.testing.assert_array_equal(mine[column], alone[column])
    np.testing.assert_array_equal(mine.labels("final_state"), alone.labels("final_state"))


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"gpus": {"1": 0.5, "64": 0.5}}, {"gpus", "runtime_s", "estimate_s"}),
        ({"runtime_median_s": 60.0, "runtime_sigma": 1.0}, {"runtime_s", "estimate_s"}),
        ({"estimate_factor_max": 2.0}, {"estimate_s"}),
        ({"preemptible": True, "priority": 3}, set()),
        ({"deadline_slack": 2.0, "deadline_slack_max": 3.0}, {"deadline_s"}),
    ],
)
def test_one_field_changes_its_own_part_only(change, changed):
    before, after = jobs({"s": {"preset": "helios"}}), jobs({"s": {"preset": "helios", **change}})
    columns = ("submit_s", "gpus", "runtime_s", "estimate_s", "deadline_s")
    assert {name for name in columns if not np.array_equal(before[name], after[name])} == changed


def test_own_run_times_replace_those_of_the_preset():
    table = jobs({"s": {"preset": "philly", "runtime_median_s": 60.0, "runtime_sigma": 0.5}}, 20 * WEEK_S)
    assert np.median(table["runtime_s"]) == pytest.approx(60.0, rel=0.01)
    assert np.log(table["runtime_s"]).std() == pytest.approx(0.5, rel=0.01)
    assert (table["gpus"] == 1).mean() == pytest.approx(0.93, abs=0.01)  # its sizes stay


def test_presets_follow_the_calendar_and_the_zone():
    def shares(**options):
        spec = {"preset": "philly", "jobs_per_day": 3e4, "utc_offset_h": options.pop("zone", 0.0)}
        submit_s = jobs({"s": spec}, 2 * WEEK_S, **options)["submit_s"]
        return np.bincount((submit_s // 3600.0).astype(int) % 24) / len(submit_s)

    assert shares().argmax() == 7  # the busiest hour of philly.csv is 7 to 8 h
    assert shares(start=datetime(2026, 6, 3, 5, tzinfo=UTC)).argmax() == 2
    assert shares(zone=-8.0).argmax() == 15
    start_friday = jobs({"s": {"preset": "philly", "jobs_per_day": 1e5}}, DAY_S, start=datetime(2026, 6, 5, tzinfo=UTC))
    start_sunday = jobs({"s": {"preset": "philly", "jobs_per_day": 1e5}}, DAY_S, start=datetime(2026, 6, 7, tzinfo=UTC))
    assert len(start_friday) / len(start_sunday) == pytest.approx(20.20 / 9.62, rel=0.15)


def test_same_seed_same_jobs_other_seed_others():
    first, again, other = (jobs({"s": {"preset": "pai"}}, seed=seed) for seed in (3, 3, 4))
    assert first.to_frame().equals(again.to_frame())
    assert not np.array_equal(first["submit_s"][:10], other["submit_s"][:10])


def test_jobs_lie_within_the_run():
    table = jobs({"s": {"preset": "philly"}}, DAY_S * 2.5)
    assert table["submit_s"].min() >= 0.0
    assert table["submit_s"].max() < DAY_S * 2.5
    assert (np.diff(table["submit_s"]) >= 0.0).all()


def test_a_preset_survives_a_changed_copy_of_the_scenario():
    changed = scenario(preset="kalos").with_({"run.days": 2.0})
    assert changed.workload.streams["s"].preset == "kalos"
    assert changed.run.days == 2.0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"preset": "philly", "peak_to_mean": 1.5}, "found 1.5; preset 'philly' has its own hours"),
        ({"preset": "seren", "runtime_median_s": 60.0}, "runtime_median_s alone does not replace the run times"),
        ({"preset": "seren", "runtime_sigma": 1.0}, "add runtime_median_s or remove runtime_sigma"),
        ({"gpus": {"1": 0.5, "0": 0.5}}, "streams.s.gpus: size 0 is not a whole number"),
        ({"gpus": {"half": 1.0}}, "streams.s.gpus: size half is not a whole number"),
        ({"gpus": {"1": 0.0}}, "one must be positive"),
        ({"gpus": {"1": 2.0, "2": -1.0}}, "no weight may be negative"),
        ({"deadline_slack": 2.0, "deadline_s": 60.0}, "deadline_slack and deadline_s both say when jobs are due"),
        ({"deadline_slack_max": 2.0}, "deadline_slack_max without deadline_slack; give that too"),
        ({"deadline_slack": 3.0, "deadline_slack_max": 2.0}, "deadline_slack of 3 is above deadline_slack_max of 2"),
        ({"preset": "phily"}, "workload.streams.s.preset"),
        ({"preset": "pai", "jobs_per_day": 0.0}, "workload.streams.s.jobs_per_day"),
    ],
)
def test_conflicts_and_nonsense_are_faults(fields, said):
    with pytest.raises(ScenarioError) as error:
        scenario(**fields)
    assert said in str(error.value)
    assert "1 fault\n" in str(error.value)


def test_all_faults_at_once():
    with pytest.raises(ScenarioError) as error:
        scenario(preset="philly", peak_to_mean=1.5, runtime_sigma=1.0, gpus={"0": 1.0})
    assert len(error.value.faults) == 3


@pytest.mark.parametrize("preset", [None, "philly", "helios", "seren", "kalos", "pai"])
def test_a_million_jobs_take_less_than_three_seconds(preset):
    spec = {"preset": preset, "jobs_per_day": 10_000.0} if preset else {"jobs_per_day": 10_000.0}
    jobs({"s": spec}, DAY_S)
    begin_s = time.process_time()
    table = jobs({"s": spec}, 100 * DAY_S)
    assert len(table) > 800_000
    assert (time.process_time() - begin_s) * 1e6 / len(table) < 3.0

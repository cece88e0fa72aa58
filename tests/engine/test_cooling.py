"""Hot days: what the plant manages, what that does to jobs, how it is booked; random cases are in `test_reference`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.causes import WORDS
from gpusim.engine.cooling import cooled_share, overhead
from gpusim.errors import ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check
from gpusim.scenario.cooling import Cooling
from gpusim.studies.relief.constraints import counterfactuals
from gpusim.units import HOUR_S
from tests.regulation.kit import PLAIN, scenario

DESIGN = {**PLAIN, "medium": "air", "rejection": "dry", "design_c": 30.0, "derate_per_k": 0.05}


@pytest.fixture(scope="module")
def weather(tmp_path_factory):
    """A day at 25 C, of which hours 6 to 11 are at 36 C: 0.3 of 100 kW less can be cooled."""
    path = tmp_path_factory.mktemp("weather") / "hot.csv"
    times = pd.date_range("2026-06-01", periods=25, freq="h").strftime("%Y-%m-%dT%H:%M:%SZ")
    dry = np.where((np.arange(25) >= 6) & (np.arange(25) < 12), 36.0, 25.0)
    pd.DataFrame({"time_utc": times, "dry_bulb_c": dry, "wet_bulb_c": 20.0}).to_csv(path, index=False)
    return str(path)


def played(weather, cooling=DESIGN, **site):
    """A day of 100 GPUs of 1 kW, PUE 1, with more work than they can do, behind a connection of 0.2 MW."""
    given = scenario([], run={"days": 1.0}, weather_file=weather, cooling=cooling, **site)
    return gpusim.run(given.with_({"workload.classes.training.load_s": 0.0}), seed=3)


def hours(result, table="ledger", value="gpu_s"):
    found = result.tables[table]
    return (found.groupby("cause", observed=True)[value].sum() / HOUR_S).to_dict()


@pytest.mark.parametrize(
    ("outside_c", "share"), [(-10.0, 1.0), (30.0, 1.0), (31.0, 0.95), (40.0, 0.5), (50.0, 0.0), (60.0, 0.0)]
)
def test_share_by_outside_temperature(outside_c, share):
    dry = Cooling(**DESIGN)
    assert cooled_share(dry, outside_c, -20.0) == pytest.approx(share)
    assert cooled_share(dry.model_copy(update={"rejection": "evaporative"}), 60.0, outside_c) == pytest.approx(share)
    assert cooled_share(dry.model_copy(update={"design_c": None}), outside_c, outside_c) == 1.0


@pytest.mark.parametrize(
    ("medium", "rejection", "mild", "beyond_k"),
    [
        ("air", "evaporative", 1.33, 22.0 + 6.0 - 24.0),
        ("air", "dry", 1.33, 40.0 + 6.0 - 24.0),
        ("hybrid", "evaporative", 1.23, 22.0 + 6.0 - 27.0),
        ("liquid", "dry", 1.10, 40.0 + 8.0 - 38.0),
    ],
)
def test_overhead_by_the_bulb_that_heat_is_rejected_against(medium, rejection, mild, beyond_k):
    cooling = Cooling(medium=medium, rejection=rejection)
    assert overhead(cooling, 40.0, 22.0) == pytest.approx(mild + 0.015 * beyond_k)
    assert overhead(cooling, 5.0, 2.0) == pytest.approx(mild)


def test_what_is_usual_for_a_medium():
    assert Cooling(medium="liquid").rejection == "dry"
    assert Cooling(medium="hybrid").rejection == Cooling().rejection == "evaporative"


@pytest.mark.parametrize("load", [1.0, 0.5, 0.1])
def test_part_load_weighs_the_fixed_part_more(weather, load):
    """PUE 1.33 + 0.02 / load in mild weather, in every hour."""
    cooling = {"medium": "air", "overhead_per_k": 0.0}
    given = scenario([], run={"days": 1.0}, weather_file=weather, cooling=cooling)
    day_s, n = 24 * HOUR_S, round(100 * load)
    jobs = JobTable.build(submit_s=np.zeros(1), gpus=[n], runtime_s=[day_s], estimate_s=[day_s])
    busy = gpusim.run(given, jobs=jobs).power.iloc[1:23]
    assert busy["pue"].to_numpy() == pytest.approx(np.full(22, 1.33 + 0.02 / load))


def test_hot_hours_send_jobs_away_and_are_booked(weather):
    """At 70 of 100 kW, 30 jobs of an hour are evicted; 30 GPUs are idle for cooling, six hours long."""
    result = played(weather)
    assert not check(result)
    power = result.power
    assert power["it_w"].to_numpy()[6:12] == pytest.approx(np.full(6, 70e3))
    assert power["it_w"].to_numpy()[[4, 13]] == pytest.approx(np.full(2, 100e3))
    booked = hours(result)
    assert booked["idle_cooling"] == pytest.approx(180.0)
    assert "idle_rule" not in booked
    assert "idle_power" not in booked
    assert hours(result, "waits", "job_s")["cooling"] > 0.0
    sentence = result.bottlenecks().query("cause == 'idle_cooling'")["sentence"].iloc[0]
    assert WORDS["idle_cooling"].clause in sentence
    assert WORDS["idle_cooling"].relief in sentence
    told = result.events[result.events["kind"] == "cooling"]
    assert told["time_s"].tolist() == [6 * HOUR_S, 12 * HOUR_S]
    assert told["value"].tolist() == [0.07, 0.1]


def test_caps_slow_jobs_in_place_of_eviction(weather):
    result = played(weather, {**DESIGN, "design_mw": 0.11}, capping="uniform")
    assert not check(result)
    booked = hours(result)
    assert booked["throttled_cooling"] > 0.0
    assert "throttled" not in booked
    assert "idle_cooling" not in booked
    assert result.jobs["evictions"].sum() == 0
    heat = result.ledger[(result.ledger["cause"] == "throttled_cooling") & (result.ledger["gpu_s"] > 0.0)]
    assert set(heat["start_s"]) <= {hour * HOUR_S for hour in range(6, 12)}
    assert result.jobs["throttled_gpu_s"].sum() / HOUR_S == pytest.approx(booked["throttled_cooling"])


def test_a_cap_below_what_can_be_cooled_is_not_the_weather(weather):
    """A connection of 0.06 MW throttles all day; the heat, at 70 kW, adds nothing."""
    result = played(weather, capping="uniform", grid_mw=0.06, oversubscription=10.0)
    assert hours(result)["throttled"] > 0.0
    assert "throttled_cooling" not in hours(result)


@pytest.mark.parametrize(
    "cooling", [{**DESIGN, "design_c": 36.0}, {**DESIGN, "design_mw": 0.15}, {**DESIGN, "derate_per_k": 0.0}, PLAIN]
)
def test_a_plant_that_manages_leaves_the_run_alone(weather, cooling):
    """Controls: designed for the heat, with room to spare, with nothing lost, and without a design."""
    result = played(weather, cooling)
    assert result.power["it_w"].to_numpy()[6:12] == pytest.approx(np.full(6, 100e3))
    assert "idle_cooling" not in hours(result)


def test_relief(weather):
    given = scenario([], run={"days": 1.0}, weather_file=weather, cooling=DESIGN)
    held = {("here/unit", "idle_cooling"): 180.0}
    (one,) = [each for each in counterfactuals(given, held, 0.1, 7.0, "useful_gpu_hours") if each.resource == "cooling"]
    free = gpusim.run(one.scenario(given), seed=3)
    assert "idle_cooling" not in hours(free)
    assert not [
        each
        for each in counterfactuals(given, {("here/unit", "busy"): 1.0}, 0.1, 7.0, "goodput")
        if each.resource == "cooling"
    ]


def test_bad_keys_are_told_together():
    wrong = {"medium": "steam", "rejection": "river", "cycles": 1.0, "derate_per_k": 2.0, "design_c": 99.0}
    with pytest.raises(ScenarioError) as error:
        scenario([], cooling=wrong)
    for key in wrong:
        assert f"sites.here.cooling.{key}" in str(error.value)


def test_the_meter_is_the_sum_of_its_parts_with_all_of_it_on(weather):
    """Heat, caps, failures, a curtailment: IT by phases, overhead by the hour's weather, what is always drawn."""

    def call(env):
        yield env.at(8 * HOUR_S)
        env.sites["here"].set_cap(60e3)
        yield env.at(10 * HOUR_S)
        env.sites["here"].set_cap(np.inf)

    cooling = {"medium": "hybrid", "rejection": "dry", "design_c": 30.0}
    given = scenario([], run={"days": 1.0, "warmer_k": 3.0}, weather_file=weather, cooling=cooling, capping="priority")
    often = {"failures.mix": "llama3", "failures.factor": 500.0}
    result = gpusim.run(given.with_(often), seed=5, processes=[call])
    assert not check(result)
    assert len(result.interruptions) > 0
    power, fixed_w = result.power, 0.02 * 100e3
    plant = Cooling(**cooling)
    bulbs = zip(power["outdoor_c"].tolist(), power["wet_bulb_c"].tolist(), strict=True)
    parts_j = sum(power[name] for name in power if name.endswith("_j"))
    again_j = parts_j * [overhead(plant, *bulb) for bulb in bulbs] + fixed_w * HOUR_S
    assert (power["facility_w"] * HOUR_S).to_numpy() == pytest.approx(again_j.to_numpy(), rel=1e-9)
    assert result.sites["energy_facility_j"].sum() == pytest.approx(again_j.sum(), rel=1e-9)
    causes = set(result.ledger[result.ledger["gpu_s"] > 0.0]["cause"])
    assert {"throttled", "throttled_cooling"} <= causes

"""Halls that cool less on hot days: limits by temperature, what that costs, what the report says of it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.results.conservation import check
from gpusim.results.site_power import feeders, feeders_in_words
from gpusim.scenario.feeders import Hall
from gpusim.units import HOUR_S
from tests.regulation.kit import PLAIN, scenario

DRY = {**PLAIN, "medium": "air", "rejection": "dry", "derate_per_k": 0.05}
HALL = {"nodes": 50, "kw": 55.0, "design_c": 30.0}  # of 50 GPUs of 1 kW: enough up to 30 C


@pytest.fixture(scope="module")
def weather(tmp_path_factory):
    """A day at 25 C, of which hours 6 to 11 are at 36 C."""
    path = tmp_path_factory.mktemp("weather") / "hot.csv"
    times = pd.date_range("2026-06-01", periods=25, freq="h").strftime("%Y-%m-%dT%H:%M:%SZ")
    dry = np.where((np.arange(25) >= 6) & (np.arange(25) < 12), 36.0, 25.0)
    pd.DataFrame({"time_utc": times, "dry_bulb_c": dry, "wet_bulb_c": 20.0}).to_csv(path, index=False)
    return str(path)


def played(weather, hall=HALL, **site):
    pools = {"unit": {"gpus": 100.0, "feeders": {"hall": hall}}}
    given = scenario([], run={"days": 1.0}, **{"weather_file": weather, "cooling": DRY, "pools": pools, **site})
    return gpusim.run(given, seed=3)


def test_a_hot_morning(weather):
    """At 36 C halls cool 0.7 of 55 kW: caps take 4 of 16 steps, for 6 hours, and what has 0.75 of the power goes its
    square root as fast."""
    result = played(weather)
    assert not check(result)
    booked = (result.ledger.groupby("cause", observed=True)["gpu_s"].sum() / HOUR_S).to_dict()
    assert booked["throttled_feeder"] == pytest.approx(600.0 * (1.0 - math.sqrt(0.75)), rel=1e-3)
    assert "throttled" not in booked
    assert "throttled_cooling" not in booked
    power = result.power.set_index(result.power["start_s"] // HOUR_S)["it_w"]
    assert power[6.0:11.0].to_numpy() == pytest.approx(np.full(6, 75_000.0), rel=1e-3)
    assert power.drop(np.arange(6.0, 12.0)).max() == pytest.approx(100_000.0)
    told = result.events[result.events["kind"] == "cooling"]
    assert (told["time_s"] / HOUR_S).tolist() == [6.0, 12.0]
    assert told["detail"].iloc[0] == "halls of unit: too hot to cool more than 38.5 kW of IT each: 36.0 C"
    row = feeders(result).iloc[0]
    assert (row["limit_kw"], row["least_limit_kw"], row["capped_hours"]) == pytest.approx((55.0, 38.5, 6.0))
    assert feeders_in_words(result) == [
        "All 2 halls of unit at here capped jobs, for 6 hours at the longest; to cap none, each would have to carry"
        " 50 kW, not 38.5 as in the hottest hour."
    ]


@pytest.mark.parametrize(
    ("hall", "site"),
    [
        ({"nodes": 50, "kw": 50.0}, {}),  # any weather
        ({**HALL, "design_c": 36.0}, {}),
        (HALL, {"cooling": {**DRY, "rejection": "evaporative"}}),  # the wet bulb is 20 C
        (HALL, {"cooling": {**DRY, "derate_per_k": 0.0}}),
    ],
)
def test_what_weather_does_not_limit(weather, hall, site):
    result = played(weather, hall, **site)
    assert "throttled_feeder" not in set(result.ledger["cause"])


@pytest.mark.parametrize(("outside_c", "share"), [(-10.0, 1.0), (30.0, 1.0), (32.0, 0.9), (50.0, 0.0), (60.0, 0.0)])
def test_share_by_temperature(outside_c, share):
    assert Hall.model_validate(HALL).cooled_share(outside_c, 0.05) == pytest.approx(share)


def test_what_caps_cannot_keep(weather):
    """At 36 C a hall for 60 kW that loses a tenth for each kelvin cools 24: less than half of what its nodes draw."""
    with pytest.raises(ScenarioError, match=r"hall.kw: at 36.0 C, the hottest hour, found 24 kW for 50 nodes"):
        played(weather, {**HALL, "kw": 60.0}, cooling={**DRY, "derate_per_k": 0.1})

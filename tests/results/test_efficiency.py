"""PUE, WUE, CUE, ERF, REF: by the formulas of Delegated Regulation (EU) 2024/1364, and by what is published."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

import gpusim
from gpusim import rng
from gpusim.engine.cooling import overhead, water_l_per_j
from gpusim.inputs.climatology import SiteSignals, climate_signals
from gpusim.inputs.signals import Signal
from gpusim.results.conservation import check
from gpusim.results.tables.record import Record
from gpusim.scenario.cooling import Cooling
from gpusim.units import DAY_S, JOULE_PER_KWH
from tests.regulation.kit import scenario
from tests.results.kit import fleet


@pytest.fixture(scope="module")
def result():
    return gpusim.run(scenario([], run={"days": 3.0}, cooling={"medium": "air"}), seed=1)


def test_formulas():
    """An hour of 1,000 kWh of IT, 1,250 kWh at the meter, 250 kg and 2,000 l; a second site says what it reuses."""
    made_up = fleet(2, 4)
    sites = {name: {} for name in made_up.sites["site"]}
    sites["site-01"] = {"sustainability": {"heat_share": 0.1, "renewable_share": 0.8, "water_l_per_kwh": 0.5}}
    one, other = (
        type(made_up)({**made_up.manifest, "scenario": {"sites": sites}}, made_up.tables).efficiency().itertuples()
    )
    assert (one.pue, one.wue_l_per_kwh, one.cue_kg_per_kwh, one.water_m3) == (1.25, 2.0, 0.25, 8.0)
    assert np.isnan([one.erf, one.ref]).all()
    assert (other.wue_l_per_kwh, other.water_m3, other.erf, other.ref) == (0.5, 2.0, 0.1, 0.8)


def test_water_is_what_the_towers_took_of_every_joule_at_the_meter(result):
    power = result.power  # by the hour, as the weather
    times_s = power["start_s"].to_numpy()
    dry, wet = (Signal(times_s, power[name].to_numpy()) for name in ("outdoor_c", "wet_bulb_c"))
    weather = SiteSignals(Signal.constant(0.0), Signal.constant(0.0), dry, wet)
    again = water_l_per_j(Cooling(medium="air"), weather).values * power["facility_w"].to_numpy() * 3600.0
    assert power["water_l"].to_numpy() == pytest.approx(again, rel=1e-9)
    assert not check(result)
    spilt = result.tables | {"sites": result.tables["sites"].assign(water_l=0.0)}
    assert any("water" in fault for fault in check(Record(result.manifest, spilt)))


def test_dry_coolers_take_none():
    for medium, rejection, some in (("air", "dry", False), ("liquid", "dry", False), ("liquid", "evaporative", True)):
        cooling = Cooling(medium=medium, rejection=rejection)
        assert (water_l_per_j(cooling, signals("US-TEX-ERCO")).values.max() > 0.0) == some


def signals(region: str) -> SiteSignals:
    return climate_signals(region, datetime(2026, 1, 1, tzinfo=UTC), 365 * DAY_S, rng.stream(1, "climate"))


@pytest.mark.parametrize("region", ["US-TEX-ERCO", "US-MIDA-PJM", "DE-LU", "GB"])
def test_a_year_of_an_air_hall_is_as_published(region):
    """WUE 1.8 l/kWh on average (sunbirddcim.com), within 30%; PUE 1.3 to 1.5; hybrid halls in between."""
    weather = signals(region)
    pue, wue = {}, {}
    for medium in ("air", "hybrid", "liquid"):
        cooling = Cooling(medium=medium)
        bulbs = zip(weather.dry_bulb_c.values.tolist(), weather.wet_bulb_c.values.tolist(), strict=True)
        of_hour = np.array([overhead(cooling, *bulb) for bulb in bulbs]) + cooling.fixed_fraction
        pue[medium] = of_hour.mean()
        wue[medium] = (water_l_per_j(cooling, weather).values * JOULE_PER_KWH * of_hour).mean()
    assert 1.3 <= pue["air"] <= 1.5
    assert pue["liquid"] < 1.2 < pue["hybrid"] < 1.3
    assert wue["air"] == pytest.approx(1.8, rel=0.3)
    assert wue["liquid"] == 0.0

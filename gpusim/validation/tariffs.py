"""Anchors of charges for transmission and capacity and of bills, through a year of sites of constant power."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from gpusim.engine.run import run
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, HOUR_S, JOULE_PER_MWH
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import SEED
from gpusim.validation.power import flat_year_scenario


def flat_sites_scenario(september_mw: float = 0.0) -> Scenario:
    """100 MW in Texas, but for one September, and in Virginia, from June 2026 to May 2027."""
    tables = flat_year_scenario(pue=1.0).to_toml_dict()
    here = {**tables["sites"].pop("here"), "jurisdiction": "US"}
    grid = [{"at": "2026-06-01", "value": 1000.0}, {"at": "2026-09-01", "value": september_mw},
            {"at": "2026-10-01", "value": 1000.0}]  # fmt: skip
    tables["sites"] = {
        "texas": {**here, "region": "US-TEX-ERCO", "grid_mw": grid},
        "virginia": {**here, "region": "US-MIDA-PJM"},
    }
    tables["run"] = {"start": "2026-06-01", "days": 365.0, "record_s": 5 * DAY_S}
    tables["rules"] = {"enforce": ["us-ercot-4cp", "us-pjm-capacity"]}
    return Scenario.from_dict(tables)


def warm_summer(quarter_h: float = 21.75) -> Iterator[Row]:
    """30: four peaks found in the power table of an air-cooled site, whose power goes with the weather.

    The quarter hour of 16:45 in Texas (21:45 UTC) on the hottest weekday of each month from June to September.
    """
    tables = flat_sites_scenario().to_toml_dict()
    here = tables["sites"]["texas"] | {"grid_mw": 1000.0, "cooling": {"medium": "air"}}
    tables |= {"run": {"start": "2026-06-01", "days": 122.0, "record_s": 900.0}, "sites": {"texas": here}}
    tables["rules"] = {"enforce": ["us-ercot-4cp"]}
    result = run(Scenario.from_dict(tables), SEED)
    power = result.power
    time = pd.Timestamp("2026-06-01") + pd.to_timedelta(power["start_s"], unit="s")
    peak = power[(time.dt.hour + time.dt.minute / 60.0 == quarter_h) & (time.dt.day_of_week < 5)]
    hottest = peak.loc[peak.groupby(time.dt.month)["outdoor_c"].idxmax()]
    expected = 70.0 * (hottest["facility_w"] / 1000.0).sum() / 4.0
    yield Row(30, "4CP of a site that follows the weather [USD]", expected, result.rules["usd"].sum(), 1e-9)


def peaks_and_capacity(_effort: Effort) -> Iterator[Row]:
    """30: transmission by four coincident peaks at 70 USD/kW, with and without one avoided; capacity at PJM's price."""
    for september_mw, what, expected in ((0.0, "100/100/100/0", 5.25e6), (1000.0, "100/100/100/100", 7.0e6)):
        result = run(flat_sites_scenario(september_mw), SEED)
        usd = result.rules.groupby("rule")["usd"].sum()
        yield Row(30, f"4CP of {what} MW [USD]", expected, usd["us-ercot-4cp"], 1e-12)
    virginia = result.sites.set_index("site").loc["virginia"]
    mwh = virginia["energy_facility_j"] / JOULE_PER_MWH
    yield Row(30, "capacity of 100 MW for a year [USD]", 329.17 * 100.0 * 365.0, usd["us-pjm-capacity"], 1e-12)
    yield Row(30, "the same by energy [USD/MWh]", 329.17 / 24.0, usd["us-pjm-capacity"] / mwh, 1e-12)
    yield from warm_summer()


def bills_of_a_year(_effort: Effort) -> Iterator[Row]:
    """60: every line of the bill of 100 MW for a year at 50 USD/MWh, with four peaks; then of a site of the weather."""
    tables = flat_sites_scenario(1000.0).to_toml_dict()
    tables["sites"] = {"texas": tables["sites"]["texas"]}
    tables["sites"]["texas"]["tariff"] = {
        "meter_s": HOUR_S, "demand_usd_per_kw_month": 8.0, "delivery_usd_per_mwh": 3.0, "carbon_usd_per_t": 20.0,
        "tax_share": 0.06,
        "agreements": {
            "wind": {"mw": 120.0, "price_usd_per_mwh": 40.0, "until": "2026-12-01"},
            "sun": {"mw": 30.0, "price_usd_per_mwh": 35.0, "settlement": "virtual"},
        },
    }  # fmt: skip
    tables["rules"] = {"enforce": ["us-ercot-4cp"]}
    result = run(Scenario.from_dict(tables), SEED)
    mwh, wind_mwh, sun_mwh = 876_000.0, 120.0 * 24.0 * 183.0, 30.0 * 8_760.0
    lines = {
        "energy": 50.0 * (mwh - wind_mwh), "agreement wind": 40.0 * wind_mwh, "virtual agreement sun": -15.0 * sun_mwh,
        "demand": 12 * 8.0 * 100_000.0, "delivery": 3.0 * mwh, "carbon": 20.0 * 0.334 * mwh,
        "transmission": 70.0 * 100_000.0,
    }  # fmt: skip
    lines["taxes"] = 0.06 * (sum(lines.values()) - lines["virtual agreement sun"])
    billed = result.bill.groupby("component")["usd"].sum()
    for component, expected in lines.items():
        yield Row(60, f"100 MW for a year: {component} [USD]", expected, billed[component], 1e-11)
    yield Row(60, "the same in all [USD]", sum(lines.values()), billed.sum(), 1e-11)
    yield from _bill_of_the_weather()
    yield from _two_markets()


def _bill_of_the_weather() -> Iterator[Row]:
    """60: June of a site cooled by air at prices by the hour: energy, money and the highest quarter hour, by its table
    of power."""
    tables = flat_sites_scenario(1000.0).to_toml_dict()
    here = {"grid_mw": 1000.0, "cooling": {"medium": "air"}, "tariff": {"demand_usd_per_kw_month": 8.0}}
    here = {**tables["sites"]["texas"], **here}
    del here["price_usd_per_mwh"]
    tables |= {"run": {"start": "2026-06-01", "days": 30.0, "record_s": 900.0}, "sites": {"texas": here}, "rules": {}}
    result = run(Scenario.from_dict(tables), SEED)
    power, bill = result.power, result.bill.set_index("component")
    mwh = (power["facility_w"] * (power["end_s"] - power["start_s"])).sum() / JOULE_PER_MWH
    yield Row(60, "by the weather: energy [MWh]", mwh, bill["energy_mwh"].sum(), 1e-9)
    yield Row(
        60, "by the weather: its worth at the market [USD]", power["cost_usd"].sum(), bill.loc["energy", "usd"], 1e-9
    )
    peak_kw = power["facility_w"].max() / 1000.0
    yield Row(60, "by the weather: demand [USD]", 8.0 * peak_kw, bill.loc["demand", "usd"], 1e-9)


def _two_markets() -> Iterator[Row]:
    """60: 100 MW for a year, of which 120 are bought the day before at 40 USD/MWh, and 20 sold at 50; then, in the June
    of the weather, as much as the day before, settled at two prices by its table of power."""
    tables = flat_sites_scenario(1000.0).to_toml_dict()
    texas = tables["sites"]["texas"] | {"tariff": {"day_ahead": {"price_usd_per_mwh": 40.0, "mw": 120.0}}}
    result = run(Scenario.from_dict(tables | {"sites": {"texas": texas}, "rules": {}}), SEED)
    billed = result.bill.groupby("component")["usd"].sum()
    for component, expected in {"day ahead": 40.0 * 120.0 * 8_760.0, "energy": -50.0 * 20.0 * 8_760.0}.items():
        yield Row(60, f"two markets: {component} [USD]", expected, billed[component], 1e-11)
    here = {**texas, "grid_mw": 1000.0, "cooling": {"medium": "air"}}
    here["tariff"] = {"day_ahead": {"price_usd_per_mwh": 40.0}}
    tables |= {"run": {"start": "2026-06-01", "days": 30.0, "record_s": 900.0}, "sites": {"texas": here}, "rules": {}}
    result = run(Scenario.from_dict(tables), SEED)
    drawn_mwh = (result.power["facility_w"] * 900.0 / JOULE_PER_MWH).to_numpy()
    before_mwh = drawn_mwh[:-96]  # of 96 quarter hours a day
    expected = 40.0 * before_mwh.sum() + 50.0 * (drawn_mwh.sum() - before_mwh.sum())
    yield Row(60, "two markets, as the day before [USD]", expected, result.bill["usd"].sum(), 1e-9)

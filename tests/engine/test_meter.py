"""Meters read what sites draw, and change nothing; bills are for what they read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.result import Result
from gpusim.results.tables.names import TABLES
from gpusim.units import DAY_S, JOULE_PER_MWH
from tests.regulation.kit import scenario

TARIFF = {"demand_usd_per_kw_month": 8.0, "agreements": {"wind": {"mw": 0.04, "price_usd_per_mwh": 40.0}}}
AIR = {"medium": "air"}


@pytest.fixture(scope="module")
def given():
    """Four days over the turn of a month, from 23:50; prices and weather of Texas by the hour."""
    changes = {"run": {"start": "2026-06-28T23:50:00", "days": 4.0}, "cooling": AIR, "price_usd_per_mwh": None}
    return scenario(["us-ercot-4cp"], tariff=TARIFF, **changes)


@pytest.fixture(scope="module")
def result(given):
    return gpusim.run(given, seed=3)


def test_a_meter_changes_no_byte(given, result) -> None:
    free = gpusim.run(given.with_({"sites.here.tariff": None}), seed=3)
    assert all(result.tables[name].equals(free.tables[name]) for name in TABLES)
    assert "bill" not in free.tables


def test_readings_are_whole_and_exact(result) -> None:
    """Intervals follow each other, also over the turn of the month; their sums are the site's integrals."""
    meter, site = result.meter, result.sites.iloc[0]
    assert (meter["start_s"].to_numpy()[1:] == meter["end_s"].to_numpy()[:-1]).all()
    assert meter["start_s"].iloc[0] == 0.0
    assert meter["end_s"].iloc[-1] == 4 * DAY_S
    turn_s = 2 * DAY_S + 600.0
    assert turn_s in set(meter["start_s"])
    assert set(np.round(np.diff(meter["end_s"]))) <= {900.0, 600.0, 300.0}
    for column, total in {"energy_j": "energy_facility_j", "market_usd": "cost_usd", "carbon_kg": "carbon_kg"}.items():
        assert meter[column].sum() == pytest.approx(site[total], rel=1e-12)
    hour = result.power["facility_w"].to_numpy()[:24] * 3600.0
    quarters = meter[meter["end_s"] <= DAY_S]["energy_j"].to_numpy().reshape(24, 4).sum(axis=1)
    assert quarters == pytest.approx(hour, rel=1e-12)


def test_the_bill_is_for_the_energy_of_the_site(result) -> None:
    bill = result.bill
    assert list(bill["month"].unique()) == ["2026-06", "2026-07"]
    mwh = result.sites.iloc[0]["energy_facility_j"] / JOULE_PER_MWH
    assert bill["energy_mwh"].sum() == pytest.approx(mwh, rel=1e-9)
    energy = bill[bill["component"].isin(["energy", "agreement wind"])]
    worth = (result.meter["price_usd_per_mwh"] * 0.04 * (result.meter["end_s"] - result.meter["start_s"]) / 3600).sum()
    expected = result.sites.iloc[0]["cost_usd"] - worth + 0.04 * 96.0 * 40.0
    assert energy["usd"].sum() == pytest.approx(expected, rel=1e-9)


def test_a_result_keeps_them(result, tmp_path) -> None:
    result.save(tmp_path / "metered")
    again = Result.load(tmp_path / "metered")
    assert again.bill.equals(result.bill)
    assert again.meter.equals(result.meter)


def test_a_run_that_ends_early_is_metered_to_its_end() -> None:
    given = scenario([], run={"days": 5.0, "drain": True}, tariff={})
    given = given.with_({"workload.streams.jobs.jobs_per_day": 0.4})
    result = gpusim.run(given, seed=1)
    end_s = result.manifest["duration_s"]
    assert end_s < 5 * DAY_S
    assert result.meter["end_s"].iloc[-1] == end_s
    assert result.meter["energy_j"].sum() == pytest.approx(result.sites.iloc[0]["energy_facility_j"], rel=1e-12)


def test_statements_pay_the_bill() -> None:
    """With contracts, energy of a month is the bill's, but for what rules charge, which has a line of its own."""
    contracts = {"one": {"tenant": "lab", "gpus": 50.0, "signed": "2026-06-28", "term_days": 3.0, "value_usd": 9e3}}
    changes = {"run": {"start": "2026-06-28", "days": 4.0}, "tariff": {**TARIFF, "delivery_usd_per_mwh": 9.0}}
    given = scenario(["us-ercot-4cp"], **changes).with_({"workload.streams.jobs.jobs_per_day": 300.0})
    result = gpusim.run(given.with_({"contracts": contracts}), seed=3)
    bill = result.bill[result.bill["component"] != "transmission"]
    assert len(bill) < len(result.bill)
    paid = result.money_sites.groupby("month")["energy_usd"].sum()
    assert paid.to_dict() == pytest.approx(bill.groupby("month")["usd"].sum().to_dict(), abs=0.01)


def test_day_ahead_prices_come_from_a_file(given, tmp_path) -> None:
    """By the hour, from a file of its own; only bills know of them."""
    hours = pd.date_range("2026-06-28T23:00", periods=100, freq="h", tz="UTC")
    prices = pd.DataFrame({"time": hours.strftime("%Y-%m-%dT%H:%M:%SZ"), "price_usd_per_mwh": np.arange(100.0)})
    prices.to_csv(tmp_path / "prices.csv", index=False)
    day_ahead = {"price_file": str(tmp_path / "prices.csv"), "mw": 0.05}
    result = gpusim.run(given.with_({"sites.here.tariff.day_ahead": day_ahead, "rules.enforce": []}), seed=3)
    meter = result.meter
    at = meter["day_ahead_usd_per_mwh"].to_numpy()
    assert (at[0], at[-1]) == pytest.approx((1.0 / 3.0, 96.0))  # ten minutes at 0, then five at 1
    mwh = 0.05 * (meter["end_s"] - meter["start_s"]) / 3600.0
    billed = result.bill.groupby("component")["usd"].sum()
    assert billed["day ahead"] == pytest.approx((mwh * at).sum(), rel=1e-12)
    assert result.sites["cost_usd"].iloc[0] == pytest.approx(meter["market_usd"].sum(), rel=1e-12)

"""Bills by hand: from readings of a meter to lines in USD."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gpusim.commerce.bill import agreed_mwh, backup_mwh, bills
from gpusim.errors import ScenarioError
from gpusim.results.delivered import in_words, matched
from gpusim.results.tables.names import BILL_COLUMNS
from gpusim.results.tables.record import Record
from gpusim.results.tables.rules import RuleEntry, table
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, HOUR_S, JOULE_PER_MWH
from tests.regulation.kit import tables


def scenario(tariff: dict, days: float = 10.0, start: str = "2026-06-26") -> Scenario:
    return Scenario.from_dict(tables([], run={"start": start, "days": days}, tariff=tariff))


def readings(mw: list[float], price: list[float], interval_s: float = 6 * HOUR_S, grid_mw: float = 10.0):
    """Rows of a meter: mean power, and a price that is constant in each interval."""
    mw, price, edges_s = np.array(mw), np.array(price), interval_s * np.arange(len(mw) + 1.0)
    mwh = mw * interval_s / HOUR_S
    return pd.DataFrame(
        {
            "site": "here", "start_s": edges_s[:-1], "end_s": edges_s[1:], "energy_j": mwh * JOULE_PER_MWH,
            "market_usd": mwh * price, "price_usd_per_mwh": price, "carbon_kg": 400.0 * mwh, "grid_mw": grid_mw,
        }
    )  # fmt: skip


def usd(tariff: dict, read: pd.DataFrame, rules: list[RuleEntry] = [], **run) -> pd.Series:  # noqa: B006
    found = bills(scenario(tariff, **run), read, table(rules))
    assert list(found) == BILL_COLUMNS
    mwh = read["energy_j"].sum() / JOULE_PER_MWH
    assert found["energy_mwh"].sum() == pytest.approx(mwh, rel=1e-12)
    return found.set_index(["month", "component"])["usd"]


DAY = readings([4.0, 8.0, 6.0, 2.0], [20.0, 100.0, 50.0, -10.0])  # 24, 48, 36, 12 MWh on 26 June 2026
MARKET = 24 * 20.0 + 48 * 100.0 + 36 * 50.0 - 12 * 10.0


def test_without_anything_else_it_is_energy_at_the_market() -> None:
    assert usd({}, DAY).to_dict() == {("2026-06", "energy"): pytest.approx(MARKET)}


def test_a_month_of_each_component() -> None:
    """A day of the 30 of June: highest mean 8 MW, 120 MWh, 48 t; 11% of taxes on all of it."""
    tariff = {"demand_usd_per_kw_month": 9.0, "delivery_usd_per_mwh": 7.0, "carbon_usd_per_t": 80.0, "tax_share": 0.11}
    found = usd(tariff, DAY)["2026-06"]
    lines = {"energy": MARKET, "demand": 8_000 * 9.0 / 30.0, "delivery": 120 * 7.0, "carbon": 48.0 * 80.0}
    assert found.to_dict() == pytest.approx({**lines, "taxes": 0.11 * sum(lines.values())})


def test_two_markets() -> None:
    """5 MW bought the day before: what is drawn beyond is bought, what is not is sold, at the price of the moment."""
    day_ahead = {"price_usd_per_mwh": 1.0, "mw": 5.0}
    read = DAY.assign(day_ahead_usd_per_mwh=[30.0, 60.0, 40.0, 10.0])
    found = usd({"day_ahead": day_ahead}, read)["2026-06"]
    assert found["day ahead"] == pytest.approx(30.0 * (30.0 + 60.0 + 40.0 + 10.0))
    assert found["energy"] == pytest.approx(-6 * 20.0 + 18 * 100.0 + 6 * 50.0 - 18 * -10.0)


def test_as_much_as_the_day_before() -> None:
    """Over the turn of a month, with an interval that it cuts: nothing on the first day, then what was counted."""
    mw = [4.0, 8.0, 6.0, 2.0] * 2
    read = readings(mw, [50.0] * 8).assign(day_ahead_usd_per_mwh=40.0)
    same = usd({"day_ahead": {"price_usd_per_mwh": 40.0}}, read, days=2.0, start="2026-06-30")
    assert same["2026-06"].to_dict() == pytest.approx({"day ahead": 0.0, "energy": 50.0 * 120.0})
    assert same["2026-07"].to_dict() == pytest.approx({"day ahead": 40.0 * 120.0, "energy": 0.0})
    half = readings([4.0, 2.0], [50.0] * 2, DAY_S).assign(day_ahead_usd_per_mwh=[40.0, 30.0])
    less = usd({"day_ahead": {"price_usd_per_mwh": 40.0}}, half, days=2.0, start="2026-06-26")["2026-06"]
    assert less.to_dict() == pytest.approx({"day ahead": 30.0 * 96.0, "energy": 50.0 * (96.0 - 48.0)})


def test_a_position_has_one_price() -> None:
    with pytest.raises(ScenarioError, match="give one of price_usd_per_mwh and price_file"):
        scenario({"day_ahead": {"mw": 5.0}})


def test_least_demand_is_a_share_of_the_connection() -> None:
    tariff = {"demand_usd_per_kw_month": 9.0, "least_demand_share": 0.85}
    assert usd(tariff, DAY)["2026-06", "demand"] == pytest.approx(8_500 * 9.0 / 30.0)


def test_demand_is_by_month_and_by_the_part_that_the_run_covers() -> None:
    """Five days of June and five of July."""
    mw = [3.0, 5.0, 4.0, 4.0, 4.0, 2.0, 2.0, 7.0, 2.0, 2.0]
    found = usd({"demand_usd_per_kw_month": 9.0}, readings(mw, [50.0] * 10, DAY_S))
    assert found["2026-06", "demand"] == pytest.approx(5_000 * 9.0 * 5 / 30)
    assert found["2026-07", "demand"] == pytest.approx(7_000 * 9.0 * 5 / 31)


def test_physical_agreement_buys_what_is_missing_and_sells_what_is_left() -> None:
    """5 MW flat at 45 USD/MWh: 6 MWh left at 20, 18 missing at 100, 6 missing at 50, 18 left at -10."""
    found = bills(scenario({"agreements": {"wind": {"mw": 5.0, "price_usd_per_mwh": 45.0}}}), DAY, table([]))
    found = found.set_index("component")
    assert found.loc["agreement wind", "usd"] == pytest.approx(120.0 * 45.0)
    assert found.loc["energy", "usd"] == pytest.approx(-6 * 20.0 + 18 * 100.0 + 6 * 50.0 + 18 * 10.0)
    assert found["energy_mwh"].to_dict() == pytest.approx({"energy": 0.0, "agreement wind": 120.0})


def test_virtual_agreement_settles_the_difference() -> None:
    """The same money in all, on other lines; taxes are on what is bought, not on what is settled."""
    agreement = {"mw": 5.0, "price_usd_per_mwh": 45.0}
    physical, virtual = (
        usd({"agreements": {"wind": {**agreement, "settlement": kind}}}, DAY) for kind in ("physical", "virtual")
    )
    assert virtual.sum() == pytest.approx(physical.sum())
    assert virtual["2026-06", "energy"] == pytest.approx(MARKET)
    worth = 30 * (20.0 + 100.0 + 50.0 - 10.0)
    assert virtual["2026-06", "virtual agreement wind"] == pytest.approx(120 * 45.0 - worth)
    taxed = usd({"agreements": {"wind": {**agreement, "settlement": "virtual"}}, "tax_share": 0.1}, DAY)
    assert taxed["2026-06", "taxes"] == pytest.approx(0.1 * MARKET)


def test_agreement_of_all_that_is_drawn_replaces_the_market() -> None:
    found = usd({"agreements": {"all": {"price_usd_per_mwh": 60.0}}}, DAY)
    assert found["2026-06"].to_dict() == pytest.approx({"energy": 0.0, "agreement all": 120 * 60.0}, abs=1e-9)


def test_agreements_hold_between_their_dates_and_in_steps() -> None:
    """From noon on, 2 MW, and from 18 h on 4: 2 x 6 + 4 x 6 MWh."""
    steps = [{"at": "2026-06-26", "value": 2.0}, {"at": "2026-06-26T18:00:00", "value": 4.0}]
    agreement = {"price_usd_per_mwh": 40.0, "mw": steps, "since": "2026-06-26T12:00:00", "until": "2026-06-27"}
    read = readings([4.0] * 8, [50.0] * 8)
    found = usd({"agreements": {"late": agreement}}, read)["2026-06"]
    assert found["agreement late"] == pytest.approx(36.0 * 40.0)
    whole = {"price_usd_per_mwh": 40.0, "since": "2026-06-26T03:00:00", "until": "2026-06-26T12:00:00"}
    assert usd({"agreements": {"late": whole}}, read)["2026-06", "agreement late"] == pytest.approx(36.0 * 40.0)


def test_agreement_with_a_solar_plant() -> None:
    """It gives nothing at night, over a year its mean share, and never more than its size."""
    agreement = {"price_usd_per_mwh": 30.0, "mw": 10.0, "capacity_factor": 0.25}
    of = scenario({"agreements": {"sun": agreement}}, days=365.0, start="2026-01-01")
    edges_s = np.arange(0.0, 365.0 * DAY_S + 1.0, 900.0)
    read = pd.DataFrame({"site": "here", "start_s": edges_s[:-1], "end_s": edges_s[1:], "energy_j": 1.0})
    mwh = agreed_mwh(of, read)
    assert mwh.sum() == pytest.approx(0.25 * 10.0 * 8760.0, rel=2e-3)
    assert mwh.max() <= 10.0 * 0.25 * (1.0 + 1e-9)
    by_hour = mwh.reshape(365, 24, 4).sum(axis=(0, 2))  # at longitude 0 in UTC
    assert by_hour[[0, 1, 2, 22, 23]].sum() == 0.0
    assert by_hour.argmax() in (11, 12)
    coarse = pd.DataFrame({"site": "here", "start_s": edges_s[:-1:96], "end_s": edges_s[96::96], "energy_j": 1.0})
    assert agreed_mwh(of, coarse).sum() == pytest.approx(mwh.sum(), rel=1e-9)
    with pytest.raises(ScenarioError, match="capacity_factor without mw"):
        scenario({"agreements": {"sun": {**agreement, "mw": None}}})


def test_agreements_match_hour_by_hour() -> None:
    """5 MW flat for 4, 8, 6 and 2 MW: in all as much as is drawn, hour by hour 24 + 30 + 30 + 12 of 120 MWh."""
    of = scenario({"agreements": {"wind": {"mw": 5.0, "price_usd_per_mwh": 45.0}}}, days=1.0)
    parts = readings(np.repeat([4.0, 8.0, 6.0, 2.0], 24).tolist(), [50.0] * 96, interval_s=900.0)
    for read, words in ((parts, "hour by hour"), (DAY, "metering interval by metering interval")):
        known = Record({}, {"meter": read.assign(agreed_mwh=agreed_mwh(of, read)), "bill": bills(of, read, table([]))})
        found = matched(known).loc["here"]
        assert (found["hourly"], found["in_all"]) == (pytest.approx(96.0 / 120.0), pytest.approx(1.0))
        assert in_words(known)[-1] == f"Agreements match 80% of what here drew {words}, 100% over the run."
    none = Record({}, {"meter": DAY, "bill": bills(scenario({}), DAY, table([]))})
    assert matched(none).empty
    assert len(in_words(none)) == 1


def test_what_rules_charge_is_on_the_bill() -> None:
    """A peak in its month; capacity of two months, a third of it in June."""
    rules = [
        RuleEntry("cp", "here", 7 * DAY_S, 7 * DAY_S + 900.0, "peak", "", measured=6.0, usd=90.0),
        RuleEntry("capacity", "here", 2 * DAY_S, 8 * DAY_S, "capacity", "", measured=8.0, usd=60.0),
        RuleEntry("cp", "there", 0.0, 900.0, "peak", "", usd=5.0),
        RuleEntry("law", "here", 0.0, 900.0, "pue", "", usd=5.0),
    ]
    found = usd({"tax_share": 0.5}, readings([4.0] * 10, [0.0] * 10, DAY_S), rules)
    assert found["2026-06"].to_dict() == pytest.approx({"energy": 0.0, "capacity": 30.0, "taxes": 15.0})
    assert found["2026-07"].to_dict() == pytest.approx(
        {"energy": 0.0, "transmission": 90.0, "capacity": 30.0, "taxes": 60.0}
    )


def test_no_taxes_on_a_month_that_is_paid_for() -> None:
    assert usd({"tax_share": 0.2}, readings([4.0], [-30.0]))["2026-06", "taxes"] == 0.0


def test_rounding_is_no_backup() -> None:
    """Where all is made on site, its meter may stand below 0 by rounding, and other sites have calls."""
    read = pd.DataFrame({"start_s": [0.0, 900.0], "end_s": [900.0, 1800.0], "energy_j": [-1e-6, 1e9]})
    calls = pd.DataFrame({"start_s": [900.0], "end_s": [1800.0], "backup_mwh": [0.1]})
    assert backup_mwh(calls, read).tolist() == [0.0, 0.1]
    assert not backup_mwh(calls[:0], read).any()

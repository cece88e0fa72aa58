"""The European report: what a run has, what the scenario gives, what is missing."""

from __future__ import annotations

import pandas as pd
import pytest

import gpusim
from gpusim.regulation.reporting import MISSING, cooling_degree_days, energy_report, eu_report
from gpusim.units import DAY_S, JOULE_PER_MWH
from tests.regulation.kit import scenario

EED = "eu-eed-reporting"
GERMAN = {"region": "DE-LU", "jurisdiction": "EU", "pools": {"unit": {"gpus": 600.0}}, "grid_mw": 1.0}


def test_figures_of_a_run() -> None:
    known = {"heat_share": 0.2, "water_l_per_kwh": 0.5}
    result = gpusim.run(scenario([EED], run={"start": "2026-12-29", "days": 6.0}, sustainability=known, **GERMAN))
    table = energy_report(result)
    assert table.groupby("year")["days"].first().to_dict() == {2026: 3.0, 2027: 3.0}
    for year, first_s, last_s in ((2026, 0.0, 3 * DAY_S), (2027, 3 * DAY_S, 6 * DAY_S)):
        power = result.power[(result.power["start_s"] >= first_s) & (result.power["end_s"] <= last_s)]
        facility_kwh = (power["facility_w"] * (power["end_s"] - power["start_s"])).sum() / JOULE_PER_MWH * 1000.0
        values = table[table["year"] == year].set_index("figure")["value"]
        assert values["total energy"] == pytest.approx(facility_kwh)
        assert values["installed IT power"] == 600.0
        assert values["PUE"] == pytest.approx(1.0)
        assert values["heat reused"] == pytest.approx(0.2 * facility_kwh)
        assert values["water"] == pytest.approx(0.5 * facility_kwh / 1000.0)
    basis = table.groupby("figure")["basis"].first()
    assert (basis["ERF"], basis["REF"], basis["PUE"]) == ("given", "missing", "simulated")
    assert {figure for figure, _unit in MISSING} <= set(basis.index[basis == "missing"])
    rows = result.rules[result.rules["what"] == "report"]
    assert rows["detail"].iloc[0] == "2026: report due 2027-05-15; the run has 9 of 24 figures"


@pytest.mark.parametrize("change", [{"jurisdiction": "NO", "region": "NO-NO4"}, {"pools": {"unit": {"gpus": 499.0}}}])
def test_others_do_not_report(change: dict) -> None:
    given = scenario([EED], **{**GERMAN, **change})
    result = gpusim.run(given)
    assert energy_report(result).empty
    assert result.rules.empty


def test_waste_heat_above_a_megawatt() -> None:
    large = {**GERMAN, "pools": {"unit": {"gpus": 1100.0}}, "grid_mw": 2.0}
    assert set(gpusim.run(scenario([EED], **large)).rules["what"]) == {"report", "heat"}
    assert set(gpusim.run(scenario([EED], sustainability={"heat_share": 0.1}, **large)).rules["what"]) == {"report"}


def test_cooling_degree_days() -> None:
    """Days of a mean of 30, 24 and 23.9 C: 9 and 3 degree days, and none."""
    power = pd.DataFrame(
        {"start_s": [0.0, 0.5 * DAY_S, DAY_S, 2 * DAY_S], "end_s": [0.5 * DAY_S, DAY_S, 2 * DAY_S, 3 * DAY_S],
         "outdoor_c": [25.0, 35.0, 24.0, 23.9]}
    )  # fmt: skip
    start = scenario([]).run.start
    assert cooling_degree_days(power, start, 0.0, 3 * DAY_S) == pytest.approx(12.0)
    assert cooling_degree_days(power, start, DAY_S, 3 * DAY_S) == pytest.approx(3.0)


def test_no_rule_no_report() -> None:
    given = scenario([], **GERMAN)
    assert eu_report(given, gpusim.run(given).power, DAY_S).empty


@pytest.mark.parametrize("coarse", [{"record_s": 2 * DAY_S}, {"signal_s": 2 * DAY_S}])
def test_means_of_more_than_a_day_know_no_degree_days(coarse: dict) -> None:
    run = {"start": "2026-07-01", "days": 6.0}
    seen, blurred = (
        energy_report(gpusim.run(scenario([EED], run={**run, **more}, **GERMAN))).set_index("figure")["basis"]
        for more in ({}, coarse)
    )
    assert (seen["cooling degree days"], blurred["cooling degree days"]) == ("simulated", "missing")
    assert (seen["total energy"], blurred["total energy"]) == ("simulated", "simulated")

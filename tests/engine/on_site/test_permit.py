"""Permits that limit hours and NOx of a calendar year: what they leave, by hand, and runs across a new year."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

import gpusim
from gpusim.engine.on_site.generators import Permit, new_years
from gpusim.engine.on_site.merit import Machines
from gpusim.errors import ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check
from gpusim.scenario.on_site import Generator
from gpusim.units import DAY_S, HOUR_S, JOULE_PER_MWH
from tests.regulation.kit import scenario

ENGINES = {
    "units": 3, "spare_units": 1, "mw": 0.02, "efficiency": 0.4, "half_load_efficiency": 0.32,
    "fuel_usd_per_mmbtu": 4.0,
}  # fmt: skip
MMBTU_PER_MWH = 3.6 / 1.05505585262
START = "2026-12-31T18:10:00"  # the year ends after 5 h 50 min, within an interval


def permit(**limits: object) -> Permit:
    spec = Generator.model_validate({**ENGINES, **limits})
    return Permit(spec, Machines.of(spec))


def test_no_more_units_run_than_what_is_left_lets_run_to_the_end():
    """Three units of half an hour each: six quarter hours of one unit, of which no more than two run."""
    held = permit(hours_per_year=0.5)
    found = []
    for _interval in range(5):
        units = held.units(900.0)
        found.append(units)
        held.use(units * 900.0, 0.0)
    assert found == [2, 2, 2, 0, 0]
    held.renew()
    assert held.units(900.0) == 2
    held.use(5.5 * 900.0, 0.0)
    assert (held.units(900.0), held.units(450.0)) == (0, 1)  # half an interval is left


def test_nox_is_that_of_the_gas():
    """A unit burns 0.05 MWh of gas an hour at full power: 0.17 MMBtu, here 0.017 kg of NOx."""
    kg_per_hour = 0.1 * 0.02 / 0.4 * MMBTU_PER_MWH
    held = permit(nox_t_per_year=2.5 * kg_per_hour / 1e3, nox_kg_per_mmbtu=0.1)
    assert held.is_limited
    assert not permit(nox_kg_per_mmbtu=0.1).is_limited
    assert [held.units(hours * HOUR_S) for hours in (1.0, 1.3, 2.6)] == [2, 1, 0]
    held.use(0.0, 1.6 * kg_per_hour)
    assert held.units(HOUR_S) == 0


def test_years_begin_by_the_calendar():
    start = datetime(2027, 1, 1, tzinfo=UTC)
    assert new_years(start, 366 * DAY_S) == [365 * DAY_S]  # not the one that begins with the run
    assert new_years(start, 365 * DAY_S) == []


@pytest.fixture(scope="module")
def runs():
    """A site on engines alone, 40 GPUs of work at all times, for half a day across a new year, by what is permitted."""
    jobs = JobTable.build(submit_s=np.zeros(1000), gpus=1, runtime_s=HOUR_S)
    kg_per_hour = 0.1 * 0.02 / 0.4 * MMBTU_PER_MWH
    limits = {
        "none": {"nox_kg_per_mmbtu": 0.1},
        "hours": {"nox_kg_per_mmbtu": 0.1, "hours_per_year": 2.5},
        "nox": {"nox_kg_per_mmbtu": 0.1, "nox_t_per_year": 7.5 * kg_per_hour / 1e3},
    }
    found = {}
    for name, limit in limits.items():
        own = {"generators": {"engines": {**ENGINES, **limit}}}
        made = scenario([], run={"start": START, "days": 0.5}, grid_mw=0.0, on_site=own)
        found[name] = gpusim.run(made, 3, jobs=jobs)
    return found


def by_year(result, column: str) -> list[float]:
    """Sums of what engines did before the year ended, and from then on."""
    rows = result.on_site[result.on_site["source"] == "engines"]
    late = rows["start_s"] >= (5.0 + 50.0 / 60.0) * HOUR_S - 1.0
    return [float(rows.loc[~late, column].sum()), float(rows.loc[late, column].sum())]


@pytest.mark.parametrize("limit", ["hours", "nox"])
def test_units_stand_still_once_the_permit_is_used_up(runs, limit):
    """7.5 unit-hours a year, by two units: 3.75 h, then nothing is made until the next year. That begins 10 min before
    an interval ends: after 14 more, what is left is too little for a whole one."""
    ran_h, new_year_s = np.array([7.5, 2.0 * (10.0 / 60.0 + 3.5)]), (5.0 + 50.0 / 60.0) * HOUR_S
    result = runs[limit]
    assert check(result) == []
    assert by_year(result, "unit_hours") == pytest.approx(ran_h, rel=1e-9)
    assert by_year(result, "nox_kg") == pytest.approx(ran_h * 0.005 * MMBTU_PER_MWH, rel=1e-9)
    assert by_year(result, "given_j") == pytest.approx(ran_h * 0.02 * JOULE_PER_MWH, rel=1e-9)
    assert result.on_site["beyond_j"].sum() == pytest.approx(0.0, abs=1e-6 * JOULE_PER_MWH)
    told = result.events[result.events["detail"].str.contains("permit")]
    assert told["detail"].tolist() == [
        "engines: its permit is used up until the next year", "engines: its permit lets 2 units run, 2 needed",
        "engines: its permit is used up until the next year",
    ]  # fmt: skip
    assert told["time_s"].tolist() == pytest.approx([3.75 * HOUR_S, new_year_s, 9.5 * HOUR_S])
    assert told["value"].tolist() == pytest.approx([0.0, 0.04, 0.0])


def test_without_a_limit_they_run_on(runs):
    result = runs["none"]
    assert sum(by_year(result, "unit_hours")) == pytest.approx(24.0, rel=1e-9)
    assert sum(by_year(result, "nox_kg")) == pytest.approx(24.0 * 0.005 * MMBTU_PER_MWH, rel=1e-9)
    assert not result.events["detail"].str.contains("permit").any()


def test_errors():
    with pytest.raises(ScenarioError, match="nox_t_per_year limits nothing while nox_kg_per_mmbtu is 0; give both"):
        scenario([], on_site={"generators": {"engines": {**ENGINES, "nox_t_per_year": 1.0}}})

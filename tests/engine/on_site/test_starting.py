"""Generators that take a while to start: without a grid, by price, and in calls with notice, a battery, or neither."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check
from gpusim.units import HOUR_S, JOULE_PER_MWH
from tests.regulation.kit import scenario

ENGINES = {"units": 2, "mw": 0.02, "fuel_usd_per_mmbtu": 20.0}
START_H = 1.0 / 3.0  # within an interval
BATTERY = {"mw": 0.04, "mwh": 0.04, "efficiency": 1.0}


def played(start_minutes: float, battery: dict | None = None, days: float = 0.5, **site: object):
    """100 GPUs with work of an hour each, more than there is time for."""
    jobs = JobTable.build(submit_s=np.zeros(1200), gpus=1, runtime_s=HOUR_S)
    own: dict = {"generators": {"engines": {**ENGINES, "start_minutes": start_minutes}}}
    if battery is not None:
        own["battery"] = battery
    return gpusim.run(scenario([], run={"days": days}, on_site=own, **site), 3, jobs=jobs)


def made_mwh(result, from_h: float = 0.0) -> float:
    rows = result.on_site[(result.on_site["source"] == "engines") & (result.on_site["start_s"] >= from_h * HOUR_S)]
    return float(rows["given_j"].sum()) / JOULE_PER_MWH


@pytest.mark.parametrize(("minutes", "hours"), [(0.0, 12.0), (20.0, 12.0 - START_H)])
def test_a_site_without_a_grid_waits_for_them(minutes, hours):
    result = played(minutes, grid_mw=0.0)
    assert made_mwh(result) == pytest.approx(0.04 * hours, rel=1e-9)
    assert check(result) == []


def test_they_are_called_when_they_come():
    """Ordered 456.25 of 456.5 days before: six hours into the run."""
    jobs = JobTable.build(submit_s=np.zeros(1200), gpus=1, runtime_s=HOUR_S)
    own = {"generators": {"engines": {**ENGINES, "start_minutes": 20.0, "ordered": -456.25}}}
    result = gpusim.run(scenario([], run={"days": 0.5}, on_site=own, grid_mw=0.0), 3, jobs=jobs)
    assert made_mwh(result) == pytest.approx(0.04 * (6.0 - START_H), rel=1e-9)


@pytest.mark.parametrize(("minutes", "hours"), [(0.0, 6.0), (20.0, 6.0 - START_H)])
def test_by_price_the_grid_carries_the_load_meanwhile(minutes, hours):
    """The grid costs 50 USD/MWh, and from 3 h on, for six hours, ten times as much: more than the engines do."""
    factor = [{"at": 0.0, "value": 1.0}, {"at": 0.125, "value": 10.0}, {"at": 0.375, "value": 1.0}]
    result = played(minutes, grid_mw=0.2, price_factor=factor)
    assert made_mwh(result) == pytest.approx(0.04 * hours, rel=1e-9)
    assert check(result) == []
    assert result.jobs["evictions"].sum() == 0
    assert result.on_site["beyond_j"].sum() == 0.0


@pytest.mark.parametrize(
    ("minutes", "notice_s", "battery", "hours", "stopped"),
    [(0.0, 0.0, None, 4.0, 0), (20.0, 0.0, None, 4.0 - START_H, 40), (20.0, 0.25 * HOUR_S, None, 4.0 - 1.0 / 12.0, 40),
     (20.0, 0.5 * HOUR_S, None, 4.0, 0), (20.0, 0.0, BATTERY, None, 0)],
)  # fmt: skip
def test_a_call_stops_jobs_until_they_deliver(minutes, notice_s, battery, hours, stopped):
    """A call takes 40 of 100 kW from 6.1 h on, for four hours; engines of 40 kW are called when it is announced."""
    call = {"mw": 0.04, "response": "limit", "notice_s": notice_s, "calls": [{"at": 6.1 / 24.0, "hours": 4.0}]}
    result = played(minutes, battery, grid_mw=0.1 if battery is None else 0.11, non_firm=call)
    assert check(result) == []
    assert result.jobs["evictions"].sum() == stopped
    assert result.on_site["beyond_j"].sum() == pytest.approx(0.0, abs=1e-6 * JOULE_PER_MWH)
    if hours is not None:
        assert made_mwh(result) == pytest.approx(0.04 * hours, rel=1e-9)

"""What a scenario may mean, but probably does not, said beside what it does mean."""

from __future__ import annotations

import pytest

from gpusim.errors import ScenarioError
from gpusim.scenario.notes import notes
from gpusim.scenario.scenario import Scenario

SITE = {"region": "FR", "jurisdiction": "EU", "grid_mw": 1.0, "pools": {"H100": {"gpus": 24}}}


def said(**changes: object) -> list[str]:
    data = {"name": "n", "run": {"start": "2026-06-01T00:00:00Z", "days": 1.0}, "sites": {"here": {**SITE, **changes}}}
    return notes(Scenario.from_dict(data))


def test_a_connection_in_kw_where_mw_are_asked_for() -> None:
    rated_mw = 24 * 1275.0 / 1e6
    (note,) = said(grid_mw=2000.0)
    assert note == (
        f"sites.here.grid_mw: 2,000 MW is {2000 / rated_mw:,.0f} times the rated power of the GPUs there (0.0306 MW);"
        " is it in kW?"
    )
    assert len(said(grid_mw=[{"at": 0.0, "value": 20.0}, {"at": 0.5, "value": 40.0}], hall_mw=40.0)) == 2


@pytest.mark.parametrize("grid_mw", [0.0, 0.02, 1.0, 10.0])
def test_a_generous_connection_is_none(grid_mw: float) -> None:
    assert said(grid_mw=grid_mw) == []


def test_odd_whatever_the_site_has_is_said_once() -> None:
    (note,) = said(grid_mw=800_000.0)
    assert "more than seems possible" in note


def test_a_site_without_gpus_has_nothing_to_be_compared_with() -> None:
    assert said(grid_mw=2000.0, pools={"H100": {"gpus": 0}}) == []


def test_gpus_that_are_there_before_they_can_be_had() -> None:
    """In a pool from the start or a date on; by a project whose medians end too early; never once the key says so."""
    assert said(pools={"VR300": {"gpus": [{"at": "2027-11-01", "value": 144}]}}) == []
    (note,) = said(pools={"VR300": {"gpus": [{"at": 100.0, "value": 144}]}})
    assert note == (
        "sites.here.pools.VR300: VR300 is there on 2026-09-09, but can be had from 2027-10 on; give later dates, or"
        " gpus.VR300.available_year = 2026"
    )
    (constant,) = said(pools={"VR200": {"gpus": 72}})
    assert "VR200 is there on 2026-06-01, but can be had from 2026-07 on" in constant
    project = {
        "site": "here", "start": "2027-01-01", "adds": {"gpus": {"VR300": 144}},
        "tasks": {"order": {"median_days": 100.0},
                  "racks": {"after": ["order"], "median_days": 100.0, "gives": "gpus"}},
    }  # fmt: skip
    run = {"start": "2026-06-01T00:00:00Z", "days": 1000.0}
    pools = {"H100": {"gpus": 24}, "VR300": {"gpus": 0}}
    data = {"name": "n", "run": run, "sites": {"here": {**SITE, "pools": pools}}, "projects": {"racks": project}}
    (planned,) = notes(Scenario.from_dict(data))
    assert planned.startswith(
        "projects.racks.adds.gpus.VR300: VR300 is there on 2027-07-20, but can be had from 2027-10 on"
    )
    assert notes(Scenario.from_dict(data, overrides={"gpus.VR300.available_year": 2027.0})) == []


def test_a_type_in_small_letters_is_recognised() -> None:
    with pytest.raises(ScenarioError, match="unknown name \"vr300\" .did you mean 'VR300'"):
        said(pools={"vr300": {"gpus": 24}})


RESALE = {"usd_per_gpu": {"H100": 9000.0}}
CONTRACT = {"tenant": "lab", "signed": 0.0, "gpus": 8, "term_days": 1.0, "price_usd_per_gpu_hour": 3.0}


@pytest.mark.parametrize(
    ("contracts", "last", "note"),
    [
        ({}, {"at": 0.5, "value": 0.0}, "money.resale: it has no effect: statements of money are made for [contracts]"),
        ({"c": CONTRACT}, {"at": 2.0, "value": 0.0}, "money.resale: it has no effect: no level"),
        ({"c": CONTRACT}, {"at": 0.5, "value": 32.0}, "money.resale: it has no effect: no level"),
        ({"c": CONTRACT}, {"at": 0.5, "value": 0.0}, ""),
    ],
)
def test_a_price_of_used_gpus_of_which_nothing_comes(contracts: dict, last: dict, note: str) -> None:
    pools = {"H100": {"gpus": [{"at": 0.0, "value": 24.0}, last]}}
    data = {
        "name": "n", "run": {"start": "2026-06-01T00:00:00Z", "days": 1.0}, "sites": {"here": {**SITE, "pools": pools}},
        "tenants": {"lab": {}}, "contracts": contracts, "money": {"resale": RESALE},
    }  # fmt: skip
    found = notes(Scenario.from_dict(data))
    assert [text[: len(note)] for text in found] == ([note] if note else [])


def test_maintenance_that_concerns_no_pool() -> None:
    data = {
        "name": "n", "run": {"start": "2026-06-01T00:00:00Z", "days": 1.0}, "sites": {"here": SITE},
        "failures": {"maintenance": {"firmware": {"every_days": 30.0, "hours": 4.0, "gpu_types": ["B200"]}}},
    }  # fmt: skip
    assert notes(Scenario.from_dict(data)) == [
        "failures.maintenance.firmware: it concerns no pool; there are H100 at here"
    ]
    data["failures"]["maintenance"]["firmware"]["gpu_types"] = ["B200", "H100"]
    assert notes(Scenario.from_dict(data)) == []

"""Generators that a project brings: when they are there, what they carry, whose delay it is, faults."""

from __future__ import annotations

import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.units import DAY_S, HOUR_S
from tests.regulation.kit import tables

ENGINES = {"kind": "reciprocating", "units": 4, "spare_units": 1, "mw": 0.03, "fuel_usd_per_mmbtu": 4.0}


def given(**more):
    """Engines for 90 GPUs after 6 days, two of them for a permit; a line for all 100 after 12."""
    data = tables([], run={"days": 16.0, "record_s": DAY_S}, grid_mw=0.0)
    data["sites"]["here"]["on_site"] = {"interval_s": 3600.0, "generators": {"engines": dict(ENGINES)}}
    data["workload"]["streams"]["jobs"]["jobs_per_day"] = 20.0
    permit = {"median_days": 2.0}
    engines = {"after": ["permit"], "median_days": 4.0, "gives": "on_site"}
    data["projects"] = {
        "gas": {
            "site": "here", "start": "2026-06-01", "adds": {"on_site": ["engines"]},
            "tasks": {"permit": permit, "engines": engines},
        },
        "line": {
            "site": "here", "start": "2026-06-01", "adds": {"grid_mw": 0.2},
            "tasks": {"line": {"median_days": 12.0, "gives": "grid"}},
        },
    }  # fmt: skip
    return {**data, **more}


def scenario(**more):
    return gpusim.Scenario.from_dict(given(**more))


def live_on(result, day):
    """GPUs live by the build-out, and energised in the fleet, in the middle of a day."""
    live = result.build_live
    pools = result.pools.set_index(result.pools["start_s"] // DAY_S)
    return int(live[live["time_s"] <= (day + 0.5) * DAY_S]["live_gpus"].iloc[-1]), pools["energised_gpus"][float(day)]


def test_gas_first_and_the_line_later():
    result = gpusim.run(scenario(), seed=0)
    for day, gpus in {0: 0, 5: 0, 6: 90, 11: 90, 12: 100, 15: 100}.items():
        assert live_on(result, day) == (gpus, pytest.approx(gpus))
    engines = result.on_site[result.on_site["source"] == "engines"]
    assert engines[engines["end_s"] <= 6 * DAY_S]["given_j"].sum() == 0.0
    between = engines[(engines["start_s"] >= 6 * DAY_S) & (engines["end_s"] <= 12 * DAY_S)]
    power = result.power[(result.power["start_s"] >= 6 * DAY_S) & (result.power["end_s"] <= 12 * DAY_S)]
    assert between["given_j"].sum() == pytest.approx((power["facility_w"] * DAY_S).sum())
    assert result.build_ledger.empty
    added = result.build_capacity.set_index("component")
    assert added.loc["on_site", ["amount", "unit", "task"]].tolist() == [0.09, "MW", "engines"]


def test_whose_delay_it_is():
    """Permits stop for 3 days: 90 GPUs for as long."""
    shock = {"at": "2026-06-02", "days": 3.0, "effect": "stop", "kind": "permit"}
    late = gpusim.run(scenario(shocks={"strike": shock}), seed=0)
    assert live_on(late, 8) == (0, 0.0)
    assert live_on(late, 9) == (90, pytest.approx(90.0))
    row = late.build_ledger.iloc[0]
    assert (row["project"], row["cause"], row["held_by"]) == ("gas", "permit", "strike")
    assert late.build_ledger["gpu_hours"].sum() == pytest.approx(90 * 3 * DAY_S / HOUR_S)


def test_those_of_the_site_count_too():
    """Generators with a date of their own carry GPUs in the build-out as in the fleet; without, nothing is live."""
    data = given()
    data["sites"]["here"]["on_site"]["generators"]["engines"] = {
        **ENGINES,
        "ordered": 0.0,
        "lead_days": 4.0,
        "until": 10.0,
    }
    del data["projects"]["gas"]
    result = gpusim.run(gpusim.Scenario.from_dict(data), seed=0)
    for day, gpus in {3: 0, 4: 90, 9: 90, 10: 0, 12: 100}.items():
        assert live_on(result, day) == (gpus, pytest.approx(gpus))


def test_neither_battery_nor_sun_switches_nodes_on():
    data = given()
    data["sites"]["here"]["on_site"]["battery"] = {"mw": 0.1, "mwh": 0.4}
    data["projects"]["gas"]["adds"]["on_site"] = ["battery"]
    data["sites"]["here"]["on_site"]["generators"] = {}
    result = gpusim.run(gpusim.Scenario.from_dict(data), seed=0)
    assert live_on(result, 8) == (0, 0.0)
    battery = result.on_site[result.on_site["source"] == "battery"]
    assert battery["taken_j"].sum() > 0.0
    assert battery[battery["end_s"] <= 12 * DAY_S]["taken_j"].sum() == 0.0  # there is nothing to charge it from


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("projects", "gas", "adds", "on_site"), ["engine"], 'unknown name "engine" (did you mean'),
        (("projects", "gas", "adds", "on_site"), ["engines", "engines"], '"engines" comes more than once'),
        (("projects", "line", "adds", "on_site"), ["engines"], '"engines" comes more than once'),
        (("sites", "here", "on_site"), None, "there is none, add"),
        (("sites", "here", "on_site", "generators", "engines", "ordered"), 0.0, "is ordered by the site already"),
        (("projects", "gas", "tasks", "engines", "gives"), None, "adds on_site, but no task gives"),
    ],
)
def test_faults(path, value, fault):
    data = given()
    *above, last = path
    table = data
    for key in above:
        table = table[key]
    if value is None:
        table.pop(last)
    else:
        table[last] = value
    with pytest.raises(ScenarioError) as error:
        gpusim.Scenario.from_dict(data)
    assert fault in str(error.value)

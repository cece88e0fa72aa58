"""Power made on site in whole runs: what it lifts, when it comes, what is booked; and what must not change."""

from __future__ import annotations

import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.results.conservation import check
from gpusim.results.tables.names import TABLES
from gpusim.units import HOUR_S, JOULE_PER_MWH
from tests.regulation.kit import scenario

ENGINES = {"units": 3, "spare_units": 1, "mw": 0.02, "fuel_usd_per_mmbtu": 4.0}
ALL = {
    "generators": {"engines": {**ENGINES, "ordered": -456.25}},  # a quarter of a day into the run
    "battery": {"mw": 0.02, "mwh": 0.08},
    "solar": {"mw": 0.02, "capacity_factor": 0.25},
}
TARIFF = {"demand_usd_per_kw_month": 8.0, "tax_share": 0.06, "carbon_usd_per_t": 10.0}
PLACE = {"latitude": 32.0, "longitude": -97.0}


def played(on_site: dict | None, days: float = 1.0, **site: object):
    return gpusim.run(scenario([], run={"days": days}, **PLACE, **site, **({"on_site": on_site} if on_site else {})), 3)


@pytest.fixture(scope="module")
def all_of_it():
    """60 kW of grid, 100 kW of GPUs, a call for 20 kW from 18 h on for 3 h; across the end of a month."""
    found = scenario(
        [], run={"start": "2026-06-30T12:00:00", "days": 1.0}, **PLACE, grid_mw=0.06, on_site=ALL, tariff=TARIFF,
        non_firm={"mw": 0.02, "calls": [{"at": 0.75, "hours": 3.0}]},
    )  # fmt: skip
    return gpusim.run(found, 3)


def test_balance_to_rounding(all_of_it) -> None:
    """Grid, generators, sun and what the battery gave are what the site drew and what the battery took."""
    assert check(all_of_it) == []
    sources = all_of_it.on_site.groupby("source")[["given_j", "taken_j", "lost_j", "usd", "carbon_kg"]].sum()
    power = all_of_it.power
    drawn_j = (power["facility_w"] * (power["end_s"] - power["start_s"])).sum()
    assert (sources["given_j"] - sources["taken_j"]).sum() == pytest.approx(drawn_j, rel=1e-12)
    assert set(sources.index) == {"grid", "engines", "solar", "battery"}
    assert (sources["given_j"] > 0.0).all()
    site = all_of_it.sites.iloc[0]
    assert sources["usd"].sum() == pytest.approx(site["cost_usd"], rel=1e-12)
    assert sources["carbon_kg"].sum() == pytest.approx(site["carbon_kg"], rel=1e-12)
    assert sources.loc["grid", "usd"] == pytest.approx(50.0 * sources.loc["grid", "given_j"] / JOULE_PER_MWH, rel=1e-12)
    assert sources.loc["solar", "usd"] == 0.0 == sources.loc["battery", "carbon_kg"]


@pytest.mark.parametrize(("source", "column", "told"), [("engines", "given_j", "its sources gave"),
                                                       ("grid", "usd", "that of its sources"),
                                                       ("battery", "lost_j", "the battery of here holds")])  # fmt: skip
def test_a_loss_of_balance_is_told(all_of_it, source: str, column: str, told: str) -> None:
    table = all_of_it.tables["on_site"].copy()
    table.loc[table["source"] == source, column] *= 1.0 + 1e-6
    faults = check(gpusim.Result(all_of_it.manifest, {**all_of_it.tables, "on_site": table}))
    assert any(told in fault for fault in faults)


def test_bill(all_of_it) -> None:
    """A meter counts what comes from the grid; the lines' energies add up to all that the site drew, month by month."""
    bill, meter = all_of_it.bill, all_of_it.meter
    sources = all_of_it.on_site
    grid_mwh = sources.loc[sources["source"] == "grid", "given_j"].sum() / JOULE_PER_MWH
    assert meter["energy_j"].sum() / JOULE_PER_MWH == pytest.approx(grid_mwh, rel=1e-9)
    assert bill["energy_mwh"].sum() * JOULE_PER_MWH == pytest.approx(
        all_of_it.sites["energy_facility_j"].iloc[0], rel=1e-9
    )
    billed = bill.groupby("component")["usd"].sum()
    assert billed["energy"] == pytest.approx(50.0 * grid_mwh, rel=1e-9)
    assert billed["carbon"] == pytest.approx(10.0 * 0.3 * grid_mwh, rel=1e-9)
    by_source = sources.groupby("source")[["usd", "fixed_usd"]].sum()
    assert billed["generation engines"] == pytest.approx(by_source.loc["engines", "usd"], rel=1e-9)
    assert billed["fixed cost battery"] == pytest.approx(190.0 * 20.0 / 365.25, rel=1e-9)
    assert billed["fixed cost engines"] == pytest.approx(240.0 * 60.0 / 365.25 * 0.75, rel=1e-9)
    amount = bill[bill["component"] == "fixed cost battery"].set_index("month")["amount"]
    assert amount.to_dict() == pytest.approx({"2026-06": 0.5 / 30.0, "2026-07": 0.5 / 31.0})
    taxed = billed["energy"] + billed["demand"] + billed["carbon"]
    assert billed["taxes"] == pytest.approx(0.06 * taxed, rel=1e-9)
    assert set(bill["month"]) == {"2026-06", "2026-07"}


def test_engines_lift_the_limit_when_they_are_there() -> None:
    """Ordered 456.25 days before, with a lead of 456.5: 60 nodes on the grid, from 6 h on 100 with two of three."""
    result = played({"generators": ALL["generators"]}, grid_mw=0.06)
    limit = result.power.set_index("start_s")["limit_w"]
    assert [limit[0.0], limit[7 * HOUR_S]] == pytest.approx([60e3, 100e3])
    online = result.pools.set_index("start_s")["energised_gpus"]
    assert [online[0.0], online[7 * HOUR_S]] == pytest.approx([60.0, 100.0])
    events = result.events.query("kind == 'on_site'")
    assert events[["time_s", "value"]].to_numpy().tolist() == [[6 * HOUR_S, 0.04]]
    assert check(result) == []


def test_a_site_without_a_grid() -> None:
    """Two of three engines carry 40 GPUs; nothing is bought."""
    result = played({"generators": {"engines": ENGINES}}, grid_mw=0.0)
    assert result.pools["energised_gpus"].max() == pytest.approx(40.0)
    sources = result.on_site.groupby("source")[["given_j", "usd"]].sum()
    assert sources.loc["grid"].tolist() == pytest.approx([0.0, 0.0], abs=1e-3)  # of 3.5e9 J
    assert sources.loc["engines", "given_j"] == pytest.approx(result.sites["energy_facility_j"].iloc[0], rel=1e-12)


def test_what_is_rented_leaves_again() -> None:
    """Two of three engines for six hours; what leaves before it comes is never there."""
    rented = {**ENGINES, "until": 0.25}
    result = played({"generators": {"engines": rented, "never": {**rented, "ordered": 0.0}}}, grid_mw=0.06)
    assert result.pools.groupby("start_s")["energised_gpus"].sum().to_numpy()[[0, 5, 6, 23]] == pytest.approx(
        [100.0, 100.0, 60.0, 60.0]
    )
    sources = result.on_site.groupby("source")[["given_j", "fixed_usd"]].sum()
    assert sources.loc["engines", "fixed_usd"] == pytest.approx(240.0 * 60.0 / 365.25 / 4.0, rel=1e-9)
    assert sources.loc["never"].tolist() == [0.0, 0.0]
    assert check(result) == []


def test_gas_that_costs_less_than_the_grid_runs_though_nothing_is_lacking() -> None:
    cheap, dear = (
        played({"generators": {"engines": {**ENGINES, "fuel_usd_per_mmbtu": usd}}}, price_usd_per_mwh=50.0)
        for usd in (2.0, 20.0)
    )
    given = [result.on_site.groupby("source")["given_j"].sum()["engines"] for result in (cheap, dear)]
    assert given[0] == pytest.approx(0.04 * 24.0 * JOULE_PER_MWH, rel=0.01)
    assert given[1] == 0.0
    assert dear.tables["jobs"].equals(cheap.tables["jobs"])
    assert cheap.sites["cost_usd"].sum() < dear.sites["cost_usd"].sum()


def test_what_makes_nothing_changes_nothing() -> None:
    """A plant that comes after the run: the same tables to the byte but for money, which is the same to rounding."""
    plain = played(None, grid_mw=0.06)
    late = played({"generators": {"engines": {**ENGINES, "ordered": 0.0}}}, grid_mw=0.06)
    assert late.on_site["source"].unique().tolist() == ["grid", "engines"]
    for name in TABLES:
        if name not in ("power", "sites", "costs"):
            assert plain.tables[name].equals(late.tables[name]), name
    assert late.sites["cost_usd"][0] == pytest.approx(plain.sites["cost_usd"][0], rel=1e-12)
    assert late.power["facility_w"].equals(plain.power["facility_w"])


@pytest.mark.parametrize("response", ["limit", "drain", "pause"])
def test_a_battery_carries_a_call(response: str) -> None:
    """A call for 40 of 120 kW takes the 20 kW that are to spare, and 20 more: with a battery nothing is lost by it."""
    call = {"mw": 0.04, "response": response, "notice_s": HOUR_S, "calls": [{"at": 0.5, "hours": 4.0}]}
    site = {"grid_mw": 0.12, "non_firm": call}
    alone, held = played(None, **site), played({"battery": {"mw": 0.03, "mwh": 0.2}}, **site)
    assert alone.curtailments["gpu_hours"].sum() > 60.0
    assert held.jobs["evictions"].sum() == 0
    lost = held.ledger[held.ledger["cause"].isin(["idle_curtailed", "slowed_curtailed", "lost_work"])]["gpu_s"].sum()
    assert lost == 0.0 if response != "drain" else lost < 3600.0 * alone.curtailments["gpu_hours"].sum()
    given = held.on_site.query("source == 'battery'")["given_j"].sum() / JOULE_PER_MWH
    assert 0.0 < given <= (0.085 if response == "drain" else 0.08 + 1e-9)  # some of it in the hour before
    assert check(held) == []


def test_errors() -> None:
    wrong = {
        "generators": {"engines": {"units": 2, "spare_units": 2, "fuel_usd_per_mmbtu": 4.0, "efficiency": 0.5,
                                   "half_load_efficiency": 0.2}},
        "battery": {"mw": 0.0, "mwh": 1.0},
    }  # fmt: skip
    with pytest.raises(ScenarioError) as error:
        scenario([], on_site=wrong)
    for told in ("spare_units of 2 of 2 leave none", "gas would not grow with load", "on_site.battery.mw"):
        assert told in str(error.value)
    with pytest.raises(ScenarioError, match="make the backup a generator"):
        scenario([], on_site=ALL, non_firm={"mw": 0.1, "backup_mw": 0.1})
    with pytest.raises(ScenarioError, match='generators called "grid" and "solar", as other sources are'):
        scenario([], on_site={"generators": {"grid": ENGINES, "solar": ENGINES}})
    # Half load as usual for engines: the error says how much that is.
    with pytest.raises(ScenarioError, match="half_load_efficiency of 0.385 is above efficiency of 0.3; give as"):
        scenario([], on_site={"generators": {"engines": {**ENGINES, "efficiency": 0.3}}})

"""Marginal carbon beside the average: exact integrals, generators on site, what dispatch and policies go by."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.errors import ScenarioError, TraceError
from gpusim.report.sections.energy import ECONOMICS, of_sites
from gpusim.results.economics import economics
from gpusim.results.window import after
from gpusim.scenario.electricity import ratio_of
from gpusim.units import HOUR_S, JOULE_PER_KWH
from tests.regulation.kit import scenario, tables
from tests.test_experiments import load


@pytest.fixture(scope="module")
def by_hours(tmp_path_factory):
    """A marginal intensity of each hour of two days, as WattTime writes it."""
    path = tmp_path_factory.mktemp("carbon") / "marginal.csv"
    times = pd.date_range("2026-06-01", periods=49, freq="h").strftime("%Y-%m-%d %H:%M:%S")
    values = 400.0 + 200.0 * np.sin(np.arange(49))
    pd.DataFrame({"time": times, "ERCOT_NORTH": values}).to_csv(path, index=False)
    return str(path), values


def run(**site):
    return gpusim.run(scenario([], run={"days": 2.0}, **site), seed=3)


def test_sum_over_hours(by_hours):
    """Energy of each hour times the marginal intensity of that hour; the average is as without."""
    path, values = by_hours
    result = run(marginal={"file": path})
    power = result.power
    kwh = power["facility_w"] * (power["end_s"] - power["start_s"]) / JOULE_PER_KWH
    hour = (power["start_s"] // HOUR_S).astype(int)
    assert power["marginal_carbon_kg"].to_numpy() == pytest.approx((kwh * values[hour] / 1000.0).to_numpy(), rel=1e-9)
    assert result.sites["marginal_carbon_kg"].item() == pytest.approx(power["marginal_carbon_kg"].sum(), rel=1e-12)
    assert result.sites["carbon_kg"].item() == pytest.approx(kwh.sum() * 0.3, rel=1e-9)
    plain = run()
    assert "marginal_carbon_kg" not in plain.power
    assert plain.sites["carbon_kg"].item() == result.sites["carbon_kg"].item()
    # A mean of hours instead of each of them is another figure.
    assert kwh.sum() * values[:48].mean() / 1000.0 != pytest.approx(power["marginal_carbon_kg"].sum(), rel=1e-6)


@pytest.mark.parametrize(
    ("given", "g_per_kwh"), [({"ratio": 1.5}, 450.0), ({"g_per_kwh": 700.0}, 700.0), ({}, 300.0 * 1.38)]
)
def test_sources(given, g_per_kwh):
    """Constant, as a ratio to the average, by region."""
    table = economics(run(marginal=given))
    assert table["carbon_g_per_kwh"].item() == pytest.approx(300.0, rel=1e-9)
    assert table["marginal_g_per_kwh"].item() == pytest.approx(g_per_kwh, rel=1e-9)
    assert table["marginal_carbon_t"].item() == pytest.approx(g_per_kwh / 300.0 * table["carbon_t"].item(), rel=1e-9)


def test_part_of_a_run(by_hours):
    result = run(marginal={"file": by_hours[0]})
    rest = after(result, 24 * HOUR_S)
    late = result.power[result.power["start_s"] >= 24 * HOUR_S]
    assert rest.sites["marginal_carbon_kg"].item() == pytest.approx(late["marginal_carbon_kg"].sum())


def test_what_generators_on_site_emit_is_no_grid_energy():
    """Engines carry everything: both figures are the gas."""
    engines = {"units": 2, "mw": 0.1, "least_load": 0.0, "fuel_usd_per_mmbtu": 0.0, "om_usd_per_mwh": 0.0}
    on_site = {"generators": {"engines": {"kind": "reciprocating", **engines}}}
    result = run(on_site=on_site, marginal={"g_per_kwh": 5000.0})
    site = result.sites.iloc[0]
    gas_kg = result.on_site["carbon_kg"].sum()
    assert gas_kg > 100.0
    assert site["carbon_kg"] == pytest.approx(gas_kg)
    assert site["marginal_carbon_kg"] == pytest.approx(gas_kg)


def two_sites(carbon: str):
    """Low average and high marginal intensity here, the other way round there; room for all jobs at either."""
    given = tables([], run={"days": 1.0}, carbon_g_per_kwh=100.0, marginal={"g_per_kwh": 800.0})
    given["sites"]["there"] = {**given["sites"]["here"], "carbon_g_per_kwh": 500.0, "marginal": {"g_per_kwh": 200.0}}
    given["scheduler"] |= {"dispatch": "greenest", "carbon": carbon}
    given["workload"]["streams"]["jobs"]["jobs_per_day"] = 500.0
    return gpusim.run(gpusim.Scenario.from_dict(given), seed=1)


@pytest.mark.parametrize(("carbon", "where"), [("average", "here"), ("marginal", "there")])
def test_dispatch_goes_by_either(carbon, where):
    result = two_sites(carbon)
    assert set(result.jobs["site"].dropna()) == {where}
    kg = result.sites.set_index("site")[["carbon_kg", "marginal_carbon_kg"]].sum()
    least = {"average": "carbon_kg", "marginal": "marginal_carbon_kg"}[carbon]
    assert kg[least] == kg.min()


def test_faults():
    with pytest.raises(ScenarioError, match="ratio and g_per_kwh|g_per_kwh and ratio"):
        scenario([], marginal={"g_per_kwh": 1.0, "ratio": 2.0})
    with pytest.raises(ScenarioError, match="only US-TEX-ERCO and US-CAL-CISO have a ratio"):
        scenario([], region="DE-LU", marginal={})
    with pytest.raises(ScenarioError, match=r"sites.here.marginal: is absent"):
        scenario([]).with_({"scheduler.carbon": "marginal"})
    with pytest.raises(TraceError, match=r"sites.here.marginal.file"):
        run(marginal={"file": "no such file.csv"})


@pytest.mark.skipif("GPUSIM_DATA" not in os.environ, reason="needs carbon intensities")
def test_ratios_of_the_catalogue():
    derived = load("derive_marginal")
    grid = derived.Path(os.environ["GPUSIM_DATA"]) / "grid"
    for region, of in {"US-TEX-ERCO": derived.texas, "US-CAL-CISO": derived.california}.items():
        marginal, average = of(grid)
        assert round(marginal / average, 2) == ratio_of(region)


def test_table_of_sites_has_both():
    """Columns of the report, with and without; a site that has none says so."""
    assert [column.key for column in of_sites(False)] == [column.key for column in ECONOMICS]
    shown = {column.key: column for column in of_sites(True)}
    assert list(shown)[list(shown).index("carbon_t") + 1 :][:2] == ["marginal_g_per_kwh", "marginal_carbon_t"]
    assert shown["marginal_carbon_t"].cell(float("nan")) == "not given"
    assert shown["marginal_carbon_t"].cell(12.0) == "12"

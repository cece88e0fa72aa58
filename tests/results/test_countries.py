"""Countries of regions, and sums by country and year: by hand, and against the fleet's."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from gpusim.inputs.climatology import regions
from gpusim.report.console import print_report
from gpusim.report.findings import Findings
from gpusim.report.page import write
from gpusim.report.sections.energy import EnergySection
from gpusim.result import Result
from gpusim.results.economics import SUMS, countries, country_of, country_years, economics
from tests.results.kit import make
from tests.results.test_metrics import OWNING_USD

HOURS = 6


@pytest.fixture(scope="module")
def result() -> Result:
    """Three sites in two countries, from 20:00 on 31 December: two thirds of each figure belong to 2026, one to 2027.

    A site's servers draw 1 MW and 1.25 MW at the meter, 40 USD/MWh, 200 g/kWh; a GPU-hour of an H100 lists at 6 USD.
    """
    pools = {
        ("north", "H100"): {"training": [10.0] * HOURS, "not_delivered": [5.0] * HOURS},
        ("south", "H100"): {"serving": [20.0] * HOURS, "idle_no_demand": [20.0] * HOURS},
        ("east", "H100"): {"idle_power": [8.0] * HOURS},
    }
    made = make(pools)
    manifest = made.manifest | {"start": "2026-12-31T20:00:00+00:00"}
    return Result(manifest, made.tables | {"sites": made.sites.assign(region=["NO-NO2", "DE-LU", "NO-NO4"])})


@pytest.mark.parametrize(
    ("region", "country"),
    [("US-TEX-ERCO", "United States"), ("DE-LU", "Germany"), ("GB", "Britain (UK)"), ("my own grid", "my own grid")],
)
def test_country_of_a_region(region, country):
    assert country_of(region) == country


def test_every_region_of_the_catalogue_lies_in_a_country():
    assert all(country_of(region) != region for region in regions())


def test_by_country_by_hand(result):
    table = countries(result).set_index("country")
    assert list(table.index) == ["Norway", "Germany"]  # who draws most is first
    norway, germany = table.loc["Norway"], table.loc["Germany"]
    assert norway["energy_mwh"] == pytest.approx(2 * 1.25 * HOURS)
    assert norway["energy_usd"] == pytest.approx(2 * 50.0 * HOURS)
    assert norway["carbon_t"] == pytest.approx(2 * 0.25 * HOURS)
    assert norway["price_usd_per_mwh"] == pytest.approx(40.0)
    assert norway["carbon_g_per_kwh"] == pytest.approx(200.0)
    assert norway["it_mw"] == pytest.approx(2.0)
    assert norway["useful_gpu_hours"] == pytest.approx(10.0 * HOURS)  # only training and serving
    assert norway["owning_usd"] == pytest.approx(18.0 * HOURS * OWNING_USD)
    assert norway["usd_per_useful_gpu_hour"] == pytest.approx((norway["owning_usd"] / HOURS + 100.0) / 10.0)
    assert germany["energy_usd_per_useful_gpu_hour"] == pytest.approx(50.0 / 20.0)


def test_years_share_what_falls_across_new_year(result):
    table = country_years(result).set_index(["country", "year"])
    assert list(table.index) == [("Germany", 2026), ("Germany", 2027), ("Norway", 2026), ("Norway", 2027)]
    assert table.loc[("Norway", 2026), "energy_mwh"] == pytest.approx(2 * 1.25 * 4)
    assert table.loc[("Norway", 2027), "energy_mwh"] == pytest.approx(2 * 1.25 * 2)
    assert table.loc[("Germany", 2027), "useful_gpu_hours"] == pytest.approx(20.0 * 2)
    assert table["it_mw"].tolist() == pytest.approx([1.0, 1.0, 2.0, 2.0])  # of the part of the year that was run


def test_an_interval_across_new_year_is_divided(result):
    """One interval of all six hours instead of six of one: the same."""
    power, ledger = (
        table.groupby(keys, as_index=False).sum(numeric_only=True).assign(start_s=0.0, end_s=HOURS * 3600.0)
        for table, keys in ((result.power, ["site"]), (result.ledger, ["site", "gpu_type", "cause"]))
    )
    power[["it_w", "facility_w"]] /= HOURS
    coarse = Result(result.manifest, result.tables | {"power": power, "ledger": ledger})
    expected, found = country_years(result), country_years(coarse)
    for name in SUMS:
        assert found[name].to_numpy() == pytest.approx(expected[name].to_numpy())


def test_a_run_that_ends_with_the_year_has_no_next(result):
    whole = Result(result.manifest | {"start": "2026-12-31T18:00:00+00:00"}, result.tables)
    assert country_years(whole)["year"].tolist() == [2026, 2026]


@pytest.mark.parametrize("table_of", [countries, country_years])
def test_sums_are_those_of_the_sites(result, table_of):
    sites = economics(result)
    for name in set(SUMS) - {"it_mwh"}:
        assert table_of(result)[name].sum() == pytest.approx(sites[name].sum(), rel=1e-12)


def test_in_report_and_on_console(result, tmp_path):
    assert "countries" in EnergySection().figures(Findings(result))
    page = write(Findings(result), tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(part in page for part in ('id="figure-countries"', 'id="countries"', 'id="country-years"'))
    out = io.StringIO()
    print_report(Findings(result), Console(file=out, width=200), [EnergySection()])
    said = out.getvalue()
    assert said.startswith("Energy: 22.5 MWh, ")
    assert " t CO2e. By country: Norway 15 MWh (40 USD/MWh, 200 g/kWh), Germany 7.5 MWh (" in said


def test_one_country_is_no_story(tmp_path):
    alone = make({("north", "H100"): {"training": [10.0]}, ("south", "H100"): {"training": [10.0]}})
    assert "countries" not in EnergySection().figures(Findings(alone))
    assert 'id="countries"' not in write(Findings(alone), tmp_path / "report.html").read_text(encoding="utf-8")
    out = io.StringIO()
    print_report(Findings(alone), Console(file=out), [EnergySection()])
    assert out.getvalue() == ""

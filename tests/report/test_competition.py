"""Competition in the report and on the console: what rivals did in the run, and what they cost."""

from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from rich.console import Console

import gpusim
from gpusim.cli import cli
from gpusim.report.console import print_report
from gpusim.report.figures.palette import STYLE
from gpusim.report.findings import Findings
from gpusim.report.page import write
from gpusim.report.scenario_text import to_toml
from gpusim.report.sections.competition import CompetitionSection
from gpusim.results.rivalry import by_rival, by_the_hour, lines, rivalry
from gpusim.results.tables.names import PRICES
from gpusim.results.tables.studies import ALL
from gpusim.units import DAY_S
from tests.report.test_page import Page
from tests.report.test_story import _story
from tests.studies.deliveries.kit import contract, project, scenario

TASK = {"median_days": 40.0, "p90_days": 60.0, "supply": "vendor", "units": 50.0}
SCENARIO = scenario(
    {"a": project(50, TASK), "b": project(20, {**TASK, "units": 20.0}, start="2025-03-01")},
    {"one": contract(40, "2025-03-01")},
    supplies={"vendor": {"kind": "stock", "per_month": 30.0, "most": 30.0}},
    rivals={
        "big": {"orders": {"vendor": {"per_month": 4.0, "units": 8.0}}, "priority": 1,
                "reaction": {"wait_days": 2.0, "again": 1.0},
                "lets": {"gpus": {"one": 20.0}, "supplies": {"one": "vendor"}}},
        "small": {"orders": {"vendor": {"per_month": 1.0, "units": 3.0}}},
    },
    market={"index": {"supplies": {"one": "vendor"}}, "demand": {"gpus": {"one": {"at_start": 30.0}}}},
)  # fmt: skip


@pytest.fixture(scope="module")
def result():
    return gpusim.run(SCENARIO, seed=3)


@pytest.fixture(scope="module")
def costs():
    return gpusim.competition(SCENARIO, 6, seed=3)


@pytest.fixture(scope="module")
def page(result, costs, tmp_path_factory):
    path = tmp_path_factory.mktemp("competition") / "report.html"
    return Page(write(Findings(result, competition=costs), path).read_text(encoding="utf-8"))


def test_orders_of_rivals_add_up(result) -> None:
    requests, table = result.build_requests[result.build_requests["is_rival"]], by_rival(result)
    assert table["rival"].tolist() == ["big", "small"]
    assert (table["orders"] + table["again"]).sum() == len(requests)
    assert table["again"].sum() == (requests["order"] == "again").sum() > 0
    assert table["cancelled"].sum() == requests["cancelled_s"].notna().sum() > 0
    assert table["units"].sum() == pytest.approx(requests["units"].sum())
    assert table["received"].sum() == pytest.approx(requests.loc[requests["received_s"].notna(), "units"].sum())


def test_lines_are_those_of_the_programme(result) -> None:
    """Built from requests, they are what the build-out saw as each month began."""
    found, seen = lines(result), result.build_line
    assert found["ours"].tolist() == pytest.approx(seen["waiting_own_units"].tolist())
    assert found["rivals"].tolist() == pytest.approx(seen["waiting_rivals_units"].tolist())
    assert found["ours"].max() > 0.0 < found["rivals"].max()


def test_a_supply_that_nobody_waits_for_has_no_panel(result) -> None:
    """And where no supply is waited for and no price follows a line there is no figure."""
    requests = result.build_requests
    orders = requests[requests["is_rival"]].head(1).assign(supply="crews", received_s=requests["asked_s"].min())
    tables = {**result.tables, "build_requests": pd.concat([requests, orders], ignore_index=True)}
    section, more = CompetitionSection(), Findings(gpusim.Result(result.manifest, tables))
    with mpl.rc_context(STYLE):
        titles = [ax.get_title(loc="left") for ax in section.figures(more)["competition"]().axes]
    assert titles == ["In line for vendor", "On demand"]
    assert section.values(more)["unwaited"] == ["crews"]
    tables = {name: table for name, table in tables.items() if name != PRICES} | {"build_requests": orders}
    assert section.figures(Findings(gpusim.Result(result.manifest, tables))) == {}


def test_what_is_let_by_the_hour(result) -> None:
    row = by_the_hour(result).iloc[0]
    prices = result.market_prices[result.market_prices["gpu_type"] == "one"]
    assert row["usd_per_gpu_hour"] == pytest.approx(2.0 * prices["on_demand_price_ratio"].mean())
    assert row["rivals_gpus"] > 20.0
    assert len(by_the_hour(result)) == 1


def test_section(page, result, costs) -> None:
    names = {attrs["id"] for _tag, attrs in page.elements if "id" in attrs}
    assert {"competition", "figure-competition"} <= names
    assert [row[0] for row in page.tables["competition-rivals"][1:]] == ["big", "small"]
    shown = page.tables["competition-costs"][1:]
    assert [row[0] for row in shown] == costs.rivals["rival"].tolist()
    later = costs.projects[costs.projects["rival"] == ALL].sort_values("later_days", ascending=False)
    assert [row[0] for row in page.tables["competition-projects"][1:]] == later["project"].tolist()
    assert page.tables["competition-hourly"][1][:2] == ["one", "2025"]
    assert page.texts["competition-lead"] == rivalry(result, costs)
    assert "on average over 6 replications" in rivalry(result, costs)
    assert "nan" not in page.texts["competition"].split()


def test_without_rivals_there_is_no_section(tmp_path) -> None:
    bare = gpusim.run(SCENARIO.with_({"rivals": {}, "market": {}}), seed=3)
    assert not CompetitionSection().applies(Findings(bare))
    page = Page(write(Findings(bare), tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "competition-rivals" not in page.tables


@pytest.mark.parametrize("width", [80, 120])
def test_console(result, costs, width) -> None:
    out = io.StringIO()
    print_report(
        Findings(result, competition=costs), Console(file=out, width=width, highlight=False), [CompetitionSection()]
    )
    assert max(map(len, out.getvalue().splitlines())) <= width
    assert " ".join(out.getvalue().split()) == rivalry(result, costs)
    assert "2 rivals placed" in rivalry(result)
    assert "replications" not in rivalry(result)


def test_nothing_waits_where_nothing_is_asked(result) -> None:
    """The line is empty from the moment at which the last request is served or cancelled."""
    requests, found = result.build_requests, lines(result)
    left_s = requests["received_s"].fillna(np.inf).clip(upper=requests["cancelled_s"].fillna(np.inf))
    after = found[found["time_s"] > left_s.max()]
    assert (after[["ours", "rivals"]] == 0.0).all(axis=None)
    assert requests["asked_s"].min() >= -1.0 * DAY_S


def test_from_the_command_line_and_drawn_again(tmp_path) -> None:
    file, out = tmp_path / "scenario.toml", tmp_path / "out"
    tables = SCENARIO.with_({"market": {}, "rivals.big.lets": None}).to_toml_dict()
    file.write_text(to_toml(tables), encoding="utf-8")
    done = CliRunner().invoke(cli, ["run", str(file), "--out", str(out), "--replications", "3", "--one"])
    assert done.exit_code == 0, done.output
    assert "Without --one, this also names the five assumptions" in done.output
    assert "2 rivals placed" in done.output
    assert gpusim.Competition.load(out / "competition").about["replications"] == 20
    assert not (out / "assumptions").exists()  # one run is quick
    before = _story(out)
    assert "competition-costs" in before
    (out / "report.html").unlink()
    assert CliRunner().invoke(cli, ["report", str(out)]).exit_code == 0
    assert _story(out) == before

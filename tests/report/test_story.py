"""Build-out, contracts and money in the report and on the console: there where the scenario has them."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure
from rich.console import Console

import gpusim
from gpusim.cli import cli
from gpusim.report.console import print_report
from gpusim.report.figures.frame import calendar_axis
from gpusim.report.figures.money import quarters
from gpusim.report.findings import Findings
from gpusim.report.page import write
from gpusim.report.scenario_text import to_toml
from gpusim.report.sections import SECTIONS
from gpusim.report.sections.assumptions import told
from gpusim.report.sections.build_out import BuildOutSection
from gpusim.report.sections.contracts import ContractsSection
from gpusim.report.sections.money import MoneySection
from gpusim.report.sections.replications import ReplicationsSection
from gpusim.results.bottlenecks import headline
from gpusim.results.lateness import by_site, held_back, lateness
from gpusim.results.wording import edges_s, quantity
from gpusim.units import DAY_S
from tests.report.test_console import said
from tests.report.test_page import Page
from tests.studies.deliveries.kit import SURE, contract, project, scenario

SCENARIO = scenario(
    {
        "nothing": {"tasks": {"permits": {"median_days": 30.0}}},
        "a": project(50, {"median_days": 60.0, "p90_days": 120.0, "supply": "crews"}),
        "b": project(20, {"median_days": 90.0, "p90_days": 180.0, "supply": "crews"}),
    },
    {"one": contract(40, "2025-03-01", credit=0.5), "two": contract(300, "2025-06-01", terminate_after_days=30.0)},
    supplies={"crews": {"kind": "crew", "units": 1.0}},
)


@pytest.fixture(scope="module")
def result():
    return gpusim.run(SCENARIO, seed=1)


@pytest.fixture(scope="module")
def deliveries():
    return gpusim.deliveries(SCENARIO, 20, seed=1)


@pytest.fixture(scope="module")
def page(result, deliveries, tmp_path_factory):
    path = tmp_path_factory.mktemp("story") / "report.html"
    return Page(write(Findings(result, deliveries=deliveries), path).read_text(encoding="utf-8"))


def test_sections_and_figures(page) -> None:
    names = {attrs["id"] for _tag, attrs in page.elements if "id" in attrs}
    assert {"build-out", "contracts", "money"} <= names
    drawn = ("build_paths", "build_missing", "build_gantt", "contracts", "money", "cash")
    assert {f"figure-{name}" for name in drawn} <= names
    assert "card-allocation" in page.texts
    assert "card-useful_share_of_planned" not in page.texts  # of GPUs that come in any year of the run
    links = {attrs["href"][1:] for tag, attrs in page.elements if tag == "a"}
    assert {"build-out", "contracts", "money"} <= links <= names


def test_tables_are_those_of_run_and_replications(page, result, deliveries) -> None:
    rows = page.tables["build-projects"][1:]
    assert [row[0] for row in rows] == ["a", "b"]
    p50 = [
        f"{datetime(2025, 1, 1, tzinfo=UTC) + pd.Timedelta(seconds=s):%Y-%m-%d}" for s in deliveries.projects["p50_s"]
    ]
    assert [row[6] for row in rows] == p50
    assert page.tables["build-projects"][0][4] == "cost [USD]"  # what was spent, not what a delay loses
    assert page.tables["build-criticality"][1][0] == "a"
    milestones = page.tables["contract-milestones"][1:]
    assert [row[0] for row in milestones] == ["one", "two"]
    assert milestones[1][7] == "not in run"
    assert "ended the contract" in page.texts["contracts"]
    billed = result.contract_accounts.groupby("contract")["billed_usd"].sum()
    assert billed["one"] > 0.0
    held = {row[0]: row[1:] for row in page.tables["money-contracts"][1:]}
    assert list(held) == ["one", "two", "(idle)"]
    earned = result.money_contracts.set_index("contract").loc["one", "ebit_usd"].sum()
    assert held["one"][-1] == quantity(earned)
    money = {row[0]: row[1:] for row in page.tables["money-replications"][1:]}
    middle = deliveries.money.set_index("figure")["p50_usd"]
    assert money["free cash flow"][1] == quantity(middle["free_cash"])
    assert all(len(row) == 3 for row in money.values())  # the replications alone: one answer
    assert quantity(middle["revenue"]) in page.texts["card-money-revenue"]
    assert page.texts["build-lead"] == lateness(result, deliveries)  # of all
    assert [row[0] for row in page.tables["build-sites"][1:]] == by_site(result.build_ledger)["site"].tolist() != []
    assert not re.search(r"\bnan\b", " ".join(page.texts.values()), re.IGNORECASE)


def test_the_console_gives_one_answer(result, deliveries) -> None:
    """Where replications tell the bill of energy, the run with its own jobs does not tell another."""
    out = io.StringIO()
    print_report(Findings(result, deliveries=deliveries), Console(file=out, width=120))
    text = " ".join(out.getvalue().split())
    assert text.count("Money over replications") == 1
    assert "Energy" not in text
    assert "Cash of the run" not in text


def test_without_replications(result, tmp_path) -> None:
    page = Page(write(Findings(result), tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "build-criticality" not in page.tables
    assert "P50" not in page.tables["contract-milestones"][0]
    assert "money-replications" not in page.tables


def test_without_contracts_there_is_no_money(tmp_path) -> None:
    bare = gpusim.run(scenario({"a": project(50, SURE)}, {}))
    there = [section for section in SECTIONS if section.applies(Findings(bare))]
    assert not {ContractsSection, MoneySection} & set(map(type, there))
    assert list(BuildOutSection().figures(Findings(bare))) == ["build_paths", "build_missing", "build_gantt"]
    page = Page(write(Findings(bare), tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "contract-milestones" not in page.tables
    assert page.texts["build-lead"] == "Everything arrived on or ahead of plan."
    assert page.texts["headline"] == page.texts["build-lead"]  # nobody is there who could have been held back


def test_the_headline_says_first_what_made_the_build_out_late(result) -> None:
    text = headline(result)
    assert text.startswith(lateness(result))
    assert "not live in this run" in text
    assert "Nothing held the fleet back" not in text


def test_from_the_command_line_and_drawn_again(tmp_path) -> None:
    file, out = tmp_path / "scenario.toml", tmp_path / "out"
    file.write_text(to_toml(SCENARIO.to_toml_dict()), encoding="utf-8")
    done = CliRunner().invoke(cli, ["run", str(file), "--out", str(out), "--replications", "3", "--seeds", "2"])
    assert done.exit_code == 0, done.output
    assert "Contracts: when milestones are met" in done.output
    assert gpusim.Deliveries.load(out / "deliveries").about["replications"] == 3
    found = gpusim.Assumptions.load(out / "assumptions")
    said = " ".join(done.output.split())
    assert all(sentence in said for sentence in told(found))
    page = Page((out / "report.html").read_text(encoding="utf-8"))
    assert len(page.tables["assumptions"]) == len(found.assumptions) + 1
    before = _story(out)
    (out / "report.html").unlink()
    assert CliRunner().invoke(cli, ["report", str(out)]).exit_code == 0
    assert _story(out) == before


def _story(folder) -> str:
    """The page up to the bottlenecks of the fleet."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    return page[: page.index('<section id="where">')]


@pytest.mark.parametrize("width", [80, 120])
def test_console_fits_and_tells_dates(result, deliveries, width) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    print_report(
        Findings(result, deliveries=deliveries), console, (ReplicationsSection(), ContractsSection(), MoneySection())
    )
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width
    row = next(line for line in text.splitlines() if line.split()[:2] == ["two", "300"])
    assert row.split()[2:] == ["2025-06-01", *["not", "in", "run"] * 3, "0%"]
    assert "The tenant of two leaves, fully or partly, in 100% of replications." in text
    assert "held up by crews" in text
    assert "Cash of the run" not in text  # of which replications are the answer
    free = deliveries.money.set_index("figure").loc["free_cash"]
    row = next(line for line in text.splitlines() if line.split()[:3] == ["free", "cash", "flow"])
    assert " ".join(row.split()[3:]) == " ".join(quantity(free[f"p{q}_usd"]) for q in (10, 50, 90))


def test_held_back_sums_over_projects_and_leaves_out_what_came_early() -> None:
    rows = [
        ("shell", "", 2.0, 4.0),
        ("gpu_delivery", "crews", 5.0, 10.0),
        ("shell", "", 1.0, 2.0),
        ("ahead of plan", "", -9.0, -9.0),
    ]
    found = held_back(pd.DataFrame(rows, columns=["cause", "held_by", "gpu_hours", "usd"]))
    assert found["what"].tolist() == ["GPU delivery, held up by crews", "shell"]
    assert found["gpu_hours"].tolist() == [5.0, 3.0]


def test_months_of_a_run_that_begins_and_ends_within_one() -> None:
    edges = edges_s(["2025-12", "2026-01", "2026-02"], datetime(2025, 12, 17, tzinfo=UTC), 50 * DAY_S)
    assert (edges / DAY_S).tolist() == [0.0, 15.0, 46.0, 50.0]


def test_quarters_sum_flows_and_keep_last_balances() -> None:
    flows = ["revenue_usd", "ebitda_usd", "capex_usd", "free_cash_usd", "cash_usd", "debt_usd", "backlog_usd"]
    months = [f"2025-{month:02d}" for month in (2, 3, 4)]
    money = pd.DataFrame({"month": months, **{name: [1.0, 2.0, 4.0] for name in flows}})
    found = quarters(money)
    assert found["quarter"].tolist() == ["2025Q1", "2025Q2"]
    assert found["revenue_usd"].tolist() == [3.0, 4.0]
    assert found["debt_usd"].tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("days", "first", "count"),
    [
        (5.0, "1 Jan", 5),
        (30.0, "1 Jan", 5),
        (60.0, "1 Jan", 5),
        (180.0, "2025", 6),
        (2191.0, "2025", 6),
        (30_000.0, "2025", 17),
    ],
)
def test_calendar_ticks(days, first, count) -> None:
    ax = Figure().add_subplot()
    calendar_axis(ax, datetime(2025, 1, 1, tzinfo=UTC), 0.0, days * DAY_S)
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels[0] == first
    assert len(labels) == count
    assert np.all(np.diff(ax.get_xticks()) > 0.0)


def test_losses_by_site_are_those_of_the_ledger_and_name_the_greatest() -> None:
    rows = [
        ("north", "shell", "rain", 10.0, 30.0), ("north", "transformer", "", 4.0, 12.0),
        ("south", "permits", "", 50.0, 150.0), ("south", "ahead of plan", "", -20.0, -60.0),
    ]  # fmt: skip
    found = by_site(pd.DataFrame(rows, columns=["site", "cause", "held_by", "gpu_hours", "usd"]))
    assert found["site"].tolist() == ["south", "north"]
    assert found["gpu_hours"].tolist() == [50.0, 14.0]
    assert found["what"].tolist() == ["permits", "shell, held up by rain"]
    assert found["share"].tolist() == pytest.approx([1.0, 30.0 / 42.0])


def test_a_covenant_that_refuses_is_told() -> None:
    """A loan that would lend 0.8 of what projects cost, but for a covenant that nobody keeps; and one without."""
    loan, cost = {"share": 0.8, "rate": 0.1}, "projects.a.tasks.gpu_delivery.usd"
    scenario = SCENARIO.with_({cost: 1e8, "money.loans": {"notes": {**loan, "least_coverage": 100.0}}})
    result, deliveries = gpusim.run(scenario, seed=1), gpusim.deliveries(scenario, 3, seed=1)
    low, middle, high = (quantity(usd) for usd in deliveries.money.set_index("figure").loc["refused"])
    end = ": earnings did not cover the service of debt 100 times. The owners pay instead."
    both, one = Findings(result, deliveries=deliveries), Findings(result)
    text = " ".join(said(ReplicationsSection(), both).split())
    assert f"Loan notes refused {middle} USD ({low} to {high}){end}" in text
    assert "refused by covenants" in text
    usd = result.money_figures.set_index("name").loc["refused_usd", "value"]
    assert usd == pytest.approx(result.money_loans["refused_usd"].sum())
    assert usd > 0.0
    assert f"Loan notes refused {quantity(usd)} USD{end}" in " ".join(said(MoneySection(), one).split())
    assert "refused_usd" in [name for name, _value, _meaning in MoneySection().values(one)["cards"]]
    without = SCENARIO.with_({cost: 1e8, "money.loans": {"notes": loan}})
    assert MoneySection().values(Findings(gpusim.run(without, seed=1)))["refused"] == ""

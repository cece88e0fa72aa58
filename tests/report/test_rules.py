"""Rules in the report and on the console: what they did and cost, where they were in force, the European report."""

from __future__ import annotations

import io

import pytest
from matplotlib.colors import to_hex
from rich.console import Console

import gpusim
from gpusim.regulation.effects import effects, in_force, reports, sources, summary, without_effect
from gpusim.report.console import print_report
from gpusim.report.figures.rules import DUTY, IN_FORCE, LOST, PAID, draw
from gpusim.report.findings import Findings
from gpusim.report.page import write
from gpusim.report.sections.rules import RulesSection
from gpusim.scenario.rules import catalogue
from gpusim.units import DAY_S
from tests.regulation.kit import scenario
from tests.regulation.test_building import AMSTERDAM, given
from tests.report.test_page import Page

SB6, CP, EED, GDPR = "us-texas-sb6", "us-ercot-4cp", "eu-eed-reporting", "eu-gdpr"
CALLS = {"least_mw": 0.1, "events_per_year": 300.0, "hours_median": 2.0, "hours_p90": 2.0, "curtailed_share": 0.75}


@pytest.fixture(scope="module")
def result():
    """A site in Texas that is curtailed and charged for a peak, and one in Germany that reports."""
    given = scenario([SB6, CP, EED, GDPR], rules={SB6: CALLS}).to_toml_dict()
    german = {"region": "DE-LU", "jurisdiction": "EU", "pools": {"other": {"gpus": 600.0}}, "grid_mw": 1.0}
    given["sites"]["there"] = {**given["sites"]["here"], **german}
    given["gpus"]["other"] = {**given["gpus"]["unit"], "idle_w": 100.0}
    given["workload"]["streams"]["jobs"]["gpu_types"] = ["unit"]
    return gpusim.run(gpusim.Scenario.from_dict(given), seed=2)


@pytest.fixture(scope="module")
def page(result, tmp_path_factory):
    path = tmp_path_factory.mktemp("rules") / "report.html"
    return Page(write(Findings(result), path).read_text(encoding="utf-8"))


def test_effects_are_sums_of_the_table_of_rules(result) -> None:
    found = effects(result).set_index("rule")
    rows = result.rules[result.rules["what"] == "curtailment"]
    assert found.loc[SB6, ["sites", "times", "bound"]].tolist() == ["here", len(rows), len(rows)]
    assert found.loc[SB6, "gpu_hours"] == pytest.approx(rows["gpu_hours"].sum())
    assert found.loc[SB6, ["lost_usd", "paid_usd"]].tolist() == pytest.approx([rows["usd"].sum(), 0.0])
    charge = result.rules.loc[result.rules["what"] == "peak", "usd"].sum()
    assert found.loc[CP, ["lost_usd", "paid_usd"]].tolist() == pytest.approx([0.0, charge])
    costs = found["lost_usd"] + found["paid_usd"]
    assert costs.is_monotonic_decreasing
    assert without_effect(result) == [GDPR]
    assert [name for name, *_more in sources(result)] == list(found.index)


def test_in_force_is_within_place_and_run(result) -> None:
    spans = in_force(result)
    assert list(zip(spans["rule"], spans["site"])) == [(SB6, "here"), (CP, "here"), (EED, "there")]
    assert set(spans["from_s"]) == {0.0}
    assert set(spans["to_s"]) == {10 * DAY_S}


def test_sites_keep_their_order_in_a_saved_result(tmp_path) -> None:
    """Not that of their names, in which a manifest has them."""
    given = scenario([EED]).to_toml_dict()
    german = {**given["sites"].pop("here"), "region": "DE-LU", "jurisdiction": "EU", "pools": {"unit": {"gpus": 600.0}}}
    given["sites"] |= {"wismar": german, "aachen": german}
    made = gpusim.run(gpusim.Scenario.from_dict(given), seed=2)
    kept = gpusim.Result.load(made.save(tmp_path / "run"))
    for result in (made, kept):
        assert in_force(result)["site"].tolist() == ["wismar", "aachen"]
        assert reports(result)[0]["site"].tolist() == ["wismar", "aachen"]


def test_page_has_a_section_with_its_tables(page, result) -> None:
    links = {attrs["href"][1:] for tag, attrs in page.elements if tag == "a"}
    assert "rules" in links
    assert page.texts["rules-lead"] == summary(result)
    rows = page.tables["rules-effects"][1:]
    assert [row[0] for row in rows] == effects(result)["rule"].tolist()
    assert rows[-1] == [EED, "required a report", "there", "1", "1", "", "", ""]
    assert f"without effect in this run: {GDPR}" in page.texts["rules"]
    assert catalogue()[SB6]["title"] in page.texts["rules"]


def test_european_report_is_a_table_of_what_there_is(page, result) -> None:
    figures, missing = reports(result)
    assert figures["site"].tolist() == ["there"]
    assert figures["PUE"].tolist() == [pytest.approx(1.0)]
    assert {"floor area", "ERF", "REF"} <= set(missing)
    heading, row = page.tables["rules-reports"]
    assert heading[:4] == ["site", "year", "days", "installed IT power [kW]"]
    assert row[:4] == ["there", "2026", "10", "600"]
    assert "Not reported by any site:" in page.texts["rules"]


def test_without_rules_there_is_nothing(tmp_path) -> None:
    bare = gpusim.run(scenario([]))
    assert not RulesSection().applies(Findings(bare))
    page = Page(write(Findings(bare), tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "rules" not in page.texts


def test_rules_without_effect_are_said_to_have_none(tmp_path) -> None:
    idle = gpusim.run(scenario([EED]))
    page = Page(write(Findings(idle), tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.texts["rules-lead"] == "No rule cost anything in this run."
    assert "figure-rules" not in page.texts
    out = io.StringIO()
    print_report(Findings(idle), Console(file=out, width=80), [RulesSection()])
    assert out.getvalue().strip() == "No rule cost anything in this run."


def test_what_ended_before_the_run_has_no_row_in_the_figure(tmp_path) -> None:
    """It delays a project all the same."""
    late = gpusim.run(given(AMSTERDAM, start="2024-06-01", **{f"rules.{AMSTERDAM}.until": "2025-05-01"}))
    assert effects(late)[["rule", "what", "times"]].to_numpy().tolist() == [[AMSTERDAM, "delay", 1]]
    assert in_force(late).empty
    page = Page(write(Findings(late), tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.tables["rules-effects"][1][:3] == [AMSTERDAM, "delayed projects", "here"]


def test_bars_of_the_figure_are_the_rows(result) -> None:
    (ax,) = draw(result).axes
    bars = {}
    for bar in ax.patches:
        bars.setdefault(to_hex(bar.get_facecolor()).upper(), []).append(bar)
    assert {colour: len(found) for colour, found in bars.items()} == {
        IN_FORCE: 3, LOST: int((result.rules["what"] == "curtailment").sum()), PAID: 1, DUTY: 1,
    }  # fmt: skip
    first, call = bars[LOST][0], result.rules[result.rules["what"] == "curtailment"].iloc[0]
    assert first.get_x() == pytest.approx(call["start_s"] / DAY_S)
    assert first.get_width() == pytest.approx((call["end_s"] - call["start_s"]) / DAY_S)
    assert bars[PAID][0].get_width() == pytest.approx(0.02)  # a quarter hour is drawn as a line
    assert [text.get_text().partition(":")[0] for text in ax.texts[:2]] == ["Texas Senate Bill 6", "ERCOT"]


@pytest.mark.parametrize("width", [80, 120])
def test_console_fits(result, width) -> None:
    out = io.StringIO()
    print_report(Findings(result), Console(file=out, width=width, highlight=False), [RulesSection()])
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width
    rows = [line.split()[0] for line in text.splitlines() if line.strip() and line.split()[0] in catalogue()]
    assert rows == effects(result)["rule"].tolist()

"""A section is one object, which page and console ask; how one is added is in ``tests/test_adding.py``."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from gpusim.report import compared, document, plans, policies, sections, sweeps
from gpusim.report.console import print_report
from gpusim.report.drawing import draw_all
from gpusim.report.findings import Findings
from gpusim.report.page import write
from gpusim.report.section import Card, Head, Report, Section
from gpusim.report.sections import CONSOLE, SECTIONS
from gpusim.report.tables import Column
from tests.report.test_page import Page
from tests.results.kit import fleet


class Tallest(Section):
    """With a figure, a table and a lead, and no template of its own."""

    name, title = "tallest", "The tallest"

    def applies(self, findings: Findings) -> bool:
        return len(findings.result.sites) > 1

    def head(self, findings: Findings) -> Head:
        return Head("which is the tallest", "tallest-of-all", "Site 1 is.")

    def cards(self, findings: Findings) -> list[Card]:
        return [Card("height", "3 m", "from the ground")]

    def lead(self, findings: Findings) -> list[str]:
        return ["Sites differ in height.", "Nobody measured them."]

    def figures(self, findings: Findings) -> dict:
        return {"tall": lambda: Figure(figsize=(1.0, 1.0))}

    def tables(self, findings: Findings) -> dict[str, dict]:
        return {"heights": document.table(pd.DataFrame({"m": [3.0]}), (Column("m", "height [m]", str),))}


@pytest.fixture
def tallest() -> Iterator[None]:
    SECTIONS.insert(0, Tallest())
    CONSOLE.append(SECTIONS[0])
    yield
    SECTIONS.pop(0)
    CONSOLE.pop()


def said(findings: Findings) -> str:
    out = io.StringIO()
    print_report(findings, Console(file=out, width=100))
    return out.getvalue()


@pytest.mark.usefixtures("tallest")
def test_what_a_section_has_is_on_page_and_console(tmp_path: Path):
    findings = Findings(fleet(2, 24))
    pictures = draw_all(findings, tmp_path)
    assert pictures[0].stem == "tall"
    page = Page(write(findings, tmp_path / "report.html", pictures).read_text(encoding="utf-8"))
    assert page.tables["heights"] == [["height [m]"], ["3.0"]]
    assert "Nobody measured them." in page.texts["tallest"]
    assert page.texts["tallest-of-all"] == "Site 1 is."
    assert page.texts["card-height"] == "3 mfrom the ground"
    assert {"#tallest"} <= {attrs.get("href") for _tag, attrs in page.elements}
    assert {"figure-tall"} <= {attrs.get("id") for _tag, attrs in page.elements}
    assert said(findings).endswith("Sites differ in height.\nNobody measured them.\n")


@pytest.mark.usefixtures("tallest")
def test_a_section_that_does_not_apply_is_nowhere(tmp_path: Path):
    findings = Findings(fleet(1, 24))
    text = write(findings, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "tall" not in text
    assert "height" not in said(findings)


@pytest.mark.parametrize(
    "report", [sections.REPORT, compared.REPORT, sweeps.REPORT, policies.REPORT, plans.REPORT],
    ids=["run", "compared", "sweep", "policies", "plan"],
)  # fmt: skip
def test_every_section_is_its_own(report: Report):
    names = [section.name for section in report.sections]
    assert len(set(names)) == len(names)
    assert all(section.title for section in report.sections)
    assert {type(section) for section in report.console if section.title} <= set(map(type, report.sections))

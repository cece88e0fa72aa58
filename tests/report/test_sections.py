"""A section is one object: a file of its own and a place in the lists put it on page and console."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from gpusim.report import document, plans, sweeps
from gpusim.report.console import print_report
from gpusim.report.drawing import draw_all
from gpusim.report.findings import Findings
from gpusim.report.page import write
from gpusim.report.section import Head, Section
from gpusim.report.sections import CONSOLE, SECTIONS
from gpusim.report.sweep_page import write as write_sweep
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.tables import Column
from tests.report.test_page import Page
from tests.report.test_sweep_page import kept, spec
from tests.results.kit import fleet

REPOSITORY = Path(__file__).parents[2]
FILE = '''"""How many jobs there were."""

from gpusim.report.section import Section


class Count(Section):
    """A sentence."""

    name, title = "count", "How many"

    def lead(self, findings):
        """The number."""
        return [f"There were {len(findings.result.jobs)} jobs."]
'''
RUN = """
from pathlib import Path
import gpusim
from gpusim.report.console import print_report
from gpusim.report.findings import Findings
from gpusim.report.page import write
from tests.results.kit import fleet
findings = Findings(fleet(1, 24))
write(findings, Path("report.html"))
print(gpusim.__file__)
print_report(findings)
"""


class Tallest(Section):
    """With a figure, a table and a lead, and no template of its own."""

    name, title = "tallest", "The tallest"

    def applies(self, findings: Findings) -> bool:
        return len(findings.result.sites) > 1

    def head(self, findings: Findings) -> Head:
        return Head("which is the tallest", "tallest-of-all", "Site 1 is.")

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


def said(findings: object, sections: list[Section] = CONSOLE) -> str:
    out = io.StringIO()
    print_report(findings, Console(file=out, width=100), sections)
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
    assert {"#tallest"} <= {attrs.get("href") for _tag, attrs in page.elements}
    assert {"figure-tall"} <= {attrs.get("id") for _tag, attrs in page.elements}
    assert said(findings).endswith("Sites differ in height.\nNobody measured them.\n")


@pytest.mark.usefixtures("tallest")
def test_a_section_that_does_not_apply_is_nowhere(tmp_path: Path):
    findings = Findings(fleet(1, 24))
    text = write(findings, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "tall" not in text
    assert "height" not in said(findings)


def test_a_section_is_added_in_two_files(tmp_path: Path):
    """Its own, and the lists."""
    shutil.copytree(REPOSITORY / "gpusim", tmp_path / "gpusim", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "docs").mkdir()
    shutil.copy(REPOSITORY / "docs" / "glossary.md", tmp_path / "docs")
    folder = tmp_path / "gpusim" / "report" / "sections"
    (folder / "count.py").write_text(FILE, encoding="utf-8")
    text = (folder / "__init__.py").read_text(encoding="utf-8")
    text = text.replace("\nSECTIONS", "\nfrom gpusim.report.sections.count import Count  # noqa: E402\n\nSECTIONS", 1)
    (folder / "__init__.py").write_text(text + "SECTIONS.append(Count())\nCONSOLE.append(Count())\n", encoding="utf-8")
    place = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}", "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=tmp_path, env=place, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.splitlines()[0]).is_relative_to(tmp_path)
    assert done.stdout.endswith("There were 40 jobs.\n")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.texts["count"].split() == "How many There were 40 jobs.".split()


class Longest(Section[SweepFindings]):
    """Of a sweep."""

    name, title = "longest", "The longest"

    def lead(self, findings: SweepFindings) -> list[str]:
        return [f"There are {len(findings.status)} runs."]

    def figures(self, findings: SweepFindings) -> dict:
        return {"long": lambda: Figure(figsize=(1.0, 1.0))}


@pytest.fixture
def longest() -> Iterator[None]:
    for sections in (sweeps.SECTIONS, sweeps.CONSOLE):
        sections.append(Longest())
    yield
    for sections in (sweeps.SECTIONS, sweeps.CONSOLE):
        sections.pop()


@pytest.mark.usefixtures("longest")
def test_a_section_of_a_sweep_is_on_page_and_console(tmp_path: Path):
    made = spec(tmp_path, measures=["goodput"])
    findings = SweepFindings(made, kept(made, tmp_path / "store"))
    page = Page(write_sweep(findings, tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.texts["longest"].split() == "The longest There are 18 runs.".split()
    assert {"figure-long"} <= {attrs.get("id") for _tag, attrs in page.elements}
    assert {"#longest"} <= {attrs.get("href") for _tag, attrs in page.elements}
    assert said(findings, sweeps.CONSOLE).endswith("There are 18 runs.\n")


@pytest.mark.parametrize(
    ("page", "console"),
    [(SECTIONS, CONSOLE), (sweeps.SECTIONS, sweeps.CONSOLE), (plans.SECTIONS, plans.CONSOLE)],
    ids=["run", "sweep", "plan"],
)
def test_every_section_is_its_own(page: list[Section], console: list[Section]):
    names = [section.name for section in page]
    assert len(set(names)) == len(names)
    assert all(section.title for section in page)
    assert {type(section) for section in console if section.title} <= set(map(type, page))

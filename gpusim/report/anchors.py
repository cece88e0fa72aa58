"""Anchors, ours beside known answers: a section for page and console, and a table as a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.table import Table
from rich.text import Text

from gpusim.report import document, page
from gpusim.report.section import Head, Report, Section
from gpusim.report.tables import Column, text
from gpusim.report.terminal import Terminal, listing
from gpusim.units import number_of
from gpusim.validation.anchor import Row
from gpusim.validation.suite import SOURCES
from gpusim.version import __version__

PASS, FAIL = Text("pass", "green"), Text("FAIL", "bold red")


@dataclass(frozen=True)
class Anchors:
    """Cases of all anchors that were asked for, or skipped."""

    rows: list[Row]
    version: str = __version__


class CasesSection(Section[Anchors]):
    """A row per case."""

    name, title, listed = "all", "Cases", False

    def head(self, findings: Anchors) -> Head:
        """How many agree."""
        return Head("Validation", "summary", summary_of(findings.rows))

    def tables(self, findings: Anchors) -> dict[str, dict[str, list]]:
        """All of them, with their sources, and why some were skipped."""
        rows, cases = findings.rows, frame_of(findings.rows)
        cases["verdict"] = [
            f"skipped: {row.skipped}" if row.skipped else verdict for row, verdict in zip(rows, cases["verdict"])
        ]
        cases["within"] = [_share(row.tolerance, row.expected) if row.tolerance else "exact" for row in rows]
        return {"cases": document.table(cases, COLUMNS)}

    def say(self, findings: Anchors, terminal: Terminal) -> None:
        """All of them, then how many agree."""
        terminal.print(_listed_cases(findings.rows))
        terminal.print(summary_of(findings.rows))


REPORT = Report("validation.html", [CasesSection()], [CasesSection()])


def _listed_cases(rows: list[Row]) -> Table:
    """Ours beside theirs with deviation, tolerance and verdict; relative figures in per cent."""
    table = listing("#>", "what", "theirs>", "ours>", "deviation>", "tolerance>", "verdict")
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None and before.item != row.item:
            table.add_section()
        verdict = Text("skipped", "yellow") if row.skipped else PASS if row.passed else FAIL
        ours = "" if row.skipped else _number(row.ours)
        deviation = "" if row.skipped else _share(row.deviation, row.expected, "+") if row.deviation else "0"
        tolerance = _share(row.tolerance, row.expected) if row.tolerance else "exact"
        table.add_row(str(row.item), row.what, _number(row.expected), ours, deviation, tolerance, verdict)
    return table


def frame_of(rows: list[Row]) -> pd.DataFrame:
    """One row a case: ``anchor``, ``case``, ``source``, ``theirs``, ``ours``, ``tolerance``, ``verdict``, ``skipped``.

    Verdicts are "pass", "FAIL" and "skipped"; the last column says why a case was.
    """
    return pd.DataFrame(
        {
            "anchor": [row.item for row in rows],
            "case": [row.what for row in rows],
            "source": [SOURCES.get(row.item, "") for row in rows],
            "theirs": [float(row.expected) for row in rows],
            "ours": [float(row.ours) for row in rows],
            "tolerance": [float(row.tolerance) for row in rows],
            "verdict": ["skipped" if row.skipped else "pass" if row.passed else "FAIL" for row in rows],
            "skipped": [row.skipped for row in rows],
        }
    )


def write(findings: Anchors, folder: Path) -> None:
    """Write ``validation.html`` and ``validation.parquet`` of all cases to a folder, which is made if it is absent."""
    folder.mkdir(parents=True, exist_ok=True)
    frame_of(findings.rows).to_parquet(folder / "validation.parquet", index=False)
    page.write(findings, folder / "validation.html", report=REPORT)


def summary_of(rows: list[Row]) -> str:
    """How many figures agree, which anchors do not, and why others were skipped, in a sentence each."""
    failed = [row for row in rows if not row.passed]
    skipped = [row for row in rows if row.skipped]
    agreed = len(rows) - len(failed) - len(skipped)
    said = [f"{number_of(agreed, 'figure')} {'agrees' if agreed == 1 else 'agree'}."]
    if failed:
        anchors = f"anchor{'s' * (len({row.item for row in failed}) > 1)} {_listed(failed)}"
        said.append(f"{number_of(len(failed), 'figure')} {'does' if len(failed) == 1 else 'do'} not: {anchors}.")
    for why in dict.fromkeys(row.skipped for row in skipped):
        for_this = [row for row in skipped if row.skipped == why]
        said.append(f"{number_of(len(for_this), 'figure')} skipped ({why}): anchor {_listed(for_this)}.")
    return " ".join(said)


def _listed(rows: list[Row]) -> str:
    return ", ".join(map(str, sorted({row.item for row in rows})))


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1e5 or (value == round(value) and abs(value) >= 1000) else f"{value:,.6g}"


def _share(value: float, expected: float, sign: str = "") -> str:
    return f"{value:{sign}.2g}" if expected == 0.0 else f"{100 * value:{sign}.2g}%"


COLUMNS = (
    Column("anchor", "#", str), text("case", "case"), text("source", "source"), Column("theirs", "theirs", _number),
    Column("ours", "ours", _number, none=""), text("within", "tolerance"), text("verdict", "verdict"),
)  # fmt: skip

"""Headline measures of each run."""

from __future__ import annotations

from gpusim.report import document
from gpusim.report.compared.runs import Runs
from gpusim.report.section import Section
from gpusim.report.tables import Column, number, text

NAMED = "measure"


class FiguresSection(Section[Runs]):
    """A row per measure, a column per run."""

    name, title = "figures", "Measures of the runs"

    def tables(self, findings: Runs) -> dict[str, dict[str, list]]:
        """All of them; nothing where a run has none of what a measure is of."""
        rows = findings.labelled.rename_axis(NAMED).reset_index()
        columns = [Column(name, name, number, none="") for name in findings.findings]
        return {"compared-figures": document.table(rows, (text(NAMED, NAMED), *columns))}

"""What held each run back."""

from __future__ import annotations

from gpusim.causes import WORDS
from gpusim.report import document
from gpusim.report.compared.runs import Runs
from gpusim.report.section import Section
from gpusim.report.tables import Column, decimals, text

MOST_ROWS = 40


class BottlenecksSection(Section[Runs]):
    """GPU-hours held back, a column per run, the largest differences first."""

    name, title = "bottlenecks", "GPU-hours held back"

    def lead(self, findings: Runs) -> list[str]:
        """The order of the table."""
        return ["Largest differences first."]

    def tables(self, findings: Runs) -> dict[str, dict[str, list]]:
        """The first of them."""
        columns = (
            Column("site", "site", lambda site: site or "any site", text=True), text("gpu_type", "GPU type"),
            Column("cause", "cause", lambda cause: WORDS[cause].short, text=True),
            *(Column(name, name, decimals()) for name in findings.findings),
        )  # fmt: skip
        return {"compared-held": document.table(findings.held.head(MOST_ROWS), columns)}

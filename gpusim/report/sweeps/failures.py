"""Runs that failed, each kind of error once."""

from __future__ import annotations

import pandas as pd

from gpusim.report import document
from gpusim.report.section import Section
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.tables import Column, text

MOST_FAILURES = 10  # kinds of them
COLUMNS = (
    text("error", "error"), Column("runs", "runs", str), Column("point", "first at point", str),
    text("file", "more in"),
)  # fmt: skip


class FailuresSection(Section[SweepFindings]):
    """What is in no figure and no mean."""

    name, title, template = "failed", "Failures", "sweeps/failures.html"

    def applies(self, findings: SweepFindings) -> bool:
        """Whether the error of a failed run is known."""
        return bool(_kinds(findings))

    def tables(self, findings: SweepFindings) -> dict[str, dict[str, list]]:
        """Kinds of errors."""
        points = findings.status.drop_duplicates("run").set_index("run")["point"]
        rows = [
            (error, len(keys), str(points[keys[0]]), f"failures/{keys[0]}.json")
            for error, keys in list(_kinds(findings).items())[:MOST_FAILURES]
        ]
        return {"failures": document.table(pd.DataFrame(rows, columns=[c.key for c in COLUMNS]), COLUMNS)}


def _kinds(findings: SweepFindings) -> dict[str, list[str]]:
    """Runs that failed, by their error."""
    status, kinds = findings.status, {}
    failed = set(status.loc[status["status"] == "failed", "run"])
    for key, error in findings.store.failures().items():
        if key in failed:
            kinds.setdefault(f"{error['kind']}: {error['message']}", []).append(key)
    return kinds

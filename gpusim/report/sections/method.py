"""Method and caveats, how to run it again, and all figures of the run with their definitions."""

from __future__ import annotations

from gpusim.analysis.measure import none_of
from gpusim.analysis.metrics import METRICS
from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.scenario_text import to_toml
from gpusim.report.section import Section
from gpusim.report.tables import Column, number, text


class MethodSection(Section):
    """What the figures mean, and what they do not."""

    name, title, template = "method", "Method and caveats", "sections/method.html"

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """All figures."""
        table = findings.metrics.rename_axis("name").reset_index()
        said = [number(value, none_of(name)) for name, value in findings.metrics.items()]
        return {"metrics": document.table(table.assign(said=said), COLUMNS)}

    def values(self, findings: Findings) -> dict[str, object]:
        """The scenario."""
        return {"scenario_text": to_toml(findings.result.manifest["scenario"]), "basis": findings.basis}


COLUMNS = (
    text("name", "measure"),
    Column("said", "value", str),
    Column("name", "meaning", lambda name: METRICS[name], text=True),
)

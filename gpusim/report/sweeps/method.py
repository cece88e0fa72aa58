"""How to read the report of a sweep, and how to run it again."""

from __future__ import annotations

from gpusim.report.scenario_text import to_toml
from gpusim.report.section import Head, Section
from gpusim.report.sweeps.findings import SweepFindings


class MethodSection(Section[SweepFindings]):
    """What its figures mean, and what they do not."""

    name, title, template = "method", "How to read this", "sweeps/method.html"

    def head(self, findings: SweepFindings) -> Head:
        """What is said where no other section has anything to say."""
        if findings.table.empty:
            return Head("sweep", "headline", "No run has finished: there is nothing to show yet.")
        return Head("sweep", "headline", "No finished run has what was to be measured.", tuple(findings.absent))

    def values(self, findings: SweepFindings) -> dict[str, object]:
        """The indices that its figures show, and the sweep as a file."""
        return {
            "indices": {index for table in findings.sensitivities.values() for index in table["index"]},
            "version": findings.store.about.get("gpusim_version", "unknown"),
            "spec_text": to_toml(findings.spec.model_dump(mode="json", exclude_defaults=True)),
        }

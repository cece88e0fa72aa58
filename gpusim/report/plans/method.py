"""How to read the report of a plan, and the scenario with what it buys."""

from __future__ import annotations

from gpusim.report.scenario_text import to_toml
from gpusim.report.section import Section
from gpusim.studies.planning.proposal import Proposal


class MethodSection(Section[Proposal]):
    """What its figures mean, and what they do not."""

    name, title, template = "method", "How to read this", "plans/method.html"

    def values(self, findings: Proposal) -> dict[str, object]:
        """The scenario."""
        return {"scenario_text": to_toml(findings.scenario.to_toml_dict())}

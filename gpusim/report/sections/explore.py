"""The run to explore: charts that zoom together, and filter each other and the tables."""

from __future__ import annotations

from gpusim.report.explorer import specification
from gpusim.report.findings import Findings
from gpusim.report.section import Section


class ExploreSection(Section):
    """Charts that a browser draws."""

    name, title, template = "explore", "Explore", "sections/explore.html"

    def values(self, findings: Findings) -> dict[str, object]:
        """What they show."""
        return {"specification": specification(findings)}

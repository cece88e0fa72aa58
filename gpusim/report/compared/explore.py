"""The runs to explore: charts that a browser draws."""

from __future__ import annotations

from gpusim.report.compared.runs import Runs
from gpusim.report.explore.runs import specification
from gpusim.report.section import Section


class ExploreSection(Section[Runs]):
    """What held each run back, courses and figures of all."""

    name, title, template = "explore", "Explore", "compared/explore.html"

    def values(self, findings: Runs) -> dict[str, object]:
        """What they show."""
        return {"specification": specification(findings)}

"""The study to explore: charts of its means, and of how they differ."""

from __future__ import annotations

from gpusim.report.explore.study import MOST_POINTS, specification
from gpusim.report.section import Section
from gpusim.report.sweeps.findings import SweepFindings


class ExploreSection(Section[SweepFindings]):
    """Charts that a browser draws."""

    name, title, template = "explore", "Explore", "sweeps/explore.html"

    def applies(self, findings: SweepFindings) -> bool:
        """Whether anything was measured."""
        return bool(findings.measures)

    def values(self, findings: SweepFindings) -> dict[str, object]:
        """What they show, and how many points they leave out."""
        points = findings.means["point"].nunique()
        return {"specification": specification(findings), "left_out": max(points - MOST_POINTS, 0)}

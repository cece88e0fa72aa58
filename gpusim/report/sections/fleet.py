"""The fleet: what became of each pool's planned GPU-time, and the course of all sites together."""

from __future__ import annotations

from gpusim.report.figures import course, matrix
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Section


class FleetSection(Section):
    """All sites side by side, and together where there are several."""

    name, title, template = "fleet", "The fleet", "sections/fleet.html"

    def figures(self, findings: Findings) -> Drawings:
        """The matrix of sites and GPU types, and the course of all sites."""
        result, sites = findings.result, list(findings.result.sites["site"])
        found = {"matrix": lambda: matrix.draw(result)}
        if len(sites) > 1:
            found["fleet"] = lambda: course.draw(result, findings.series, findings.entries, sites)
        return found

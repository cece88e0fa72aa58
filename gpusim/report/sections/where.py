"""Where and when the fleet was held back, and by what: the lead of the page."""

from __future__ import annotations

from gpusim.report.figures import headline
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Head, Section


class WhereSection(Section):
    """The figure of the headline."""

    name, title, template = "where", "Where and when", "sections/where.html"

    def head(self, findings: Findings) -> Head:
        """The headline."""
        return Head("what held the fleet back", "headline", findings.headline)

    def figures(self, findings: Findings) -> Drawings:
        """The course of what was held back, by site and cause."""
        title = findings.attributed
        return {"headline": lambda: headline.draw(findings.result, findings.series, findings.entries, title)}

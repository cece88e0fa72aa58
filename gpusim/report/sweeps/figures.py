"""The figures of each measure, and charts to explore the study by."""

from __future__ import annotations

from gpusim.report.figures.study import drawings
from gpusim.report.section import Drawings, Section
from gpusim.report.sweeps.explore import MOST_POINTS, specification
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.results.labels import words_of

# The figures of each measure.


class FiguresSection(Section[SweepFindings]):
    """What its design is good for, measure by measure."""

    name, title, template = "figures", "Figures", "sweeps/figures.html"

    def applies(self, findings: SweepFindings) -> bool:
        """Whether anything was measured."""
        return bool(findings.measures)

    def figures(self, findings: SweepFindings) -> Drawings:
        """Of all measures."""
        return {name: draw for drawn in _by_measure(findings).values() for name, draw in drawn.items()}

    def values(self, findings: SweepFindings) -> dict[str, object]:
        """Which are of which measure."""
        return {"of": {words_of(measure): list(drawn) for measure, drawn in _by_measure(findings).items()}}


def _by_measure(findings: SweepFindings) -> dict[str, Drawings]:
    return {measure: drawings(findings.spec, part, findings.sensitivities) for measure, part in findings.parts.items()}


# The study to explore: charts of its means, and of how they differ.


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

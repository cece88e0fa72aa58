"""The figures of each measure."""

from __future__ import annotations

from gpusim.analysis.labels import words_of
from gpusim.report.figures.study import drawings
from gpusim.report.section import Drawings, Section
from gpusim.report.sweeps.findings import SweepFindings


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

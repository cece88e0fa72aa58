"""The report of a sweep: one HTML page that needs nothing but itself, section by section."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gpusim.report import document
from gpusim.report.drawing import draw_all, draw_narrow
from gpusim.report.section import Section, filled
from gpusim.report.sweeps import SECTIONS
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.sweeps.points import extremes


def write(findings: SweepFindings, path: Path, sections: Sequence[Section[SweepFindings]] = SECTIONS) -> Path:
    """Draw the figures of a sweep beside its report, and render that to ``path``."""
    spec, status = findings.spec, findings.status
    return document.write(
        path,
        "sweep.html",
        draw_all(findings, path.parent / "figures", sections),
        draw_narrow(findings, sections),
        spec=spec,
        counts=status["status"].value_counts().to_dict(),
        runs=len(status),
        points=status["point"].nunique(),
        others=[extremes(findings, measure) for measure in findings.measures[1:]] if sections is SECTIONS else [],
        absent=[measure for measure in spec.measured() if measure not in findings.measures],
        **filled(sections, findings),
    )

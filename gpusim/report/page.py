"""A report as one HTML page that needs nothing but itself, section by section."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from gpusim.report import document
from gpusim.report.drawing import draw_all, draw_narrow
from gpusim.report.section import F, Report, filled
from gpusim.report.sections import REPORT


def write(findings: F, path: Path, pictures: list[Path] | None = None, report: Report[F] = REPORT) -> Path:
    """Render a report, by default that of a run, to ``path``.

    Parameters
    ----------
    pictures : list of Path, optional
        Figures of its sections, drawn before by ``draw_all``; drawn now if not given.
    """
    if pictures is None:
        with TemporaryDirectory() as folder:
            return write(findings, path, draw_all(findings, Path(folder), report.sections), report)
    narrow = draw_narrow(findings, report.sections)
    return document.write(path, report.template, pictures, narrow, **filled(report.sections, findings))

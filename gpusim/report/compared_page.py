"""The page of a comparison of runs: one HTML page that needs nothing but itself."""

from __future__ import annotations

from pathlib import Path

from gpusim.report import document
from gpusim.report.compared import SECTIONS
from gpusim.report.compared.runs import Runs
from gpusim.report.section import filled


def write(runs: Runs, path: Path) -> Path:
    """Render the comparison to ``path``."""
    return document.write(path, "compared.html", [], **filled(SECTIONS, runs))

"""The figures of a report, drawn for their folder and for the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from gpusim.report.figures import named, save
from gpusim.report.figures.palette import STYLE
from gpusim.report.findings import Findings
from gpusim.report.sections import SECTIONS


def figures(findings: Findings) -> Iterator[tuple[str, Figure]]:
    """All figures by name, section by section."""
    for section in SECTIONS:
        if section.applies(findings):
            for name, drawn in section.figures(findings).items():
                with mpl.rc_context(STYLE):
                    figure = drawn()
                yield name, figure


def draw(findings: Findings, name: str) -> Figure:
    """The figure that has this name; ``ResultError`` with those that there are."""
    return named(figures(findings), name)


def draw_all(findings: Findings, folder: Path) -> list[Path]:
    """Write every figure as PNG into a folder; the paths, in the order drawn."""
    return save(figures(findings), folder)

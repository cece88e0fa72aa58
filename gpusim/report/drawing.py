"""The figures of a report, drawn for their folder and for the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpusim.report.figures import drawn, save
from gpusim.report.figures.palette import STYLE
from gpusim.report.figures.width import narrowed
from gpusim.report.section import F, Section
from gpusim.report.sections import SECTIONS


def figures(findings: F, sections: Sequence[Section[F]] = SECTIONS) -> Iterator[tuple[str, Figure]]:
    """All figures by name, section by section, by default of a run."""
    for section in sections:
        if section.applies(findings):
            for name, draw_one in section.figures(findings).items():
                with mpl.rc_context(STYLE):
                    figure = draw_one()
                yield name, figure


def draw(findings: F, name: str, sections: Sequence[Section[F]] = SECTIONS, ax: Axes | None = None) -> Figure:
    """The figure that has this name, in the place of ``ax`` if given; ``ResultError`` with those that there are."""
    shown = [section.figures(findings) for section in sections if section.applies(findings)]
    return drawn({name: draw_one for drawings in shown for name, draw_one in drawings.items()}, name, ax)


def draw_narrow(findings: F, sections: Sequence[Section[F]] = SECTIONS) -> dict[str, bytes]:
    """Every figure by name in its narrow form, for phones, as a PNG file."""
    with narrowed(), TemporaryDirectory() as folder:
        return {path.stem: path.read_bytes() for path in draw_all(findings, Path(folder), sections)}


def draw_all(
    findings: F, folder: Path, sections: Sequence[Section[F]] = SECTIONS, formats: Sequence[str] = ("png",)
) -> list[Path]:
    """Write every figure into a folder, in one or more formats (``png``, ``svg``, ``pdf``); the paths, in the order
    drawn."""
    return save(figures(findings, sections), folder, formats)

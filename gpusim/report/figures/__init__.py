"""Figures of results and studies: colour-blind safe, readable at column width."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpusim.errors import ResultError, did_you_mean
from gpusim.report.figures.frame import in_place_of
from gpusim.report.figures.palette import STYLE
from gpusim.results.tables.folder import DRAWN_BY

__all__ = ["FORMATS", "drawn", "save"]

# What a figure says of how it was made, by format: no date, so that the same figure is the same bytes.
FORMATS = {
    "png": {"Software": DRAWN_BY.decode()},
    "svg": {"Creator": DRAWN_BY.decode(), "Date": None},
    "pdf": {"Creator": DRAWN_BY.decode(), "CreationDate": None},
}


def drawn(drawings: Mapping[str, Callable[[], Figure]], name: str, ax: Axes | None = None) -> Figure:
    """The figure of this name, drawn; in the place of ``ax`` that figure of which this is one.

    Raises
    ------
    ResultError
        With the names that there are, if this is none; if ``ax`` has no place that can be taken.
    """
    if name not in drawings:
        raise ResultError(f"no figure {name!r}{did_you_mean(name, drawings)}; known: {', '.join(drawings)}")
    with mpl.rc_context(STYLE), in_place_of(ax):
        return drawings[name]().get_figure(root=True)


def save(figures: Iterable[tuple[str, Figure]], folder: Path, formats: Sequence[str] = ("png",)) -> list[Path]:
    """Write figures, each under its name, into a folder, in one or more of ``FORMATS``; the paths.

    They are drawn while they are asked for, so that ``STYLE`` holds then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a name in any script: boxes stand for it
        for name, figure in figures:
            for ending in formats:
                paths.append(folder / f"{name}.{ending}")
                figure.savefig(paths[-1], metadata=FORMATS[ending])
    return paths

"""Figures of results and studies: colour-blind safe, readable at column width."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from gpusim.errors import ResultError, did_you_mean
from gpusim.report.figures.palette import STYLE
from gpusim.tables.folder import DRAWN_BY

__all__ = ["FORMATS", "named", "save"]

# What a figure says of how it was made, by format: no date, so that the same figure is the same bytes.
FORMATS = {
    "png": {"Software": DRAWN_BY.decode()},
    "svg": {"Creator": DRAWN_BY.decode(), "Date": None},
    "pdf": {"Creator": DRAWN_BY.decode(), "CreationDate": None},
}


def named(drawn: Iterator[tuple[str, Figure]], name: str) -> Figure:
    """The figure of this name; ``ResultError`` with the names that there are."""
    names = []
    with mpl.rc_context(STYLE):
        for known, figure in drawn:
            if known == name:
                return figure
            names.append(known)
    raise ResultError(f"no figure {name!r}{did_you_mean(name, names)}; known: {', '.join(names)}")


def save(drawn: Iterable[tuple[str, Figure]], folder: Path, formats: Sequence[str] = ("png",)) -> list[Path]:
    """Write figures, each under its name, into a folder, in one or more of ``FORMATS``; the paths.

    They are drawn while they are asked for, so that ``STYLE`` holds then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a name in any script: boxes stand for it
        for name, figure in drawn:
            for ending in formats:
                paths.append(folder / f"{name}.{ending}")
                figure.savefig(paths[-1], metadata=FORMATS[ending])
    return paths

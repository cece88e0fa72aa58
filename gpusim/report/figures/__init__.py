"""Figures of results and studies: colour-blind safe, readable at column width."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from gpusim.analysis.bottlenecks import books, bottlenecks
from gpusim.analysis.countries import country_of
from gpusim.analysis.series import Series
from gpusim.errors import ResultError, did_you_mean
from gpusim.report.figures import countries, course, headline, matrix, waits
from gpusim.report.figures.palette import STYLE
from gpusim.report.figures.relief import relief_figures
from gpusim.report.figures.story import story_figures
from gpusim.tables.deliveries import Deliveries
from gpusim.tables.folder import DRAWN_BY
from gpusim.tables.relief import Relief
from gpusim.tables.result import Result

__all__ = ["draw", "draw_all", "figures", "named", "save"]


def figures(result: Result) -> Iterator[tuple[str, Figure]]:
    """All figures by name: headline, matrix, fleet (of several sites), countries (of several), site_NAME, waits."""
    series, entries, sites = Series.of(result), books(result), list(result.sites["site"])
    table = bottlenecks(result, entries)
    yield "headline", headline.draw(result, series, entries, table)
    yield "matrix", matrix.draw(result)
    if len(sites) > 1:
        yield "fleet", course.draw(result, series, entries, sites)
    if len(set(map(country_of, result.sites["region"]))) > 1:
        yield "countries", countries.draw(result)
    for site in sites:
        yield f"site_{site}", course.draw(result, series, entries, [site])
    yield "waits", waits.draw(result)


def draw(result: Result, name: str) -> Figure:
    """The figure of a result that has this name; ``ResultError`` with those that there are."""
    return named(chain(figures(result), story_figures(result, None)), name)


def named(drawn: Iterator[tuple[str, Figure]], name: str) -> Figure:
    """The figure of this name; ``ResultError`` with the names that there are."""
    names = []
    with mpl.rc_context(STYLE):
        for known, figure in drawn:
            if known == name:
                return figure
            names.append(known)
    raise ResultError(f"no figure {name!r}{did_you_mean(name, names)}; known: {', '.join(names)}")


def draw_all(
    result: Result, folder: Path, relief: Relief | None = None, deliveries: Deliveries | None = None
) -> list[Path]:
    """Write every figure of a result, and of studies of it, as PNG into a folder; the paths, in the order drawn."""
    paths = save(figures(result), folder) + save(story_figures(result, deliveries), folder)
    return paths + (save(relief_figures(relief), folder) if relief else [])


def save(drawn: Iterable[tuple[str, Figure]], folder: Path) -> list[Path]:
    """Write figures as PNG, each under its name, into a folder; the paths.

    They are drawn while they are asked for, so that ``STYLE`` holds then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a name in any script: boxes stand for it
        for name, figure in drawn:
            paths.append(folder / f"{name}.png")
            figure.savefig(paths[-1], metadata={"Software": DRAWN_BY.decode()})
    return paths

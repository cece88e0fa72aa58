"""Means of a sweep on the console; on the page they stand in the section of its points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from textwrap import fill

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from gpusim.analysis.labels import label_of, unit_of
from gpusim.analysis.measure import none_of
from gpusim.report.section import Section
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.tables import plus_minus
from gpusim.report.terminal import Terminal, terminal

MOST_POINTS = 30
MOST_COLUMNS = 4  # of measures, where they are more than the points
WIDEST_TITLE = 24  # characters of a line of a measure's title
NARROW = 22  # characters of the names of measures, where they take two lines to fit
WIDEST = 100_000  # [characters] of a table that is measured


class SummarySection(Section[SweepFindings]):
    """Means of all that was to be measured."""

    name = "summary"

    def applies(self, findings: SweepFindings) -> bool:
        """Whether any run has finished."""
        return not findings.table.empty

    def say(self, findings: SweepFindings, terminal: Terminal) -> None:
        """Points and measures as a table."""
        print_summary(findings.summary, list(findings.spec.axes), terminal)


def print_summary(summary: pd.DataFrame, axes: list[str], console: Console | None = None) -> None:
    """Means over replications and the half widths of their 95% intervals: a row per point, a column per measure.

    Many measures of few points are shown the other way round.

    Parameters
    ----------
    summary : DataFrame
        As ``Sweep.summary`` makes it.
    """
    console = terminal(console)
    points, measures = summary["point"].nunique(), summary["measure"].nunique()
    for table in _fitting(console, summary, axes, _by_measure if measures > max(points, MOST_COLUMNS) else _by_point):
        console.print(table)
    left = points - MOST_POINTS
    more = f" The first {MOST_POINTS} points; {left:,} more are in the store." if left > 0 else ""
    console.print("Mean over replications, \u00b1 half of its 95% interval." + more, style="dim")


def _fitting(console: Console, summary: pd.DataFrame, axes: list[str], make: Callable) -> Iterator[Table]:
    """The table, or, where it is wider than the terminal, several of them with part of its columns each."""
    by = "measure" if make is _by_point else "point"
    names = list(dict.fromkeys(summary[by]))
    unbounded = console.options.update(max_width=WIDEST)
    for table in (make(summary, axes), make(summary, axes, NARROW)):
        if len(names) < 2 or Measurement.get(console, unbounded, table).maximum <= console.width:
            yield table
            return
    half = len(names) // 2
    for part in (names[:half], names[half:]):
        yield from _fitting(console, summary[summary[by].isin(part)], axes, make)


def _by_point(summary: pd.DataFrame, axes: list[str], widest: int | None = None) -> Table:
    """A row per point, a column per measure in a unit that suits it."""
    table = Table(box=box.SIMPLE_HEAD)
    for axis in axes or ["point"]:
        table.add_column(axis, overflow="fold", max_width=widest)
    columns = [_said(measure, part) for measure, part in summary.groupby("measure", sort=False)]
    for title, _values in columns:
        table.add_column(fill(title, WIDEST_TITLE, break_on_hyphens=False), justify="right", no_wrap=True)
    points = list(summary.groupby("point", sort=False))[:MOST_POINTS]
    for (point, part), *values in zip(points, *(values for _title, values in columns)):
        table.add_row(*_names(point, part, axes), *values)
    return table


def _by_measure(summary: pd.DataFrame, axes: list[str], widest: int | None = None) -> Table:
    """A row per measure, a column per point."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("", overflow="fold", max_width=widest)
    for point, part in summary.groupby("point", sort=False):
        table.add_column(",\n".join(_names(point, part, axes)), justify="right", no_wrap=True)
    for measure, part in summary.groupby("measure", sort=False):
        title, values = _said(measure, part)
        table.add_row(title, *values)
    return table


def _said(measure: str, part: pd.DataFrame) -> tuple[str, list[str]]:
    """A measure with the unit that suits it, and its means and intervals in this unit, point by point."""
    finite = part["mean"].abs()[np.isfinite(part["mean"])]
    unit = unit_of(measure, float(finite.max()) if len(finite) else 0.0)
    scaled, none = part[["mean", "low", "high"]] * unit.factor, none_of(measure)
    return label_of(measure, unit), [plus_minus(*row, none) for row in scaled.itertuples(index=False)]


def _names(point: int, part: pd.DataFrame, axes: list[str]) -> list[str]:
    """Where a point stands on the axes."""
    return [str(part.iloc[0][axis]) for axis in axes] or ["as it is"]

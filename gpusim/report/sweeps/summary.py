"""Means of a sweep on the console; on the page they stand in the section of its points."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from textwrap import fill

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from gpusim.report.section import Section
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.tables import plus_minus
from gpusim.report.terminal import Terminal, terminal
from gpusim.results.labels import Unit, label_of, unit_of
from gpusim.results.measure import none_of

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
    make, by = (_by_measure, "point") if measures > max(points, MOST_COLUMNS) else (_by_point, "measure")
    for table in _fitting(console, summary, axes, partial(make, units=_units(summary)), by):
        console.print(table)
    left = points - MOST_POINTS
    more = f" The first {MOST_POINTS} points; {left:,} more are in the store." if left > 0 else ""
    said = "Mean over replications, \u00b1 half of its 95% interval, or its ends where that is cut at 0 or 100%."
    console.print(said + more, style="dim")


def _fitting(console: Console, summary: pd.DataFrame, axes: list[str], make: Callable, by: str) -> list[Table]:
    """The table, or, where it is wider than the terminal, as few as fit with equally many of its columns."""
    names = list(dict.fromkeys(summary[by]))
    unbounded = console.options.update(max_width=WIDEST)
    for count in range(1, len(names) + 1):
        cuts = [len(names) * i // count for i in range(count + 1)]
        parts = [summary[summary[by].isin(names[first:last])] for first, last in zip(cuts, cuts[1:])]
        for widest in (None, NARROW):
            tables = [make(part, axes, widest) for part in parts]
            if all(Measurement.get(console, unbounded, table).maximum <= console.width for table in tables):
                return tables
    return tables


def _units(summary: pd.DataFrame) -> dict[str, Unit]:
    """Units that suit the measures at all points, which may stand in several tables."""
    finite = summary["mean"].abs().where(np.isfinite(summary["mean"])).groupby(summary["measure"]).max().fillna(0.0)
    return {measure: unit_of(measure, float(largest)) for measure, largest in finite.items()}


def _by_point(summary: pd.DataFrame, axes: list[str], widest: int | None = None, *, units: dict[str, Unit]) -> Table:
    """A row per point, a column per measure."""
    table = Table(box=box.SIMPLE_HEAD)
    for axis in axes or ["point"]:
        table.add_column(axis, overflow="fold", max_width=widest)
    measures = [(label_of(name, units[name]), part) for name, part in summary.groupby("measure", sort=False)]
    for title, _part in measures:
        table.add_column(fill(title, WIDEST_TITLE, break_on_hyphens=False), justify="right", no_wrap=True)
    points = list(summary.groupby("point", sort=False))[:MOST_POINTS]
    for (_point, rows), *values in zip(points, *(_values(part, units) for _title, part in measures)):
        table.add_row(*_names(rows, axes), *values)
    return table


def _by_measure(summary: pd.DataFrame, axes: list[str], widest: int | None = None, *, units: dict[str, Unit]) -> Table:
    """A row per measure, a column per point."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("", overflow="fold", max_width=widest)
    for _point, part in summary.groupby("point", sort=False):
        table.add_column(",\n".join(_names(part, axes)), justify="right", no_wrap=True)
    for measure, part in summary.groupby("measure", sort=False):
        table.add_row(label_of(measure, units[measure]), *_values(part, units))
    return table


def _values(part: pd.DataFrame, units: dict[str, Unit]) -> list[str]:
    """Means of one measure and half of their intervals in its unit, point by point."""
    measure = part["measure"].iloc[0]
    scaled, none = part[["mean", "low", "high"]] * units[measure].factor, none_of(measure)
    return [plus_minus(*row, none) for row in scaled.itertuples(index=False)]


def _names(part: pd.DataFrame, axes: list[str]) -> list[str]:
    """Where a point stands on the axes."""
    return [str(part.iloc[0][axis]) for axis in axes] or ["as it is"]

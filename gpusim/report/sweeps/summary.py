"""Means of a sweep on the console; on the page they stand in the section of its points."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from gpusim.analysis.labels import Unit, label_of, unit_of
from gpusim.analysis.measure import none_of
from gpusim.report.section import Section
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.tables import plus_minus
from gpusim.report.terminal import Terminal, terminal

MOST_POINTS = 30
MOST_COLUMNS = 4  # of measures, where they are more than the points
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
    across = measures > max(points, MOST_COLUMNS)
    make = partial(_by_measure, units=_units(summary)) if across else _by_point
    for table in _fitting(console, summary, axes, make):
        console.print(table)
    left = points - MOST_POINTS
    more = f" The first {MOST_POINTS} points; {left:,} more are in the store." if left > 0 else ""
    console.print("Mean over replications, \u00b1 half of its 95% interval." + more, style="dim")


def _fitting(console: Console, summary: pd.DataFrame, axes: list[str], make: Callable) -> list[Table]:
    """The table, or, where it is wider than the terminal, as few as fit with equally many of its columns."""
    by = "measure" if make is _by_point else "point"
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


def _by_point(summary: pd.DataFrame, axes: list[str], widest: int | None = None) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for axis in axes or ["point"]:
        table.add_column(axis, overflow="fold", max_width=widest)
    for measure in dict.fromkeys(summary["measure"]):
        table.add_column(measure.replace(" ", "\n"), justify="right", no_wrap=True)
    for point, part in list(summary.groupby("point", sort=False))[:MOST_POINTS]:
        values = (plus_minus(row.mean, row.low, row.high, none_of(row.measure)) for row in part.itertuples())
        table.add_row(*_names(point, part, axes), *values)
    return table


def _units(summary: pd.DataFrame) -> dict[str, Unit]:
    """Units that suit the measures at all points, which may stand in several tables."""
    finite = summary["mean"].abs().where(np.isfinite(summary["mean"])).groupby(summary["measure"]).max().fillna(0.0)
    return {measure: unit_of(measure, float(largest)) for measure, largest in finite.items()}


def _by_measure(summary: pd.DataFrame, axes: list[str], widest: int | None = None, *, units: dict[str, Unit]) -> Table:
    """A row per measure, a column per point."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("", overflow="fold", max_width=widest)
    for point, part in summary.groupby("point", sort=False):
        table.add_column(",\n".join(_names(point, part, axes)), justify="right", no_wrap=True)
    for measure, part in summary.groupby("measure", sort=False):
        unit = units[measure]
        scaled, none = part[["mean", "low", "high"]] * unit.factor, none_of(measure)
        table.add_row(label_of(measure, unit), *(plus_minus(*row, none) for row in scaled.itertuples(index=False)))
    return table


def _names(point: int, part: pd.DataFrame, axes: list[str]) -> list[str]:
    """Where a point stands on the axes; its number if there are none."""
    return [str(part.iloc[0][axis]) for axis in axes] or [str(point)]

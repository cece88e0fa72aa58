"""Tables of studies for the terminal."""

from __future__ import annotations

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gpusim.analysis.labels import label_of, unit_of
from gpusim.analysis.wording import compact
from gpusim.record.relief import Relief
from gpusim.report.tables import number, plus_minus

MOST_POINTS = 30
MOST_COLUMNS = 4  # of measures, where they are more than the points
MOST_RELIEFS = 15
WIDE = 100  # columns from which all figures of a relief fit


def print_summary(summary: pd.DataFrame, axes: list[str], console: Console | None = None) -> None:
    """Means over replications and the half widths of their 95% intervals: a row per point, a column per measure.

    Many measures of few points are shown the other way round.

    Parameters
    ----------
    summary : DataFrame
        As ``Sweep.summary`` makes it.
    """
    console = console or Console(highlight=False)
    points, measures = summary["point"].nunique(), summary["measure"].nunique()
    console.print((_by_measure if measures > max(points, MOST_COLUMNS) else _by_point)(summary, axes))
    left = points - MOST_POINTS
    more = f" The first {MOST_POINTS} points; {left:,} more are in the store." if left > 0 else ""
    console.print("Mean over replications, \u00b1 half of its 95% interval." + more, style="dim")


def _by_point(summary: pd.DataFrame, axes: list[str]) -> Table:
    table = Table(*(axes or ["point"]), box=box.SIMPLE_HEAD)
    for measure in dict.fromkeys(summary["measure"]):
        table.add_column(measure, justify="right")
    for point, part in list(summary.groupby("point", sort=False))[:MOST_POINTS]:
        values = (plus_minus(row.mean, row.low, row.high) for row in part.itertuples())
        table.add_row(*_names(point, part, axes), *values)
    return table


def _by_measure(summary: pd.DataFrame, axes: list[str]) -> Table:
    """A row per measure, in units that suit it, a column per point."""
    table = Table("", box=box.SIMPLE_HEAD)
    for point, part in summary.groupby("point", sort=False):
        table.add_column(", ".join(_names(point, part, axes)), justify="right")
    for measure, part in summary.groupby("measure", sort=False):
        finite = part["mean"].abs()[np.isfinite(part["mean"])]
        unit = unit_of(measure, float(finite.max()) if len(finite) else 0.0)
        scaled = part[["mean", "low", "high"]] * unit.factor
        table.add_row(escape(label_of(measure, unit)), *(plus_minus(*row) for row in scaled.itertuples(index=False)))
    return table


def _names(point: int, part: pd.DataFrame, axes: list[str]) -> list[str]:
    """Where a point stands on the axes; its number if there are none."""
    return [str(part.iloc[0][axis]) for axis in axes] or [str(point)]


def print_relief(relief: Relief, console: Console | None = None) -> None:
    """Verdict, ranking beside the ledger's, and where the two differ."""
    console = console or Console(highlight=False)
    about, table, wide = relief.about, Table("#", "what if", box=box.SIMPLE_HEAD), console.width >= WIDE
    extra = ("per unit", "per USD", "ledger GPU-h") if wide else ()
    for heading in (f"gain, {about['what']}" if wide else "gain", *extra, "ledger #"):
        table.add_column(heading, justify="right")
    for row in relief.ranking.head(MOST_RELIEFS).itertuples():
        seen = not np.isnan(row.ledger_rank)
        more = (
            f"{number(row.per_unit)} /{row.unit}" if row.unit != "rule" else "",
            number(row.per_usd) if row.usd > 0.0 else "",
            compact(row.ledger_gpu_hours) if seen else "",
        )
        table.add_row(
            str(row.rank), row.text, plus_minus(row.gain, row.low, row.high), *(more if wide else ()),
            f"{row.ledger_rank:.0f}" if seen else "",
        )  # fmt: skip
    console.print()
    console.print(about["verdict"], style="bold")
    if relief.ranking.empty:
        return
    console.print(table)
    left = len(relief.ranking) - MOST_RELIEFS
    more = f" {left} smaller ones are in the report." if left > 0 else ""
    note = "Mean change over paired runs, \u00b1 half of its 95% interval. Ledger: held back in runs as it is."
    console.print(note + more, style="dim")
    for sentence in (*about["explanations"], *about["levelling"]):
        console.print(f"- {sentence}")

"""Tables of studies for the terminal."""

from __future__ import annotations

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from gpusim.report.tables import number

MOST_POINTS = 30


def print_summary(summary: pd.DataFrame, axes: list[str], console: Console | None = None) -> None:
    """Means over replications and the half widths of their 95% intervals: a row per point, a column per measure.

    Parameters
    ----------
    summary : DataFrame
        As ``Sweep.summary`` makes it.
    """
    console = console or Console(highlight=False)
    measures = list(dict.fromkeys(summary["measure"]))
    table = Table(*(axes or ["point"]), box=box.SIMPLE_HEAD)
    for measure in measures:
        table.add_column(measure, justify="right")
    for point, part in list(summary.groupby("point", sort=False))[:MOST_POINTS]:
        names = [str(part.iloc[0][axis]) for axis in axes] or [str(point)]
        table.add_row(*names, *(_plus_minus(row) for row in part.itertuples()))
    console.print(table)
    left = summary["point"].nunique() - MOST_POINTS
    more = f" The first {MOST_POINTS} points; {left:,} more are in the store." if left > 0 else ""
    console.print("Mean over replications, \u00b1 half of its 95% interval." + more, style="dim")


def _plus_minus(row) -> str:
    half = (row.high - row.low) / 2.0
    return f"{number(row.mean)} \u00b1 {number(half)}" if half < float("inf") else number(row.mean)

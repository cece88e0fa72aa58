"""Means of points or cases, side by side, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gpusim.errors import shortened
from gpusim.report.figures.frame import height_in, nothing, rows_sheet
from gpusim.report.figures.width import LINE_IN, is_narrow, wrapped
from gpusim.results.labels import label_of, unit_of
from gpusim.units import number_of

MOST = 40  # rows
MOST_AXES = 4  # by whose entries a point is named; of more by its number
LONGEST = 44  # characters of a name


def draw(summary: pd.DataFrame, axes: Sequence[str], measure: str) -> Figure:
    """A row for each point (of equal ones the first): the mean over replications and its interval.

    Of many points the highest and the lowest are shown.

    Parameters
    ----------
    summary : DataFrame
        Of ``gpusim.studies.statistics.intervals.summary``: point, the axes, measure, mean, low, high, n.
    axes : sequence of str
        Columns that name a point.
    measure : str
        Which measure to draw.
    """
    table = summary[(summary["measure"] == measure) & np.isfinite(summary["mean"])]
    table = table.drop_duplicates(list(axes)) if axes else table
    title = (
        "Mean over replications, and its 95% interval" if (table["n"] > 1).any() else "One replication of each point"
    )
    if len(table) > MOST:
        title += f"; the {MOST // 2} highest and {MOST // 2} lowest of {number_of(len(table), 'point')}"
        table = table.sort_values("mean", ascending=False, kind="stable")
        table = pd.concat([table.head(MOST // 2), table.tail(MOST // 2)])
    unit = unit_of(measure, float(table["mean"].abs().max()) if len(table) else 0.0)
    heading, names = ", ".join(axes), [_named(row) for row in table[list(axes)].itertuples(index=False)]
    if len(axes) > MOST_AXES or not axes:
        heading, names = "point", [f"point {point}" for point in table["point"]]
    title, heading = wrapped(title), shortened(heading, 50 if is_narrow() else 80)
    title_in = 0.32 + LINE_IN * title.count("\n")
    figure, ax, _part = rows_sheet(names, 0.2, title_in + 0.3, label_of(measure, unit))
    for y, row in enumerate(table.itertuples()):
        if np.isfinite(row.low) and np.isfinite(row.high):
            ax.plot([row.low * unit.factor, row.high * unit.factor], [y, y], color="#0072B2", linewidth=1.6)
        ax.plot(row.mean * unit.factor, y, "o", color="black", markersize=3.5)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.margins(x=0.05)
    inch = 1.0 / height_in(figure)
    figure.text(0.02, 1.0 - 0.08 * inch, title, va="top", fontsize=9)
    figure.text(0.02, 1.0 - title_in * inch, heading, va="top", fontsize=8, fontweight="bold")
    if table.empty:
        nothing(ax, "no run has this measure")
        ax.set_xticks([])
    return figure


def _named(row: Sequence[object]) -> str:
    """A point by the entries of its axes: ``"fifo, 0.8"``."""
    entries = [f"{entry:g}" if isinstance(entry, float) else str(entry) for entry in row]
    text = ", ".join(entries)
    return text if len(text) <= LONGEST else ", ".join(shortened(entry, LONGEST // len(entries)) for entry in entries)

"""A measure over two axes of a grid."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpusim.errors import shortened
from gpusim.report.figures.frame import blank, plain
from gpusim.report.figures.width import LINE_IN, is_narrow, width_in, wrapped
from gpusim.report.tables import is_cut
from gpusim.results.labels import Unit, label_of, unit_of
from gpusim.results.wording import no_number

COLOURS = "cividis"  # the same to all eyes, in print too (Nuñez, Anderton and Renslow 2018)
MOST_CELLS = 10  # side by side, in which numbers are readable
CELL_IN = 0.45  # of a narrow sheet, as wide as its number
MOST_TICKS = 24


def draw(summary: pd.DataFrame, down: str, across: str, measure: str) -> Figure:
    """Cells of mean values; numbers and half widths of their intervals in them if there are few.

    Parameters
    ----------
    summary : DataFrame
        Of ``gpusim.studies.statistics.intervals.summary``. Where it holds several points of a cell, further axes,
        their mean is shown and no interval.
    down, across : str
        The axes of rows and of columns.
    measure : str
        Which measure to draw.
    """
    table = summary[summary["measure"] == measure]
    shown = _grid(table, down, across, "mean")
    means = shown.where(np.isfinite(shown))
    ends = [_grid(table, down, across, end) for end in ("low", "high")]
    many = table.groupby([down, across], sort=False).size().max() > 1
    unit = unit_of(measure, float(np.nanmax(np.abs(means), initial=0.0)))
    rows, columns = list(means.index), list(means.columns)
    names = [_said(entry, 24) for entry in rows]
    left_in, row_in = max(0.55 + 0.068 * max(map(len, names)), 0.9), 0.42 if len(rows) <= 12 else 0.2
    turned = sum(len(_said(entry, 18)) + 2 for entry in columns) * 0.07 > width_in() - left_in - 1.0
    bottom_in = 0.46 + (0.065 * max(len(_said(entry, 18)) for entry in columns) if turned else 0.0)
    body_in = row_in * max(len(rows), 2)
    title = wrapped(shortened(label_of(measure, unit), 88) + (", mean over the other axes" if many else ""))
    total_in = 0.36 + LINE_IN * title.count("\n") + body_in + bottom_in
    figure = blank(width_in(), total_in)
    across_in = width_in() - left_in - 0.95
    box = (left_in / width_in(), bottom_in / total_in, across_in / width_in(), body_in / total_in)
    ax = figure.add_axes(box)
    colours = mpl.colormaps[COLOURS].with_extremes(bad="#DDDDDD")
    image = ax.imshow(means.to_numpy(float) * unit.factor, cmap=colours, aspect="auto", interpolation="none")
    _ticks(ax, names, [_said(entry, 18) for entry in columns], turned)
    ax.set_xlabel(shortened(across, 36 if is_narrow() else 60))
    ax.set_ylabel(shortened(down, int(body_in / 0.075) + 8 * (not is_narrow())), fontsize=9)
    most_cells = int(across_in / CELL_IN) if is_narrow() else MOST_CELLS
    if len(columns) <= most_cells and len(rows) <= 20:
        _numbers(ax, image, shown, None if many or row_in < 0.4 else ends, unit)
    bar = figure.add_axes(
        ((width_in() - 0.85) / width_in(), bottom_in / total_in, 0.13 / width_in(), body_in / total_in)
    )
    figure.colorbar(image, cax=bar).ax.yaxis.set_major_formatter(mpl.ticker.FuncFormatter(plain))
    figure.text(0.02, 1.0 - 0.08 / total_in, title, va="top", fontsize=9)
    return figure


def _grid(table: pd.DataFrame, down: str, across: str, value: str) -> pd.DataFrame:
    """Values by rows and columns, both in the order of their numbers, or of the points."""
    order = {axis: _order(table[axis]) for axis in (down, across)}
    grid = table.pivot_table(index=down, columns=across, values=value, aggfunc="mean", dropna=False, observed=False)
    return grid.reindex(index=order[down], columns=order[across])


def _order(entries: pd.Series) -> list:
    known = list(dict.fromkeys(entries))
    return sorted(known) if pd.api.types.is_numeric_dtype(entries) else known


def _said(entry: object, longest: int) -> str:
    return f"{entry:g}" if isinstance(entry, float) else shortened(str(entry), longest)


def _ticks(ax: Axes, rows: list[str], columns: list[str], turned: bool) -> None:
    """Name rows and columns, of many every second or third."""
    for axis, names in ((ax.yaxis, rows), (ax.xaxis, columns)):
        every = -(-len(names) // MOST_TICKS)
        axis.set_ticks(range(0, len(names), every), names[::every])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    if turned:
        ax.tick_params(axis="x", rotation=90)


def _numbers(ax: Axes, image, means: pd.DataFrame, ends: list[pd.DataFrame] | None, unit: Unit) -> None:
    """Write values into the cells, all to the same decimals, light on dark and dark on light."""
    values = means.to_numpy(float) * unit.factor
    largest = float(np.max(np.abs(values[np.isfinite(values)]), initial=0.0))
    decimals = int(np.clip(2 - np.floor(np.log10(largest)), 0, 4)) if largest > 0.0 else 0
    for y, x in np.ndindex(values.shape):
        known = bool(np.isfinite(values[y, x]))
        text = f"{values[y, x]:,.{decimals}f}" if known else no_number(values[y, x], "none")
        if ends is not None:
            low, high = (end.iat[y, x] * unit.factor for end in ends)
            if is_cut(values[y, x], low, high):
                text += f"\n{low:,.{decimals}f}\u2013{high:,.{decimals}f}"
            elif np.isfinite(high - low):
                text += f"\n\u00b1 {(high - low) / 2.0:,.{decimals}f}"
        colour = "white" if known and image.norm(values[y, x]) < 0.5 else "black"
        ax.text(x, y, text, ha="center", va="center", fontsize=7.5, color=colour, linespacing=1.1)

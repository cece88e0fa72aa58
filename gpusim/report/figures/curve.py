"""How a measure follows an axis of numbers: a line for each entry of a second axis, in the band of its intervals."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gpusim.errors import shortened
from gpusim.report.figures.frame import columns, height_in, key, nothing, plain, sheet
from gpusim.report.figures.palette import LINES, SERIES
from gpusim.report.figures.width import LINE_IN, is_narrow, wrapped
from gpusim.results.labels import label_of, unit_of
from gpusim.units import number_of

MOST = len(SERIES)  # lines that the eye can tell apart


def draw(summary: pd.DataFrame, axis: str, measure: str, by: str | None = None) -> Figure:
    """Means over replications, with their intervals as bands.

    Parameters
    ----------
    summary : DataFrame
        Of ``gpusim.studies.statistics.intervals.summary``, a point for each number of ``axis`` and entry of ``by``.
    axis : str
        The axis of numbers.
    measure : str
        Which measure to draw.
    by : str, optional
        A second axis; its first ``MOST`` entries are shown.
    """
    table = summary[(summary["measure"] == measure) & np.isfinite(summary["mean"])].sort_values(axis, kind="stable")
    entries = list(dict.fromkeys(summary[by])) if by else [None]
    unit = unit_of(measure, float(table["mean"].abs().max()) if len(table) else 0.0)
    left_out = f" ({MOST} of {number_of(len(entries), 'line')})" if len(entries) > MOST else ""
    title = wrapped(shortened(label_of(measure, unit), 74) + left_out)
    title_in = 0.26 + LINE_IN * title.count("\n")
    lines = -(-min(len(entries), MOST) // columns()) if by else 0
    figure, (ax,) = sheet([2.3], title_in + 0.1 + 0.18 * lines)
    inch = 1.0 / height_in(figure)
    for i, entry in enumerate(entries[:MOST]):
        part = table if by is None else table[table[by] == entry]
        _line(ax, part, axis, unit.factor, SERIES[i], LINES[i % len(LINES)])
    if _goes_by_ratios(table[axis]):
        ax.set_xscale("log")
        ax.minorticks_off()
        ax.set_xticks(_thinned(sorted(set(table[axis]))))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(5 if is_narrow() else 8, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(plain))
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(plain))
    ax.set_xlabel(shortened(axis, 44 if is_narrow() else 60))
    figure.text(0.02, 1.0 - 0.08 * inch, title, va="top", fontsize=9)
    if by:
        handles = [
            mpl.lines.Line2D([], [], color=SERIES[i], linestyle=LINES[i % len(LINES)], label=shortened(str(entry), 26))
            for i, entry in enumerate(entries[:MOST])
        ]
        key(figure, handles, title_in, length=2.2)
    if table.empty:
        nothing(ax, "no run has this measure")
    return figure


def _line(ax: Axes, part: pd.DataFrame, axis: str, factor: float, colour: str, style: str) -> None:
    x, mean = part[axis].to_numpy(float), part["mean"].to_numpy(float) * factor
    known = np.isfinite(part["low"]) & np.isfinite(part["high"])
    low, high = (np.where(known, part[end], part["mean"]).astype(float) * factor for end in ("low", "high"))
    ax.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    ax.plot(x, mean, color=colour, linestyle=style, marker="o", markersize=3, linewidth=1.4)


def _goes_by_ratios(entries: pd.Series) -> bool:
    """Whether the numbers of an axis are rather even in ratios than in differences."""
    numbers = np.array(sorted(set(entries)), dtype=float)
    if len(numbers) < 3 or numbers[0] <= 0.0:
        return False
    steps, ratios = np.diff(numbers), np.diff(np.log(numbers))
    return bool(ratios.std() / ratios.mean() < steps.std() / steps.mean() and numbers[-1] / numbers[0] >= 8.0)


def _thinned(numbers: list[float]) -> list[float]:
    return numbers[:: -(-len(numbers) // (5 if is_narrow() else 8))]

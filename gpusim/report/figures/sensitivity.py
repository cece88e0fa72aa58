"""Which axis matters: indices of sensitivity as bars, with their intervals."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gpusim.errors import shortened
from gpusim.report.figures.frame import height_in, key, legend_height_in, nothing, rows_sheet
from gpusim.report.figures.width import LINE_IN, wrapped
from gpusim.results.labels import Unit, label_of, unit_of, words_of
from gpusim.results.wording import share

# Index -> (what it is, colour), in the order of the bars of an axis.
BARS = {
    "ST": ("total (ST)", "#56B4E9"),
    "S1": ("first order (S1)", "#0072B2"),
    "mu_star": ("mean of absolute effects (mu*)", "#0072B2"),
    "sigma": ("their spread (sigma)", "#E69F00"),
    "src": ("standardised regression coefficient", "#0072B2"),
}


def draw(table: pd.DataFrame, measure: str) -> Figure:
    """A row for each axis, the strongest first; what the replications' noise makes up stands above.

    Parameters
    ----------
    table : DataFrame
        Of ``gpusim.studies.statistics.sensitivity``, but of a design ``one_at_a_time``, which ``tornado`` draws.
    measure : str
        Which measure it is of.
    """
    indices = [index for index in BARS if (table["index"] == index).any()]
    shown = table[table["index"].isin(indices) & table["value"].notna()]
    first = shown[shown["index"] == indices[0]].set_index("axis")["value"].abs()
    order = list(first.sort_values(ascending=False, kind="stable").index)
    unit, label = _label(indices, measure, shown)
    title = wrapped(_title(table))
    title_in = 0.28 + LINE_IN * title.count("\n")
    top_in, row_in = title_in + 0.235 + legend_height_in(len(indices)) - 0.1, 0.17 * max(len(indices), 2)
    figure, ax, part = rows_sheet([shortened(axis, 36) for axis in order], row_in, top_in, label)
    height = 0.8 * part / max(len(indices), 1)
    for row in shown.itertuples():
        place = indices.index(row.index)
        y = order.index(row.axis) + (place - (len(indices) - 1) / 2.0) * height
        ax.barh(y, row.value * unit.factor, height=0.9 * height, color=BARS[row.index][1], linewidth=0)
        if np.isfinite(row.low) and np.isfinite(row.high):
            ax.plot([row.low * unit.factor, row.high * unit.factor], [y, y], color="black", linewidth=0.9)
    ax.axvline(0.0, color="black", linewidth=0.8)
    inch = 1.0 / height_in(figure)
    figure.text(0.02, 1.0 - 0.08 * inch, title, va="top", fontsize=9)
    handles = [mpl.patches.Patch(color=BARS[index][1], label=BARS[index][0]) for index in indices]
    key(figure, handles, title_in)
    if shown.empty:
        nothing(ax, "the same at all points")
        ax.set_xticks([])
    return figure


def _label(indices: list[str], measure: str, shown: pd.DataFrame) -> tuple[Unit, str]:
    """Unit and label of the horizontal axis."""
    if "mu_star" in indices:
        unit = unit_of(measure, float(shown["value"].abs().max()))
        return unit, f"effect across the range of the axis on {label_of(measure, unit)}"
    if "src" in indices:
        return Unit(1.0, ""), f"standard deviations of {words_of(measure)} for one of the axis"
    return Unit(100.0, "%"), f"share of the variance of {words_of(measure)} [%]"


def _title(table: pd.DataFrame) -> str:
    values = table[table["axis"] == ""].set_index("index")["value"].dropna().map(share)
    if "r2" in values:
        noise = f", noise of the replications {values['noise']}" if "noise" in values else ""
        return f"A linear fit explains {values['r2']} of the variance over points{noise}"
    if "noise" in values:
        return f"Which axis matters; noise of the replications makes up {values['noise']} of the variance over points"
    return "Which axis matters"

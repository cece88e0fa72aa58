"""How far a gain goes with more of the same relief, and what comes next."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gpusim.causes import WORDS
from gpusim.errors import shortened
from gpusim.report.figures.frame import blank, plain
from gpusim.report.figures.relief_ranking import BETTER, WORSE, gain_label, is_certain
from gpusim.report.figures.width import LINE_IN, is_narrow, width_in, wrapped
from gpusim.results.labels import Unit, unit_of
from gpusim.results.levelling import beyond
from gpusim.results.tables.studies import Relief
from gpusim.results.wording import compact, quantity, share
from gpusim.units import number_of

# Unit of an amount -> the axis of amounts, and one of them in words.
AMOUNTS = {
    "GPU": ("GPUs more", "{} GPUs more"),
    "MW": ("MW more", "{} MW more"),
    "day": ("days earlier", "{} days earlier"),
    "replica": ("replicas more in each deployment", "{} replicas more"),
    "unit": ("units more", "{} units more"),
    "job": ("places more in the queue", "{} places more"),
    "%": ("change [%]", "a change of {}%"),
}
LEFT_IN, SIDE_IN = 0.75, 2.15  # of the vertical axis; of the words beside a curve
PANEL_IN, GAP_IN = 1.3, 0.62
WRAP, WRAP_ABOVE = 34, 48  # characters of the words beside a curve, and above it


def draw(relief: Relief) -> Figure:
    """A panel for each curve on one scale of gains: means with their intervals, the knee, and the next bottleneck.

    Parameters
    ----------
    relief : Relief
        With one curve or more.
    """
    curves, measure = relief.curves, relief.about["measure"]
    names = relief.ranking.set_index("relief")["group"]
    unit = unit_of(measure, float(curves["gain"].abs().max()))
    parts = list(curves.groupby("relief", sort=False))
    title = wrapped(f"Gain against how far a constraint is loosened: {gain_label(measure, unit)}", 0.6, 9.0)
    words = [_words(names[name], part) for name, part in parts]
    side_in = 0.0 if is_narrow() else SIDE_IN
    above_in = [LINE_IN * (name.count("\n") + text.count("\n") + 2.4) * is_narrow() for name, text in words]
    top_in = 0.35 + LINE_IN * title.count("\n")
    total_in = top_in + (PANEL_IN + GAP_IN) * len(parts) + sum(above_in)
    figure = blank(width_in(), total_in)
    width = 1.0 - (LEFT_IN + side_in + 0.15) / width_in()
    for i, (_name, part) in enumerate(parts):
        bottom = 1.0 - (top_in + sum(above_in[: i + 1]) + PANEL_IN + (PANEL_IN + GAP_IN) * i) / total_in
        box = (LEFT_IN / width_in(), bottom, width, PANEL_IN / total_in)
        ax = figure.add_axes(box, sharey=figure.axes[0] if figure.axes else None)
        _curve(ax, part, unit)
        if is_narrow():
            _write(ax, *words[i], 0.0, 1.0 + (above_in[i] - 0.1) / PANEL_IN)
        else:
            _write(ax, *words[i], 1.04, 1.0)
    figure.text(0.02, 1.0 - 0.08 / total_in, title, va="top", fontsize=9)
    return figure


def _curve(ax: Axes, part: pd.DataFrame, unit: Unit) -> None:
    """Means in the band of their intervals, from no change at no step."""
    columns = [np.append(0.0, part[column].to_numpy(float)) for column in ("amount", "gain", "low", "high")]
    x, gain, low, high = columns[0], *(column * unit.factor for column in columns[1:])
    known = np.isfinite(low) & np.isfinite(high)
    ax.axhline(0.0, color="black", linewidth=0.8)
    ax.fill_between(x, np.where(known, low, gain), np.where(known, high, gain), color=BETTER, alpha=0.18, linewidth=0)
    ax.plot(x, gain, color=BETTER, marker="o", markersize=3, linewidth=1.4)
    for row in part[part["knee"]].itertuples():
        ax.axvline(row.amount, color=WORSE, linewidth=0.9, linestyle=":")
        ax.plot(row.amount, row.gain * unit.factor, "o", color=WORSE, markerfacecolor="none", markersize=8)
    ax.set_xlim(0.0, 1.03 * x.max())
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(plain))
    ax.set_xlabel(AMOUNTS[part["unit"].iloc[0]][0], labelpad=2)


def _words(name: str, part: pd.DataFrame) -> tuple[str, str]:
    """Of a curve: what is loosened, as a title; what gains do behind the knee, and the largest other cause then."""
    wrap, knee = WRAP_ABOVE if is_narrow() else WRAP, part[part["knee"]]
    if len(knee):
        row, found = knee.iloc[0], beyond(part)
        amount = AMOUNTS[row["unit"]][1].format(quantity(row["amount"]))
        text = {
            "level": f"\u25cb levels off at {amount}",
            "fall": f"\u25cb gains most at {AMOUNTS[row['unit']][1].format(quantity(found.most))}",
            "rise": f"\u25cb {share(found.share)} of the most at {amount}, then rises more slowly",
        }[found.how]
        text += "" if is_certain(row["low"], row["high"]) else ", if it gains at all"
    else:
        row = part.iloc[-1]
        text = "gains nothing" if part["gain"].max() <= 0.0 else "does not level off in these runs"
    lines = [textwrap.fill(text, wrap)]
    if row["next_pool"]:
        held = f"({number_of(compact(row['next_gpu_hours']), 'GPU-hour')} held back)"
        place = f"then: {WORDS[row['next_cause']].short}, {shortened(row['next_pool'], 44)} {held}"
        lines.append(textwrap.fill(place, wrap))
    return textwrap.fill(shortened(name, 64), wrap - 6), "\n".join(lines)


def _write(ax: Axes, title: str, text: str, x: float, y: float) -> None:
    """Put the words of a curve beside it or above it, from a place in shares of its panel down."""
    ax.text(x, y, title, transform=ax.transAxes, fontsize=8.5, fontweight="bold", va="top", linespacing=1.15)
    down_in = 0.08 * (not is_narrow()) + LINE_IN * (title.count("\n") + 1)
    ax.text(x, y - down_in / PANEL_IN, text, transform=ax.transAxes, fontsize=8, va="top", linespacing=1.25)

"""How often each cause ranks first, second, ... over replications, and how much it held back in each."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gpusim.analysis.wording import compact
from gpusim.causes import WORDS
from gpusim.report.figures.frame import WIDTH_IN, key, nothing
from gpusim.studies.replications.replications import Replications
from gpusim.units import number_of

MOST = 10  # causes
SHADES = ("#08306B", "#2879B9", "#73B3D8", "#DCE9F6")  # first, second, third, lower
NAMES = ("first", "second", "third", "lower")
ROW_IN = 0.27


def draw(replications: Replications) -> Figure:
    """A row per cause: in how many runs it ranks first, second, third or lower; what it held back in them."""
    table = replications.causes().head(MOST)
    counts = replications.frequencies().reindex(table["cause"])
    runs, n = replications.by_cause(), len(replications)
    names = [WORDS[cause].short or cause for cause in table["cause"]]
    left_in, top_in, bottom_in = 0.2 + 0.073 * max(map(len, names), default=10), 0.72, 0.5
    body_in = ROW_IN * max(len(table), 2)
    total_in = top_in + body_in + bottom_in
    figure = Figure(figsize=(WIDTH_IN, total_in))
    room_in = WIDTH_IN - left_in - 0.3
    box = (left_in / WIDTH_IN, bottom_in / total_in, 0.42 * room_in / WIDTH_IN, body_in / total_in)
    ranks = figure.add_axes(box)
    held = figure.add_axes((box[0] + 0.5 * room_in / WIDTH_IN, box[1], 0.5 * room_in / WIDTH_IN, box[3]), sharey=ranks)
    for y, cause in enumerate(table["cause"]):
        _row(ranks, y, counts.loc[cause].to_numpy())
        held.plot(runs.loc[cause], np.full(n, y), "o", color="#9A9A9A", markersize=2.5, alpha=0.7)
    spans = table[["low", "high"]].to_numpy()
    held.hlines(range(len(table)), spans[:, 0], spans[:, 1], color="#0072B2", linewidth=1.8)
    held.plot(table["mean"], range(len(table)), "o", color="black", markersize=3.5)
    _tidy(ranks, held, names, n)
    if table.empty:
        nothing(ranks, "nothing was held back")
    title = f"Rank of each cause by GPU-hours held back, over {number_of(n, 'run')}"
    figure.text(0.02, 1.0 - 0.08 / total_in, title, va="top", fontsize=10, fontweight="bold")
    handles = [mpl.patches.Patch(color=shade, label=name) for shade, name in zip(SHADES, NAMES, strict=True)]
    mean = {
        "color": "#0072B2",
        "marker": "o",
        "markerfacecolor": "black",
        "markeredgecolor": "black",
        "markersize": 3.5,
    }
    handles.append(mpl.lines.Line2D([], [], label="mean and 95% interval", **mean))
    one = {"color": "#9A9A9A", "marker": "o", "linewidth": 0, "markersize": 2.5}
    handles.append(mpl.lines.Line2D([], [], label="one run", **one))
    key(figure, handles, 0.3)
    return figure


def _row(ax: Axes, y: int, counts: np.ndarray) -> None:
    """Runs in which a cause ranks first, second, third and lower, as a bar of pieces."""
    pieces, left = (*counts[:3], *[0] * max(3 - len(counts), 0), counts[3:].sum()), 0
    for shade, runs in zip(SHADES, pieces, strict=True):
        if runs:
            ax.barh(y, runs, left=left, height=0.66, color=shade, linewidth=0)
            colour = "white" if shade in SHADES[:2] else "black"
            ax.text(left + runs / 2, y, f"{runs:.0f}", ha="center", va="center", fontsize=7, color=colour)
        left += runs


def _tidy(ranks: Axes, held: Axes, names: list[str], n: int) -> None:
    ranks.set_yticks(range(len(names)), names)
    ranks.set_ylim(max(len(names), 2) - 0.5, -0.5)
    ranks.set_xlim(0, n)
    ranks.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ranks.set_xlabel("runs")
    held.set_xlim(left=0.0)
    held.xaxis.set_major_locator(MaxNLocator(4))
    held.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: compact(value)))
    held.set_xlabel("GPU-hours held back")
    held.grid(axis="x", color="#E3E3E3", linewidth=0.6)
    held.set_axisbelow(True)
    for ax in (ranks, held):
        ax.tick_params(axis="y", length=0, labelleft=ax is ranks)

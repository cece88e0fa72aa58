"""Ranks over replications: of causes by what they held back, and of policies."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gpusim.causes import WORDS
from gpusim.errors import shortened
from gpusim.report.figures.frame import beside_in, blank, key, legend_height_in, name_rows, nothing, pitch_in
from gpusim.report.figures.width import LINE_IN, is_narrow, width_in, wrapped
from gpusim.results.wording import compact
from gpusim.studies.replications.replications import Replications
from gpusim.studies.statistics.ranks import Ranks
from gpusim.units import number_of

# How often each cause ranks first, second, ... over replications, and how much it held back in each.

MOST = 10  # causes
SHADES = ("#08306B", "#2879B9", "#73B3D8", "#DCE9F6")  # first, second, third, lower
NAMES = ("first", "second", "third", "lower")
CAUSE_IN = 0.27


def draw_causes(replications: Replications) -> Figure:
    """A row per cause: in how many runs it ranks first, second, third or lower; what it held back in them."""
    table = replications.causes().head(MOST)
    counts = replications.frequencies().reindex(table["cause"])
    runs, n = replications.by_cause(), len(replications)
    names = [WORDS[cause].short or cause for cause in table["cause"]]
    title = wrapped(f"Rank of each cause by GPU-hours held back, over {number_of(n, 'run')}", points=11.2)
    title_in = 0.3 + LINE_IN * title.count("\n")
    left_in, top_in, bottom_in = beside_in(names), title_in - 0.01 + legend_height_in(len(NAMES) + 2), 0.5
    body_in = pitch_in(CAUSE_IN) * max(len(table), 2)
    total_in = top_in + body_in + bottom_in
    figure = blank(width_in(), total_in)
    room_in = width_in() - left_in - 0.3
    box = (left_in / width_in(), bottom_in / total_in, 0.42 * room_in / width_in(), body_in / total_in)
    ranks = figure.add_axes(box)
    held = figure.add_axes(
        (box[0] + 0.5 * room_in / width_in(), box[1], 0.5 * room_in / width_in(), box[3]), sharey=ranks
    )
    part = name_rows(ranks, names, CAUSE_IN)
    for y, cause in enumerate(table["cause"]):
        _row(ranks, y, counts.loc[cause].to_numpy(), 0.66 * part)
        held.plot(runs.loc[cause], np.full(n, y), "o", color="#9A9A9A", markersize=2.5, alpha=0.7)
    spans = table[["low", "high"]].to_numpy()
    held.hlines(range(len(table)), spans[:, 0], spans[:, 1], color="#0072B2", linewidth=1.8)
    held.plot(table["mean"], range(len(table)), "o", color="black", markersize=3.5)
    _tidy(ranks, held, n)
    if table.empty:
        nothing(ranks, "nothing was held back")
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
    key(figure, handles, title_in)
    return figure


def _row(ax: Axes, y: int, counts: np.ndarray, height: float) -> None:
    """Runs in which a cause ranks first, second, third and lower, as a bar of pieces."""
    pieces, left = (*counts[:3], *[0] * max(3 - len(counts), 0), counts[3:].sum()), 0
    for shade, runs in zip(SHADES, pieces, strict=True):
        if runs:
            ax.barh(y, runs, left=left, height=height, color=shade, linewidth=0)
            colour = "white" if shade in SHADES[:2] else "black"
            ax.text(left + runs / 2, y, f"{runs:.0f}", ha="center", va="center", fontsize=7, color=colour)
        left += runs


def _tidy(ranks: Axes, held: Axes, n: int) -> None:
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


# A critical-difference diagram: mean ranks, and bars over those that do not differ significantly (Demsar 2006).

POLICY_IN, BAR_IN = 0.2, 0.12


def draw_policies(ranks: Ranks, what: str) -> Figure:
    """Alternatives on an axis of ranks, the better half named on the left; ``what`` they are ranked by."""
    values, names = ranks.mean.to_numpy(), list(ranks.mean.index)
    groups, half = ranks.groups(), (len(names) + 1) // 2
    top_in, bars_in = 0.75, BAR_IN * (len(groups) + 1)
    title = [
        f"Mean rank by {what}, {ranks.n} replications; 1 is best.",
        f"A bar joins policies that do not differ significantly (critical difference {ranks.critical_difference:.2f}).",
    ]
    title = [wrapped(line) for line in title] if is_narrow() else title
    text = "\n".join(title)
    top_in += LINE_IN * (text.count("\n") - 1)
    height = top_in + bars_in + POLICY_IN * half + 0.15
    figure = blank(width_in(), height)
    beside, longest = (0.33, 14) if is_narrow() else (0.26, None)  # share of the width, and characters, of names
    ax = figure.add_axes((beside, 0.0, 1.0 - 2 * beside, 1.0 - top_in / height))
    depth_in = height - top_in
    ax.set_xlim(1.0, max(len(names), 2))
    ax.set_ylim(depth_in, 0.0)  # inches below the axis
    ax.xaxis.tick_top()
    ax.yaxis.set_visible(False)
    for side in ("left", "right", "bottom"):
        ax.spines[side].set_visible(False)
    ax.spines["top"].set_visible(True)
    ax.set_xticks(range(1, len(names) + 1))
    for i, (first, last) in enumerate(groups):
        y = BAR_IN * (i + 1)
        ax.plot([values[first] - 0.04, values[last] + 0.04], [y, y], color="#0072B2", linewidth=3.0)
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        left, name = i < half, shortened(name, longest) if longest else name
        y = bars_in + POLICY_IN * (i if left else len(names) - 1 - i) + 0.1
        edge = 1.0 if left else max(len(names), 2)
        ax.plot([value, value, edge], [0.0, y, y], color="black", linewidth=0.7, clip_on=False)
        shift = -0.06 if left else 0.06
        ax.annotate(
            f"{name}  {value:.2f}" if left else f"{value:.2f}  {name}", (edge, y), (shift * 72, 0),
            textcoords="offset points", ha="right" if left else "left", va="center", fontsize=8, annotation_clip=False,
        )  # fmt: skip
    figure.text(0.02, 1.0 - 0.08 / height, text, va="top", fontsize=9)
    return figure

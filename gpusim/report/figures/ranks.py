"""A critical-difference diagram: mean ranks, and bars over those that do not differ significantly (Demsar 2006)."""

from __future__ import annotations

from matplotlib.figure import Figure

from gpusim.report.figures.frame import WIDTH_IN
from gpusim.report.figures.place import blank
from gpusim.studies.statistics.ranks import Ranks

ROW_IN, BAR_IN = 0.2, 0.12


def draw(ranks: Ranks, what: str) -> Figure:
    """Alternatives on an axis of ranks, the better half named on the left; ``what`` they are ranked by."""
    values, names = ranks.mean.to_numpy(), list(ranks.mean.index)
    groups, half = ranks.groups(), (len(names) + 1) // 2
    top_in, bars_in = 0.75, BAR_IN * (len(groups) + 1)
    height = top_in + bars_in + ROW_IN * half + 0.15
    figure = blank(WIDTH_IN, height)
    ax = figure.add_axes((0.26, 0.0, 0.48, 1.0 - top_in / height))
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
        left = i < half
        y = bars_in + ROW_IN * (i if left else len(names) - 1 - i) + 0.1
        edge = 1.0 if left else max(len(names), 2)
        ax.plot([value, value, edge], [0.0, y, y], color="black", linewidth=0.7, clip_on=False)
        shift = -0.06 if left else 0.06
        ax.annotate(
            f"{name}  {value:.2f}" if left else f"{value:.2f}  {name}", (edge, y), (shift * 72, 0),
            textcoords="offset points", ha="right" if left else "left", va="center", fontsize=8, annotation_clip=False,
        )  # fmt: skip
    figure.text(
        0.02, 1.0 - 0.08 / height,
        f"Mean rank by {what}, {ranks.n} replications; 1 is best.\n"
        f"A bar joins policies that do not differ significantly (critical difference {ranks.critical_difference:.2f}).",
        va="top", fontsize=9,
    )  # fmt: skip
    return figure

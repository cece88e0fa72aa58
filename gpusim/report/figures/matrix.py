"""The fleet at one glance: what became of every pool's planned GPU-time."""

from __future__ import annotations

import matplotlib as mpl
from matplotlib.figure import Figure

from gpusim.analysis.economics import pools
from gpusim.analysis.wording import share
from gpusim.report.figures.frame import WIDTH_IN, blank, legend, legend_height_in, row_labels
from gpusim.report.figures.palette import COLOURS
from gpusim.tables.record import Record

ROW_IN = 0.42
LEFT, RIGHT = -0.46, 0.46  # of a cell


def draw(result: Record) -> Figure:
    """Sites by GPU types; in each cell a bar of the causes of the ledger, 100% wide."""
    table = pools(result)
    sites, kinds = list(result.sites["site"]), list(dict.fromkeys(table["gpu_type"]))
    booked = result.ledger.groupby(["site", "gpu_type", "cause"], observed=True)["gpu_s"].sum()
    by_pool = {pool: parts.droplevel([0, 1]) for pool, parts in booked.groupby(level=[0, 1], observed=True)}
    totals = booked.groupby("cause", observed=True).sum()
    shown = [c for c in COLOURS if totals.get(c, 0.0) > 0.001 * totals.sum()]
    title_in = 0.3
    top_in = title_in + legend_height_in(len(shown)) + 0.25
    height = ROW_IN * len(sites) + top_in + 0.08
    figure = blank(WIDTH_IN, height)
    names, left_in = row_labels(sites)
    left = left_in / WIDTH_IN
    scale = min(1.0, (0.99 - left) * WIDTH_IN / len(kinds) / 0.85)  # of the text of narrow cells
    ax = figure.add_axes((left, 0.08 / height, 0.99 - left, ROW_IN * len(sites) / height))
    for row in table.itertuples():
        x, y = kinds.index(row.gpu_type), sites.index(row.site)
        parts = by_pool.get((row.site, row.gpu_type), booked.iloc[:0])  # a pool that is never given GPUs has none
        edge, whole = x + LEFT, float(parts.sum())
        for cause in [c for c in COLOURS if parts.get(c, 0.0) > 0.0 < whole]:
            width = (RIGHT - LEFT) * float(parts[cause]) / whole
            ax.add_patch(mpl.patches.Rectangle((edge, y + 0.02), width, 0.34, color=COLOURS[cause], linewidth=0))
            edge += width
        ax.text(x + LEFT, y - 0.05, share(row.useful_share), fontsize=8.5 * scale, fontweight="bold", va="bottom")
        ax.text(x + RIGHT, y - 0.05, f"{row.planned_gpus:,.0f}", fontsize=7.5 * scale, va="bottom", ha="right")
    ax.set_xlim(-0.5, len(kinds) - 0.5)
    ax.set_ylim(len(sites) - 0.5, -0.5)
    ax.set_xticks(range(len(kinds)), kinds)
    ax.set_yticks(range(len(sites)), names)
    ax.xaxis.tick_top()
    ax.tick_params(length=0, labelsize=9)
    ax.spines[:].set_visible(False)
    title = "How each pool's planned GPU-time was spent. Bold: useful share; beside it: GPUs planned"
    figure.text(0.02, 1.0 - 0.08 / height, title, va="top", fontsize=9)
    legend(figure, shown, title_in)
    return figure

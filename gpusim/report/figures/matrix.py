"""The fleet at one glance: what became of every pool's planned GPU-time."""

from __future__ import annotations

import matplotlib as mpl
from matplotlib.figure import Figure

from gpusim.report.figures.frame import EDGE_IN, blank, legend, legend_height_in, row_labels
from gpusim.report.figures.palette import COLOURS
from gpusim.report.figures.width import LINE_IN, is_narrow, width_in, wrapped
from gpusim.results.economics import pools
from gpusim.results.tables.record import Record
from gpusim.results.wording import share

ROW_IN, NARROW_ROW_IN = 0.42, 0.74
LEFT, RIGHT = -0.46, 0.46  # of a cell


def draw(result: Record) -> Figure:
    """Sites by GPU types; in each cell a bar of the causes of the ledger, 100% wide."""
    table = pools(result)
    sites, kinds = list(result.sites["site"]), list(dict.fromkeys(table["gpu_type"]))
    booked = result.ledger.groupby(["site", "gpu_type", "cause"], observed=True)["gpu_s"].sum()
    by_pool = {pool: parts.droplevel([0, 1]) for pool, parts in booked.groupby(level=[0, 1], observed=True)}
    totals = booked.groupby("cause", observed=True).sum()
    shown = [c for c in COLOURS if totals.get(c, 0.0) > 0.001 * totals.sum()]
    title = wrapped("How each pool's planned GPU-time was spent. Bold: useful share; small: GPUs planned")
    title_in = 0.3 + LINE_IN * title.count("\n")
    top_in = title_in + legend_height_in(len(shown)) + 0.25
    row_in = NARROW_ROW_IN if is_narrow() else ROW_IN
    height = row_in * len(sites) + top_in + 0.08
    figure = blank(width_in(), height)
    names, beside_in = row_labels(sites)
    left = (EDGE_IN if is_narrow() else beside_in) / width_in()
    cell_in = 0.48 if is_narrow() else 0.85  # that holds its text; on a narrow sheet GPUs stand below the bar
    scale = min(1.0, (0.99 - left) * width_in() / len(kinds) / cell_in)  # of the text of narrow cells
    ax = figure.add_axes((left, 0.08 / height, 0.99 - left, row_in * len(sites) / height))
    for row in table.itertuples():
        x, y = kinds.index(row.gpu_type), sites.index(row.site)
        parts = by_pool.get((row.site, row.gpu_type), booked.iloc[:0])  # a pool that is never given GPUs has none
        edge, whole = x + LEFT, float(parts.sum())
        for cause in [c for c in COLOURS if parts.get(c, 0.0) > 0.0 < whole]:
            width = (RIGHT - LEFT) * float(parts[cause]) / whole
            bar_y = 0.34 * ROW_IN / row_in
            ax.add_patch(mpl.patches.Rectangle((edge, y + 0.02), width, bar_y, color=COLOURS[cause], linewidth=0))
            edge += width
        ax.text(x + LEFT, y - 0.05, share(row.useful_share), fontsize=8.5 * scale, fontweight="bold", va="bottom")
        place = {"y": y + 0.26, "va": "top"} if is_narrow() else {"y": y - 0.05, "va": "bottom"}
        ax.text(x + RIGHT, s=f"{row.planned_gpus:,.0f}", fontsize=7.5 * scale, ha="right", **place)
    ax.set_xlim(-0.5, len(kinds) - 0.5)
    ax.set_ylim(len(sites) - 0.5, -0.5)
    ax.set_xticks(range(len(kinds)), kinds)
    ax.set_yticks(range(len(sites)), [""] * len(sites) if is_narrow() else names)
    for y, name in enumerate(names if is_narrow() else []):
        ax.text(LEFT, y - 0.47, name, fontsize=9, va="top")
    ax.xaxis.tick_top()
    ax.tick_params(length=0, labelsize=9)
    ax.spines[:].set_visible(False)
    figure.text(0.02, 1.0 - 0.08 / height, title, va="top", fontsize=9)
    legend(figure, shown, title_in)
    return figure

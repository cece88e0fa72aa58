"""What else each relief changes: work, waiting, service level, energy, cost, carbon."""

from __future__ import annotations

import textwrap

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpusim.report.figures.frame import blank
from gpusim.report.figures.relief_ranking import BETTER, MOST, RIGHT_IN, WORSE, is_certain, name_rows, steps, words_in
from gpusim.report.figures.width import LINE_IN, is_narrow, width_in, wrapped
from gpusim.report.tables import NO_CHANGE
from gpusim.report.tables import relative as said
from gpusim.results.labels import words_of
from gpusim.results.measure import sign_of
from gpusim.results.tables.studies import Relief

# Columns: after the figure of the ranking as many as there is room for.
SHOWN = (
    "useful_gpu_hours", "job_hours_waited", "service_tokens_served_share", "energy_facility_mwh",
    "usd_per_useful_gpu_hour", "carbon_t", "goodput",
)  # fmt: skip


def draw(relief: Relief) -> Figure:
    """Relative changes, counterfactuals by measures: coloured and bold where the 95% interval tells the sign.

    Parameters
    ----------
    relief : Relief
        With one counterfactual or more; the first ``MOST`` of the ranking are shown.
    """
    table, effects = relief.ranking.head(MOST), relief.effects.set_index(["relief", "measure"])
    measures = list(dict.fromkeys((relief.about["measure"], *SHOWN)))[: len(SHOWN)]
    names, row_in = steps(table)
    wrap, points = (9, 7.0) if is_narrow() else (10, 6.8)
    heads = [textwrap.fill(words_of(measure), wrap, break_on_hyphens=False) for measure in measures]
    head_in = 0.12 + 0.13 * max(head.count("\n") + 1 for head in heads)
    title = wrapped("Relative change by one step. Blue is better, orange worse; grey: the 95% interval holds 0")
    title_in = 0.32 + LINE_IN * title.count("\n")
    top_in, bottom_in, body_in = title_in + head_in, 0.06, row_in * len(names)
    total_in = top_in + body_in + bottom_in
    figure = blank(width_in(), total_in)
    width = (width_in() - words_in() - RIGHT_IN) / width_in()
    ax = figure.add_axes((words_in() / width_in(), bottom_in / total_in, width, body_in / total_in))
    part = name_rows(figure, ax, names, row_in, table["rank"])
    cells = {
        (y, x): effects.loc[(name, measure)]
        for y, name in enumerate(table["relief"])
        for x, measure in enumerate(measures)
        if (name, measure) in effects.index
    }
    _cells(ax, cells, measures, part)
    ax.set_xlim(-0.5, len(measures) - 0.5)
    ax.xaxis.tick_top()
    ax.set_xticks(range(len(measures)), heads)
    ax.tick_params(length=0, labelsize=points, pad=3)
    ax.spines[:].set_visible(False)
    figure.text(0.02, 1.0 - 0.08 / total_in, title, va="top", fontsize=9)
    return figure


def _cells(ax: Axes, cells: dict[tuple[int, int], pd.Series], measures: list[str], part: float) -> None:
    """Colour by size and sense of what is certain, on the scale of a root, so that small changes are seen too."""
    relative = {place: _relative(cell) for place, cell in cells.items()}
    certain = {place for place, cell in cells.items() if is_certain(cell["low"], cell["high"])}
    most = max((abs(relative[place]) for place in certain if np.isfinite(relative[place])), default=1.0)
    for (y, x), change in relative.items():
        sure = (y, x) in certain and abs(change) >= NO_CHANGE
        if sure and np.isfinite(change):
            strength = 0.12 + 0.5 * np.sqrt(abs(change) / most)
            colour = BETTER if sign_of(measures[x]) * change > 0.0 else WORSE
            corner, height = (x - 0.47, y - 0.45 * part), 0.9 * part
            ax.add_patch(mpl.patches.Rectangle(corner, 0.94, height, color=colour, alpha=strength, linewidth=0))
        ax.text(x, y, said(change), ha="center", va="center", fontsize=7.5, color="black" if sure else "#666666",
                fontweight="bold" if sure else "normal")  # fmt: skip


def _relative(cell: pd.Series) -> float:
    """Change over the magnitude of the base; no change is 0 whatever the base, any other of a base of 0 is infinite."""
    if cell["difference"] == 0.0:
        return 0.0
    return cell["difference"] / abs(cell["base"]) if cell["base"] else np.copysign(np.inf, cell["difference"])

"""What else each relief changes: work, waiting, service level, energy, cost, carbon."""

from __future__ import annotations

import textwrap

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpusim.analysis.labels import words_of
from gpusim.analysis.measure import sign_of
from gpusim.report.figures.frame import WIDTH_IN, blank
from gpusim.report.figures.relief_ranking import BETTER, LEFT_IN, MOST, RIGHT_IN, WORSE, is_certain, name_rows, steps
from gpusim.report.tables import NO_CHANGE
from gpusim.report.tables import relative as said
from gpusim.tables.studies import Relief

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
    heads = [textwrap.fill(words_of(measure), 10, break_on_hyphens=False) for measure in measures]
    head_in = 0.12 + 0.13 * max(head.count("\n") + 1 for head in heads)
    top_in, bottom_in, body_in = 0.32 + head_in, 0.06, row_in * len(names)
    total_in = top_in + body_in + bottom_in
    figure = blank(WIDTH_IN, total_in)
    width = (WIDTH_IN - LEFT_IN - RIGHT_IN) / WIDTH_IN
    ax = figure.add_axes((LEFT_IN / WIDTH_IN, bottom_in / total_in, width, body_in / total_in))
    name_rows(figure, ax, names, table["rank"])
    cells = {
        (y, x): effects.loc[(name, measure)]
        for y, name in enumerate(table["relief"])
        for x, measure in enumerate(measures)
        if (name, measure) in effects.index
    }
    _cells(ax, cells, measures)
    ax.set_xlim(-0.5, len(measures) - 0.5)
    ax.xaxis.tick_top()
    ax.set_xticks(range(len(measures)), heads)
    ax.tick_params(length=0, labelsize=6.8, pad=3)
    ax.spines[:].set_visible(False)
    title = "Relative change by one step. Blue is better, orange worse; grey: the 95% interval holds 0"
    figure.text(0.02, 1.0 - 0.08 / total_in, title, va="top", fontsize=9)
    return figure


def _cells(ax: Axes, cells: dict[tuple[int, int], pd.Series], measures: list[str]) -> None:
    """Colour by size and sense of what is certain, on the scale of a root, so that small changes are seen too."""
    relative = {place: _relative(cell) for place, cell in cells.items()}
    certain = {place for place, cell in cells.items() if is_certain(cell["low"], cell["high"])}
    most = max((abs(relative[place]) for place in certain if np.isfinite(relative[place])), default=1.0)
    for (y, x), change in relative.items():
        sure = (y, x) in certain and abs(change) >= NO_CHANGE
        if sure and np.isfinite(change):
            strength = 0.12 + 0.5 * np.sqrt(abs(change) / most)
            colour = BETTER if sign_of(measures[x]) * change > 0.0 else WORSE
            box = mpl.patches.Rectangle((x - 0.47, y - 0.45), 0.94, 0.9, color=colour, alpha=strength, linewidth=0)
            ax.add_patch(box)
        ax.text(x, y, said(change), ha="center", va="center", fontsize=7.5, color="black" if sure else "#666666",
                fontweight="bold" if sure else "normal")  # fmt: skip


def _relative(cell: pd.Series) -> float:
    """Change over the magnitude of the base; no change is 0 whatever the base, any other of a base of 0 is infinite."""
    if cell["difference"] == 0.0:
        return 0.0
    return cell["difference"] / abs(cell["base"]) if cell["base"] else np.copysign(np.inf, cell["difference"])

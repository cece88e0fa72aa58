"""GPUs that were planned but not live, month by month, by what made them late."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from matplotlib.figure import Figure

from gpusim.analysis.lateness import AHEAD
from gpusim.analysis.wording import edges_s
from gpusim.report.figures.calendar import calendar_axis
from gpusim.report.figures.frame import WIDTH_IN, legend_height_in, nothing, thousands
from gpusim.report.figures.kinds import kind_colours, kind_patches
from gpusim.report.figures.place import blank
from gpusim.tables.record import Record
from gpusim.units import DAY_S, HOUR_S


def draw(result: Record) -> Figure:
    """Stacked bars of mean GPUs by cause; below 0 what was there ahead of its plan."""
    ledger, months = result.build_ledger, sorted(set(result.build_months["month"]))
    start, end_s = datetime.fromisoformat(result.manifest["start"]), result.manifest["duration_s"]
    table = ledger.pivot_table(index="month", columns="cause", values="gpu_hours", aggfunc="sum")
    table = table.reindex(months).fillna(0.0)
    colours = kind_colours(result)
    late = [cause for cause in colours if cause in table]
    patches = kind_patches(colours, late)
    top_in, body_in, bottom_in = legend_height_in(len(patches), 4) + 0.3, 1.9, 0.35
    total_in = top_in + body_in + bottom_in
    figure = blank(WIDTH_IN, total_in)
    ax = figure.add_axes((0.75 / WIDTH_IN, bottom_in / total_in, 1.0 - 0.87 / WIDTH_IN, body_in / total_in))
    edges = edges_s(months, start, end_s)
    left, width = edges[:-1] / DAY_S, np.diff(edges) / DAY_S
    per_gpu = np.diff(edges) / HOUR_S
    base = np.zeros(len(months))
    for cause in late:
        gpus = table[cause].to_numpy() / per_gpu
        ax.bar(left, gpus, width, bottom=base, align="edge", color=colours[cause], linewidth=0)
        base += gpus
    if AHEAD in table:
        ax.bar(left, table[AHEAD].to_numpy() / per_gpu, width, align="edge", color="#E3E3E3", linewidth=0)
    if not late:
        nothing(ax, "nothing was late")
    calendar_axis(ax, start, 0.0, end_s)
    ax.axhline(0.0, color="black", linewidth=0.6)
    thousands(ax)
    ax.set_ylabel("GPUs")
    ax.set_title("GPUs planned but not live, by what made them late (below 0: ahead of plan)")
    figure.legend(handles=patches, loc="upper left", ncols=4, bbox_to_anchor=(0.02, 1.0 - 0.05 / total_in),
                  borderaxespad=0.0, handlelength=1.2, columnspacing=1.2, labelspacing=0.35)  # fmt: skip
    return figure

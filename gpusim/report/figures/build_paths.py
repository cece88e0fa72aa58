"""Projects over time: the critical path of each, its plan, and how sure its date is."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gpusim.report.figures.calendar import calendar_axis
from gpusim.report.figures.frame import WIDTH_IN, legend_height_in, row_labels
from gpusim.report.figures.kinds import kind_colours, kind_patches
from gpusim.report.figures.place import blank
from gpusim.tables.record import Record
from gpusim.tables.studies import Deliveries
from gpusim.units import DAY_S

ROW_IN = 0.34
HALF = 0.24  # of a row: height of a bar
HELD = "////"


def draw(result: Record, deliveries: Deliveries | None = None) -> Figure:
    """A row per project: the tasks of its critical path in this run, hatched while held up; plan; P10 to P90."""
    projects, paths = result.build_projects, result.build_paths
    projects = projects[projects["component"] != ""]  # what adds nothing has no date
    colours = kind_colours(result)
    patches = kind_patches(colours, paths["kind"])
    patches += [Patch(facecolor="white", edgecolor="black", linewidth=0.4, hatch=HELD, label="waiting, or stopped")]
    patches.append(Line2D([], [], color="black", marker="D", markersize=4, linestyle="", markerfacecolor="white",
                          label="plan"))  # fmt: skip
    if deliveries:
        patches.append(Line2D([], [], color="black", marker="o", markersize=3.5, linewidth=1.2, label="P10, P50, P90"))
    top_in, bottom_in = legend_height_in(len(patches), 4) + 0.1, 0.32
    total_in = top_in + ROW_IN * len(projects) + bottom_in
    figure = blank(WIDTH_IN, total_in)
    names, left_in = row_labels(list(projects["project"]))
    box = (
        left_in / WIDTH_IN,
        bottom_in / total_in,
        1.0 - (left_in + 0.12) / WIDTH_IN,
        ROW_IN * len(projects) / total_in,
    )
    ax = figure.add_axes(box)
    for y, row in enumerate(projects.itertuples()):
        for span in paths[paths["project"] == row.project].itertuples():
            _span(ax, y, span, colours, result)
        ax.plot(row.planned_s / DAY_S, y, "D", color="black", markerfacecolor="white", markersize=4, zorder=4)
        if deliveries:
            _uncertainty(ax, y, deliveries.projects.set_index("project").loc[row.project])
    _axes(ax, result, deliveries, names)
    figure.legend(handles=patches, loc="upper left", ncols=4, bbox_to_anchor=(0.02, 1.0 - 0.05 / total_in),
                  borderaxespad=0.0, handlelength=1.3, columnspacing=1.2, labelspacing=0.35)  # fmt: skip
    return figure


def last_s(result: Record, deliveries: Deliveries | None) -> float:
    """[s] Where an axis of projects ends: the last delivery, plan or P90, but for those far behind the run."""
    duration_s, projects = result.manifest["duration_s"], result.build_projects
    times = [*projects["delivered_s"], *projects["planned_s"], *(deliveries.projects["p90_s"] if deliveries else ())]
    known = [time_s for time_s in times if np.isfinite(time_s)]
    return 1.03 * min(max(known, default=duration_s), 2.0 * duration_s)


def first_s(result: Record) -> float:
    """[s] Where it begins: the first task."""
    return float(min(result.build_tasks["start_s"].min(), result.build_tasks["planned_start_s"].min(), 0.0))


def _span(ax: Axes, y: int, span, colours: dict[str, str], result: Record) -> None:
    to_s = span.to_s if np.isfinite(span.to_s) else result.manifest["duration_s"]
    style = {
        "facecolor": colours[span.kind],
        "edgecolor": "white",
        "linewidth": 0.0,
        "hatch": HELD if span.held_by else None,
    }
    ax.barh(y, (to_s - span.from_s) / DAY_S, left=span.from_s / DAY_S, height=2 * HALF, **style)


def _uncertainty(ax: Axes, y: int, dates) -> None:
    low, middle, high = (min(dates[f"p{q}_s"] / DAY_S, 1e6) for q in (10, 50, 90))
    ax.plot([low, high], [y + 0.36] * 2, color="black", linewidth=1.2, zorder=3, solid_capstyle="butt")
    ax.plot(middle, y + 0.36, "o", color="black", markersize=3.5, zorder=4)


def _axes(ax: Axes, result: Record, deliveries: Deliveries | None, names: list[str]) -> None:
    start = datetime.fromisoformat(result.manifest["start"])
    calendar_axis(ax, start, first_s(result), last_s(result, deliveries))
    ax.axvline(0.0, color="black", linewidth=0.7, linestyle=":")
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    ax.set_axisbelow(True)

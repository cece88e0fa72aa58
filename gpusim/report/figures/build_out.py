"""Projects over time: their critical paths, plans and dates, and GPUs that they made late."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gpusim.report.figures.frame import (
    EDGE_IN,
    blank,
    calendar_axis,
    key,
    legend_height_in,
    name_rows,
    nothing,
    pitch_in,
    row_labels,
    thousands,
    titled,
)  # fmt: skip
from gpusim.report.figures.palette import OTHER, SERIES
from gpusim.report.figures.width import LINE_IN, is_narrow, width_in
from gpusim.results.lateness import AHEAD, held_back, spelled
from gpusim.results.tables.record import Record
from gpusim.results.tables.studies import Deliveries
from gpusim.results.wording import edges_s
from gpusim.units import DAY_S, HOUR_S

# Colours of kinds of tasks: those that cost most have one of their own.

OWN = (*SERIES[:6], "#44546A")


def kind_colours(result: Record) -> dict[str, str]:
    """Kind -> colour: first what the run's GPUs were missing for, then what critical paths went through, by length."""
    missing = held_back(result.build_ledger).groupby("cause")["usd"].sum().sort_values(ascending=False)
    paths = result.build_paths
    lengths = (paths["to_s"] - paths["from_s"]).groupby(paths["kind"]).sum().sort_values(ascending=False)
    kinds = list(dict.fromkeys([*missing.index[missing > 0.0], *lengths.index]))
    return {kind: OWN[i] if i < len(OWN) else OTHER for i, kind in enumerate(kinds)}


def kind_patches(colours: dict[str, str], shown: Iterable[str]) -> list[Patch]:
    """Entries of a legend; kinds without a colour of their own are one."""
    shown = set(shown)
    own = [Patch(color=c, label=spelled(kind)) for kind, c in colours.items() if c != OTHER and kind in shown]
    return own + ([Patch(color=OTHER, label="others")] if any(colours.get(k, OTHER) == OTHER for k in shown) else [])


# Projects over time: the critical path of each, its plan, and how sure its date is.

ROW_IN = 0.34
HALF = 0.24  # of a row: height of a bar
HELD = "////"


def draw_paths(result: Record, deliveries: Deliveries | None = None) -> Figure:
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
    body_in = pitch_in(ROW_IN) * len(projects)
    total_in = top_in + body_in + bottom_in
    figure = blank(width_in(), total_in)
    names, beside_in = row_labels(list(projects["project"]))
    left_in = EDGE_IN if is_narrow() else beside_in
    box = (left_in / width_in(), bottom_in / total_in, 1.0 - (left_in + 0.12) / width_in(), body_in / total_in)
    ax = figure.add_axes(box)
    room = name_rows(ax, names, ROW_IN, least=1)
    for y, row in enumerate(projects.itertuples()):
        for span in paths[paths["project"] == row.project].itertuples():
            _span(ax, y, span, colours, result, room)
        ax.plot(row.planned_s / DAY_S, y, "D", color="black", markerfacecolor="white", markersize=4, zorder=4)
        if deliveries:
            _uncertainty(ax, y + 0.36 * room, deliveries.projects.set_index("project").loc[row.project])
    _axes(ax, result, deliveries)
    key(figure, patches, 0.05, 4, 1.3)
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


def _span(ax: Axes, y: int, span, colours: dict[str, str], result: Record, room: float) -> None:
    to_s = span.to_s if np.isfinite(span.to_s) else result.manifest["duration_s"]
    style = {
        "facecolor": colours[span.kind],
        "edgecolor": "white",
        "linewidth": 0.0,
        "hatch": HELD if span.held_by else None,
    }
    ax.barh(y, (to_s - span.from_s) / DAY_S, left=span.from_s / DAY_S, height=2 * HALF * room, **style)


def _uncertainty(ax: Axes, y: float, dates) -> None:
    low, middle, high = (min(dates[f"p{q}_s"] / DAY_S, 1e6) for q in (10, 50, 90))
    ax.plot([low, high], [y] * 2, color="black", linewidth=1.2, zorder=3, solid_capstyle="butt")
    ax.plot(middle, y, "o", color="black", markersize=3.5, zorder=4)


def _axes(ax: Axes, result: Record, deliveries: Deliveries | None) -> None:
    start = datetime.fromisoformat(result.manifest["start"])
    calendar_axis(ax, start, first_s(result), last_s(result, deliveries))
    ax.axvline(0.0, color="black", linewidth=0.7, linestyle=":")
    ax.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    ax.set_axisbelow(True)


# GPUs that were planned but not live, month by month, by what made them late.


def draw_missing(result: Record) -> Figure:
    """Stacked bars of mean GPUs by cause; below 0 what was there ahead of its plan."""
    ledger, months = result.build_ledger, sorted(set(result.build_months["month"]))
    start, end_s = datetime.fromisoformat(result.manifest["start"]), result.manifest["duration_s"]
    table = ledger.pivot_table(index="month", columns="cause", values="gpu_hours", aggfunc="sum")
    table = table.reindex(months).fillna(0.0)
    colours = kind_colours(result)
    late = [cause for cause in colours if cause in table]
    patches = kind_patches(colours, late)
    spare_in = LINE_IN * is_narrow()  # the title has two lines
    top_in, body_in, bottom_in = legend_height_in(len(patches), 4) + 0.3 + spare_in, 1.9, 0.35
    total_in = top_in + body_in + bottom_in
    figure = blank(width_in(), total_in)
    ax = figure.add_axes((0.75 / width_in(), bottom_in / total_in, 1.0 - 0.87 / width_in(), body_in / total_in))
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
    titled(ax, "GPUs planned but not live, by what made them late (below 0: ahead of plan)")
    key(figure, patches, 0.05, 4)
    return figure

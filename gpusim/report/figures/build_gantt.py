"""A Gantt chart of the tasks of projects, with what was critical and how sure each end is."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gpusim.errors import shortened
from gpusim.report.figures.build_out import first_s, last_s
from gpusim.report.figures.frame import blank, calendar_axis, key, legend_height_in
from gpusim.report.figures.width import width_in
from gpusim.results.lateness import AHEAD, spelled
from gpusim.results.tables.record import Record
from gpusim.results.tables.studies import Deliveries
from gpusim.units import DAY_S

ROW_IN = 0.155
MOST_ROWS = 60
CRITICAL, OTHER, WAIT, PLAN = "#D55E00", "#56B4E9", "#E3E3E3", "#000000"


def shown_projects(result: Record) -> list[str]:
    """Projects whose tasks are drawn: those that GPUs were missing for most, as many as fit, in their order."""
    ledger = result.build_ledger
    missing = ledger[ledger["cause"] != AHEAD].groupby("project")["usd"].sum()
    counts = result.build_tasks["project"].value_counts(sort=False)
    chosen, rows = set(), 0
    for name in sorted(counts.index, key=lambda name: -missing.get(name, 0.0)):
        rows += counts[name] + 1
        if chosen and rows > MOST_ROWS:
            break
        chosen.add(name)
    return [name for name in result.build_projects["project"] if name in chosen]


def draw(result: Record, deliveries: Deliveries | None = None) -> Figure:
    """A row per task: as planned (line), as it was (bar), P10 to P90 of its end."""
    tasks = result.build_tasks
    parts = [(name, tasks[tasks["project"] == name]) for name in shown_projects(result)]
    rows = sum(len(part) + 1 for _name, part in parts)
    handles = _handles(deliveries is not None)
    top_in, bottom_in, left_in = legend_height_in(len(handles), 5) + 0.055, 0.3, 1.75
    total_in = top_in + ROW_IN * rows + bottom_in
    figure = blank(width_in(), total_in)
    box = (left_in / width_in(), bottom_in / total_in, 1.0 - (left_in + 0.12) / width_in(), ROW_IN * rows / total_in)
    ax = figure.add_axes(box)
    labels, y = [], 0
    sure = deliveries.tasks.set_index(["project", "task"]) if deliveries else None
    for name, part in parts:
        labels.append((y, shortened(name, 26), "bold"))
        for row in part.itertuples():
            y += 1
            labels.append((y, shortened(spelled(row.task), 26), "normal"))
            _task(ax, y, row, result.manifest["duration_s"])
            if sure is not None:
                _uncertainty(ax, y, sure.loc[(name, row.task)])
        y += 1
    _axes(ax, result, deliveries, labels)
    key(figure, handles, 0.05, 5, 1.3)
    return figure


def _task(ax: Axes, y: int, row, duration_s: float) -> None:
    ax.plot([row.planned_start_s / DAY_S, row.planned_end_s / DAY_S], [y - 0.36] * 2, color=PLAN, linewidth=0.8,
            solid_capstyle="butt", alpha=0.35 if np.isnan(row.start_s) else 1.0)  # fmt: skip
    if np.isnan(row.ready_s):
        return
    start_s = row.start_s if np.isfinite(row.start_s) else max(duration_s, row.ready_s)
    ax.barh(y, (start_s - row.ready_s) / DAY_S, left=row.ready_s / DAY_S, height=0.42, color=WAIT, linewidth=0)
    if np.isfinite(row.start_s):
        end_s = row.end_s if np.isfinite(row.end_s) else max(duration_s, row.start_s)
        colour = CRITICAL if row.critical else OTHER
        ax.barh(y, (end_s - row.start_s) / DAY_S, left=row.start_s / DAY_S, height=0.42, color=colour, linewidth=0)


def _uncertainty(ax: Axes, y: int, dates: pd.Series) -> None:
    low, high = (min(dates[f"end_p{q}_s"] / DAY_S, 1e6) for q in (10, 90))
    if low < 1e6:
        ax.plot([low, high], [y + 0.02] * 2, color="black", linewidth=0.9, marker="|", markersize=4, zorder=3)


def _handles(sure: bool) -> list:
    handles = [
        Patch(color=CRITICAL, label="critical path"),
        Patch(color=OTHER, label="other tasks"),
        Patch(color=WAIT, label="waiting for its supply"),
        Line2D([], [], color=PLAN, linewidth=0.8, label="plan"),
    ]
    line = Line2D([], [], color="black", linewidth=0.9, marker="|", markersize=5, label="P10 to P90 of the end")
    return [*handles, line] if sure else handles


def _axes(ax: Axes, result: Record, deliveries: Deliveries | None, labels: list[tuple[int, str, str]]) -> None:
    start = datetime.fromisoformat(result.manifest["start"])
    calendar_axis(ax, start, first_s(result), last_s(result, deliveries))
    ax.axvline(0.0, color="black", linewidth=0.7, linestyle=":")
    ax.set_yticks([y for y, _name, _weight in labels], [name for _y, name, _weight in labels], fontsize=7)
    for label, (_y, _name, weight) in zip(ax.get_yticklabels(), labels, strict=True):
        label.set_fontweight(weight)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    ax.set_axisbelow(True)

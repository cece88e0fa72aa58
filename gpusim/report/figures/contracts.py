"""Contracts over time: what was committed, what was delivered, and when milestones are met."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gpusim.errors import shortened
from gpusim.report.figures.frame import calendar_axis, key, legend_height_in, sheet, thousands
from gpusim.results.tables.record import Record
from gpusim.results.tables.studies import Deliveries
from gpusim.results.wording import edges_s, hours
from gpusim.units import DAY_S

MOST = 8  # contracts drawn: those committed to most
DELIVERED, COMMITTED, SURE = "#56B4E9", "#000000", "#D55E00"


def draw(result: Record, deliveries: Deliveries | None = None) -> Figure:
    """A panel per contract: monthly means of GPUs committed (line) and delivered (area), P10 to P90 of milestones."""
    accounts = result.contract_accounts
    totals = accounts.groupby("contract", sort=False)["committed_gpu_hours"].sum()
    chosen = set(totals.sort_values(ascending=False, kind="stable").index[:MOST])
    names = [name for name in totals.index if name in chosen]
    figure, axes = sheet([0.95] * len(names), 0.24 + legend_height_in(3 if deliveries else 2))
    start, end_s = datetime.fromisoformat(result.manifest["start"]), result.manifest["duration_s"]
    for ax, name in zip(axes, names, strict=True):
        part = accounts[accounts["contract"] == name]
        _course(ax, part, edges_s(list(part["month"]), start, end_s), hours(list(part["month"]), start, end_s))
        if deliveries:
            _milestones(ax, deliveries.milestones[deliveries.milestones["contract"] == name], end_s)
        ax.set_title(shortened(name, 40))
        ax.set_ylabel("GPUs")
        ax.set_ylim(bottom=0.0)
        thousands(ax)
    calendar_axis(axes[-1], start, 0.0, end_s)
    handles = [
        Line2D([], [], color=COMMITTED, label="committed, while in force"),
        Patch(color=DELIVERED, label="delivered"),
    ]
    if deliveries:
        handles.append(Line2D([], [], color=SURE, marker="o", markersize=4, label="milestone: P10, P50, P90"))
    key(figure, handles, 0.05, length=1.5)
    return figure


def _course(ax: Axes, part: pd.DataFrame, edges: np.ndarray, hours_: np.ndarray) -> None:
    days = edges / DAY_S
    delivered, committed = (
        np.append(gpus := part[f"{name}_gpu_hours"].to_numpy() / hours_, gpus[-1])
        for name in ("delivered", "committed")
    )
    ax.fill_between(days, delivered, step="post", color=DELIVERED, linewidth=0)
    ax.step(days, committed, where="post", color=COMMITTED, linewidth=1.2)


def _milestones(ax: Axes, milestones: pd.DataFrame, end_s: float) -> None:
    """From P10 to P90 at the milestone's height; to the edge of the panel where it is not met within the run."""
    for row in milestones.itertuples():
        low, middle, high = (min(time_s, end_s) / DAY_S for time_s in (row.p10_s, row.p50_s, row.p90_s))
        if row.p10_s < end_s:
            ax.plot([low, high], [row.gpus] * 2, color=SURE, linewidth=1.6, zorder=3, solid_capstyle="butt")
        if row.p50_s < end_s:
            ax.plot(middle, row.gpus, "o", color=SURE, markersize=4, zorder=4, clip_on=False)

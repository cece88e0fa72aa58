"""Cash over replications: how much free cash there has been, and how much the owners have paid in."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gpusim.analysis.wording import edges_s
from gpusim.report.figures.calendar import calendar_axis
from gpusim.report.figures.frame import plain, sheet
from gpusim.tables.studies import Deliveries
from gpusim.units import DAY_S

COURSES = {"free_cash": ("cumulative free cash flow", "#0072B2", "#B3D4E8"),
           "paid_in": ("owners' contributions so far", "#D55E00", "#F3CBB0")}  # fmt: skip


def draw(deliveries: Deliveries) -> Figure:
    """Two panels: P50 (line) and P10 to P90 (band) by month, in billion or million USD."""
    table, about = deliveries.cash, deliveries.about
    largest = float(table.drop(columns="month").abs().to_numpy().max())
    unit, name = (1e9, "billion USD") if largest >= 2e9 else (1e6, "million USD")
    figure, axes = sheet([1.6, 1.2], 0.32, left_in=0.6, gaps_in=0.45)
    start = datetime.fromisoformat(about["start"])
    days = edges_s(list(table["month"]), start, about["duration_s"]) / DAY_S
    for ax, (key, (label, dark, light)) in zip(axes, COURSES.items(), strict=True):
        low, middle, high = (np.append(0.0, table[f"{key}_p{q}_usd"]) / unit for q in (10, 50, 90))
        ax.fill_between(days, low, high, color=light, linewidth=0, label="P10 to P90")
        ax.plot(days, middle, color=dark, linewidth=1.4, label="P50")
        ax.axhline(0.0, color="black", linewidth=0.6)
        ax.set_title(f"{label[0].upper()}{label[1:]} [{name}]")
        ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        ax.yaxis.set_major_formatter(FuncFormatter(plain))
        ax.legend(loc="lower right", ncols=2, bbox_to_anchor=(1.0, 1.0), borderaxespad=0.1, handlelength=1.8)
    calendar_axis(axes[-1], start, 0.0, about["duration_s"])
    return figure

"""Lines for supplies and prices by the hour over time."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gpusim.errors import shortened
from gpusim.report.figures.frame import calendar_axis, key, plain, sheet, thousands, titled_with_key
from gpusim.report.figures.palette import LINES, SERIES
from gpusim.results.lateness import spelled
from gpusim.results.rivalry import lines, list_usd
from gpusim.results.tables.names import PRICES
from gpusim.results.tables.record import Record
from gpusim.results.wording import edges_s
from gpusim.units import DAY_S

OURS, RIVALS = "#D55E00", "#A9CCE3"
MOST = 6  # supplies drawn


def draw(result: Record) -> Figure:
    """A panel per supply for which someone waits: units in line, ours below the rivals'; and one of prices by GPU type.

    One of either is there, see ``has_panels``.
    """
    table, kinds = lines(result), _priced(result)
    supplies = waited_for(table)[:MOST]
    figure, axes = sheet([0.95] * len(supplies) + [1.35] * bool(kinds), 0.5)
    start, end_s = datetime.fromisoformat(result.manifest["start"]), result.manifest["duration_s"]
    for ax, supply in zip(axes, supplies, strict=False):
        part = table[table["supply"] == supply]
        days = np.append(part["time_s"], end_s) / DAY_S
        ours, rivals = (np.append(values := part[name].to_numpy(), values[-1]) for name in ("ours", "rivals"))
        ax.fill_between(days, ours, step="post", color=OURS, linewidth=0)
        ax.fill_between(days, ours, ours + rivals, step="post", color=RIVALS, linewidth=0)
        ax.set_title(f"In line for {shortened(spelled(supply), 40)}")
        ax.set_ylabel("units")
        ax.set_ylim(bottom=0.0)
        thousands(ax)
    if kinds:
        _prices(axes[-1], result, kinds, start, end_s)
    calendar_axis(axes[-1], start, 0.0, end_s)
    key(figure, [Patch(color=OURS, label="ours"), Patch(color=RIVALS, label="rivals'")], 0.05)
    return figure


def has_panels(result: Record) -> bool:
    """Whether there is anything to draw."""
    return bool(waited_for(lines(result)) or _priced(result))


def waited_for(table: pd.DataFrame) -> list[str]:
    """Supplies of a table of ``lines`` for which someone waits as a month begins."""
    waits = table["ours"] + table["rivals"] > 0.0
    return list(table.loc[waits, "supply"].unique())


def _priced(result: Record) -> list[str]:
    """GPU types of the fleet whose price follows a line."""
    if PRICES not in result.tables:
        return []
    index = result.manifest["scenario"]["market"]["index"]["supplies"]
    there = set(result.pools["gpu_type"])
    return [kind for kind in index if kind in there][: len(SERIES)]


def _prices(ax: Axes, result: Record, kinds: list[str], start: datetime, end_s: float) -> None:
    prices = result.tables[PRICES]
    for i, kind in enumerate(kinds):
        part = prices[prices["gpu_type"] == kind]
        days = edges_s(list(part["month"]), start, end_s) / DAY_S
        usd = (part["on_demand_price_ratio"] * list_usd(result, part["gpu_type"])).to_numpy()
        ax.step(days, np.append(usd, usd[-1]), where="post", color=SERIES[i], linestyle=LINES[i % len(LINES)],
                linewidth=1.3, label=kind)  # fmt: skip
    ax.set_ylabel("USD per GPU-hour")
    ax.set_ylim(bottom=0.0)
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(plain))
    titled_with_key(ax, "On demand", len(kinds))

"""Money over time, by quarter, and cash over replications."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gpusim.report.figures.frame import calendar_axis, plain, sheet, titled_with_key
from gpusim.results.tables.record import Record
from gpusim.results.tables.studies import Deliveries
from gpusim.results.wording import edges_s
from gpusim.units import DAY_S

# Money over time, by quarter: what is earned and spent, and what is owned and owed.

EARNED = {"revenue_usd": ("revenue", "#56B4E9", "-"), "ebitda_usd": ("EBITDA", "#0072B2", "--"),
          "capex_usd": ("capex", "#D55E00", "-"), "resale_usd": ("GPUs sold", "#E69F00", ":")}  # fmt: skip
OWNED = {"cash_usd": ("cash", "#009E73", "-"), "debt_usd": ("debt", "#D55E00", "--"),
         "backlog_usd": ("backlog", "#44546A", "-.")}  # fmt: skip


def quarters(money: pd.DataFrame) -> pd.DataFrame:
    """Sums of flows and last values of balances of a monthly ``money_fleet``, by quarter: ``2025Q1``."""
    quarter = money["month"].str[:4] + "Q" + ((money["month"].str[5:].astype(int) + 2) // 3).astype(str)
    groups = money.groupby(quarter.rename("quarter"), sort=False)
    earned = [name for name in EARNED if name in money]
    return groups[[*earned, "free_cash_usd"]].sum().join(groups[list(OWNED)].last()).reset_index()


def draw(result: Record) -> Figure:
    """Three panels: flows, free cash, balances at the end of each quarter, in billion or million USD."""
    table = quarters(result.money_fleet)
    largest = float(table.drop(columns="quarter").abs().to_numpy().max())
    unit, name = (1e9, "billion USD") if largest >= 2e9 else (1e6, "million USD")
    figure, axes = sheet([1.35, 0.8, 1.35], 0.32, left_in=0.6, gaps_in=0.45)
    start, end_s = datetime.fromisoformat(result.manifest["start"]), result.manifest["duration_s"]
    firsts = [f"{quarter[:4]}-{3 * int(quarter[-1]) - 2:02d}" for quarter in table["quarter"]]
    days = edges_s(firsts, start, end_s) / DAY_S
    _lines(axes[0], days, table, EARNED, unit, f"By quarter [{name}]")
    free = table["free_cash_usd"].to_numpy() / unit
    colours = np.where(free < 0.0, "#D55E00", "#0072B2")
    axes[1].bar(days[:-1], free, np.diff(days), align="edge", color=colours, linewidth=0.5, edgecolor="white")
    axes[1].set_title(f"Free cash by quarter [{name}]")
    _lines(axes[2], days, table, OWNED, unit, f"At the end of the quarter [{name}]")
    for ax in axes:
        ax.axhline(0.0, color="black", linewidth=0.6)
        ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        ax.yaxis.set_major_formatter(FuncFormatter(plain))
    calendar_axis(axes[-1], start, 0.0, end_s)
    return figure


def _lines(ax: Axes, days: np.ndarray, table: pd.DataFrame, shown: dict, unit: float, title: str) -> None:
    for key, (label, colour, style) in ((key, how) for key, how in shown.items() if key in table):
        values = table[key].to_numpy() / unit
        ax.step(
            days, np.append(values, values[-1]), where="post", color=colour, linestyle=style, label=label, linewidth=1.4
        )
    titled_with_key(ax, title, 4)


# Cash over replications: how much free cash there has been, and how much the owners have paid in.

CASH_FLOWS = {"free_cash": ("cumulative free cash flow", "#0072B2", "#B3D4E8"),
           "paid_in": ("owners' contributions so far", "#D55E00", "#F3CBB0")}  # fmt: skip


def draw_cash(deliveries: Deliveries) -> Figure:
    """Two panels: P50 (line) and P10 to P90 (band) by month, in billion or million USD."""
    table, about = deliveries.cash, deliveries.about
    largest = float(table.drop(columns="month").abs().to_numpy().max())
    unit, name = (1e9, "billion USD") if largest >= 2e9 else (1e6, "million USD")
    figure, axes = sheet([1.6, 1.2], 0.32, left_in=0.6, gaps_in=0.45)
    start = datetime.fromisoformat(about["start"])
    days = edges_s(list(table["month"]), start, about["duration_s"]) / DAY_S
    for ax, (key, (label, dark, light)) in zip(axes, CASH_FLOWS.items(), strict=True):
        low, middle, high = (np.append(0.0, table[f"{key}_p{q}_usd"]) / unit for q in (10, 50, 90))
        ax.fill_between(days, low, high, color=light, linewidth=0, label="P10 to P90")
        ax.plot(days, middle, color=dark, linewidth=1.4, label="P50")
        ax.axhline(0.0, color="black", linewidth=0.6)
        ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        ax.yaxis.set_major_formatter(FuncFormatter(plain))
        titled_with_key(ax, f"{label[0].upper()}{label[1:]} [{name}]", 2)
    calendar_axis(axes[-1], start, 0.0, about["duration_s"])
    return figure

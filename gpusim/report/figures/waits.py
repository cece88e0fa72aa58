"""How long jobs waited, and for what."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from gpusim.causes import LOSS_OF_WAIT, WORDS
from gpusim.report.figures.frame import blank, height_in
from gpusim.report.figures.palette import COLOURS, LINES
from gpusim.report.figures.width import is_narrow, width_in, wrapped
from gpusim.results.tables.record import Record
from gpusim.results.wording import duration, quantity, share
from gpusim.units import DAY_S, HOUR_S, number_of

POINTS = 400  # of each curve
APART = 1.0 / 6.0  # of the axis, between two labels; its length is about the same on a narrow sheet
TICKS_S = (1.0, 10.0, 60.0, 600.0, HOUR_S, 6 * HOUR_S, DAY_S, 7 * DAY_S, 60 * DAY_S)


def draw(result: Record) -> Figure:
    """Distribution of waiting by the cause that cost a job most, and hours of waiting by cause."""
    waits = result.job_waits.astype({"cause": str})
    waits = waits[waits["wait_s"] > 0.0]
    jobs = result.jobs
    if waits.empty:
        figure = blank(width_in(), 0.8)
        text = f"none of {number_of(len(jobs), 'job')} waited" if len(jobs) else "the scenario has no jobs"
        figure.text(0.5, 0.5, text, ha="center", va="center", color="#555555")
        return figure
    by_cause = waits.groupby("cause")["wait_s"].agg(["sum", "size"]).sort_values("sum")
    figure, curves, bars = _panels(len(by_cause))
    none = share(float((jobs["wait_s"] <= 0.0).mean()))
    title = f"{none[0].upper()}{none[1:]} of {number_of(len(jobs), 'job')} never waited."
    title += " The others, by what they waited for most:"
    figure.text(0.02, 1.0 - 0.115 / height_in(figure), wrapped(title), va="top", fontsize=9)
    _curves(curves, waits, jobs)
    _bars(bars, by_cause)
    return figure


def _panels(causes: int) -> tuple[Figure, Axes, Axes]:
    """Curves, and bars beside them; on a narrow sheet below."""
    if not is_narrow():
        figure = blank(width_in(), 3.3)
        return figure, figure.add_axes((0.095, 0.15, 0.42, 0.66)), figure.add_axes((0.765, 0.15, 0.125, 0.66))
    bars_in = 0.37 * max(causes, 2)
    total_in = 3.6 + bars_in
    figure = blank(width_in(), total_in)
    curves = figure.add_axes((0.16, (1.0 + bars_in) / total_in, 0.8, 2.1 / total_in))
    return figure, curves, figure.add_axes((0.5, 0.1 / total_in, 0.3, bars_in / total_in))


def _curves(ax, waits: pd.DataFrame, jobs: pd.DataFrame) -> None:
    worst = waits.sort_values("wait_s", kind="stable").drop_duplicates("job_id", keep="last").set_index("job_id")
    total_s = jobs.set_index("job_id")["wait_s"]
    counts = worst["cause"].value_counts()
    for i, cause in enumerate(counts.index):
        wait_s = np.sort(total_s.reindex(worst.index[worst["cause"] == cause]).to_numpy())
        pick = np.unique(np.linspace(0, len(wait_s) - 1, min(POINTS, len(wait_s))).astype(int))
        x = np.append(wait_s[pick[0]], wait_s[pick])
        y = np.append(0.0, 100.0 * (pick + 1) / len(wait_s))
        ax.step(x, y, where="post", color=_colour(cause), linestyle=LINES[i % len(LINES)], linewidth=1.6)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
    ax.minorticks_off()
    low, high = ax.get_xlim()
    low, high = max(low, 0.5), max(high, 20.0)
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(FixedLocator(_ticks_s(low, high)))
    ax.set_ylim(0.0, 103.0)
    ax.set_xlabel("waited at most")
    ax.set_ylabel("% of these jobs")


def _ticks_s(low_s: float, high_s: float) -> list[float]:
    """Those of the ticks whose labels have room between them."""
    kept: list[float] = []
    for tick_s in TICKS_S:
        if low_s <= tick_s <= high_s and (not kept or tick_s >= kept[-1] * (high_s / low_s) ** APART):
            kept.append(tick_s)
    return kept


def _bars(ax, table: pd.DataFrame) -> None:
    hours = table["sum"] / HOUR_S
    for y, (cause, value) in enumerate(hours.items()):
        ax.barh(y, value, height=0.6, color=_colour(cause), linewidth=0)
        ax.text(value, y, f" {quantity(value)}", va="center", fontsize=8)
    names = [f"{WORDS[LOSS_OF_WAIT[c]].short}\n{number_of(n, 'job')}" for c, n in table["size"].items()]
    ax.set_yticks(range(len(hours)), names)
    ax.set_ylim(-0.7, max(len(hours), 2 if is_narrow() else 4) - 0.3)
    ax.set_xlim(0.0, 1.0 * hours.max())
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_title("hours of waiting", loc="left")


def _colour(cause: str) -> str:
    return COLOURS[LOSS_OF_WAIT[cause]]

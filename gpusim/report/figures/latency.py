"""How long requests of a service took: shares that took a time at most."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter

from gpusim.errors import shortened
from gpusim.report.figures.frame import blank, height_in, key, legend_height_in, nothing
from gpusim.report.figures.palette import LINES, OTHER, SERIES
from gpusim.report.figures.requests import LONGEST, MOST, OTHERS
from gpusim.report.figures.width import is_narrow, width_in
from gpusim.results.requests import arrivals, distribution, latencies, objectives
from gpusim.results.tables.record import Record
from gpusim.results.wording import short_time
from gpusim.units import DAY_S, HOUR_S

HEIGHT_IN, BOTTOM_IN, TITLE_IN = 1.9, 0.52, 0.42
LEFT_IN, PANEL_IN, APART_IN = 0.55, 2.8, 0.3
LABEL_IN = 0.48  # between ticks
LONG_S = (10.0, 60.0, 600.0, HOUR_S, 6 * HOUR_S, DAY_S, 7 * DAY_S, 60 * DAY_S, 1e3 * DAY_S)
LADDERS_S = tuple(
    (*(step * 10.0**e for e in range(-5, 1) for step in steps), *LONG_S)
    for steps in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))
)  # ticks, the finest first
TAIL = 5e-4  # share of the requests beyond either end of the axis, at most
PANELS = {  # measure -> title, how its quantiles begin, what is said where there are none
    "ttft_s": ("Time to first token", "ttft", "no request finished"),
    "time_per_output_token_s": ("Time per output token", "token_time", "no answer of two tokens or more finished"),
}


def draw(result: Record, service: str) -> Figure:
    """Cumulative distributions of the whole run by users' region, with their p50 and p99, and the objectives."""
    groups = _groups(result, service)
    handles = [
        Line2D([], [], label=shortened(name, LONGEST), **_look(i)) for i, name in enumerate(groups) if len(groups) > 1
    ]
    top_in = 0.5 + (legend_height_in(len(handles)) if handles else 0.0)
    down = len(PANELS) if is_narrow() else 1
    figure = blank(width_in(), top_in + down * (HEIGHT_IN + BOTTOM_IN) + (down - 1) * TITLE_IN)
    key(figure, handles, 0.08)
    of_all = latencies(result).set_index("service").loc[service]
    promised, height = objectives(result, service), height_in(figure)
    for i, (measure, (title, name, none)) in enumerate(PANELS.items()):
        left_in = LEFT_IN + (0.0 if is_narrow() else i * (PANEL_IN + APART_IN))
        bottom_in = BOTTOM_IN + (len(PANELS) - 1 - i) * (HEIGHT_IN + BOTTOM_IN + TITLE_IN) * is_narrow()
        box = (left_in / width_in(), bottom_in / height, PANEL_IN / width_in(), HEIGHT_IN / height)
        ax, promised_s = figure.add_axes(box), getattr(promised, measure)
        half_s, most_s = of_all[[f"{name}_p50_s", f"{name}_p99_s"]]
        if half_s == half_s:
            _curves(ax, [distribution(result, service, measure, group) for group in groups.values()], promised_s)
            title = f"{title}:\nhalf within {short_time(half_s)}, 99% within {short_time(most_s)}"
            ax.set_xlabel(f"at most (dashed: objective of {short_time(promised_s)})")
        else:
            nothing(ax, none)
            ax.set_xticks([])
            ax.set_yticks([])
            ax.set_xlabel("at most")
        ax.set_title(title, fontsize=8.5)
    for ax in figure.axes if is_narrow() else figure.axes[:1]:
        ax.set_ylabel("% of requests")
    return figure


def _groups(result: Record, service: str) -> dict[str, list[str]]:
    """Regions of each line by its name: those with most requests by themselves, the others together."""
    counts = arrivals(result, service).groupby("region", sort=False)["requests"].sum()
    names = list(counts.sort_values(ascending=False, kind="stable").index)
    if len(names) <= MOST + 1:
        return {name: [name] for name in names}
    return {**{name: [name] for name in names[:MOST]}, OTHERS: names[MOST:]}


def _look(i: int) -> dict[str, str]:
    return {"color": OTHER, "linestyle": "-"} if i == MOST else {"color": SERIES[i], "linestyle": LINES[i % len(LINES)]}


def _curves(ax: Axes, curves: list[pd.DataFrame], promised_s: float) -> None:
    for share in (50.0, 99.0):
        ax.axhline(share, color="#B0B0B0", linewidth=0.6, zorder=0)
    ends_s = [promised_s]
    for i, curve in enumerate(curves):
        if len(curve):
            times_s, shares = curve["upto_s"].to_numpy(), curve["share"].to_numpy()
            reached_s = times_s[np.searchsorted(shares, [0.5, 0.99, TAIL, 1.0 - TAIL])]
            ax.plot(np.append(times_s[0], times_s), np.append(0.0, 100.0 * shares), linewidth=1.4, **_look(i))
            ax.plot(reached_s[:2], [50.0, 99.0], "o", color=_look(i)["color"], markersize=3.5)
            ends_s += reached_s[2:].tolist()
    ax.axvline(promised_s, color="black", linewidth=1.0, linestyle="--")
    ax.set_yticks([0, 25, 50, 75, 90, 99])
    ax.set_ylim(0.0, 103.0)
    ax.set_xscale("log")
    ax.minorticks_off()
    low_s, high_s = min(ends_s) / 1.3, max(ends_s) * 1.3
    ax.set_xlim(low_s, high_s)
    ax.xaxis.set_major_locator(FixedLocator(_ticks(low_s, high_s)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_time(value)))


def _ticks(low_s: float, high_s: float) -> list[float]:
    """Round times of an axis, as many as can be read."""
    for ladder in LADDERS_S:
        ticks = [time_s for time_s in ladder if low_s <= time_s <= high_s]
        apart_in = np.diff(np.log(ticks)) / np.log(high_s / low_s) * PANEL_IN
        if apart_in.min(initial=np.inf) >= LABEL_IN:
            return ticks
    return ticks[:: 1 + int(LABEL_IN / apart_in.min())]

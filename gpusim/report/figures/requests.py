"""A service by requests over time: what its users asked for, how much of it was on time, on how many replicas."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gpusim.errors import shortened
from gpusim.report.figures.frame import (
    height_in,
    key,
    legend_height_in,
    nothing,
    plain,
    sheet,
    thousands,
    time_axis,
    titled,
)
from gpusim.report.figures.palette import LINES, OTHER, SERIES
from gpusim.results.requests import arrivals, objectives
from gpusim.results.series import Series
from gpusim.results.tables.record import Record
from gpusim.results.wording import percent
from gpusim.units import HOUR_S

MOST = 6  # regions, or deployments, with a line of their own
LONGEST = 26  # characters of a name in a legend
HEIGHT_IN, GAP_IN = 0.95, 0.36
OTHERS = "and others"
_RATES = {1.0: "per second", 60.0: "per minute", HOUR_S: "per hour"}


def draw(result: Record, series: Series, service: str) -> Figure:
    """Three panels on one time axis: requests that arrived and were on time by users' region, replicas by deployment.

    Parameters
    ----------
    series : Series
        Of the result.
    """
    asked, met, judged = _by_region(series, service)
    ran, wanted = (_replicas(series, service, name) for name in ("replicas", "wanted_replicas"))
    regions, places = _lines(asked), {name: (colour, "-") for name, (colour, _line) in _lines(ran).items()}
    of_regions, of_places = (_handles(found) if len(found) > 1 else [] for found in (regions, places))
    top_in = 0.34 + (legend_height_in(len(of_regions)) if of_regions else 0.0)
    gap_in = GAP_IN + (legend_height_in(len(of_places)) if of_places else 0.0)
    figure, axes = sheet([HEIGHT_IN] * 3, top_in, gaps_in=[GAP_IN, gap_in])
    edges = series.edges_s / time_axis(axes[-1], result)
    key(figure, of_regions, 0.08)
    key(figure, of_places, (1.0 - axes[1].get_position().y0) * height_in(figure) + 0.12)
    _draw_demand(axes[0], edges, asked.div(series.spans_s, axis=0), regions)
    _draw_in_time(axes[1], edges, 100.0 * met / judged.where(judged > 0.0), regions, objectives(result, service).share)
    _draw_replicas(axes[2], edges, ran, wanted, places)
    return figure


def _by_region(series: Series, service: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Requests of a service by step and users' region: that arrived, on time, and of how many is known whether."""
    outcomes, asked = series.result.tables["service_outcomes"], arrivals(series.result, service)
    judged = outcomes[(outcomes["service"] == service) & (outcomes["outcome"] != "under_way")]
    met = judged[judged["outcome"] == "met"]
    tables = [series.integral(table, table["requests"].to_numpy(float), "region") for table in (asked, met, judged)]
    first = list(tables[0].sum().sort_values(ascending=False, kind="stable").index)
    return tuple(_merged(table.reindex(columns=first, fill_value=0.0)) for table in tables)


def _lines(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Colour and style of the line of each column; ``OTHERS`` is grey."""
    looks = [(SERIES[i], LINES[i % len(LINES)]) for i in range(MOST)]
    return {name: (OTHER, "-") if i == MOST else looks[i] for i, name in enumerate(table)}


def _merged(table: pd.DataFrame) -> pd.DataFrame:
    """The first columns, and the sum of what is behind them."""
    if table.shape[1] <= MOST + 1:
        return table
    return table.iloc[:, :MOST].assign(**{OTHERS: table.iloc[:, MOST:].sum(axis=1)})


def _replicas(series: Series, service: str, column: str) -> pd.DataFrame:
    """Mean replicas of a service by step and deployment, the largest first.

    Of the site, with the GPU type if need be, and with what they do where prefill is apart.
    """
    rows = series.result.tables["services"]
    rows = rows[rows["service"] == service]
    several = rows.groupby("site")["gpu_type"].transform("nunique") > 1
    rows = rows.assign(place=rows["site"].where(~several, rows["site"] + " " + rows["gpu_type"]))
    if "role" in rows and (rows["role"] != "").any():
        rows["place"] += ", " + rows["role"]
    replica_s = rows[column].to_numpy() * (rows["end_s"] - rows["start_s"]).to_numpy()
    order = rows.groupby("place", sort=False)["wanted_replicas"].sum().sort_values(ascending=False, kind="stable")
    return _merged(series.integral(rows, replica_s, "place").div(series.spans_s, axis=0)[list(order.index)])


def _handles(looks: dict[str, tuple[str, str]]) -> list[Line2D]:
    return [
        Line2D([], [], color=colour, linestyle=line, label=shortened(name, LONGEST))
        for name, (colour, line) in looks.items()
    ]


def _steps(ax: Axes, edges: np.ndarray, values: pd.Series, colour: str, line: str, width: float = 1.2) -> None:
    """A course in steps; a step without a value is a gap."""
    ends = np.append(values.to_numpy(float), values.iloc[-1])
    ax.step(edges, ends, where="post", color=colour, linestyle=line, linewidth=width)


def _draw_demand(ax: Axes, edges: np.ndarray, per_s: pd.DataFrame, regions: dict[str, tuple[str, str]]) -> None:
    largest = float(per_s.to_numpy().max(initial=0.0))
    factor = next((factor for factor in _RATES if largest * factor >= 1.0), HOUR_S)
    for name, look in regions.items():
        _steps(ax, edges, factor * per_s[name], *look)
    by = ", by region of users" if len(regions) > 1 else ""
    titled(ax, f"Arriving requests{by}")
    ax.set_ylabel(_RATES[factor])
    ax.set_ylim(bottom=0.0)
    thousands(ax)
    if largest == 0.0:
        nothing(ax, "no request arrived")
        ax.set_yticks([])


def _draw_in_time(
    ax: Axes, edges: np.ndarray, shares: pd.DataFrame, regions: dict[str, tuple[str, str]], promised: float
) -> None:
    titled(ax, f"On time, of finished requests (dotted: the target of {percent(promised)})")
    ax.set_ylabel("%")
    ax.axhline(100.0 * promised, color="black", linewidth=0.8, linestyle=":")
    for name, look in regions.items():
        _steps(ax, edges, shares[name], *look)
    least = min(float(np.nanmin(shares.to_numpy(), initial=100.0)), 100.0 * promised)
    room = max(100.0 - least, 1.0)
    ax.set_ylim(100.0 - 1.08 * room, 100.0 + 0.05 * room)
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(plain))
    if shares.isna().to_numpy().all():
        nothing(ax, "no request was over")


def _draw_replicas(
    ax: Axes, edges: np.ndarray, ran: pd.DataFrame, wanted: pd.DataFrame, places: dict[str, tuple[str, str]]
) -> None:
    for name, (colour, _line) in places.items():
        _steps(ax, edges, wanted[name], colour, ":", 1.6)
        _steps(ax, edges, ran[name], colour, "-")
    by = ", by site" if len(places) > 1 else ""
    titled(ax, f"Replicas with GPUs{by} (dotted: wanted)")
    ax.set_ylabel("replicas")
    ax.set_ylim(bottom=0.0)
    thousands(ax)

"""Why requests of a service were late or failed, over time."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpusim.errors import shortened
from gpusim.misses import MISSES
from gpusim.report.figures.frame import key, legend_height_in, nothing, sheet, stack, thousands, time_axis, titled
from gpusim.report.figures.requests import LONGEST
from gpusim.results.requests import arrivals, objectives
from gpusim.results.series import Series
from gpusim.results.tables.record import Record
from gpusim.results.wording import percent

MOST = 4  # regions with a panel of their own: those with most requests late
COLOURS = {row.name: row.colour for row in MISSES}
SHORT = {row.name: row.short for row in MISSES}


def draw(result: Record, series: Series, service: str) -> Figure:
    """A panel for each region of users: requests late or failed, of finished requests, by their cause.

    Parameters
    ----------
    series : Series
        Of the result.
    """
    outcomes = result.tables["service_outcomes"]
    outcomes = outcomes[(outcomes["service"] == service) & (outcomes["outcome"] != "under_way")]
    late = outcomes[outcomes["cause"] != ""]
    regions = _regions(series, service, late)
    shares = {name: _shares(series, outcomes[outcomes["region"] == name]) for name in regions}
    shown = [name for name in COLOURS if name in set(late.loc[late["region"].isin(regions), "cause"])]
    top_in = 0.34 + (legend_height_in(len(shown)) if shown else 0.0)
    figure, axes = sheet([1.15 if len(regions) == 1 else 0.8] * len(regions), top_in)
    edges = series.edges_s / time_axis(axes[-1], result)
    key(figure, [mpl.patches.Patch(color=COLOURS[name], label=SHORT[name]) for name in shown], 0.08)
    most = max(float(table.sum(axis=1).max()) for table in shares.values())
    allowed = 1.0 - objectives(result, service).share
    for ax, (name, table) in zip(axes, shares.items(), strict=True):
        stack(ax, edges, table, [cause for cause in shown if cause in table], COLOURS)
        titled(ax, _title(name if len(regions) > 1 else "", allowed, 100.0 * allowed <= 1.05 * most))
        _scale(ax, most, 100.0 * allowed)
        if not table.to_numpy().any():
            nothing(ax, "no request was late")
            ax.set_yticks([])
    return figure


def _regions(series: Series, service: str, late: pd.DataFrame) -> list[str]:
    """Regions with a panel: those with most requests late, in the order of their demand."""
    names = list(dict.fromkeys(arrivals(series.result, service)["region"])) or [""]
    counts = late.groupby("region")["requests"].sum().reindex(names, fill_value=0)
    worst = set(counts.sort_values(ascending=False, kind="stable").index[:MOST])
    return [name for name in names if name in worst]


def _shares(series: Series, outcomes: pd.DataFrame) -> pd.DataFrame:
    """[%] Of the requests of each step by the cause for which they were late; 0 of none."""
    judged = series.integral(outcomes.assign(all="all"), outcomes["requests"].to_numpy(float), "all")
    late = outcomes[outcomes["cause"] != ""]
    counts = series.integral(late, late["requests"].to_numpy(float), "cause")
    total = judged.sum(axis=1)
    return 100.0 * counts.div(total.where(total > 0.0), axis=0).fillna(0.0)


def _title(region: str, allowed: float, drawn: bool) -> str:
    late = f"{shortened(region, LONGEST)}: late or failed" if region else "Requests late or failed"
    return f"{late}, of finished requests ({'dotted: ' if drawn else ''}{percent(allowed)} allowed)"


def _scale(ax: Axes, most: float, allowed: float) -> None:
    ax.set_ylabel("%")
    ax.set_ylim(0.0, 1.05 * most if most > 0.0 else 1.0)
    ax.axhline(allowed, color="black", linewidth=0.8, linestyle=":")
    thousands(ax)

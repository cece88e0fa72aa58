"""The course of one site, or of the fleet: what GPUs did, how many were in use, who waited, what was drawn."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gpusim.causes import HELD, OFFLINE, USEFUL
from gpusim.report.figures.frame import legend, legend_height_in, nothing, sheet, stack, thousands, time_axis, titled
from gpusim.report.figures.palette import COLOURS
from gpusim.results.series import Series
from gpusim.results.tables.record import Record
from gpusim.units import WATT_PER_MW

MARKED = ("delivery", "hall", "grid")  # kinds of events shown as vertical lines


def draw(result: Record, series: Series, entries: pd.DataFrame, sites: list[str]) -> Figure:
    """Four panels on one time axis.

    Parameters
    ----------
    series : Series
        Of the result.
    entries : DataFrame
        Of ``gpusim.results.ledger.both_sides``.
    sites : list of str
        Summed over these.
    """
    gpus = series.gpus(sites)
    asked = series.asked(entries[entries["site"].isin(sites)])
    did = [c for c in COLOURS if c in gpus and gpus[c].sum() > 0.0]
    total = float(gpus.to_numpy().sum())
    named = [c for c in did if gpus[c].sum() > 0.001 * total]
    blamed = [c for c in COLOURS if c in asked]
    marks = result.events[result.events["site"].isin(sites) & result.events["kind"].isin(MARKED)]
    marks = marks[marks["time_s"] > 0.0]["time_s"].unique()
    extra = [mpl.lines.Line2D([], [], color="black", linewidth=0.7, linestyle=":", label="GPUs, hall or grid stage")]
    key = [*named, *(c for c in blamed if c not in named)]
    top_in = legend_height_in(len(key) + (len(marks) > 0)) + 0.34
    figure, axes = sheet([1.75, 0.75, 0.95, 1.05], top_in)
    unit_s = time_axis(axes[-1], result)
    edges = series.edges_s / unit_s
    legend(figure, key, 0.08, extra if len(marks) else [])
    stack(axes[0], edges, gpus, did)
    titled(axes[0], "Use of the planned GPUs")
    axes[0].set_ylabel("GPUs")
    thousands(axes[0])
    _in_use(axes[1], edges, gpus)
    _queue(axes[2], edges, asked, blamed)
    _power(axes[3], edges, series.power_w(sites))
    for ax in axes:
        ax.margins(y=0.02)
        ax.set_ylim(bottom=0.0)
        for mark in marks / unit_s:
            ax.axvline(mark, color="black", linewidth=0.7, linestyle=":")
    return figure


def _in_use(ax, edges, gpus: pd.DataFrame) -> None:
    """Allocation and useful share of the GPUs that were online."""
    online = gpus.sum(axis=1) - gpus.reindex(columns=list(OFFLINE)).fillna(0.0).sum(axis=1)
    for causes, colour, style, label in ((HELD, "#000000", "-", "held"), (USEFUL, "#0072B2", "--", "useful")):
        part = gpus.reindex(columns=list(causes)).fillna(0.0).sum(axis=1) / online.where(online > 0.0)
        ax.step(edges, _closed(100.0 * part), where="post", color=colour, linestyle=style, linewidth=1.0, label=label)
    ax.set_ylim(0.0, 105.0)
    ax.set_yticks([0, 50, 100])
    ax.set_ylabel("%")
    titled(ax, "Online GPUs held by jobs and replicas (solid), and useful (dashed)")


def _queue(ax, edges, asked: pd.DataFrame, blamed: list[str]) -> None:
    titled(ax, "GPUs demanded by waiting jobs and missing replicas, by what they waited for")
    ax.set_ylabel("GPUs")
    if blamed:
        stack(ax, edges, asked, blamed)
        thousands(ax)
    else:
        nothing(ax, "no job waited")
        ax.set_yticks([])


def _power(ax, edges, power: pd.DataFrame) -> None:
    peak_w = float(np.nanmax(power["facility_w"].to_numpy(), initial=0.0))
    unit_w, name = (WATT_PER_MW, "MW") if peak_w >= WATT_PER_MW else (1e3, "kW")
    facility, it, limit = (_closed(power[c] / unit_w) for c in ("facility_w", "it_w", "limit_w"))
    ax.fill_between(edges, facility, step="post", color="#C4E3F7", linewidth=0)
    ax.fill_between(edges, it, step="post", color="#56B4E9", linewidth=0)
    ax.step(edges, limit, where="post", color="#D55E00", linewidth=1.3)
    titled(ax, "Power: IT (dark), cooling and losses (light), limit of all sources (line)")
    ax.set_ylabel(name)
    thousands(ax)


def _closed(values: pd.Series) -> np.ndarray:
    """Values of steps with the last one repeated at the end of the last step."""
    array = values.to_numpy(float)
    return np.append(array, array[-1])

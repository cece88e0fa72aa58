"""Cost-effectiveness front: the candidates of a plan, those on the front, and the one that is chosen."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from gpusim.report.figures.frame import height_in, key, legend_height_in, plain, sheet, thousands, titled
from gpusim.report.figures.width import is_narrow
from gpusim.results.labels import Unit, unit_of
from gpusim.results.measure import none_of
from gpusim.results.wording import compact, quantity
from gpusim.studies.planning.goal import Condition, Goal

FRONT, CHOSEN, OTHERS, MISSED = "#0072B2", "#D55E00", "#A8A8A8", "#F3EDE4"
LOG_FROM = 20.0  # times the least mean that the greatest one is, from which the axis is logarithmic
PANEL_IN = 2.0


def draw(goal: Goal, candidates: pd.DataFrame, front: pd.DataFrame, chosen: pd.Series) -> Figure:
    """A panel for each condition of the goal: its figure against cost; where the goal is missed is shaded.

    Parameters
    ----------
    candidates, front : DataFrame
        As in ``gpusim.Plan``.
    chosen : Series
        The row of ``candidates`` that is chosen.
    """
    figure, axes = sheet([PANEL_IN] * len(goal.conditions), top_in=0.51 + legend_height_in(4, 4), left_in=0.8)
    for ax, condition in zip(axes, goal.conditions):
        _panel(ax, condition, candidates, front, chosen)
    axes[-1].xaxis.set_major_locator(MaxNLocator(4 if is_narrow() else 6, steps=[1, 2, 2.5, 5, 10]))
    axes[-1].xaxis.set_major_formatter(FuncFormatter(lambda usd, _place: compact(usd)))
    axes[-1].set_xlabel("cost of purchases [USD]")
    height = height_in(figure)
    cost = f"{quantity(chosen['cost_usd'])} USD"
    title = (
        f"The cheapest plan found costs {cost}"
        if chosen["met"]
        else f"No plan meets the goal; the closest costs {cost}"
    )
    figure.text(0.02, 1.0 - 0.08 / height, title, va="top", fontsize=9)
    key(figure, _handles(), 0.24, 4, 1.4)
    return figure


def _panel(ax: Axes, condition: Condition, candidates: pd.DataFrame, front: pd.DataFrame, chosen: pd.Series) -> None:
    means = candidates[condition.text].to_numpy(float)
    finite = np.append(means[np.isfinite(means)], condition.limit)
    unit = unit_of(condition.measure.text, float(np.abs(finite).max()))
    if finite.min() > 0.0 and finite.max() > LOG_FROM * finite.min() and unit.name != "%":
        ax.set_yscale("log")
        ax.set_ylim(finite.min() * unit.factor / 1.6, finite.max() * unit.factor * 1.6)
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter(FuncFormatter(plain))
        ax.minorticks_off()
    else:
        room = 0.12 * (np.ptp(finite) or abs(condition.limit) or 1.0)
        ax.set_ylim((finite.min() - room) * unit.factor, (finite.max() + room) * unit.factor)
        thousands(ax)
    _goal(ax, condition, unit)
    if not np.isfinite(means).any():
        why = none_of(condition.measure.text) if np.isnan(means).all() else "no finite figure"
        ax.text(0.5, 0.25, why, transform=ax.transAxes, ha="center", fontsize=9)
    stopped = candidates["status"] == "stopped"
    for rows, marker in ((candidates[stopped], "x"), (candidates[~stopped], "o")):
        ax.plot(rows["cost_usd"], rows[condition.text] * unit.factor, marker, color=OTHERS, markersize=3.5, zorder=2)
    _whiskers(ax, front, condition, unit)
    figures = front[condition.text] * unit.factor
    ax.plot(front["cost_usd"], figures, "-o", color=FRONT, markersize=4, linewidth=0.9, drawstyle="steps-post")
    ax.plot(chosen["cost_usd"], chosen[condition.text] * unit.factor, "D", color=CHOSEN, markersize=7, zorder=5)
    name = f"{condition.text} [{unit.name}]" if unit.name else condition.text
    titled(ax, f"{name}, goal {condition.operator} {condition.shown} (dashed)")


def _goal(ax: Axes, condition: Condition, unit: Unit) -> None:
    """The limit, and shade over all that misses it."""
    limit, (low, high) = condition.limit * unit.factor, ax.get_ylim()
    ax.axhspan(*((limit, high) if condition.at_most else (low, limit)), color=MISSED, linewidth=0, zorder=0)
    ax.axhline(limit, color="black", linewidth=0.9, linestyle="--", zorder=1)


def _whiskers(ax: Axes, front: pd.DataFrame, condition: Condition, unit: Unit) -> None:
    """95% intervals, as far as they lie in the panel."""
    low, high = ax.get_ylim()
    ends = [np.clip(front[f"{condition.text} {end}"] * unit.factor, low, high) for end in ("low", "high")]
    ax.vlines(front["cost_usd"], *ends, color=FRONT, linewidth=1.0, zorder=3)


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=CHOSEN, marker="D", linestyle="", label="chosen"),
        Line2D([], [], color=FRONT, marker="o", markersize=4, label="front, with 95% intervals"),
        Line2D([], [], color=OTHERS, marker="o", markersize=3.5, linestyle="", label="other candidates"),
        Line2D([], [], color=OTHERS, marker="x", markersize=3.5, linestyle="", label="not run to the end"),
    ]

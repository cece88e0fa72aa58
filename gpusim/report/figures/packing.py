"""How much of a cluster policies give away as demand grows, and what is left in fragments; beside published curves."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gpusim.report.figures import save_as
from gpusim.report.figures.frame import blank, height_in, key, legend_height_in
from gpusim.report.figures.palette import SERIES
from gpusim.report.figures.width import WIDE_IN
from gpusim.studies.packing.inflation import CURVES

LEFT_IN, PANEL_IN, APART_IN, HEIGHT_IN, BOTTOM_IN = 0.55, 2.6, 0.72, 2.2, 0.5
STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
LABELS = {CURVES[0]: "GPUs allocated [%]", CURVES[1]: "GPUs in fragments [%]"}
DOT, EVERY = {"marker": "o", "markersize": 3.5, "markerfacecolor": "none", "markeredgewidth": 0.8}, 5
FLOOR = 70.0  # per cent of GPUs: below, all policies that do not draw allocate what is asked


def draw(found: pd.DataFrame, published: pd.DataFrame | None = None) -> Figure:
    """Two panels over demand: GPUs allocated, and in fragments, in per cent of the cluster's.

    Parameters
    ----------
    found : DataFrame
        Of ``gpusim.studies.packing.inflation.replicate``: the mean over seeds is drawn.
    published : DataFrame, optional
        policy, demand_percent and the columns of ``CURVES`` as others found them: means are drawn as dots.
    """
    policies = list(found["policy"].unique())
    handles = [Line2D([], [], label=name, **_look(i)) for i, name in enumerate(policies)]
    if published is not None:
        handles.append(Line2D([], [], label="as published", linestyle="", color="#555555", **DOT))
    top_in = legend_height_in(len(handles)) + 0.14
    figure = blank(WIDE_IN, top_in + HEIGHT_IN + BOTTOM_IN)
    key(figure, handles, 0.08)
    height = height_in(figure)
    means, theirs = (None if table is None else _means(table) for table in (found, published))
    for i, (curve, label) in enumerate(LABELS.items()):
        left_in = LEFT_IN + i * (PANEL_IN + APART_IN)
        box = (left_in / WIDE_IN, BOTTOM_IN / height, PANEL_IN / WIDE_IN, HEIGHT_IN / height)
        ax = figure.add_axes(box)
        for place, name in enumerate(policies):
            own = means.loc[name, curve].sort_index()
            ax.plot(own.index, own, linewidth=1.2, **_look(place))
            if theirs is not None:
                dots = theirs.loc[name, curve].sort_index()
                ax.plot(dots.index[::EVERY], dots[::EVERY], linestyle="", color=_look(place)["color"], **DOT)
        ax.set_xlabel("GPUs requested so far [% of the cluster's]")
        ax.set_ylabel(label)
        ax.grid(color="#E3E3E3", linewidth=0.6)
    allocated, last = means[CURVES[0]], found["demand_percent"].max()
    left, right = figure.axes
    left.set_xlim(0.0, last)
    right.set_xlim(0.0, last)
    right.set_ylim(bottom=0.0)
    if allocated.max() > FLOOR:  # show where policies part
        left.set_xlim(left=FLOOR)
        left.set_ylim(FLOOR, min(100.5, allocated.max() + 3.0))
    return figure


def write(path: Path, found: pd.DataFrame, published: pd.DataFrame | None = None) -> None:
    """Draw it to a file, in the format of its ending."""
    save_as(path, lambda: draw(found, published))


def _means(table: pd.DataFrame) -> pd.DataFrame:
    """Over seeds, by policy and demand."""
    return table.groupby(["policy", "demand_percent"], sort=False)[list(LABELS)].mean()


def _look(i: int) -> dict[str, object]:
    return {"color": SERIES[i % len(SERIES)], "linestyle": STYLES[i % len(STYLES)]}

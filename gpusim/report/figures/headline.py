"""The lead figure: where, when and by what the fleet was held back."""

from __future__ import annotations

import textwrap

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gpusim.report.figures.frame import (
    EDGE_IN,
    blank,
    legend,
    legend_height_in,
    nothing,
    pitch_in,
    row_labels,
    time_axis,
)  # fmt: skip
from gpusim.report.figures.palette import COLOURS
from gpusim.report.figures.width import LINE_IN, is_narrow, width_in, wrapped
from gpusim.results.series import Series
from gpusim.results.tables.record import Record
from gpusim.results.wording import compact, quantity
from gpusim.units import HOUR_S

ROW_IN = 0.46
FULL = 0.86  # of a row's height without its name: all planned GPUs of the site


def draw(result: Record, series: Series, entries: pd.DataFrame, title: str) -> Figure:
    """Share of each site's planned GPUs that was held back, over time and by cause, and the sum beside it.

    Parameters
    ----------
    series : Series
        Of the result.
    entries : DataFrame
        ``both_sides`` of the result.
    title : str
        What the figure shows.
    """
    tables = {site: series.held_back(entries[entries["site"] == site]) for site in result.sites["site"]}
    totals = {site: float((table.sum(axis=1) * series.spans_s).sum()) / HOUR_S for site, table in tables.items()}
    sites = sorted(tables, key=lambda site: -totals[site])
    planned = result.sites.set_index("site")["planned_gpus"]
    weight = {c: sum(float(t[c].sum()) for t in tables.values() if c in t) for c in COLOURS}
    shown = [c for c in sorted(weight, key=lambda c: -weight[c]) if weight[c] > 0.002 * sum(weight.values())]
    title, label = wrapped(title, points=11.2), "share of the site's planned GPUs held back (row height: 100%)"
    held = "GPU-hours held back"
    if is_narrow():
        label, held = textwrap.fill(label, 38), textwrap.fill(held, 10)
    title_in = 0.19 * (title.count("\n") + 1) + 0.2
    top_in = title_in + legend_height_in(len(shown)) + 0.28 + LINE_IN * label.count("\n")
    row_in = pitch_in(ROW_IN)
    body_in, bottom_in, full = row_in * len(sites), 0.55 + LINE_IN * is_narrow(), FULL * ROW_IN / row_in
    total_in = top_in + body_in + bottom_in
    figure = blank(width_in(), total_in)
    names, beside_in = row_labels(sites)
    left = (EDGE_IN if is_narrow() else beside_in) / width_in()
    split, gap = (2.75 if is_narrow() else 5.05) / width_in(), 0.12 / width_in()
    bottom, height = bottom_in / total_in, body_in / total_in
    course = figure.add_axes((left, bottom, split - left, height))
    sums = figure.add_axes((split + gap, bottom, 0.97 - split - gap, height), sharey=course)
    unit_s = time_axis(course, result)
    edges = series.edges_s / unit_s
    for row, site in enumerate(sites):
        floor = len(sites) - 1.0 - row
        course.add_patch(mpl.patches.Rectangle((0.0, floor), edges[-1], full, color="#F2F2F2", linewidth=0))
        _row(course, sums, edges, series, tables[site], floor, max(float(planned[site]), 1.0), full)
        total = (compact if is_narrow() else quantity)(totals[site])
        sums.text(totals[site], floor + full / 2, f"  {total}", va="center", fontsize=8)
        if is_narrow():
            course.text(0.0, floor + full + 0.04, names[row], fontsize=8.5, va="bottom")
    _tidy(course, sums, names, max(max(totals.values(), default=0.0), 1e-9), full)
    figure.text(0.02, 1.0 - 0.1 / total_in, title, va="top", fontsize=10, fontweight="bold", linespacing=1.25)
    legend(figure, shown, title_in)
    head = 1.0 - (top_in - 0.08) / total_in
    figure.text(split - 0.15 / width_in(), head, label, fontsize=8, va="bottom", ha="right")
    figure.text(split + gap, head, held, fontsize=8, va="bottom")
    if not shown:
        nothing(course, "no GPUs were held back")
    return figure


def _row(course, sums, edges, series: Series, table, floor: float, planned: float, full: float) -> None:
    """One site: its course as a stack of steps on ``floor``, its sum as a bar of pieces."""
    base, left = np.full(len(edges), floor), 0.0
    for cause in [c for c in COLOURS if c in table]:
        gpus = table[cause].to_numpy()
        share = full * gpus / planned
        top = np.minimum(base + np.append(share, share[-1]), floor + full)
        course.fill_between(edges, base, top, step="post", color=COLOURS[cause], linewidth=0)
        hours = float((gpus * series.spans_s).sum()) / HOUR_S
        sums.barh(floor + full / 2, hours, left=left, height=0.49 * full, color=COLOURS[cause], linewidth=0)
        base, left = top, left + hours


def _tidy(course, sums, names: list[str], most: float, full: float) -> None:
    course.set_ylim(0.0, len(names))
    beside = [""] * len(names) if is_narrow() else names
    course.set_yticks([len(names) - 1.0 - i + full / 2 for i in range(len(names))], beside, fontsize=9)
    course.tick_params(axis="y", length=0)
    course.spines["left"].set_visible(False)
    sums.set_xlim(0.0, 2.1 * most)  # room for the numbers beside the bars
    sums.axis("off")

"""The power of a site from sample to sample, and how its swings are spread over frequency."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpusim.report.figures.frame import blank, key, legend_height_in
from gpusim.report.figures.palette import LINES, SERIES
from gpusim.report.figures.width import WIDE_IN
from gpusim.results import swings
from gpusim.units import WATT_PER_MW

CLOSE_S = 12.0  # of the window, seen from close by
POINTS = 4_000  # that a line shows at most: of more, the least and the greatest of each group


def draw(power_w: Mapping[str, np.ndarray], step_s: float, title: str) -> Figure:
    """Power over the window and over some seconds of it, and its swings by band; each line a way of smoothing."""
    top_in = 0.42 + legend_height_in(len(power_w))
    heights_in, gap_in, bottom_in = (1.5, 1.5, 1.3), 0.78, 0.5
    total_in = top_in + sum(heights_in) + 2 * gap_in + bottom_in
    figure, axes, y_in = blank(WIDE_IN, total_in), [], total_in - top_in
    for height_in in heights_in:
        box = (0.75 / WIDE_IN, (y_in - height_in) / total_in, 1.0 - 0.9 / WIDE_IN, height_in / total_in)
        axes.append(figure.add_axes(box))
        y_in -= height_in + gap_in
    handles = []
    for i, (name, watts) in enumerate(power_w.items()):
        look = {"color": SERIES[i], "linestyle": LINES[i % len(LINES)]}
        _over_time(axes[0], watts, step_s, 0, look)
        middle = len(watts) // 2
        _over_time(axes[1], watts[middle : middle + round(CLOSE_S / step_s) + 1], step_s, middle, look)
        rms_mw = swings.bands(watts, step_s)["rms_mw"]
        width = 0.8 / len(power_w)
        axes[2].bar(np.arange(len(rms_mw)) + (i - (len(power_w) - 1) / 2.0) * width, rms_mw, width, color=SERIES[i])
        handles.append(mpl.lines.Line2D([], [], **look, label=name))
    axes[0].set_title(title)
    axes[1].set_title("The same, some seconds of it")
    for ax in axes[:2]:
        ax.set_xlabel("time since the beginning of the window [s]")
        ax.set_ylabel("power [MW]")
    bands = swings.bands(next(iter(power_w.values())), step_s)
    axes[2].set_title("Swings by frequency, root mean square")
    axes[2].set_xticks(np.arange(len(bands)), [f"{b.from_hz:g} to {b.to_hz:g}" for b in bands.itertuples()])
    axes[2].set_xlabel("band [Hz]")
    axes[2].set_ylabel("RMS [MW]")
    key(figure, handles, 0.08)
    return figure


def _over_time(ax: Axes, watts: np.ndarray, step_s: float, first: int, look: dict) -> None:
    at_s, shown_w = _thinned(watts, step_s)
    ax.plot(first * step_s + at_s, shown_w / WATT_PER_MW, linewidth=0.8, **look)
    ax.margins(x=0.0)


def _thinned(watts: np.ndarray, step_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Times [s] and powers of a line: all, or of each of many groups the least and the greatest."""
    if len(watts) <= POINTS:
        return step_s * np.arange(len(watts)), watts
    size = -(-2 * len(watts) // POINTS)
    groups = watts[: len(watts) // size * size].reshape(-1, size)
    at_s = step_s * size * np.repeat(np.arange(len(groups)), 2)
    return at_s, np.stack([groups.min(axis=1), groups.max(axis=1)], axis=1).ravel()

"""The power of a site from sample to sample, and how its swings are spread over frequency."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from gpusim.analysis import swings
from gpusim.report.figures.frame import key, legend_height_in, sheet
from gpusim.report.figures.palette import LINES, SERIES
from gpusim.units import WATT_PER_MW

POINTS = 4_000  # that a line shows at most: of more, the least and the greatest of each group


def draw(power_w: Mapping[str, np.ndarray], step_s: float, title: str) -> Figure:
    """Power over the window, and the root mean square of its swings by band, each line a way of smoothing."""
    figure, (over_time, by_band) = sheet([2.0, 1.5], 0.34 + legend_height_in(len(power_w)), gaps_in=0.75)
    handles, width = [], 0.8 / len(power_w)
    for i, (name, watts) in enumerate(power_w.items()):
        colour = SERIES[i]
        at_s, shown_w = _thinned(watts, step_s)
        over_time.plot(at_s, shown_w / WATT_PER_MW, color=colour, linewidth=0.8, linestyle=LINES[i % len(LINES)])
        bands = swings.bands(watts, step_s)
        places = np.arange(len(bands)) + (i - (len(power_w) - 1) / 2.0) * width
        by_band.bar(places, bands["rms_mw"], width=width, color=colour)
        handles.append(mpl.lines.Line2D([], [], color=colour, linestyle=LINES[i % len(LINES)], label=name))
    over_time.set_title(title)
    over_time.set_xlabel("time since the beginning of the window [s]")
    over_time.set_ylabel("power [MW]")
    by_band.set_title("Swings by frequency")
    by_band.set_xticks(np.arange(len(bands)), [f"{b.from_hz:g}-{b.to_hz:g}" for b in bands.itertuples()])
    by_band.set_xlabel("band [Hz]")
    by_band.set_ylabel("RMS [MW]")
    key(figure, handles, 0.08)
    return figure


def _thinned(watts: np.ndarray, step_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Times [s] and powers of a line: all, or of each of many groups the least and the greatest."""
    if len(watts) <= POINTS:
        return step_s * np.arange(len(watts)), watts
    size = -(-2 * len(watts) // POINTS)
    groups = watts[: len(watts) // size * size].reshape(-1, size)
    at_s = step_s * size * np.repeat(np.arange(len(groups)), 2)
    return at_s, np.stack([groups.min(axis=1), groups.max(axis=1)], axis=1).ravel()

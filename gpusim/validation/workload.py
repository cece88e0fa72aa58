"""Anchors of the work itself: a published request trace read, a Poisson process with a daily rate generated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpusim.inputs.synthetic import daily_arrivals
from gpusim.units import DAY_S, HOUR_S
from gpusim.validation.anchor import Effort, Row, mean_of_runs
from gpusim.validation.cases import stream

PER_DAY = 27.8 * DAY_S


def daily_rate(effort: Effort, peak_to_mean: float = 1.4) -> Iterator[Row]:
    """34: Poisson arrivals at a rate of 27.8 (1 + 0.4 sin(2 pi t / 24 h)) per second.

    The spread of daily counts is that of a Poisson process, whose minutes are independent: it is taken from the
    squared deviations of all minutes, of which 16 days have enough.
    """
    minutes = np.arange(0.0, DAY_S + 1.0, 60.0)
    primitive = 27.8 * (minutes - 0.4 * DAY_S / (2 * np.pi) * (np.cos(2 * np.pi * minutes / DAY_S) - 1.0))
    expected = np.diff(primitive)

    def one(run: int) -> tuple[float, float, float]:
        # The generator's day peaks at 15 h local time, this one at 6 h.
        times_s = daily_arrivals(PER_DAY, peak_to_mean, 9.0, DAY_S, stream(34, run))
        counts, _edges = np.histogram(times_s, minutes)
        peak = np.count_nonzero(np.abs(times_s - 6 * HOUR_S) < 0.5 * HOUR_S)
        return len(times_s), peak, ((counts - expected) ** 2).sum()

    count, peak, variance = mean_of_runs(effort.runs(16), one)
    yield Row(34, "arrivals per day", 2_401_920.0, count, effort.widen(0.002))
    yield Row(34, "SD of arrivals per day", np.sqrt(2_401_920.0), np.sqrt(variance), effort.widen(0.015))
    peak_to_mean_hour = 1.0 + 0.4 * np.sin(np.pi / 24) / (np.pi / 24)
    yield Row(34, "peak hour over mean hour", peak_to_mean_hour, 24 * peak / count, effort.widen(0.002))

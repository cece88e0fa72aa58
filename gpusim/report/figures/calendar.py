"""Time axes of runs over years: calendar dates."""

from __future__ import annotations

from datetime import UTC, datetime

from matplotlib.axes import Axes

from gpusim.units import DAY_S, calendar, seconds_between

# Longest span [d] -> months from tick to tick.
STEPS = ((200.0, 1), (600.0, 3), (1300.0, 6), (6000.0, 12), (float("inf"), 60))


def calendar_axis(ax: Axes, start: datetime, from_s: float, to_s: float) -> None:
    """Limits and ticks of an axis in days since ``start``: years, or months where the span is short."""
    step = next(months for most, months in STEPS if (to_s - from_s) / DAY_S <= most)
    year, month = calendar(start, from_s).year, 1
    ticks, labels = [], []
    while (at_s := seconds_between(start, datetime(year, month, 1, tzinfo=UTC))) <= to_s:
        if from_s <= at_s < to_s - 0.01 * (to_s - from_s):  # a label at the right edge would be cut
            ticks.append(at_s / DAY_S)
            labels.append(f"{year}" if month == 1 else f"{datetime(year, month, 1, tzinfo=UTC):%b}")
        month += step
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    ax.set_xlim(from_s / DAY_S, to_s / DAY_S)
    ax.set_xticks(ticks, labels)

"""Time axes of runs over years: calendar dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from matplotlib.axes import Axes

from gpusim.units import DAY_S, calendar, seconds_between

# Longest span [d] -> days from tick to tick; of longer spans, months.
DAYS = ((8.0, 1), (35.0, 7), (70.0, 14))
STEPS = ((200.0, 1), (600.0, 3), (1300.0, 6), (6000.0, 12), (float("inf"), 60))


def calendar_axis(ax: Axes, start: datetime, from_s: float, to_s: float) -> None:
    """Limits and ticks of an axis in days since ``start``: years, or months or days where the span is short."""
    span_d = (to_s - from_s) / DAY_S
    if span_d <= DAYS[-1][0]:
        ticks, labels = _days(start, from_s, to_s, next(days for most, days in DAYS if span_d <= most))
    else:
        ticks, labels = _months(start, from_s, to_s, next(months for most, months in STEPS if span_d <= most))
    ax.set_xlim(from_s / DAY_S, to_s / DAY_S)
    ax.set_xticks(ticks, labels)


def _months(start: datetime, from_s: float, to_s: float, step: int) -> tuple[list[float], list[str]]:
    year, month = calendar(start, from_s).year, 1
    ticks, labels = [], []
    while (at_s := seconds_between(start, datetime(year, month, 1, tzinfo=UTC))) <= to_s:
        if from_s <= at_s < to_s - 0.01 * (to_s - from_s):  # a label at the right edge would be cut
            ticks.append(at_s / DAY_S)
            labels.append(f"{year}" if month == 1 else f"{datetime(year, month, 1, tzinfo=UTC):%b}")
        month += step
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return ticks, labels


def _days(start: datetime, from_s: float, to_s: float, step: int) -> tuple[list[float], list[str]]:
    day = calendar(start, from_s).replace(hour=0, minute=0, second=0, microsecond=0)
    ticks, labels = [], []
    while (at_s := seconds_between(start, day)) <= to_s:
        if from_s <= at_s < to_s - 0.01 * (to_s - from_s):
            ticks.append(at_s / DAY_S)
            labels.append(f"{day.day} {day:%b}")
            day += timedelta(days=step - 1)
        day += timedelta(days=1)
    return ticks, labels

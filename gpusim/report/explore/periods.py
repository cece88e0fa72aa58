"""Periods of a run to choose from: days, weeks, months, quarters or years of the calendar, by how long it is."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from gpusim.units import DAY_S

# The longest run [days] that is cut so, where a period begins, and how it is called.
CUTS = ((10, "D", "{0.day} {0:%b}"), (75, "W-MON", "week of {0.day} {0:%b}"), (800, "MS", "{0:%b %Y}"),
        (3_000, "QS", "Q{0.quarter} {0.year}"), (float("inf"), "YS", "{0.year}"))  # fmt: skip


def periods(start: datetime, days: float) -> list[dict]:
    """Label and first and last day of the run of each; first the whole run, without days."""
    first = pd.Timestamp(start)
    last = first + pd.Timedelta(days=days)
    every, called = next((every, called) for most, every, called in CUTS if days <= most)
    inside = [at for at in pd.date_range(first.normalize(), last, freq=every) if first < at < last]
    bounds = [first, *inside, last]
    found = [
        {"label": called.format(begin), "days": [_day(begin, first), _day(end, first)]}
        for begin, end in zip(bounds, bounds[1:])
    ]
    return [{"label": "whole run", "days": None}, *(found if len(found) > 1 else [])]


def _day(moment: pd.Timestamp, first: pd.Timestamp) -> float:
    return (moment - first).total_seconds() / DAY_S

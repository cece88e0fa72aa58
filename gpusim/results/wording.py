"""Numbers, times and calendar months as people write them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from gpusim.units import DAY_S, HOUR_S, calendar, number_of, seconds_between

# Numbers and times as people write them.


def quantity(value: float) -> str:
    """A count to three significant figures: ``"6.91 million"``, ``"925,000"``, ``"48"``, ``"0.4"``."""
    if not math.isfinite(value):
        return "not known"
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if abs(value) >= size * 0.9995:
            return f"{_significant(value / size)} {word}"
    return _significant(value)


def no_number(value: float, none: str = "no figure") -> str:
    """What is written for a value that is no number: ``none`` for NaN, ``"no end"`` for an infinite one."""
    return none if value != value else "no end"


def gpu_hours(value: float) -> str:
    """GPU-hours to three significant figures: ``"6.91 million GPU-hours"``, ``"1 GPU-hour"``."""
    return number_of(quantity(value), "GPU-hour")


def worth(usd: float, basis: str) -> str:
    """What GPU-hours are worth, where their type has a price: ``", worth 2,000 USD at market prices"``."""
    return f", worth {quantity(usd)} USD {basis}" if usd >= 0.5 else ""


def compact(value: float) -> str:
    """A count in a few characters: ``"2.13M"``, ``"925k"``, ``"71"``."""
    if not math.isfinite(value):
        return no_number(value)
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            return f"{_significant(value / size)}{letter}"
    return f"{value:z.0f}"


def _significant(value: float) -> str:
    if value == 0.0:
        return "0"
    digits = max(2 - math.floor(math.log10(abs(value))), 0 if abs(value) < 1000.0 else -9)
    text = f"{round(value, digits):,.{max(digits, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def share(value: float) -> str:
    """A share in per cent that rounds nothing to none or all: ``"52%"``, ``"under 1%"``, ``"over 99%"``."""
    if not math.isfinite(value):
        return "not known"
    if 0.0 < value < 0.005:
        return "under 1%"
    return "over 99%" if 0.995 <= value < 1.0 else f"{value:.0%}"


def percent(value: float, beside: float = math.nan) -> str:
    """A share to two figures of what it is off none or all: ``"98.2%"``, ``"99.997%"``; to more if it would else read
    as the one that stands beside it."""
    if not math.isfinite(value):
        return "not known"
    off = 100.0 * min(abs(value), abs(1.0 - value))
    digits = max(1 - math.floor(math.log10(off)), 0) if off > 0.0 else 0
    while beside != value and digits < 12 and _percent(value, digits) == _percent(beside, digits):
        digits += 1
    return _percent(value, digits)


def _percent(value: float, digits: int) -> str:
    text = f"{100.0 * value:z.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}%"


def short_time(seconds: float) -> str:
    """A span that may be a part of a second: ``"58 ms"``, ``"1.2 s"``; longer ones as ``duration``."""
    return f"{_significant(1e3 * seconds)} ms" if 0.0 < seconds < 0.9995 else duration(seconds)


def duration(seconds: float) -> str:
    """A span in its natural unit: ``"40 s"``, ``"12 min"``, ``"3.5 h"``, ``"2.1 days"``."""
    if not math.isfinite(seconds):
        return "not known"
    for size, word in ((DAY_S, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            text = _significant(seconds / size)
            return f"{text} {'day' if text == '1' and word == 'days' else word}"
    return f"{_significant(seconds)} s"


def period(start: datetime, start_s: float, end_s: float) -> str:
    """Days of the run and their dates: ``"day 8 to day 12 (9 to 13 June 2026)"``; hours where days are too coarse."""
    first, last = calendar(start, start_s), calendar(start, end_s)
    days = _days(start_s, end_s)
    if end_s - start_s < 2 * DAY_S:
        tail = f"{last:%H:%M}" if first.date() == last.date() else f"{last.day} {last:%B %H:%M}"
        return f"{days} ({first.day} {first:%B %H:%M} to {tail} UTC)"
    head = f"{first.day}" + ("" if first.month == last.month else f" {first:%B}")
    if first.year != last.year:
        head = f"{first.day} {first:%B %Y}"
    return f"{days} ({head} to {last.day} {last:%B %Y})"


def _days(start_s: float, end_s: float) -> str:
    """Two days to as many digits as tell them apart, up to three: ``"day 0 to day 0.04"``."""
    for digits in (1, 2, 3):
        first, last = (f"{round(seconds / DAY_S, digits):g}" for seconds in (start_s, end_s))
        if first != last:
            break
    return f"day {first} to day {last}"


# Calendar months of a run, as its monthly tables name them.


def edges_s(months: Sequence[str], start: datetime, end_s: float) -> np.ndarray:
    """[s] Edges of consecutive months (``"2026-06"``) of a run; the first and the last may be parts.

    Parameters
    ----------
    months : sequence of str
        As of a monthly table, each once, in order.
    end_s : float
        [s] Length of the run.

    Returns
    -------
    ndarray, shape (months + 1,)
    """
    firsts = [seconds_between(start, datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)) for month in months]
    return np.array([max(firsts[0], 0.0), *firsts[1:], end_s])


def hours(months: Sequence[str], start: datetime, end_s: float) -> np.ndarray:
    """[h] Length of each month, as far as the run covers it; arguments as of ``edges_s``."""
    return np.diff(edges_s(months, start, end_s)) / HOUR_S

"""The one convention: seconds, watts, joules, bytes and USD inside; calendar time and MWh only at the edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

HOUR_S = 3600.0
DAY_S = 86_400.0
YEAR_S = 365.25 * DAY_S
MONTH_S = YEAR_S / 12.0  # the mean one
JOULE_PER_MWH = 3.6e9
JOULE_PER_KWH = 3.6e6
WATT_PER_KW = 1e3
WATT_PER_MW = 1e6
BYTES_PER_GB = 1e9
BYTES_PER_TB = 1e12
MS_PER_S = 1e3

Period = tuple[str, float, float]  # name, from [s], to [s]
Intervals = list[tuple[float, float]]  # from [s], to [s]


def number_of(count: float | str, noun: str) -> str:
    """A count, written already or not, with its noun: ``"1 site"``, ``"2,000 GPUs"``, ``"1.5 million jobs"``."""
    written = count if isinstance(count, str) else f"{count:,.12g}"
    if written.lstrip("+-") == "1":
        return f"{written} {noun}"
    return f"{written} {noun[:-1]}ies" if noun[-2:] in ("ly", "py", "ry") else f"{written} {noun}s"


def parse_utc(text: str) -> datetime:
    """Calendar time from ISO 8601 text; a time without a zone is taken as UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def seconds_between(start: datetime, moment: datetime) -> float:
    """Seconds [s] from ``start`` to ``moment``; negative if ``moment`` is earlier."""
    return (moment - start).total_seconds()


def calendar(start: datetime, elapsed_s: float) -> datetime:
    """UTC calendar time at ``elapsed_s`` [s] after ``start``."""
    return start + timedelta(seconds=elapsed_s)


def months(start: datetime, horizon_s: float) -> list[Period]:
    """(month, from [s], to [s]) of the calendar, over the run."""
    found, year, month, from_s = [], start.year, start.month, 0.0
    while from_s < horizon_s:
        year_after, month_after = (year + 1, 1) if month == 12 else (year, month + 1)
        end = start.replace(year=year_after, month=month_after, day=1, hour=0, minute=0, second=0, microsecond=0)
        to_s = min(seconds_between(start, end), horizon_s)
        found.append((f"{year}-{month:02d}", from_s, to_s))
        year, month, from_s = year_after, month_after, to_s
    return found

"""The one convention: seconds, watts, joules, bytes and USD inside; calendar time and MWh only at the edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

HOUR_S = 3600.0
DAY_S = 86_400.0
JOULE_PER_MWH = 3.6e9
WATT_PER_MW = 1e6


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

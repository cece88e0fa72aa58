"""One calendar year of readings set into other years: same month, day and hour."""

from __future__ import annotations

import numpy as np

from gpusim.inputs.grid.readings import SECOND, Readings

COVERED_SHARE = 0.98  # of a year; publishers lack a day or a few
DAY = np.timedelta64(1, "D")


def whole_year(readings: Readings) -> int | None:
    """Calendar year (UTC) that readings cover best, the latest of equals; None if more than 2 % of it lack them."""
    years = readings.moments.astype("datetime64[Y]").astype(int) + 1970
    until_next_s = np.append(np.diff(readings.moments) / SECOND, np.inf)
    covered_s = np.bincount(years - years[0], np.minimum(until_next_s, readings.steps_s))
    shares = [
        covered / ((_first(year + 1) - _first(year)) / SECOND) for year, covered in enumerate(covered_s, int(years[0]))
    ]
    best = max(range(len(shares)), key=lambda i: (round(shares[i], 9), i))
    return int(years[0]) + best if shares[best] >= COVERED_SHARE else None


def in_years(readings: Readings, year: int, first: int, last: int) -> Readings:
    """The readings of ``year`` repeated in each year from ``first`` to ``last``.

    29 February is left out in years without one, and is a copy of 28 February where ``year`` has none.
    """
    moments = readings.moments
    mine = (moments >= _first(year)) & (moments < _first(year + 1))
    moments, rows = moments[mine], np.flatnonzero(mine)
    early = moments < _march(year)
    parts, parts_rows = [], []
    for target in range(first, last + 1):
        winter = moments[early] - _first(year) + _first(target)
        kept = winter < _march(target)
        parts += [winter[kept], moments[~early] - _march(year) + _march(target)]
        parts_rows += [rows[early][kept], rows[~early]]
        copied = (winter >= _march(target) - 2 * DAY) & (_leap(target) and not _leap(year))
        parts.insert(-1, winter[copied] + DAY)
        parts_rows.insert(-1, rows[early][copied])
    taken = np.concatenate(parts_rows)
    return Readings(np.concatenate(parts), readings.values[taken], readings.steps_s[taken])


def _first(year: int) -> np.datetime64:
    return np.datetime64(f"{year:04d}-01-01", "us")


def _march(year: int) -> np.datetime64:
    return np.datetime64(f"{year:04d}-03-01", "us")


def _leap(year: int) -> bool:
    return (_first(year + 1) - _first(year)) / DAY == 366

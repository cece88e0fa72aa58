"""One calendar year of readings set into other years: same month, day and hour."""

from __future__ import annotations

import numpy as np

from gpusim.inputs.grid.readings import SECOND, Readings

COVERED_SHARE = 0.98  # of a year's readings; publishers lack a day or a few
DAY = np.timedelta64(1, "D")


def whole_year(readings: Readings) -> int | None:
    """Calendar year (UTC) with the most readings, the latest of equals; None if it lacks more than 2 % of them."""
    years, counts = np.unique(readings.moments.astype("datetime64[Y]").astype(int) + 1970, return_counts=True)
    best = int(years[np.flatnonzero(counts == counts.max())[-1]])
    expected = (_first(best + 1) - _first(best)) / SECOND / readings.step_s
    return best if counts.max() >= COVERED_SHARE * expected else None


def in_years(readings: Readings, year: int, first: int, last: int) -> Readings:
    """The readings of ``year`` repeated in each year from ``first`` to ``last``.

    29 February is left out in years without one, and is a copy of 28 February where ``year`` has none.
    """
    moments = readings.moments
    mine = (moments >= _first(year)) & (moments < _first(year + 1))
    moments, values = moments[mine], readings.values[mine]
    early = moments < _march(year)
    parts, parts_values = [], []
    for target in range(first, last + 1):
        winter = moments[early] - _first(year) + _first(target)
        kept = winter < _march(target)
        parts += [winter[kept], moments[~early] - _march(year) + _march(target)]
        parts_values += [values[early][kept], values[~early]]
        copied = (winter >= _march(target) - 2 * DAY) & (_leap(target) and not _leap(year))
        parts.insert(-1, winter[copied] + DAY)
        parts_values.insert(-1, values[early][copied])
    return Readings(np.concatenate(parts), np.concatenate(parts_values), readings.step_s)


def _first(year: int) -> np.datetime64:
    return np.datetime64(f"{year:04d}-01-01", "us")


def _march(year: int) -> np.datetime64:
    return np.datetime64(f"{year:04d}-03-01", "us")


def _leap(year: int) -> bool:
    return (_first(year + 1) - _first(year)) / DAY == 366

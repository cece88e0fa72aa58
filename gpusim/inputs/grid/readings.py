"""Readings of one quantity: increasing in time, in UTC, plausible, and set into other years where asked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.inputs.traces.source import Source

# What prices, carbon intensities and temperatures can be: a figure beyond is a unit read wrongly, not a reading.

# Quantity -> least, greatest, their unit, and what they are bounds of.
# Prices: day-ahead markets of Europe stop at 5,000 EUR, Texas at 5,000 USD (9,000 until 2022), Australia at 20,300 AUD.
# Carbon: burning peat or old lignite emits 1,200 to 1,500. Air: just beyond what was ever measured on Earth.
BOUNDS = {
    "price_usd_per_mwh": (-2_000.0, 20_000.0, "USD/MWh", "prices"),
    "carbon_g_per_kwh": (0.0, 2_000.0, "g/kWh", "carbon intensities"),
    "dry_bulb_c": (-90.0, 60.0, "C", "air temperatures"),
    "wet_bulb_c": (-90.0, 60.0, "C", "wet bulb temperatures"),
}
# Quantity -> if no value of a day or more is farther from 0 than this, it may be in the other unit.
READINGS_A_DAY = 24  # readings
SMALL = {"price_usd_per_mwh": (2.0, "a price for 1 kWh"), "carbon_g_per_kwh": (2.0, "kg/kWh or t/MWh")}


def check_plausible(source: Source, quantity: str, values: np.ndarray) -> None:
    """A fault of ``source`` for values that cannot be, a note for all of them being suspiciously small."""
    known = values[~np.isnan(values)]
    if not len(known):
        return
    least, greatest, unit, what = BOUNDS[quantity]
    beyond = np.count_nonzero((known < least) | (known > greatest))
    if beyond:
        source.faults.stop(
            f"{what} from {known.min():,.6g} to {known.max():,.6g} {unit}, {beyond:,} of {len(known):,} beyond what can"
            f" be ({least:,g} to {greatest:,g}): is the column another quantity, or in another unit? Its header tells"
            " the unit, say 'price (USD/kWh)' or 'carbon_intensity (lbs/MWh)'"
        )
    most, other = SMALL.get(quantity, (0.0, ""))
    if len(known) >= READINGS_A_DAY and 0.0 < np.abs(known).max() <= most:
        source.note(f"{quantity}: no value beyond {most:g} {unit}; are they {other}?", len(known))


# Readings of one quantity: increasing in time, in UTC, with all that had to be put right counted.

SECOND = np.timedelta64(1, "s")
EPOCH = np.datetime64("1970-01-01", "us")
AROUND = 25  # distances of which the median is the usual one: a day of hours, so that holes of half of them show


class Readings(NamedTuple):
    """Readings of one quantity.

    Attributes
    ----------
    moments : ndarray of datetime64[us], shape (n,)
        UTC, strictly increasing; n is 2 or more.
    values : ndarray of float, shape (n,)
        Each holds from its moment to the next.
    steps_s : ndarray of float, shape (n,)
        Usual distance [s] between readings around each: hours become quarter hours within a file.
    """

    moments: np.ndarray
    values: np.ndarray
    steps_s: np.ndarray

    @property
    def end(self) -> np.datetime64:
        """Moment up to which the last reading holds."""
        return self.moments[-1] + np.timedelta64(round(float(self.steps_s[-1]) * 1e6), "us")


def put_in_order(source: Source, quantity: str, moments: np.ndarray, values: np.ndarray) -> Readings:
    """Readings out of rows in the order of their file.

    Rows without a value are dropped, and so are all but the last of rows with the same time: where publishers
    repeat a time, the stray row stands before the regular one. Every oddity goes to the notes of ``source``.

    Parameters
    ----------
    moments : ndarray of datetime64[us], shape (n_rows,)
        UTC; NaT: the row is dropped (whoever made it so has counted it).
    values : ndarray of float, shape (n_rows,)
        NaN where missing.

    Raises
    ------
    TraceError
        If fewer than two readings are left, since one alone says nothing about how long it holds; or if a value cannot
        be.
    """
    source.faults.check()
    check_plausible(source, quantity, values)
    timed = ~np.isnat(moments)
    source.note(f"{quantity}: rows without a value dropped", np.count_nonzero(timed & np.isnan(values)))
    kept = timed & ~np.isnan(values)
    moments, values = moments[kept].astype("datetime64[us]"), values[kept]
    source.note(f"{quantity}: rows not in order of time", np.count_nonzero(np.diff(moments) < np.timedelta64(0, "s")))
    order = np.argsort(moments, kind="stable")
    moments, values = moments[order], values[order]
    last = np.append(moments[1:] != moments[:-1], np.ones(min(len(moments), 1), dtype=bool))
    source.note(f"{quantity}: rows with the time of another, the last kept", np.count_nonzero(~last))
    moments, values = moments[last], values[last]
    if len(moments) < 2:
        source.faults.stop(f"{quantity}: rows with a time and a value: {len(moments)}; at least 2 are needed")
    return Readings(moments, values, _usual_steps(np.diff(moments) / SECOND))


def _usual_steps(distances_s: np.ndarray) -> np.ndarray:
    """Median [s] of the distances between readings around each reading, shape (n + 1,)."""
    around = pd.Series(distances_s).rolling(AROUND, center=True, min_periods=1).median().to_numpy()
    return np.append(around, around[-1])


# One calendar year of readings set into other years: same month, day and hour.

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

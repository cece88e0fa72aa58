"""Weather of a typical year in EnergyPlus's EPW format (EnergyPlus Auxiliary Programs, "EPW CSV Format"), by pvlib."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd

from gpusim.inputs.grid.extra import library
from gpusim.inputs.grid.humidity import pressure_at_pa, weather
from gpusim.inputs.grid.readings import Readings
from gpusim.inputs.traces.source import Source

YEAR = 2001  # a year of 365 days to put the rows in: their own years differ from month to month
HEADER_LINES = 8  # the last is DATA PERIODS
CELLS = {"temp_air": "dry_bulb_c", "relative_humidity": "humidity_pct", "atmospheric_pressure": "pressure_pa"}
# The format's own values for "missing".
MISSING = {"dry_bulb_c": 99.9, "humidity_pct": 999.0, "pressure_pa": 999_999.0}
HOURS = 8760


def is_epw(source: Source) -> bool:
    """Whether the file begins with EPW's LOCATION line."""
    return source.header[:1] == ["LOCATION"]


def read_epw(source: Source) -> dict[str, Readings]:
    """Dry and wet bulb of a typical year, put into 2001, in UTC.

    Times are local standard time all year, hour 1 is the one that ends at 01:00. What falls out of the year by the
    move to UTC comes in again at its other end. A 29 February is dropped.
    """
    offset_h, elevation_m = _place(source)
    frame = _rows(source)
    leap = (frame.index.month == 2) & (frame.index.day == 29)
    source.note("rows of 29 February dropped", leap.sum())
    frame = frame[~leap]
    january = pd.Timestamp(YEAR, 1, 1)
    local = pd.to_datetime({"year": YEAR, "month": frame.index.month, "day": frame.index.day})
    hours = (local - january) / pd.Timedelta(hours=1) + frame.index.hour - offset_h
    since_s = ((hours % HOURS) * 3600.0).round()
    frame = frame.assign(moment=(january + pd.to_timedelta(since_s, unit="s")).to_numpy())
    frame = frame.sort_values("moment", kind="stable")
    pressure_pa = frame["pressure_pa"].to_numpy()
    unknown = np.isnan(pressure_pa)
    source.note("hours without air pressure, standard pressure at the elevation taken", unknown.sum())
    return weather(
        source,
        frame["moment"].to_numpy().astype("datetime64[us]"),
        frame["dry_bulb_c"].to_numpy(),
        frame["humidity_pct"].to_numpy(),
        np.where(unknown, pressure_at_pa(elevation_m), pressure_pa),
    )


def _place(source: Source) -> tuple[float, float]:
    """Offset of local standard time from UTC [h] and elevation [m], of the LOCATION line."""
    cells = source.header
    try:
        offset_h, elevation_m = float(cells[8]), float(cells[9])
    except (IndexError, ValueError):
        source.faults.stop(f"LOCATION must give hours from UTC and elevation in cells 9 and 10, found {cells[8:10]}")
    if not (-12.0 <= offset_h <= 14.0 and -500.0 <= elevation_m <= 9000.0):
        source.faults.stop(
            f"LOCATION gives {offset_h:g} h from UTC and {elevation_m:g} m elevation, which is impossible"
        )
    return offset_h, elevation_m


def _rows(source: Source) -> pd.DataFrame:
    """Hours as pvlib reads them, index: local standard time at their beginning; NaN where the format says missing."""
    text = source.data.decode("utf-8")
    lines = text.splitlines()
    periods = lines[HEADER_LINES - 1 : HEADER_LINES]
    if not periods or not periods[0].upper().startswith("DATA PERIODS"):
        source.faults.stop(f"line {HEADER_LINES} is not DATA PERIODS, after which the hours stand")
    per_hour = periods[0].split(",")[2:3]
    if per_hour != ["1"]:
        source.faults.stop(f"DATA PERIODS has {', '.join(per_hour) or 'no'} records per hour; 1 can be read")
    if len(lines) == HEADER_LINES:
        source.faults.stop("no rows after the line DATA PERIODS")
    pvlib = library(source, "pvlib.iotools", extra="weather")
    try:
        frame = pvlib.read_epw(io.StringIO(text))[0]
    except (ValueError, TypeError, OverflowError, pd.errors.ParserError) as error:
        source.faults.stop(f"not readable as EPW rows: {str(error).strip()}")
    cells = frame[list(CELLS)].rename(columns=CELLS)
    numbers = cells.apply(pd.to_numeric, errors="coerce")
    at = np.arange(len(cells)) + HEADER_LINES + 1
    for name in cells:
        source.faults.add_rows(f"{name} must be a number", numbers[name].isna().to_numpy(), at, cells[name].to_numpy())
    source.faults.check()
    return numbers.assign(**{name: numbers[name].mask(numbers[name] >= top) for name, top in MISSING.items()})

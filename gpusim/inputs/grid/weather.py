"""Weather as EnergyPlus (EPW) and Open-Meteo publish it, and wet bulb temperatures from humidity."""

from __future__ import annotations

import io
import json
from functools import cache
from types import ModuleType

import numpy as np
import pandas as pd

from gpusim.inputs.grid.extra import library
from gpusim.inputs.grid.readings import BOUNDS, Readings, put_in_order
from gpusim.inputs.traces.rows import parse_times
from gpusim.inputs.traces.source import Source
from gpusim.units import number_of

# Wet bulb temperature from dry bulb, relative humidity and pressure, by psychrolib (ASHRAE Fundamentals 2017).

SEA_LEVEL_PA = 101_325.0
COLDEST_C, HOTTEST_C = BOUNDS["dry_bulb_c"][:2]


def wet_bulb_c(dry_bulb_c: np.ndarray, humidity_pct: np.ndarray, pressure_pa: np.ndarray | float) -> np.ndarray:
    """Thermodynamic wet bulb temperature [C], never above the dry bulb.

    Parameters
    ----------
    dry_bulb_c, humidity_pct : ndarray, shape (n,)
        [C] and relative humidity 0..100 [%].
    pressure_pa : ndarray, shape (n,), or float
        Air pressure at the place [Pa], not reduced to sea level.

    Notes
    -----
    psychrolib's GetTWetBulbFromRelHum, eqs. 33 and 35 of ASHRAE Fundamentals 2017 ch. 1, solved to 0.001 K. Stull's
    formula (2011) is not used: it holds at sea-level pressure only and is up to 1 K off in dry and in cold air.
    """
    dry = np.asarray(dry_bulb_c, dtype=float)
    share = np.asarray(humidity_pct, dtype=float) / 100.0
    wet = _psychrolib().GetTWetBulbFromRelHum(dry, share, np.asarray(pressure_pa, dtype=float))
    return np.minimum(wet, dry)  # the solver may end 0.001 K above in saturated air


def pressure_at_pa(elevation_m: float) -> float:
    """Standard atmospheric pressure [Pa] at an elevation [m] (ASHRAE Fundamentals 2017 ch. 1, eq. 3)."""
    return float(_psychrolib().GetStandardAtmPressure(float(elevation_m)))


def weather(
    source: Source, moments: np.ndarray, dry_bulb_c: np.ndarray, humidity_pct: np.ndarray, pressure_pa: np.ndarray
) -> dict[str, Readings]:
    """Dry and wet bulb readings out of the rows of a weather file; shapes (n_rows,), NaN where missing."""
    source.faults.check()
    if np.any((dry_bulb_c < COLDEST_C) | (dry_bulb_c > HOTTEST_C)):
        found = f"{np.nanmin(dry_bulb_c):g} to {np.nanmax(dry_bulb_c):g}"
        source.faults.add(f"air temperatures of {found} C; between {COLDEST_C:g} and {HOTTEST_C:g} C are possible")
    if np.any((humidity_pct < 0.0) | (humidity_pct > 110.0)):
        found = f"{np.nanmin(humidity_pct):g} to {np.nanmax(humidity_pct):g}"
        source.faults.add(f"relative humidities of {found} %; 0 to 100 are possible (up to 110 is read as 100)")
    if np.any((pressure_pa < 30_000.0) | (pressure_pa > 120_000.0)):
        found = f"{np.nanmin(pressure_pa):g} to {np.nanmax(pressure_pa):g}"
        source.faults.add(f"air pressures of {found} Pa; 30,000 to 120,000 are possible")
    source.faults.check()
    source.note("humidities above 100% taken as 100%", np.count_nonzero(humidity_pct > 100.0))
    known = ~(np.isnan(dry_bulb_c) | np.isnan(humidity_pct) | np.isnan(pressure_pa))
    wet = np.full(len(dry_bulb_c), np.nan)
    wet[known] = wet_bulb_c(dry_bulb_c[known], np.minimum(humidity_pct[known], 100.0), pressure_pa[known])
    return {
        "dry_bulb_c": put_in_order(source, "dry_bulb_c", moments, dry_bulb_c),
        "wet_bulb_c": put_in_order(source, "wet_bulb_c", moments, wet),
    }


@cache
def _psychrolib() -> ModuleType:
    """psychrolib in SI units; setting these throws away what it has compiled, so once only, and if it is needed."""
    import psychrolib

    psychrolib.SetUnitSystem(psychrolib.SI)
    return psychrolib


# Weather of a typical year in EnergyPlus's EPW format (EnergyPlus Auxiliary Programs, "EPW CSV Format"), by pvlib.

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


# Hourly weather as Open-Meteo's archive answers: JSON, on a clock with one offset for the whole year.

TEMPERATURE = "temperature_2m"
HUMIDITY = ("relative_humidity_2m", "relativehumidity_2m")  # new and old name
PRESSURE = "surface_pressure"  # hPa, if asked for


def is_openmeteo(source: Source) -> bool:
    """Whether the file is a JSON object; no other format here is."""
    return source.data.lstrip().startswith(b"{")


def read_openmeteo(source: Source) -> dict[str, Readings]:
    """Dry and wet bulb. UTC = time - ``utc_offset_seconds``, in summer and winter: ``timezone`` is only a label.

    Without ``surface_pressure`` the standard pressure at the reply's elevation is taken.
    """
    reply = _object(source)
    hourly = reply.get("hourly") if isinstance(reply.get("hourly"), dict) else {}
    humidity = next((name for name in HUMIDITY if name in hourly), HUMIDITY[0])
    for name in ("time", TEMPERATURE, humidity):
        if not isinstance(hourly.get(name), list):
            source.faults.add(f"no list 'hourly.{name}'; request hourly={TEMPERATURE},{HUMIDITY[0]}")
    offset_s, elevation_m = reply.get("utc_offset_seconds"), reply.get("elevation", 0.0)
    for name, found, most in (("utc_offset_seconds", offset_s, 86_400), ("elevation", elevation_m, 9_000)):
        if not (isinstance(found, int | float) and abs(found) <= most):
            source.faults.add(f"{name} must be a number from -{most:,} to {most:,}, found {found!r}")
    units = reply.get("hourly_units")
    unit = units.get(TEMPERATURE, "°C") if isinstance(units, dict) else "°C"
    if unit != "°C":
        source.faults.add(f"temperatures in {unit}; request temperature_unit=celsius")
    source.faults.check()
    texts = np.array([str(text) for text in hourly["time"]], dtype=object)
    moments, bad = parse_times(texts)
    source.faults.add_rows(
        "hourly.time must hold times like 2023-01-01T00:00", bad, np.arange(len(bad)), texts, unit="entry"
    )
    dry, wetness = (_numbers(source, name, hourly[name], len(texts)) for name in (TEMPERATURE, humidity))
    if PRESSURE in hourly:
        pressure_pa = 100.0 * _numbers(source, PRESSURE, hourly[PRESSURE], len(texts))
    else:
        source.note("no air pressure in the file, standard pressure at its elevation taken", 1)
        pressure_pa = np.full(len(texts), pressure_at_pa(elevation_m))
    source.faults.check()
    source.note("times moved to UTC by one fixed offset", len(texts) * bool(offset_s))
    return weather(source, moments - np.timedelta64(round(offset_s), "s"), dry, wetness, pressure_pa)


def _object(source: Source) -> dict:
    try:
        return json.loads(source.data)
    except json.JSONDecodeError as error:
        source.faults.stop(f"line {error.lineno}: not valid JSON ({error.msg}); expected a reply of Open-Meteo")


def _numbers(source: Source, name: str, values: list, length: int) -> np.ndarray:
    """Numbers with NaN for null, shape (length,)."""
    if len(values) != length:
        source.faults.add(f"hourly.{name} has {number_of(len(values), 'entry')}, hourly.time {length}")
        return np.full(length, np.nan)
    good = np.array([value is None or isinstance(value, int | float) for value in values], dtype=bool)
    source.faults.add_rows(f"hourly.{name} must hold numbers or null", ~good, np.arange(length), values, unit="entry")
    return np.array([value if ok and value is not None else np.nan for value, ok in zip(values, good)], dtype=float)

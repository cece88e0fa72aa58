"""Hourly weather as Open-Meteo's archive answers: JSON, on a clock with one offset for the whole year."""

from __future__ import annotations

import json

import numpy as np

from gpusim.inputs.grid.humidity import pressure_at_pa, weather
from gpusim.inputs.grid.readings import Readings
from gpusim.inputs.traces.rows import parse_times
from gpusim.inputs.traces.source import Source
from gpusim.units import number_of

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

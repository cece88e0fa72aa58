"""Several quantities in one CSV: the merged tables of the validation data, and gpusim's own plain columns."""

from __future__ import annotations

import numpy as np

from gpusim.errors import did_you_mean
from gpusim.inputs.grid.clocks import to_utc
from gpusim.inputs.grid.currency import in_usd
from gpusim.inputs.grid.humidity import SEA_LEVEL_PA, weather
from gpusim.inputs.grid.readings import Readings, put_in_order
from gpusim.inputs.traces.rows import MISSING, Rows
from gpusim.inputs.traces.source import Source

QUANTITIES = ("price_usd_per_mwh", "carbon_g_per_kwh", "dry_bulb_c", "wet_bulb_c")


def is_merged(source: Source) -> bool:
    """Whether the header is that of a merged table."""
    return source.header[:1] == ["timestamp_utc"] and "carbon_gco2_per_kwh" in source.header


def read_merged(source: Source) -> dict[str, Readings]:
    """Price, direct carbon and, where there is weather, both bulbs; its own Stull wet bulb is not read.

    The table holds no pressure: that of sea level is taken (at 150 m the wet bulb is 0.05 K too high, no more).
    """
    numbers = ("carbon_gco2_per_kwh", "price_per_mwh", "temp_c", "rh_pct")
    required = {"timestamp_utc": str, "carbon_gco2_per_kwh": float, "price_per_mwh": float, "currency": str}
    rows = Rows(source, required, {"temp_c": float, "rh_pct": float})
    moments = to_utc(rows, "timestamp_utc")
    values = {name: rows.number(name) for name in numbers if name in rows}
    source.faults.check()
    prices = in_usd(source, _currency(rows), moments, values["price_per_mwh"])
    readings = {
        "price_usd_per_mwh": put_in_order(source, "price_usd_per_mwh", moments, prices),
        "carbon_g_per_kwh": put_in_order(source, "carbon_g_per_kwh", moments, values["carbon_gco2_per_kwh"]),
    }
    if "temp_c" in values and "rh_pct" in values:
        source.note("no air pressure in the file, standard pressure at sea level taken", 1)
        pressure_pa = np.full(len(moments), SEA_LEVEL_PA)
        readings |= weather(source, moments, values["temp_c"], values["rh_pct"], pressure_pa)
    return readings


def is_own(source: Source) -> bool:
    """Whether the header is ``time_utc`` and columns named as the quantities are."""
    return source.header[:1] == ["time_utc"]


def read_own(source: Source) -> dict[str, Readings]:
    """The quantities of a plain table, units as their names say."""
    unknown = [name for name in source.header[1:] if name not in QUANTITIES]
    if unknown or len(source.header) == 1:
        found = ", ".join(f"'{name}'{did_you_mean(name, QUANTITIES)}" for name in unknown) or "nothing"
        source.faults.stop(f"columns beside time_utc may be {', '.join(QUANTITIES)}; found {found}")
    names = source.header[1:]
    rows = Rows(source, {"time_utc": str} | dict.fromkeys(names, float))
    moments = to_utc(rows, "time_utc")
    values = {name: rows.number(name) for name in names}
    source.faults.check()
    return {name: put_in_order(source, name, moments, values[name]) for name in names}


def _currency(rows: Rows) -> str:
    found = sorted(set(rows.text("currency")) - set(MISSING))
    if len(found) != 1:
        rows.faults.stop(f"column 'currency' must hold one currency, found {', '.join(found) or 'none'}")
    return found[0]

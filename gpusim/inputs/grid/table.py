"""Several quantities in one CSV: the merged tables of the validation data, and plain columns that tell their units."""

from __future__ import annotations

import numpy as np

from gpusim.inputs.grid.clocks import to_utc
from gpusim.inputs.grid.columns import CARBON, PRICE, clock_of, columns_of
from gpusim.inputs.grid.currency import PricedSource, in_usd
from gpusim.inputs.grid.prices import legal_time
from gpusim.inputs.grid.readings import Readings, put_in_order
from gpusim.inputs.grid.weather import SEA_LEVEL_PA, weather
from gpusim.inputs.traces.rows import MISSING, Rows
from gpusim.inputs.traces.source import Source


def is_merged(source: Source) -> bool:
    """Whether the header is that of a merged table."""
    return source.header[:1] == ["timestamp_utc"] and "carbon_gco2_per_kwh" in source.header


def read_merged(source: PricedSource) -> dict[str, Readings]:
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
        PRICE: put_in_order(source, PRICE, moments, prices),
        CARBON: put_in_order(source, CARBON, moments, values["carbon_gco2_per_kwh"]),
    }
    if "temp_c" in values and "rh_pct" in values:
        source.note("no air pressure in the file, standard pressure at sea level taken", 1)
        pressure_pa = np.full(len(moments), SEA_LEVEL_PA)
        readings |= weather(source, moments, values["temp_c"], values["rh_pct"], pressure_pa)
    return readings


def is_named(source: Source) -> bool:
    """Whether the first column is named as a time; the others tell quantities and units by their names."""
    return bool(source.header) and clock_of(source.header[0]) is not None


def read_named(source: PricedSource) -> dict[str, Readings]:
    """The quantities of a plain table, units as the header tells.

    Times without an offset are UTC if the header says so, or if no price is in EUR or GBP; else the legal time of
    Paris or London, as ``prices.legal_time`` has it.
    """
    time, *cells = source.header
    columns = columns_of(source.faults, cells)
    rows = Rows(source, {time: str} | {column.name: float for column in columns})
    price = next((column for column in columns if column.quantity == PRICE), None)
    zone = legal_time(source, price.currency) if price and not clock_of(time) else None
    moments = to_utc(rows, time, zone)
    values = {column.quantity: rows.number(column.name) * column.factor for column in columns}
    source.faults.check()
    if price:
        values[PRICE] = in_usd(source, price.currency, moments, values[PRICE])
    return {quantity: put_in_order(source, quantity, moments, found) for quantity, found in values.items()}


def _currency(rows: Rows) -> str:
    found = sorted(set(rows.text("currency")) - set(MISSING))
    if len(found) != 1:
        rows.faults.stop(f"column 'currency' must hold one currency, found {', '.join(found) or 'none'}")
    return found[0]

"""All formats of grid files that can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gpusim.inputs.grid import carbon, entsoe, epw, gridstatus, openmeteo, prices, table
from gpusim.inputs.grid.currency import PricedSource
from gpusim.inputs.grid.readings import Readings


class Format(NamedTuple):
    """One format: its title, whether a file's content looks like it, and its reader."""

    title: str
    fits: Callable[[PricedSource], bool]
    read: Callable[[PricedSource], dict[str, Readings]]


# In order of asking: the first whose content fits reads the file. Those of other packages are asked after these.
FORMATS = (
    Format("OpenDC carbon (Parquet)", carbon.is_opendc, carbon.read_opendc),
    Format("Open-Meteo weather (JSON)", openmeteo.is_openmeteo, openmeteo.read_openmeteo),
    Format("EnergyPlus weather (EPW)", epw.is_epw, epw.read_epw),
    Format("merged table (timestamp_utc, ...)", table.is_merged, table.read_merged),
    Format("Electricity Maps carbon", carbon.is_electricity_maps, carbon.read_electricity_maps),
    Format("dc-rl carbon (timestamp, ..., avg_CI)", carbon.is_dcrl, carbon.read_dcrl),
    Format("WattTime carbon (time, area)", carbon.is_watttime, carbon.read_watttime),
    Format("sustain-cluster prices (Datetime, Price (CUR/MWh))", prices.is_prices, prices.read_prices),
    Format("sustain-cluster standardized prices", prices.is_smoothed, prices.refuse_smoothed),
    Format(
        "gridstatus prices (Interval Start, Location, LMP or SPP)", gridstatus.is_gridstatus, gridstatus.read_gridstatus
    ),
    Format("ENTSO-E prices (XML)", entsoe.is_entsoe, entsoe.read_entsoe),
    Format("named columns (time, price (EUR/MWh), ...)", table.is_named, table.read_named),
)
TYPICAL = ("EnergyPlus weather (EPW)",)  # titles of formats whose year means nothing

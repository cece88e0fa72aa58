"""Carbon intensity of grids as published by Electricity Maps, OpenDC, dc-rl and WattTime; all in gCO2/kWh."""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd

from gpusim.inputs.grid.clocks import to_utc
from gpusim.inputs.grid.columns import CARBON, GridColumn, column_of
from gpusim.inputs.grid.readings import Readings, put_in_order
from gpusim.inputs.traces.rows import Rows
from gpusim.inputs.traces.source import Source

WATTTIME_SLIP = "oootime"  # so the publisher's example spells its first header cell
# Areas are named after their balancing authority, say Caiso_North.
WATTTIME_AREA = re.compile(r"(?i)(caiso|ercot|isone|miso|nyiso|pjm|spp|bpa|aeso|ieso)_\w+")


def is_electricity_maps(source: Source) -> bool:
    """Whether the header is Electricity Maps': UTC times and direct and life-cycle intensities."""
    return source.header[:1] == ["Datetime (UTC)"] and bool(_direct_column(source))


def read_electricity_maps(source: Source) -> dict[str, Readings]:
    """Direct emissions, as in operational accounting (the life-cycle column is not read)."""
    direct = _direct_column(source)
    column = column_of(direct)
    if not isinstance(column, GridColumn):
        source.faults.stop(f"{column}; expected gCO2eq/kWh")
    estimated = next((name for name in source.header if name.casefold() == "data estimated"), None)
    rows = Rows(source, {"Datetime (UTC)": str, direct: float}, {estimated: str} if estimated else None)
    if estimated:
        marks = np.char.lower(rows.text(estimated).astype(str))
        source.note("carbon_g_per_kwh: hours estimated by the publisher", np.count_nonzero(marks == "true"))
    return _readings(source, rows.time("Datetime (UTC)"), rows.number(direct) * column.factor)


def _direct_column(source: Source) -> str:
    return next((n for n in source.header if n.casefold().startswith("carbon intensity") and "direct" in n), "")


def is_dcrl(source: Source) -> bool:
    """Whether the header has dc-rl's ``avg_CI`` beside the fuel mix."""
    return source.header[:1] == ["timestamp"] and "avg_CI" in source.header


def read_dcrl(source: Source) -> dict[str, Readings]:
    """Average intensity of the fuel mix."""
    rows = Rows(source, {"timestamp": str, "avg_CI": float})
    return _readings(source, to_utc(rows, "timestamp"), rows.number("avg_CI"))


def is_watttime(source: Source) -> bool:
    """Whether the header is a time and one area of a balancing authority."""
    header = source.header
    return len(header) == 2 and header[0] in (WATTTIME_SLIP, "time") and bool(WATTTIME_AREA.fullmatch(header[1]))


def read_watttime(source: Source) -> dict[str, Readings]:
    """Marginal intensity every five minutes; times are UTC."""
    time, area = source.header
    source.note(f"header cell '{WATTTIME_SLIP}' read as 'time'", int(time == WATTTIME_SLIP))
    rows = Rows(source, {time: str, area: float})
    source.note("carbon_g_per_kwh: no unit in the header, taken as g/kWh", len(rows))
    return _readings(source, to_utc(rows, time), rows.number(area))


def is_opendc(source: Source) -> bool:
    """Whether the file is Parquet; nothing else here is."""
    return source.is_parquet


def read_opendc(source: Source) -> dict[str, Readings]:
    """OpenDC's ``timestamp`` (UTC without a zone) and ``carbon_intensity``."""
    try:
        frame = pd.read_parquet(io.BytesIO(source.data))
    except Exception as error:  # pyarrow's own classes, by the kind of damage
        source.faults.stop(f"damaged or cut-off Parquet file ({error}); fetch it again")
    missing = [name for name in ("timestamp", "carbon_intensity") if name not in frame]
    if missing:
        source.faults.stop(f"no column {', '.join(missing)}; found: {', '.join(map(str, frame.columns))}")
    times, values = frame["timestamp"], frame["carbon_intensity"]
    if not (pd.api.types.is_datetime64_any_dtype(times) and pd.api.types.is_numeric_dtype(values)):
        source.faults.stop(
            f"timestamp must hold times and carbon_intensity numbers, found {times.dtype} and {values.dtype}"
        )
    moments = pd.to_datetime(times, utc=True).dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return _readings(source, moments, values.to_numpy(dtype=float))


def _readings(source: Source, moments: np.ndarray, values: np.ndarray) -> dict[str, Readings]:
    return {CARBON: put_in_order(source, CARBON, moments, values)}

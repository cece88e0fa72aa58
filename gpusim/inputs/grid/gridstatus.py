"""Prices as gridstatus's tables have them when saved as CSV: ``Interval Start``, ``Location``, ``LMP`` or ``SPP``.

gridstatus fetches the markets of the United States and Canada (https://opensource.gridstatus.io); its
prices are USD/MWh, its times have an offset. The library itself is not needed to read what it saved.
"""

from __future__ import annotations

from gpusim.inputs.grid.clocks import to_utc
from gpusim.inputs.grid.columns import PRICE
from gpusim.inputs.grid.readings import Readings, put_in_order
from gpusim.inputs.traces.rows import Rows
from gpusim.inputs.traces.source import Source

TIME = "Interval Start"
PRICES = ("LMP", "SPP")  # locational marginal price; ERCOT's settlement point price
ONE_OF = ("Location", "Market")  # prices of several are several series
SHOWN = 5


def is_gridstatus(source: Source) -> bool:
    """Whether the header has the columns of a table of prices."""
    return TIME in source.header and bool(_price_column(source))


def read_gridstatus(source: Source) -> dict[str, Readings]:
    """Prices in USD/MWh of the one location and market of the file."""
    column = _price_column(source)
    rows = Rows(source, {TIME: str, column: float}, {name: str for name in ONE_OF})
    for name in (name for name in ONE_OF if name in rows):
        found = sorted(set(rows.text(name)))
        if len(found) > 1:
            more = ", ..." if len(found) > SHOWN else ""
            source.faults.add(
                f"prices of {len(found)} values of {name}: {', '.join(found[:SHOWN])}{more}; keep the rows of one"
            )
    moments = to_utc(rows, TIME)
    prices = rows.number(column)
    source.faults.check()
    return {PRICE: put_in_order(source, PRICE, moments, prices)}


def _price_column(source: Source) -> str:
    return next((name for name in PRICES if name in source.header), "")

"""Electricity prices as sustain-cluster publishes them: ``Datetime,Price (CUR/MWh)``, three clocks, one look.

US dollars come from the system operators, with offsets (ERCOT) or in UTC (CAISO, PJM, NYISO); euros come from the
French operator's table of European spot prices, in Central European time, those of Great Britain in London time.
"""

from __future__ import annotations

import re

from gpusim.inputs.grid.clocks import to_utc
from gpusim.inputs.grid.columns import PRICE
from gpusim.inputs.grid.currency import PricedSource, in_usd
from gpusim.inputs.grid.readings import Readings, put_in_order
from gpusim.inputs.traces.rows import Rows
from gpusim.inputs.traces.source import Source

COLUMN = re.compile(r"Price \(([A-Z]{3})/MWh\)")


def is_prices(source: Source) -> bool:
    """Whether the header has a ``Datetime`` and a ``Price (CUR/MWh)``."""
    return bool(_price_column(source)) and source.header[0] == "Datetime"


def read_prices(source: PricedSource) -> dict[str, Readings]:
    """Prices in USD/MWh by their quantity."""
    column = _price_column(source)
    currency = COLUMN.fullmatch(column)[1]
    rows = Rows(source, {"Datetime": str, column: float})
    moments = to_utc(rows, "Datetime", legal_time(source, currency))
    prices = rows.number(column)
    source.faults.check()
    return {PRICE: put_in_order(source, PRICE, moments, in_usd(source, currency, moments, prices))}


def is_smoothed(source: Source) -> bool:
    """Whether the file is one of the publisher's ``standardized`` series."""
    return source.header[:2] == ["Datetime (UTC)", "Datetime (Local)"] and bool(_price_column(source))


def refuse_smoothed(source: Source) -> dict[str, Readings]:
    """Their times are shifted where UTC was taken for local time, their values smoothed and filled in."""
    source.faults.stop(
        "a 'standardized' price file: its prices are two-hour moving averages, partly interpolated, and those of "
        "CAISO, PJM and NYISO are hours off; use the file of the same name under 'processed'"
    )


def _price_column(source: Source) -> str:
    return next((name for name in source.header if COLUMN.fullmatch(name)), "")


def legal_time(source: Source, currency: str) -> str | None:
    """Whose clock times without an offset follow, by the currency of prices; None: UTC."""
    if currency not in ("EUR", "GBP"):
        return None
    british = currency == "GBP" or source.path.name.upper().startswith("GB")
    return "Europe/London" if british else "Europe/Paris"

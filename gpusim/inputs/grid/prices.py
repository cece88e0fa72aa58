"""Electricity prices as sustain-cluster, gridstatus and ENTSO-E publish them."""

from __future__ import annotations

import re
import warnings
from itertools import combinations

import numpy as np
import pandas as pd

from gpusim.inputs.grid.clocks import to_utc
from gpusim.inputs.grid.columns import PRICE
from gpusim.inputs.grid.currency import PricedSource, in_usd
from gpusim.inputs.grid.extra import library
from gpusim.inputs.grid.readings import Readings, put_in_order
from gpusim.inputs.traces.rows import Rows
from gpusim.inputs.traces.source import Source

# Electricity prices as sustain-cluster publishes them: ``Datetime,Price (CUR/MWh)``, three clocks, one look.
#
# US dollars come from the system operators, with offsets (ERCOT) or in UTC (CAISO, PJM, NYISO); euros come from the
# French operator's table of European spot prices, in Central European time, those of Great Britain in London time.

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


# Prices as gridstatus's tables have them when saved as CSV: ``Interval Start``, ``Location``, ``LMP`` or ``SPP``.
#
# gridstatus fetches the markets of the United States and Canada (https://opensource.gridstatus.io); its
# prices are USD/MWh, its times have an offset. The library itself is not needed to read what it saved.

TIME = "Interval Start"
PRICES = ("LMP", "SPP")  # locational marginal price; ERCOT's settlement point price
ONE_OF = ("Location", "Market")  # prices of several are several series
SHOWN = 5


def is_gridstatus(source: Source) -> bool:
    """Whether the header has the columns of a table of prices."""
    return TIME in source.header and bool(_lmp_column(source))


def read_gridstatus(source: Source) -> dict[str, Readings]:
    """Prices in USD/MWh of the one location and market of the file."""
    column = _lmp_column(source)
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


def _lmp_column(source: Source) -> str:
    return next((name for name in PRICES if name in source.header), "")


# Day-ahead prices as ENTSO-E's Transparency Platform answers (XML, document type A44), by entsoe-py.
#
# A document gives prices at 15, 30 or 60 minutes, and leaves out what repeats (curve type A03): both as entsoe-py reads
# them. The currency is the document's.

ROOT = "<Publication_MarketDocument"
BEGINNING = 2048  # characters in which the root stands, behind XML's declaration and comments


def is_entsoe(source: Source) -> bool:
    """Whether the file is such a document."""
    return not source.is_parquet and ROOT.encode() in source.data[:BEGINNING]


def read_entsoe(source: PricedSource) -> dict[str, Readings]:
    """Prices in USD/MWh."""
    text = source.data.decode("utf-8")
    currency = _only(source, text, "currency_Unit.name", "currencies")
    if (unit := _only(source, text, "price_Measure_Unit.name", "units of energy")) != "MWH":
        source.faults.stop(f"prices per {unit}; prices per MWH can be read")
    entsoe = library(source, "entsoe.parsers", extra="grid")
    try:
        with warnings.catch_warnings():  # the parser of HTML that it takes for XML reads these documents as well
            warnings.filterwarnings("ignore", message="It looks like you're using an HTML parser")
            series = [each for each in entsoe.parse_prices(text).values() if len(each)]
    except (
        AttributeError,
        NotImplementedError,
        ValueError,
    ) as error:  # a tag that is not there, a resolution, a number
        source.faults.stop(f"not readable as prices of ENTSO-E: {str(error).strip()[:200]}")
    if not series:
        source.faults.stop("no prices in it; the document's Reason may say why")
    for one, other in combinations(series, 2):
        if one.index[0] <= other.index[-1] and other.index[0] <= one.index[-1]:
            source.faults.stop("prices at two resolutions for the same days; fetch one of the auctions alone")
    prices = pd.concat(series)
    moments = prices.index.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")
    return {PRICE: put_in_order(source, PRICE, moments, in_usd(source, currency, moments, prices.to_numpy(np.float64)))}


def _only(source: Source, text: str, tag: str, what: str) -> str:
    """The one content of all elements of a name."""
    found = sorted(set(re.findall(rf"<{re.escape(tag)}>\s*(\w+)\s*</", text)))
    if len(found) != 1:
        source.faults.stop(f"{what}: {', '.join(found) or 'none'}; a document of prices has one")
    return found[0]

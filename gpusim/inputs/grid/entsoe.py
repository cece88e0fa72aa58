"""Day-ahead prices as ENTSO-E's Transparency Platform answers (XML, document type A44), by entsoe-py.

A document gives prices at 15, 30 or 60 minutes, and leaves out what repeats (curve type A03): both as entsoe-py reads
them. The currency is the document's.
"""

from __future__ import annotations

import re
import warnings
from itertools import combinations

import numpy as np
import pandas as pd

from gpusim.inputs.grid.columns import PRICE
from gpusim.inputs.grid.currency import PricedSource, in_usd
from gpusim.inputs.grid.extra import library
from gpusim.inputs.grid.readings import Readings, put_in_order
from gpusim.inputs.traces.source import Source

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

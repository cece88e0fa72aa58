"""What a column of a header holds: a quantity by its name, and the unit that its header cell tells."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from gpusim.errors import did_you_mean
from gpusim.inputs.traces.faults import Faults

PRICE, CARBON = "price_usd_per_mwh", "carbon_g_per_kwh"
WEATHER = ("dry_bulb_c", "wet_bulb_c")
QUANTITIES = (PRICE, CARBON, *WEATHER)
# Names of columns, in small letters, whatever joins their words; what stands in brackets is no part of them.
NAMES = {
    **dict.fromkeys(
        (
            "price", "electricity price", "energy price", "market price", "spot price", "day ahead price", "da price",
            "lmp",
        ),
        PRICE,
    ),
    **dict.fromkeys(
        (
            "carbon", "carbon intensity", "carbon intensity direct", "ci", "avg ci", "average ci", "co2",
            "co2 intensity", "emission factor", "emission intensity", "emissions intensity", "emission rate",
            "emissions rate", "moer", "aoer",
        ),
        CARBON,
    ),
}  # fmt: skip
TIMES = {"time": None, "timestamp": None, "datetime": None, "date": None}
TIMES |= {f"{name} utc": "UTC" for name in TIMES}  # the clock that the name tells
GRAMS = {"g": 1.0, "kg": 1e3, "t": 1e6, "tonne": 1e6, "tonnes": 1e6, "lb": 453.59237, "lbs": 453.59237}
MWH = {"kwh": 1e-3, "mwh": 1.0, "gwh": 1e3}
SIGNS = {"$": "USD", "€": "EUR", "£": "GBP"}
HUNDREDTHS = {"ct": "EUR", "eurct": "EUR", "p": "GBP", "pence": "GBP", "¢": "USD", "usct": "USD"}
ALLOWED = (
    f"{', '.join(QUANTITIES)}, or a price or carbon intensity with its unit, say 'price (EUR/MWh)', 'price (ct/kWh)', "
    "'carbon_intensity (gCO2/kWh)' or 'moer_lbs_per_mwh'"
)

_PER = r"[\s_]*(?:/|[\s_]per[\s_])[\s_]*(?P<energy>[a-z]+)"
_UNIT = re.compile(rf"(?:^|[\s_(\[])(?P<unit>[^\s_()\[\]/]+)(?:[\s_]*co2(?:-?eq?)?)?{_PER}")


class GridColumn(NamedTuple):
    """A column that is read.

    Attributes
    ----------
    name : str
        Its header cell.
    quantity : str
        One of ``QUANTITIES``.
    factor : float
        By which its numbers become the quantity's unit; of prices in ``currency``.
    currency : str
        ISO 4217 code of a price, '' for other quantities.
    """

    name: str
    quantity: str
    factor: float
    currency: str = ""


def clock_of(cell: str) -> str | None:
    """Clock told by the header cell of a time column: "UTC", or '' for none; None if it is no time column."""
    words = _words(cell)
    return (TIMES[words] or "") if words in TIMES else None


def column_of(cell: str) -> GridColumn | str:
    """The column of a header cell, or why it is none that can be read."""
    if cell in QUANTITIES:
        return GridColumn(cell, cell, 1.0, "USD" if cell == PRICE else "")
    plain = _plain(cell)
    unit = _UNIT.search(plain)
    quantity = NAMES.get(_words(plain[: unit.start()] + " " + plain[unit.end() :] if unit else plain))
    if quantity is None:
        return f"unknown column '{cell}'{did_you_mean(cell, QUANTITIES)}"
    if unit is None:
        return f"column '{cell}' has no unit"
    mwh = MWH.get(unit["energy"])
    if quantity == CARBON:
        grams = GRAMS.get(re.sub(r"-?co2(?:-?eq?)?$", "", unit["unit"]))
        if grams and mwh:
            return GridColumn(cell, CARBON, grams / (mwh * 1e3))
    else:
        sign = unit["unit"]
        currency = SIGNS.get(sign) or HUNDREDTHS.get(sign) or (sign.upper() if re.fullmatch("[a-z]{3}", sign) else "")
        if currency and mwh:
            return GridColumn(cell, PRICE, (0.01 if sign in HUNDREDTHS else 1.0) / mwh, currency)
    return f"column '{cell}': unknown unit '{unit['unit']}/{unit['energy']}'"


def columns_of(faults: Faults, cells: list[str]) -> list[GridColumn]:
    """The columns of header cells; whatever cannot be read, and a quantity that two columns give, is a fault."""
    found = [column_of(cell) for cell in cells]
    wrong = [column for column in found if isinstance(column, str)]
    known = [column for column in found if isinstance(column, GridColumn)]
    for quantity in dict.fromkeys(column.quantity for column in known):
        same = [f"'{column.name}'" for column in known if column.quantity == quantity]
        if len(same) > 1:
            wrong.append(f"{', '.join(same)} are all {quantity}; leave one")
    if not cells:
        wrong.append("no column beside the time")
    if wrong:
        faults.stop(f"{'; '.join(wrong)}. Columns beside the time may be {ALLOWED}")
    return known


def _plain(cell: str) -> str:
    return unicodedata.normalize("NFKC", cell).casefold().strip()


def _words(cell: str) -> str:
    """Words of a header cell, joined by blanks, without brackets and signs."""
    return " ".join(re.findall(r"[^\W_]+", _plain(cell)))

"""Files that other libraries read or wrote: ENTSO-E's documents, gridstatus's tables; which extra is missing."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from gpusim.errors import TraceError
from gpusim.inputs.grid import read_grid
from gpusim.inputs.grid.columns import PRICE

POINTS = "".join(
    f"<Point><position>{i}</position><price.amount>{p}</price.amount></Point>"
    for i, p in ((1, 50.0), (2, -5.5), (4, 80.0))
)
SERIES = """<TimeSeries><currency_Unit.name>{currency}</currency_Unit.name>
<price_Measure_Unit.name>{unit}</price_Measure_Unit.name><curveType>A03</curveType><Period><timeInterval>
<start>2023-01-01T23:00Z</start><end>2023-01-02T00:00Z</end></timeInterval><resolution>{resolution}</resolution>{points}</Period>
</TimeSeries>"""


def document(*series: dict[str, str]) -> str:
    usual = {"currency": "EUR", "unit": "MWH", "resolution": "PT15M"}
    told = "".join(SERIES.format(**(usual | {"points": POINTS} | one)) for one in series)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<Publication_MarketDocument'
        f' xmlns="urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3">{told}</Publication_MarketDocument>'
    )


@pytest.fixture
def write(tmp_path):
    def to(text: str):
        (tmp_path / "file").write_text(text, encoding="utf-8")
        return tmp_path / "file"

    return to


def test_a_document_of_entso_e(write):
    """Position 3 is left out, since it repeats the second; euros at the year's mean rate."""
    pytest.importorskip("entsoe", reason="needs entsoe-py: pip install 'gpusim[grid]'")
    file = read_grid(write(document({})))
    prices = file.readings[PRICE]
    assert file.format == "ENTSO-E prices (XML)"
    assert str(prices.moments[0]) == "2023-01-01T23:00:00.000000"
    assert list(np.diff(prices.moments) / np.timedelta64(1, "m")) == [15.0] * 3
    assert prices.values == pytest.approx(np.array([50.0, -5.5, -5.5, 80.0]) * 1.0813)


@pytest.mark.parametrize(
    ("series", "message"),
    [
        (({"currency": "EUR"}, {"currency": "GBP"}), "currencies: EUR, GBP; a document of prices has one"),
        (({"unit": "KWH"},), "prices per KWH; prices per MWH can be read"),
        (({}, {"resolution": "PT30M"}), "prices at two resolutions for the same days"),
        (({"resolution": "PT7M"},), "not readable as prices of ENTSO-E"),
        (({"points": ""},), "rows with a time and a value: 0; at least 2 are needed"),
        ((), "currencies: none"),
    ],
)
def test_a_document_that_cannot_be_read(write, series, message):
    pytest.importorskip("entsoe", reason="needs entsoe-py: pip install 'gpusim[grid]'")
    with pytest.raises(TraceError, match=message):
        read_grid(write(document(*series)))


HEADER = "Time,Interval Start,Interval End,Market,Location,Location Type,LMP,Energy,Congestion,Loss\n"


def row(hour: int, price: str, location: str = "HB_HOUSTON") -> str:
    start, end = (f"2026-03-01 {h:02}:00:00-06:00" for h in (hour, hour + 1))
    return f"{start},{start},{end},DAY_AHEAD_HOURLY,{location},Trading Hub,{price},{price},0.0,0.0\n"


def test_a_table_of_gridstatus(write):
    file = read_grid(write(HEADER + row(0, "21.5") + row(1, "-3.25")))
    assert file.format.startswith("gridstatus")
    assert str(file.readings[PRICE].moments[0]) == "2026-03-01T06:00:00.000000"
    assert list(file.readings[PRICE].values) == [21.5, -3.25]


def test_a_table_of_several_locations_is_refused(write):
    with pytest.raises(TraceError, match="prices of 2 values of Location: A, B; keep the rows of one"):
        read_grid(write(HEADER + row(0, "21.5", "B") + row(1, "20", "A")))


@pytest.mark.parametrize(
    ("library", "extra", "text"),
    [
        ("entsoe.parsers", "grid", document({})),
        ("pvlib.iotools", "weather", "LOCATION,a,b,c,d,1,50,8,1.0,100\n" + "X\n" * 6 + "DATA PERIODS,1,1\n1,1,1,1\n"),
    ],
)
def test_without_the_library_the_extra_is_named(write, monkeypatch, library, extra, text):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(TraceError, match=rf"is not installed; install it with: pip install 'gpusim\[{extra}\]'"):
        read_grid(write(text))

"""Readers of prices, carbon and weather on small files made here: clocks, faults and their messages."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from gpusim.errors import TraceError
from gpusim.inputs.grid import read_grid, read_signal
from gpusim.inputs.grid.currency import GBP_PER_EUR, USD_PER_EUR

DAY_S = 86_400.0


@pytest.fixture
def write(tmp_path):
    def make(text: str, name: str = "file.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return make


def price_file(first: str, periods: int, currency: str = "EUR", zone: str = "", values=None) -> str:
    times = pd.date_range(first, periods=periods, freq="h")
    values = range(periods) if values is None else values
    rows = [f"{time}{zone},{value}" for time, value in zip(times, values)]
    return "\n".join([f"Datetime,Price ({currency}/MWh)", *rows]) + "\n"


def moments(file, quantity="price_usd_per_mwh"):
    return [str(moment)[:16] for moment in file.readings[quantity].moments]


def test_offsets_move_to_utc(write):
    file = read_grid(write(price_file("2023-01-01", 3, "USD", "-06:00")))
    assert moments(file) == ["2023-01-01T06:00", "2023-01-01T07:00", "2023-01-01T08:00"]
    assert file.notes == {}


def test_dollars_without_offset_are_utc(write):
    file = read_grid(write(price_file("2023-01-01", 2, "USD")))
    assert moments(file) == ["2023-01-01T00:00", "2023-01-01T01:00"]
    assert file.notes == {"times without a zone, taken as UTC": 2}


@pytest.mark.parametrize(
    ("name", "currency", "expected"),
    [
        ("DE-LU_2023.csv", "EUR", ["2023-03-26T00:00", "2023-03-26T01:00"]),  # 02:00 does not exist
        ("GB_2023.csv", "EUR", ["2023-03-26T01:00", "2023-03-26T02:00"]),  # 01:00 does not exist
        ("mine.csv", "GBP", ["2023-03-26T01:00", "2023-03-26T02:00"]),
    ],
)
def test_hour_skipped_in_spring(write, name, currency, expected):
    file = read_grid(write(price_file("2023-03-26 01:00", 3, currency), name))
    assert moments(file) == expected
    assert file.notes["rows in the hour that the clock skipped, dropped"] == 1


def test_hour_repeated_in_autumn(write):
    """Once: summer time, so that winter's hour is absent. Twice in a row: both."""
    head = "Datetime,Price (EUR/MWh)\n2023-10-29 01:00:00,1\n2023-10-29 02:00:00,2\n"
    once = read_grid(write(head + "2023-10-29 03:00:00,4\n"))
    assert moments(once) == ["2023-10-28T23:00", "2023-10-29T00:00", "2023-10-29T02:00"]
    twice = read_grid(write(head + "2023-10-29 02:00:00,3\n2023-10-29 03:00:00,4\n"))
    assert moments(twice) == ["2023-10-28T23:00", "2023-10-29T00:00", "2023-10-29T01:00", "2023-10-29T02:00"]
    np.testing.assert_allclose(
        twice.readings["price_usd_per_mwh"].values, np.array([1.0, 2.0, 3.0, 4.0]) * USD_PER_EUR[2023]
    )


def test_currencies(write):
    pounds = read_grid(write(price_file("2024-06-01", 2, "GBP", values=[100, 100])))
    assert pounds.readings["price_usd_per_mwh"].values[0] == pytest.approx(100 * 1.0824 / GBP_PER_EUR[2024])
    with pytest.raises(TraceError, match=r"prices in CHF: there are rates for EUR and GBP only; .*usd_per.CHF = 1.1"):
        read_grid(write(price_file("2024-06-01", 2, "CHF")))
    with pytest.raises(TraceError, match=r"prices in EUR of 1998: there are exchange rates from 1999 on"):
        read_grid(write(price_file("1998-06-01", 2, "EUR")))


@pytest.mark.parametrize(
    ("first", "rate", "note"),
    [
        ("2025-06-01", 1.1300, "prices in EUR, at the mean exchange rate of their year"),
        ("2026-06-01", 1.1568, "prices in EUR, at the mean exchange rate of their year"),
        ("2031-06-01", 1.1568, "prices in EUR after 2026, at the mean exchange rate of 2026"),
    ],
)
def test_rates_go_on_after_the_last_known_year(write, first, rate, note):
    file = read_grid(write(price_file(first, 2, "EUR", values=[100, 100])))
    assert file.readings["price_usd_per_mwh"].values[0] == pytest.approx(100 * rate)
    assert file.notes[note] == 2


def test_rates_of_the_scenario_go_first(write):
    path = write(price_file("2023-06-01", 2, "CHF", values=[100, 100]))
    file = read_grid(path, {"CHF": 1.25})
    assert file.readings["price_usd_per_mwh"].values.tolist() == [125.0, 125.0]
    assert file.notes["prices in CHF, at 1.25 USD as money.usd_per says"] == 2
    assert read_grid(path, {"CHF": 1.5}).readings["price_usd_per_mwh"].values[0] == 150.0


def test_exchange_rates_are_those_published():
    """ECB annual averages: 1.0813 and 1.0824 USD, 0.86979 and 0.84662 GBP per euro in 2023 and 2024.

    2025: 1.12998 USD (ECB, EXR.A.USD.EUR.SP00.A).
    """
    assert (USD_PER_EUR[2023], USD_PER_EUR[2024]) == (1.0813, 1.0824)
    assert (GBP_PER_EUR[2023], GBP_PER_EUR[2024]) == (0.86979, 0.84662)
    assert USD_PER_EUR[2025] == pytest.approx(1.12998, abs=5e-5)
    assert set(USD_PER_EUR) == set(GBP_PER_EUR) == set(range(1999, 2027))


def test_gaps_are_held_and_counted(write):
    text = "time_utc,price_usd_per_mwh\n2023-01-01T00:00Z,1\n2023-01-01T01:00Z,2\n2023-01-01T02:00Z,\n"
    text += "2023-01-01T05:00Z,6\n2023-01-01T06:00Z,7\n"
    file = read_grid(write(text))
    assert file.notes == {"price_usd_per_mwh: rows without a value dropped": 1}
    signal, notes = file.signal("price_usd_per_mwh", datetime(2023, 1, 1, 0, 30, tzinfo=UTC), 5 * 3600.0)
    assert notes["price_usd_per_mwh: readings absent in the run's period, the last value held"] == 3
    assert signal.times_s.tolist() == [-1800.0, 1800.0, 16200.0]
    assert signal.integral(0.0, 5 * 3600.0) == 1 * 1800.0 + 2 * 4 * 3600.0 + 6 * 1800.0


def test_a_hole_of_more_than_a_week_is_refused(write):
    text = "time_utc,carbon_g_per_kwh\n2023-01-01T00:00,1\n2023-01-01T01:00,2\n2023-01-01T02:00,2\n2023-01-09T03:00,3\n"
    with pytest.raises(TraceError, match="no reading from 2023-01-01 02:00 to 2023-01-09 03:00 UTC; a value is held"):
        read_signal(write(text), "carbon_g_per_kwh", datetime(2023, 1, 1, tzinfo=UTC), 8.15 * DAY_S)


def test_exact_period_and_one_second_more(write):
    path = write(price_file("2023-01-01", 24, "USD"))
    start = datetime(2023, 1, 1, tzinfo=UTC)
    signal, _ = read_signal(path, "price_usd_per_mwh", start, DAY_S)
    assert signal.integral(0.0, DAY_S) == sum(range(24)) * 3600.0
    with pytest.raises(TraceError, match=r"covers 2023-01-01 00:00 to 2023-01-02 00:00 UTC.*typical_year"):
        read_signal(path, "price_usd_per_mwh", start, DAY_S + 1.0)


def test_zones_of_the_start_are_respected(write):
    start = datetime.fromisoformat("2023-01-01T01:00:00+01:00")
    signal, _ = read_signal(write(price_file("2023-01-01", 24, "USD")), "price_usd_per_mwh", start, 7200.0)
    assert (signal.at(0.0), signal.at(3600.0)) == (0.0, 1.0)


@pytest.mark.parametrize(("year", "hours"), [(2026, 8760), (2028, 8784)])
def test_typical_year_from_a_leap_year_and_into_one(write, year, hours):
    text = price_file("2024-01-01", 8784, "USD", values=[f"{i % 24}" for i in range(8784)])
    signal, notes = read_signal(
        write(text), "price_usd_per_mwh", datetime(year, 1, 1, tzinfo=UTC), hours * 3600.0, typical_year=True
    )
    assert len(signal.values) == hours
    np.testing.assert_array_equal(signal.values, np.arange(hours) % 24)
    assert not [what for what in notes if "absent" in what]


def test_a_typical_year_runs_over_new_year(write):
    text = price_file("2023-01-01", 8760, "USD")
    signal, _ = read_signal(
        write(text), "price_usd_per_mwh", datetime(2025, 12, 31, 23, tzinfo=UTC), 7200.0, typical_year=True
    )
    assert (signal.at(0.0), signal.at(3600.0)) == (8759.0, 0.0)


def test_format_by_content_not_by_name(write, tmp_path):
    packed = tmp_path / "whatever.json"
    packed.write_bytes(gzip.compress(price_file("2023-01-01", 2, "USD").encode()))
    assert read_grid(packed).format.startswith("sustain-cluster prices")


def openmeteo(**changes) -> str:
    hourly = {"time": ["2023-07-01T00:00", "2023-07-01T01:00"], "temperature_2m": [30.0, 30.0]}
    hourly |= {"relative_humidity_2m": [50, 100]}
    reply = {"utc_offset_seconds": -18000, "timezone": "America/Chicago", "elevation": 0.0, "hourly": hourly}
    for key, value in changes.items():
        if key in reply:
            reply[key] = value
        elif value is None:
            del hourly[key]
        else:
            hourly[key] = value
    return json.dumps(reply)


def test_openmeteo(write):
    file = read_grid(write(openmeteo()))
    assert moments(file, "dry_bulb_c") == ["2023-07-01T05:00", "2023-07-01T06:00"]
    # 30 C and 50 %: 22.0 C on the psychrometric chart; saturated air is as cold wet as dry.
    assert file.readings["wet_bulb_c"].values == pytest.approx([22.0, 30.0], abs=0.05)
    assert file.notes["no air pressure in the file, standard pressure at its elevation taken"] == 1


def test_openmeteo_pressure_is_used(write):
    high = read_grid(write(openmeteo(surface_pressure=[800.0, 800.0]))).readings["wet_bulb_c"].values[0]
    same = read_grid(write(openmeteo(elevation=1949.0))).readings["wet_bulb_c"].values[0]
    assert high == pytest.approx(same, abs=0.005)  # standard pressure there is 800 hPa
    assert high < 21.8


EPW = """LOCATION,Here,-,XXX,TEST,1,50.0,8.0,{zone},100.0
DESIGN CONDITIONS,0
TYPICAL/EXTREME PERIODS,0
GROUND TEMPERATURES,0
HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0
COMMENTS 1,"made, here"
COMMENTS 2,
DATA PERIODS,1,{records},Data,Sunday, 1/ 1,12/31
"""


def epw(zone=1.0, records=1, cells=None) -> str:
    rows = []
    for i, day in enumerate(pd.date_range("2023-01-01", periods=365)):
        for hour in range(1, 25):
            dry = cells.get((i, hour), "10.0") if cells else "10.0"
            rows.append(f"{1990 + day.month},{day.month},{day.day},{hour},60,?9,{dry},5.0,80,99000" + ",0" * 25)
    return EPW.format(zone=zone, records=records) + "\n".join(rows) + "\n"


def test_epw_hours_and_missing_values(write):
    file = read_grid(write(epw(cells={(0, 1): "-3.0", (100, 12): "99.9"})))
    dry = file.readings["dry_bulb_c"]
    assert dry.values[-1] == -3.0  # hour 1 of UTC+1 is the last of the (typical) year before
    assert str(dry.moments[-1])[:16] == "2001-12-31T23:00"
    assert file.notes["dry_bulb_c: rows without a value dropped"] == 1
    assert file.notes["wet_bulb_c: rows without a value dropped"] == 1
    assert "dry_bulb_c: rows not in order of time" not in file.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("a,b\n1,2\n", "not a file of prices, carbon intensity or weather; it begins 'a,b'"),
        ("time_utc,price_usd_mwh\n2023-01-01,2\n", "unknown column 'price_usd_mwh' .did you mean 'price_usd_per_mwh'"),
        ("Datetime,Price (USD/MWh)\nsoon,2\n2023-01-01,x\n", "2 faults"),
        ("Datetime,Price (USD/MWh)\n2023-01-01 00:00Z,2\n2023-01-01 01:00,3\n", "with an offset and times without"),
        ("time_utc,dry_bulb_c\n2023-01-01T00:00,2\n2023-01-01T00:00,2\n", "a time and a value: 1; at least 2"),
        ("timestamp,avg_CI\n2023-01-01T00:00,-1\n2023-01-02T00:00,2\n", "from -1 to 2 g/kWh, 1 of 2 beyond"),
        ("{", "line 1: not valid JSON"),
        ("{}", "no list 'hourly.time'"),
        (openmeteo(utc_offset_seconds=None), "utc_offset_seconds must be a number"),
        (openmeteo(utc_offset_seconds=float("nan"), elevation="high"), "2 faults"),
        (openmeteo(temperature_2m=["a", 3]), "hourly.temperature_2m must hold numbers or null"),
        (openmeteo(temperature_2m=[3]), "has 1 entry, hourly.time 2"),
        (openmeteo(temperature_2m=[86.0, 90.0]), "between -90 and 60 C"),
        (openmeteo(relative_humidity_2m=[-1, 50]), "relative humidities of -1 to 50 %"),
        (epw().replace("\n1991,1,1,1,", "\n1991,1.5,1,1,"), "not readable as EPW rows: "),
        (epw().replace("\n1991,1,1,1,", "\n1991,1e400,1,1,"), "not readable as EPW rows: "),
        (epw(records=4), "4 records per hour; 1 can be read"),
        (epw(zone="east"), "hours from UTC and elevation in cells 9 and 10, found 'east'|found \\['east'"),
        (epw(cells={(3, 4): "warm"}), "dry_bulb_c must be a number .1x.: line 84: 'warm'"),
        ("LOCATION,Here,-,XXX,TEST,1,50.0,8.0,1.0,100.0\n", "line 8 is not DATA PERIODS"),
        ("PAR1 and nothing more", "damaged or cut-off Parquet"),
    ],
)
def test_faults_are_told(write, text, message):
    path = write(text)
    with pytest.raises(TraceError, match=message) as error:
        read_grid(path)
    assert str(path) in str(error.value)


def test_no_such_file_and_no_such_quantity(write, tmp_path):
    with pytest.raises(TraceError, match="no such file; a relative path counts from the working directory"):
        read_grid(tmp_path / "absent.csv")
    file = read_grid(write(price_file("2023-01-01", 2, "USD")))
    with pytest.raises(TraceError, match="no carbon_g_per_kwh in it; as sustain-cluster prices .* gives price_usd"):
        file.signal("carbon_g_per_kwh", datetime(2023, 1, 1, tzinfo=UTC), 3600.0)

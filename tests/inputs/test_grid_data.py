"""Readers of prices, carbon and weather against the published files themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from gpusim.errors import TraceError
from gpusim.inputs.grid import read_grid, read_signal
from gpusim.inputs.grid.currency import USD_PER_EUR

DAY_S = 86_400.0
ABSENT = "price_usd_per_mwh: readings absent in the run's period, the last value held"


@pytest.fixture(scope="module")
def grid(data_folder):
    return data_folder / "grid"


def prices_of(grid, region):
    folder = "GB_incompleted" if region == "GB" else region
    return grid / f"electricity_prices/processed/{folder}/2023/{region}_electricity_prices_2023.csv.gz"


def series(readings):
    return pd.Series(readings.values, index=pd.DatetimeIndex(readings.moments, tz="UTC"))


def merged_of(grid, region):
    return pd.read_csv(grid / f"merged/{region}_2023.csv.gz", index_col=0, parse_dates=True)


@pytest.mark.parametrize(
    "region", ["US-TEX-ERCO", "US-CAL-CISO", "US-MIDA-PJM", "US-NY-NYIS", "DE-LU", "GB", "NL", "AT", "BE"]
)
def test_prices_have_the_clock_of_the_merged_tables(grid, region):
    """The merged tables were put into UTC by somebody else's code; only exchange rates are ours."""
    merged = merged_of(grid, region)
    ours = series(read_grid(prices_of(grid, region)).readings["price_usd_per_mwh"])
    known = merged["price_per_mwh"].dropna()
    rate = USD_PER_EUR[2023] if (merged["currency"].dropna() == "EUR").all() else 1.0
    of_2023 = ours[ours.index.year == 2023]
    common = known.index.intersection(of_2023.index)
    np.testing.assert_allclose(of_2023[common], known[common] * rate, rtol=1e-12)
    # A file of the local year lacks up to six hours of the UTC year at its beginning, or one at its end.
    lacking = known.index.difference(common)
    assert ((lacking < "2023-01-01 06:00Z") | (lacking >= "2023-12-31 23:00Z")).all()
    assert len(of_2023) == len(common)


def test_ercot_mean_of_the_year(grid):
    """STATS: mean 55.94 USD/MWh, 8,760 hours, no gap."""
    file = read_grid(prices_of(grid, "US-TEX-ERCO"))
    assert file.readings["price_usd_per_mwh"].values.mean() == pytest.approx(55.94, abs=0.005)
    assert file.notes == {}
    start = datetime(2023, 8, 1, tzinfo=UTC)
    signal, notes = file.signal("price_usd_per_mwh", start, 31 * DAY_S)
    raw = pd.read_csv(prices_of(grid, "US-TEX-ERCO"))
    august = pd.to_datetime(raw["Datetime"], utc=True).between(start, datetime(2023, 8, 31, 23, tzinfo=UTC))
    assert signal.mean(0.0, 31 * DAY_S) == pytest.approx(raw.loc[august, "Price (USD/MWh)"].mean(), rel=1e-12)
    assert signal.max(0.0, 31 * DAY_S - 1.0) == raw.loc[august, "Price (USD/MWh)"].max()
    assert notes == {}


def test_german_prices_lose_the_hour_that_never_was(grid):
    file = read_grid(prices_of(grid, "DE-LU"))
    assert file.notes["rows in the hour that the clock skipped, dropped"] == 1
    assert np.sum(file.readings["price_usd_per_mwh"].values < 0) == 301  # README of the data: 301 h in 2023
    assert file.readings["price_usd_per_mwh"].values.min() == pytest.approx(-500.0 * USD_PER_EUR[2023])
    # 29 October 2023 has no reading for 01:00 UTC: the 00:00 one is held and counted.
    signal, notes = file.signal("price_usd_per_mwh", datetime(2023, 10, 29, tzinfo=UTC), DAY_S)
    assert notes[ABSENT] == 1
    assert signal.next_change(0.0) == 2 * 3600.0


@pytest.mark.parametrize(("region", "day"), [("NL", 29), ("FR", 29)])
def test_whole_missing_days_are_held_and_counted(grid, region, day):
    month = {"NL": 6, "FR": 11}[region]
    _, notes = read_signal(
        prices_of(grid, region), "price_usd_per_mwh", datetime(2023, month, day, tzinfo=UTC), 2 * DAY_S
    )
    assert notes[ABSENT] == 24


def test_stray_row_of_2021_loses_to_the_regular_one(grid):
    file = read_grid(grid / "faulty_prices/DE-LU_electricity_prices_2021.csv.gz")
    assert file.notes["price_usd_per_mwh: rows not in order of time"] == 1
    assert file.notes["price_usd_per_mwh: rows with the time of another, the last kept"] == 1
    prices = series(file.readings["price_usd_per_mwh"])
    assert prices["2021-10-31 00:00Z"] == pytest.approx(66.76 * USD_PER_EUR[2021])
    assert 0.0 not in prices["2021-10-30":"2021-10-31"].to_numpy()


def test_one_row_is_refused(grid):
    with pytest.raises(TraceError, match="at least 2"):
        read_grid(grid / "faulty_prices/GB_electricity_prices_2021.csv")


def test_year_that_begins_late_says_what_it_covers(grid):
    file = read_grid(grid / "faulty_prices/GB_electricity_prices_2022.csv.gz")
    with pytest.raises(TraceError, match="covers 2022-01-21 00:00 to 2023-01-01 00:00 UTC, but the run needs 2022-01"):
        file.signal("price_usd_per_mwh", datetime(2022, 1, 1, tzinfo=UTC), DAY_S)
    with pytest.raises(TraceError, match="98% of one calendar year"):
        file.signal("price_usd_per_mwh", datetime(2026, 6, 1, tzinfo=UTC), DAY_S, typical_year=True)


def test_portugal_lacks_six_days(grid):
    file = read_grid(grid / "faulty_prices/PT_electricity_prices_2022.csv.gz")
    _, notes = file.signal("price_usd_per_mwh", datetime(2022, 1, 1, tzinfo=UTC), 364 * DAY_S)
    # 8,640 rows of 8,760: five days. The sixth is the hour lost in autumn, counted here as well.
    assert notes[ABSENT] in (120, 121, 144, 145)


@pytest.mark.parametrize("region", ["DE-LU", "US-CAL-CISO"])
def test_smoothed_prices_are_refused(grid, region):
    with pytest.raises(TraceError, match="use the file of the same name under 'processed'"):
        read_grid(grid / f"electricity_prices/standardized/{region}/2023/{region}_electricity_prices_2023.csv.gz")


@pytest.mark.parametrize(("region", "mean", "estimated"), [("DE-LU", 307.7, 30), ("GB", 128.6, 20)])
def test_electricity_maps(grid, region, mean, estimated):
    file = read_grid(grid / f"carbon_intensity/{region}/2023/{region}_2023_hourly.csv.gz")
    values = file.readings["carbon_g_per_kwh"].values
    assert len(values) == 8760
    assert values.mean() == pytest.approx(mean, abs=0.05)
    assert file.notes["carbon_g_per_kwh: hours estimated by the publisher"] == estimated
    np.testing.assert_array_equal(values, merged_of(grid, region)["carbon_gco2_per_kwh"])


def test_opendc(grid):
    file = read_grid(grid / "opendc/2022-01-01_2022-12-31_FR.parquet")
    assert len(file.readings["carbon_g_per_kwh"].values) == 8735
    _, notes = file.signal("carbon_g_per_kwh", datetime(2022, 4, 16, tzinfo=UTC), DAY_S)
    assert notes["carbon_g_per_kwh: readings absent in the run's period, the last value held"] == 1
    years = read_grid(grid / "opendc/NL_2021-2024.parquet").readings["carbon_g_per_kwh"]
    assert len(years.values) == 35_064
    of_2022 = (years.moments >= np.datetime64("2022")) & (years.moments < np.datetime64("2023"))
    assert years.values[of_2022].mean() == pytest.approx(343.7, abs=0.05)


def test_dcrl_and_watttime(grid):
    ercot = read_grid(grid / "dcrl/ERCO_NG_&_avgCI.csv.gz").readings["carbon_g_per_kwh"]
    assert (len(ercot.values), ercot.values[0]) == (8760, 334.2055847568988)
    file = read_grid(grid / "vessim/watttime_example.csv.gz")
    assert file.readings["carbon_g_per_kwh"].steps_s[0] == 300.0
    assert file.notes["header cell 'oootime' read as 'time'"] == 1
    signal, _ = file.signal("carbon_g_per_kwh", datetime(2023, 6, 8, tzinfo=UTC), 600.0)
    assert (signal.at(299.0), signal.at(300.0)) == (425.01605069, 432.27352861)


@pytest.mark.parametrize("region", ["US-TEX-ERCO", "DE-LU"])
def test_weather_has_the_clock_of_the_merged_tables(grid, region):
    ours = read_grid(grid / f"weather/{region}/2023.json.gz").readings
    merged = merged_of(grid, region)
    dry, wet = series(ours["dry_bulb_c"]), series(ours["wet_bulb_c"])
    common = merged.index.intersection(dry.index)
    assert len(common) >= 8755
    np.testing.assert_array_equal(dry[common], merged.loc[common, "temp_c"])
    # Stull's formula is within 1 K of the truth, and must not be the truth.
    difference = (wet[common] - merged.loc[common, "wet_bulb_c_stull"]).abs()
    assert 0.02 < difference.mean() < 0.5
    assert difference.max() < 1.5
    assert (wet <= dry).all()


def test_leesburg(grid):
    """Leesburg's own design conditions: 0.4 % of hours above 35.0 C dry bulb and 26.3 C wet bulb."""
    readings = read_grid(grid / "epw/USA_VA_Leesburg.Exec.epw.gz").readings
    dry, wet = series(readings["dry_bulb_c"]), series(readings["wet_bulb_c"])
    assert len(dry) == 8760
    assert dry["2001-01-01 05:00Z"] == 1.1  # hour 1 of UTC-5
    assert dry.quantile(0.996) == pytest.approx(35.0, abs=1.5)
    assert wet.quantile(0.996) == pytest.approx(26.3, abs=1.0)


def test_typical_year_of_epw_needs_no_flag(grid):
    signal, notes = read_signal(
        grid / "epw/NLD_Amsterdam062400_IWEC.epw.gz", "dry_bulb_c", datetime(2028, 1, 1, tzinfo=UTC), 366 * DAY_S
    )
    assert len(signal.values) == 366 * 24
    assert signal.at(0.0) == 4.6  # hour 2 of UTC+1
    assert not [what for what in notes if "absent" in what]
    february_28, march_1 = 58 * DAY_S, 60 * DAY_S
    assert signal.mean(february_28, february_28 + DAY_S) == signal.mean(february_28 + DAY_S, march_1)


def test_typical_year_keeps_month_day_and_hour(grid):
    file = read_grid(prices_of(grid, "US-MIDA-PJM"))
    then, _ = file.signal("price_usd_per_mwh", datetime(2023, 7, 1, tzinfo=UTC), 30 * DAY_S)
    now, _ = file.signal("price_usd_per_mwh", datetime(2026, 7, 1, tzinfo=UTC), 30 * DAY_S, typical_year=True)
    np.testing.assert_array_equal(then.values, now.values)
    whole, notes = file.signal("price_usd_per_mwh", datetime(2026, 1, 1, tzinfo=UTC), 365 * DAY_S, typical_year=True)
    assert notes[ABSENT] == 24  # the publisher's missing last day
    assert whole.times_s[0] <= 0.0

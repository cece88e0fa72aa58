"""The climatology against the hours of 2023 from which it was derived, over many generated years."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from gpusim import rng
from gpusim.errors import GpusimError
from gpusim.inputs.climatology import climate_signals, regions, sources, usual_price
from gpusim.inputs.grid import read_grid
from gpusim.inputs.grid.currency import USD_PER_EUR
from gpusim.inputs.published import SERIES, published, weather_means
from gpusim.inputs.weather import humidity_ratio, saturated_pa

START = datetime(2023, 1, 1, tzinfo=UTC)
YEAR_S = 8760 * 3600.0
QUANTITIES = ("price_usd_per_mwh", "carbon_g_per_kwh", "dry_bulb_c", "wet_bulb_c")
DERIVED = ("US-TEX-ERCO", "US-CAL-CISO", "US-MIDA-PJM", "US-NY-NYIS", "GB", "DE-LU")
HOURS = pd.date_range("2023-01-01", periods=8760, freq="h")
CELLS = [HOURS.month, HOURS.hour]


def year(region, seed=0, start=START, duration_s=YEAR_S):
    return climate_signals(region, start, duration_s, rng.stream(seed, "climate", region))


def generated(region, years=24) -> list[pd.DataFrame]:
    signals = [year(region, seed)._asdict() for seed in range(years)]
    return [pd.DataFrame({name: signal.values[:8760] for name, signal in s.items()}, index=HOURS) for s in signals]


@pytest.fixture(scope="module", params=DERIVED)
def case(request, data_folder):
    """Region, hours of 2023 without spikes of prices, and generated years."""
    readings = read_grid(data_folder / f"grid/merged/{request.param}_2023.csv.gz").readings
    frame = pd.DataFrame({name: pd.Series(r.values, index=pd.DatetimeIndex(r.moments)) for name, r in readings.items()})
    prices = frame["price_usd_per_mwh"]
    frame["price_usd_per_mwh"] = prices.clip(*prices.quantile([0.005, 0.995]))
    return request.param, frame.reindex(HOURS), generated(request.param)


def test_mean_of_each_month_and_hour(case):
    """288 means over 24 years: each within 1 spread of its days, half of them within 0.2."""
    region, truth, years = case
    expected = truth.groupby(CELLS).mean()
    ours = pd.concat(years).groupby([np.tile(CELLS[0], 24), np.tile(CELLS[1], 24)]).mean()
    spread = (truth - truth.groupby(CELLS).transform("mean")).groupby(CELLS).std()
    off = ((ours - expected) / spread).abs()
    for name in QUANTITIES:
        assert off[name].median() < 0.2, (region, name)
        assert off[name].max() < 1.0, (region, name)


def test_mean_of_the_year(case):
    """Price and carbon within 4 % (two standard errors of 24 years of the most persistent one), temperatures 0.2 K."""
    _, truth, years = case
    ours, expected = pd.concat(years).mean(), truth.mean()
    assert ours["price_usd_per_mwh"] == pytest.approx(expected["price_usd_per_mwh"], rel=0.04)
    assert ours["carbon_g_per_kwh"] == pytest.approx(expected["carbon_g_per_kwh"], rel=0.04)
    assert ours["dry_bulb_c"] == pytest.approx(expected["dry_bulb_c"], abs=0.2)
    assert ours["wet_bulb_c"] == pytest.approx(expected["wet_bulb_c"], abs=0.2)


def test_spread_and_persistence(case):
    """Standard deviation around month x hour means within 15 % (25 % for Texan prices), autocorrelation within 0.07."""
    region, truth, years = case
    around = [frame - frame.groupby(CELLS).transform("mean") for frame in (truth, *years)]
    for name in QUANTITIES:
        expected, *ours = (anomaly[name] for anomaly in around)
        tolerance = 0.25 if (region, name) == ("US-TEX-ERCO", "price_usd_per_mwh") else 0.15
        assert np.mean([a.std() for a in ours]) == pytest.approx(expected.std(), rel=tolerance), name
        assert np.mean([a.autocorr(1) for a in ours]) == pytest.approx(expected.autocorr(1), abs=0.07), name


def test_range_and_negative_prices(case):
    """Nothing beyond what 2023 saw; negative prices where 2023 had some, within a factor of 2.5."""
    region, truth, years = case
    ours = pd.concat(years)
    assert (ours.min() >= truth.min() - 0.01).drop("wet_bulb_c").all()
    assert (ours.max() <= truth.max() + 0.01).all()
    negative, expected = (ours["price_usd_per_mwh"] < 0).mean(), (truth["price_usd_per_mwh"] < 0).mean()
    if region in ("US-CAL-CISO", "GB", "DE-LU"):
        assert expected / 2.5 < negative < expected * 2.5
    else:
        assert negative == 0.0


def test_wet_bulb_below_dry_bulb():
    for region in regions():
        signals = year(region)
        assert (signals.wet_bulb_c.values <= signals.dry_bulb_c.values).all()


def test_same_seed_same_bytes_other_seed_other_weather():
    one, same, other = year("GB", 1), year("GB", 1), year("GB", 2)
    for a, b, c in zip(one, same, other):
        assert a.values.tobytes() == b.values.tobytes()
        assert a.values.tobytes() != c.values.tobytes()


def test_regions_are_independent():
    """Anomalies of two regions are uncorrelated over 6 years."""
    for first, second in (("US-TEX-ERCO", "US-CAL-CISO"), ("SE-SE1", "NO-NO4")):
        pairs = []
        for seed in range(6):
            a, b = (pd.Series(year(r, seed).carbon_g_per_kwh.values[:8760], index=HOURS) for r in (first, second))
            pairs.append(np.corrcoef(*(x - x.groupby(CELLS).transform("mean") for x in (a, b)))[0, 1])
        assert abs(np.mean(pairs)) < 0.1


@pytest.mark.parametrize("region", ["NO-NO4", "FI", "US-MIDW-MISO", "US-CENT-SWPP", "US-NW-PACW"])
def test_regions_by_means_have_the_published_ones(region):
    """Of the year within 4 %, each month within 0.15 of the year's mean; days and seasons are the region's own."""
    hours, table = pd.concat(generated(region, 12)), published()[region]
    for kind, name in SERIES.items():
        mean = table[kind]["mean"]
        assert hours[name].mean() == pytest.approx(mean, rel=0.04), kind
        months = np.array(table[kind]["months"]) / np.mean(table[kind]["months"])
        assert hours[name].groupby(hours.index.month).mean().to_numpy() / mean == pytest.approx(months, abs=0.15), kind
    if table["price"]["negative"] > 0.0:
        assert (hours["price_usd_per_mwh"] < 0.0).mean() == pytest.approx(table["price"]["negative"], abs=0.025)


def test_no_region_is_another_scaled():
    """Month x hour medians of no two regions are proportional, but of zones with one source for both."""
    one_source = {frozenset(pair) for pair in (("DK-DK1", "DK-DK2"), ("NO-NO4", "SE-SE1"), ("US-NW-NEVP", "US-SW-EPE"))}
    medians = pd.read_csv(files("gpusim.inputs") / "climate" / "medians.csv")
    prices = {region: rows["price_usd_per_mwh"].to_numpy() for region, rows in medians.groupby("region")}
    for first, second in combinations(prices, 2):
        if frozenset((first, second)) not in one_source and "AE" not in (first, second):
            assert np.corrcoef(prices[first], prices[second])[0, 1] < 0.985, (first, second)


@pytest.mark.parametrize("region", ["ES", "FR", "NL"])
def test_hourly_prices_where_there_are_some(region, data_folder):
    """Means of months of 2023 within 0.15 of the year's mean, hours of the day within 0.05."""
    name = f"grid/electricity_prices/processed/{region}/2023/{region}_electricity_prices_2023.csv.gz"
    reading = read_grid(data_folder / name).readings["price_usd_per_mwh"]
    truth = pd.Series(reading.values, index=pd.DatetimeIndex(reading.moments)).reindex(HOURS)
    truth = truth.clip(*truth.quantile([0.005, 0.995]))
    ours = pd.concat(generated(region))["price_usd_per_mwh"]
    for by, within in (("month", 0.15), ("hour", 0.05)):
        expected, found = (x.groupby(getattr(x.index, by)).mean() / truth.mean() for x in (truth, ours))
        assert found.to_numpy() == pytest.approx(expected.to_numpy(), abs=within), by


def test_each_region_has_its_sources():
    """A row for price, carbon and weather of each, with the mean of its typical year, an interval unless hourly."""
    rows = sources()
    assert [(row["region"], row["quantity"]) for row in rows] == [
        (region, quantity) for region in regions() for quantity in ("price", "carbon", "weather")
    ]
    assert {row["basis"] for row in rows} == {"hourly", "published", "derived", "assumption"}
    for row in rows:
        assert row["source"], row
        assert bool(row["within"]) == (row["basis"] != "hourly"), row
        if row["quantity"] == "price":
            assert float(row["mean"]) == pytest.approx(usual_price(row["region"]), abs=0.06)


MARKETS = ("US-MIDW-MISO", "US-CENT-SWPP", "US-SE-SOCO", "US-NW-PACW", "US-NW-NEVP", "US-SW-EPE")
NORDIC = ("NO-NO1", "NO-NO2", "NO-NO4", "SE-SE1", "SE-SE3", "SE-SE4", "DK-DK1", "DK-DK2", "FI")


def test_prices_and_carbon_of_markets_are_found_not_assumed():
    """Those of MISO, SPP, the Southeast, the West and the Nordic zones; of the US their subregion's by the EPA."""
    found = {(row["region"], row["quantity"]): row for row in sources()}
    for region in MARKETS + NORDIC:
        for quantity in ("price", "carbon"):
            assert found[region, quantity]["basis"] in ("published", "derived"), (region, quantity)
    assert all("eGRID2023" in found[region, "carbon"]["source"] for region in MARKETS)


def test_weather_of_a_region_by_means():
    """Mean daily high, low and humidity are those published: worked back from the means of hours."""
    dry, wet = weather_means("US-CENT-SWPP")
    table = published()["US-CENT-SWPP"]["weather"]
    assert dry.max(axis=1) == pytest.approx(np.array(table["high_c"]), abs=0.1)
    assert dry.min(axis=1) == pytest.approx(np.array(table["low_c"]), abs=0.1)
    assert dry[6].argmax() in (20, 21)  # UTC: 15 h at UTC-6
    assert dry[6].argmin() in (10, 11)
    middle = (np.array(table["high_c"]) + table["low_c"]) / 2.0
    vapour_pa = 101_325.0 * humidity_ratio(dry, wet) / (0.621945 + humidity_ratio(dry, wet))
    humid = vapour_pa.max(axis=1) / saturated_pa(middle)
    assert humid == pytest.approx(np.array(table["humidity"]), abs=0.02)


def test_recalled_weather_was_checked():
    """The year's mean of what is an assumption, and of all else found, within its interval of that found elsewhere."""
    tables = {region: table["weather"] for region, table in published().items() if "weather" in table}
    assert all("found_c" in weather for weather in tables.values() if weather["basis"] == "assumption")
    for region, weather in tables.items():
        if "found_c" in weather:
            mean_c = np.mean([weather["high_c"], weather["low_c"]])
            within = weather["within"] if weather["basis"] == "assumption" else 0.3
            assert mean_c == pytest.approx(weather["found_c"] + weather.get("warmed_k", 0.0), abs=within), region


def test_start_within_an_hour():
    """A run that starts at 12:30 finds the value of noon, and the next at 13:00."""
    signals = year("GB", start=datetime(2026, 7, 1, 12, 30, tzinfo=UTC), duration_s=7200.0)
    assert signals.dry_bulb_c.times_s.tolist() == [-1800.0, 1800.0, 5400.0]


def test_texas_is_hottest_and_costliest_when_it_should_be():
    """Independent of the files: costliest at 23 h or 0 h UTC (19 h local), July warmer than January by 18 to 24 K."""
    hours = pd.concat(generated("US-TEX-ERCO", 12))
    assert hours["price_usd_per_mwh"].groupby(hours.index.hour).mean().idxmax() in (21, 22, 23, 0)
    by_month = hours["dry_bulb_c"].groupby(hours.index.month).mean()
    assert 18.0 < by_month[7] - by_month[1] < 24.0


def test_unknown_region():
    with pytest.raises(GpusimError, match="unknown region 'US-TEX-ERC'.*did you mean 'US-TEX-ERCO'"):
        year("US-TEX-ERC")


def test_exchange_rate_of_the_tables():
    """German prices of 2023 averaged 95.19 EUR/MWh; without spikes 0.1 % more."""
    ours = pd.concat(generated("DE-LU", 24))["price_usd_per_mwh"].mean()
    assert ours == pytest.approx(95.19 * USD_PER_EUR[2023], rel=0.02)

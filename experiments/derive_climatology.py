"""Derive the built-in climatology from hourly data of 2023: ``python experiments/derive_climatology.py DATA_FOLDER``.

Reads DATA_FOLDER/grid/merged/REGION_2023.csv.gz (UTC; carbon from Electricity Maps, prices from the ISOs and
ENTSO-E, weather from Open-Meteo; wet bulb by psychrolib) and writes to gpusim/inputs/climate/:

- medians.csv: median of each month x hour;
- spreads.csv: spread around these by month; persistence from hour to hour, range, mean and form of each quantity;
- sources.csv: of each region's price, carbon and weather, whether it is known by the hour or by its means, and whence.

Of the Netherlands, France and Spain it reads what hourly data there are. The rest, and all of the other regions, is
what gpusim/inputs/climate/published.toml says of their means.

Values are normal around their medians, or, where the anomalies are skewed as those of US prices are, lognormal above
the least value. They stay in the range seen in 2023. This would shift the means (of Texan prices by two thirds), so
the medians are chosen such that each month x hour keeps its mean.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd

from gpusim.inputs.climatology import values_of
from gpusim.inputs.grid import read_grid
from gpusim.inputs.published import SERIES, published, series_means, weather_means

REGIONS = ("US-TEX-ERCO", "US-CAL-CISO", "US-MIDA-PJM", "US-NY-NYIS", "GB", "DE-LU")
PARTLY = ("NL", "FR", "ES")  # hourly data of some quantities
HOURLY = {
    "price": "hours of 2023: the ISOs by gridstatus, ENTSO-E by RTE (sustain-cluster)",
    "carbon": "hours of 2023, direct: Electricity Maps",
    "weather": "hours of 2023: Open-Meteo",
}
HOURLY_TOO = {
    ("NL", "carbon"): "hours of 2023, direct: OpenDC from ENTSO-E",
    ("NL", "weather"): "hours of a typical year: Amsterdam, IWEC (ASHRAE)",
    ("FR", "carbon"): "hours of 2022: OpenDC from ENTSO-E, scaled to the mean of 2024 (Our World in Data, from Ember)",
}
UNITS = {"price": "USD/MWh", "carbon": "g/kWh", "weather": "C"}
FRENCH_CARBON = 44.0  # [g/kWh] mean of 2024 (Our World in Data, from Ember), with the hours of 2022
PRICE_PERSISTENCE = 0.5 ** (1.0 / 8.0)  # half-life of 8 h: an assumption, of regions without hourly prices
# Of carbon and weather: middle of the six regions with hourly data.
CARBON_PERSISTENCE, DRY_PERSISTENCE, WET_PERSISTENCE = 0.979, 0.981, 0.989
WET_OVER_DRY = 0.95  # spread of the wet bulb over that of the dry one, likewise
HOURS = pd.date_range("2023-01-01", periods=8760, freq="h")
MOST_NORMAL_SKEWNESS = 2.0  # that of an exponential distribution
QUANTILES = np.array([NormalDist().inv_cdf((i + 0.5) / 1000) for i in range(1000)])


def hourly(path: Path) -> pd.DataFrame:
    """One column per quantity, indexed by the hours of 2023 (UTC); NaN where the data lack one.

    Prices are cut at their 0.5 and 99.5 percentiles: spikes of scarcity would swamp the mean of an hour.
    """
    readings = read_grid(path).readings
    frame = pd.DataFrame({name: pd.Series(r.values, index=pd.DatetimeIndex(r.moments)) for name, r in readings.items()})
    prices = frame["price_usd_per_mwh"]
    return frame.assign(price_usd_per_mwh=prices.clip(*prices.quantile([0.005, 0.995]))).reindex(HOURS)


def partly(grid: Path, region: str) -> pd.DataFrame:
    """The same of a region that has hourly data of some quantities only."""
    prices = grid / f"electricity_prices/processed/{region}/2023/{region}_electricity_prices_2023.csv.gz"
    if region == "NL":
        weather = read_grid(grid / "epw" / "NLD_Amsterdam062400_IWEC.epw.gz").readings  # a typical year
        by_hour = {name: pd.Series(r.values, index=_in_2023(r.moments)) for name, r in weather.items()}
        return hourly(grid / "merged" / "NL_2023.csv.gz").assign(**by_hour)
    found = hourly(prices)
    if region == "FR":
        carbon = read_grid(grid / "opendc" / "2022-01-01_2022-12-31_FR.parquet").readings["carbon_g_per_kwh"]
        of_2022 = pd.Series(carbon.values * FRENCH_CARBON / carbon.values.mean(), index=_in_2023(carbon.moments))
        found = found.assign(carbon_g_per_kwh=of_2022)
    return found


def _in_2023(moments: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([moment.replace(year=2023) for moment in pd.DatetimeIndex(moments)])


def derive(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Month x hour medians of one region, and what else describes each quantity, by month."""
    month = frame.index.month.rename("month")
    key = [month, frame.index.hour.rename("hour")]
    means = frame.groupby(key).mean()
    anomaly = frame - frame.groupby(key).transform("mean")
    medians, spreads = means.copy(), []
    for name in frame:
        least, greatest = frame[name].min(), frame[name].max()
        persistence, skewed = anomaly[name].autocorr(1), anomaly[name].skew() > MOST_NORMAL_SKEWNESS
        spread = anomaly[name].groupby(month).std(ddof=0) / np.sqrt(1.0 - _lost_share(persistence))
        medians[name], rows = _described(means[name], spread, persistence, least, greatest, skewed)
        spreads += rows
    return _tables(medians, spreads)


def derive_published(region: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same of what is published of a region."""
    index = pd.MultiIndex.from_product([range(1, 13), range(24)], names=["month", "hour"])
    table, medians, spreads = published()[region], pd.DataFrame(index=index), []
    for kind in SERIES:
        if kind in table:
            means = pd.Series(series_means(region, kind).ravel(), index=index, name=SERIES[kind])
            spread = table[kind]["spread"] * means.groupby("month").mean()
            persistence = PRICE_PERSISTENCE if kind == "price" else CARBON_PERSISTENCE
            rest = (table[kind]["least"], table[kind]["greatest"], table[kind].get("skewed", False))
            medians[means.name], rows = _described(means, spread, persistence, *rest)
            spreads += rows
    if "weather" in table:
        dry, wet = (pd.Series(values.ravel(), index=index) for values in weather_means(region))
        january_k, july_k = table["weather"]["spread_k"]
        turn = (1.0 + np.cos(2.0 * np.pi * np.arange(12) / 12.0)) / 2.0
        spread = pd.Series(july_k + (january_k - july_k) * turn, index=pd.RangeIndex(1, 13, name="month"))
        least, greatest = table["weather"]["least_c"], table["weather"]["greatest_c"]
        wettest = wet.max() + 2.0 * WET_OVER_DRY * july_k
        for name, means, share, persistence, most in (
            ("dry_bulb_c", dry, 1.0, DRY_PERSISTENCE, greatest),
            ("wet_bulb_c", wet, WET_OVER_DRY, WET_PERSISTENCE, min(wettest, greatest)),
        ):
            named = means.rename(name)
            medians[name], rows = _described(named, share * spread, persistence, least, most, skewed=False)
            spreads += rows
    return _tables(medians, spreads)


def _described(
    means: pd.Series, spread: pd.Series, persistence: float, least: float, greatest: float, skewed: bool
) -> tuple[np.ndarray, list[tuple]]:
    """Medians by month and hour, and the rows of spreads.csv, of a quantity with these means and spreads by month."""
    if skewed:
        level = ((means - least) ** 2).groupby("month").mean()
        variance = np.log1p(spread**2 / level)
        persistence = _of_logarithm(persistence, variance.to_numpy(), level.to_numpy())
        spread = np.sqrt(variance)
    of_cell = spread.reindex(means.index.get_level_values("month")).to_numpy()
    medians = _medians(means.to_numpy(), of_cell, least, greatest, skewed)
    rest = (persistence, least, greatest, means.mean(), int(skewed))
    return medians, [(means.name, m, value, *rest) for m, value in spread.items()]


def _tables(medians: pd.DataFrame, spreads: list[tuple]) -> tuple[pd.DataFrame, pd.DataFrame]:
    columns = ["quantity", "month", "spread", "persistence", "least", "greatest", "mean", "skewed"]
    return medians.round(2).reset_index(), pd.DataFrame(spreads, columns=columns).round(4)


def _lost_share(persistence: float, days: int = 30) -> float:
    """Share of its variance that an autoregressive series loses when the mean of each hour of a month is taken off.

    It is the variance of that mean: the mean correlation of ``days`` values a day apart.
    """
    apart = np.abs(np.subtract.outer(np.arange(days), np.arange(days)))
    return float((persistence ** (24.0 * apart)).mean())


def _of_logarithm(persistence: float, variance: np.ndarray, level: np.ndarray) -> float:
    """Persistence of the logarithm with which the lognormal has ``persistence``; shapes (12,).

    Covariance of two lognormals of mean 1 whose logarithms have variance v and correlation r: exp(r v) - 1.
    """
    candidates = np.linspace(0.0, 1.0, 10_001)
    covariance = (level * np.expm1(np.outer(candidates, variance))).sum(axis=1)
    return float(np.interp(persistence, covariance / covariance[-1], candidates))


def _medians(means: np.ndarray, spread: np.ndarray, least: float, greatest: float, skewed: bool) -> np.ndarray:
    """Medians with which values in [least, greatest] have ``means``, by bisection; shapes (cells,)."""
    width = greatest - least
    low = np.full(len(means), least if skewed else least - 5.0 * width)
    high = np.full(len(means), greatest + 5.0 * width)
    for _ in range(60):
        middle = (low + high) / 2.0
        values = values_of(middle[:, None], spread[:, None], QUANTILES, least, greatest, skewed)
        below = values.mean(axis=1) < means
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return middle


def main(data: Path) -> None:
    """Write the tables of all regions."""
    grid = data / "grid"
    folder = Path(__file__).parent.parent / "gpusim" / "inputs" / "climate"
    found = {region: derive(hourly(grid / "merged" / f"{region}_2023.csv.gz")) for region in REGIONS}
    for region in PARTLY:
        hours, means = derive(partly(grid, region)), derive_published(region) if region in published() else None
        found[region] = _beside(hours, means) if means else hours
    found |= {region: derive_published(region) for region in published() if region not in found}
    medians = [median.assign(region=region) for region, (median, _spread) in found.items()]
    spreads = [spread.assign(region=region) for region, (_median, spread) in found.items()]
    pd.concat(medians)[list(medians[0])].to_csv(folder / "medians.csv", index=False)
    pd.concat(spreads).to_csv(folder / "spreads.csv", index=False)
    pd.DataFrame(_sources(found)).to_csv(folder / "sources.csv", index=False)
    print(f"{len(found)} regions written to {folder}")


def _sources(found: dict[str, tuple[pd.DataFrame, pd.DataFrame]]) -> list[dict[str, object]]:
    """A row per region and kind: mean of the typical year, basis, interval and source."""
    rows = []
    for region, (_median, spread) in found.items():
        means = spread.groupby("quantity")["mean"].first()
        for kind, unit in UNITS.items():
            mean = round(float(means[SERIES.get(kind, "dry_bulb_c")]), 1)
            row = {"region": region, "quantity": kind, "mean": mean, "unit": unit}
            table = published().get(region, {}).get(kind)
            if table is None:
                source = HOURLY_TOO.get((region, kind), HOURLY[kind])
                rows.append(row | {"basis": "hourly", "within": "", "source": source})
            else:
                within = f"{table['within']:g} K" if kind == "weather" else f"{table['within']:.0%}"
                source = f"{table['place']}, {table['source']}" if "place" in table else table["source"]
                rows.append(row | {"basis": table["basis"], "within": within, "source": source})
    return rows


def _beside(hours: tuple[pd.DataFrame, ...], means: tuple[pd.DataFrame, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of quantities known by the hour and of those known by their means."""
    return hours[0].merge(means[0], on=["month", "hour"]), pd.concat([hours[1], means[1]])


if __name__ == "__main__":
    main(Path(sys.argv[1]))

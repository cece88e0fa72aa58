"""Derive the built-in climatology from hourly data of 2023: ``python experiments/derive_climatology.py DATA_FOLDER``.

Reads DATA_FOLDER/grid/merged/REGION_2023.csv.gz (UTC; carbon from Electricity Maps, prices from the ISOs and
ENTSO-E, weather from Open-Meteo; wet bulb by psychrolib) and writes to gpusim/inputs/climate/:

- medians.csv: median of each month x hour;
- spreads.csv: spread around these by month; persistence from hour to hour, range, mean and form of each quantity.

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

REGIONS = ("US-TEX-ERCO", "US-CAL-CISO", "US-MIDA-PJM", "US-NY-NYIS", "GB", "DE-LU")
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
        if skewed:
            level = ((means[name] - least) ** 2).groupby("month").mean()
            variance = np.log1p(spread**2 / level)
            persistence = _of_logarithm(persistence, variance.to_numpy(), level.to_numpy())
            spread = np.sqrt(variance)
        of_cell = spread.reindex(means.index.get_level_values("month")).to_numpy()
        medians[name] = _medians(means[name].to_numpy(), of_cell, least, greatest, skewed)
        rest = (persistence, least, greatest, means[name].mean(), int(skewed))
        spreads += [(name, m, value, *rest) for m, value in spread.items()]
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
    folder = Path(__file__).parent.parent / "gpusim" / "inputs" / "climate"
    folder.mkdir(exist_ok=True)
    medians, spreads = [], []
    for region in REGIONS:
        median, spread = derive(hourly(data / "grid" / "merged" / f"{region}_2023.csv.gz"))
        medians.append(median.assign(region=region))
        spreads.append(spread.assign(region=region))
    pd.concat(medians).to_csv(folder / "medians.csv", index=False)
    pd.concat(spreads).to_csv(folder / "spreads.csv", index=False)
    print(f"{len(REGIONS)} regions written to {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

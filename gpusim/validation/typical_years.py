"""Typical years of regions known by their means only, beside what is published of these."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from gpusim.inputs.climatology import climate_signals
from gpusim.inputs.published import day_profile, published
from gpusim.units import DAY_S
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import stream

START = datetime(2023, 1, 1, tzinfo=UTC)
MONTH = (np.datetime64("2023-01-01T00", "h") + np.arange(8760)).astype("datetime64[M]").astype(int) % 12
YEARS = 24
JANUARY, JULY = 0, 6
# Relative for means of the year; shares of that mean for means of months, whose anomalies last for days; relative for
# the dearest hour over the cheapest; absolute for the share of hours with negative prices; of the mean of the year for
# percentiles of prices, as one spread serves all months; of the spread for temperatures: three standard errors of 24
# months, whose hours are as good as 7 independent ones each.
OF_YEAR, OF_MONTH, OF_HOURS, OF_NEGATIVE, OF_PERCENTILE, OF_SPREAD = 0.04, 0.15, 0.15, 0.025, 0.15, 0.23
PERCENTILES = (5.0, 50.0, 95.0)


def regions_by_means(effort: Effort) -> Iterator[Row]:
    """66: prices, carbon and weather of generated years, by year, month and hour."""
    years = effort.runs(YEARS)
    for region, table in published().items():
        if "price" in table:
            yield from _prices(region, table, _generated(region, "price_usd_per_mwh", years), effort)
        if "carbon" in table:
            carbon = _generated(region, "carbon_g_per_kwh", years)
            mean = table["carbon"]["mean"]
            yield Row(66, f"{region} carbon [g/kWh]", mean, float(carbon.mean()), effort.widen(OF_YEAR))
        dry = _generated(region, "dry_bulb_c", years)
        weather = table["weather"]
        for (month, name), spread_k in zip(((JANUARY, "January"), (JULY, "July")), weather["spread_k"], strict=True):
            normal_c = (weather["high_c"][month] + weather["low_c"][month]) / 2.0
            off = (float(dry[:, MONTH == month].mean()) - normal_c) / spread_k
            yield Row(66, f"{region} {name}, off its normal, in spreads", 0.0, off, effort.widen(OF_SPREAD))
        if "found_c" in weather:
            off_k = float(dry.mean()) - weather["found_c"] - weather.get("warmed_k", 0.0)
            yield Row(66, f"{region} temperature, off the year found [K]", 0.0, off_k, effort.widen(weather["within"]))


def _prices(region: str, table: dict, hours: np.ndarray, effort: Effort) -> Iterator[Row]:
    """Mean of the year, the farthest month, the course of the day, negative hours, and percentiles where known."""
    price = table["price"]
    yield Row(66, f"{region} price [USD/MWh]", price["mean"], float(hours.mean()), effort.widen(OF_YEAR))
    months = np.array(price["months"], dtype=float)
    ours = np.array([hours[:, MONTH == month].mean() for month in range(12)]) / price["mean"]
    off = ours - months / months.mean()
    farthest = float(off[np.abs(off).argmax()])
    yield Row(66, f"{region} price, farthest month, of the mean", 0.0, farthest, effort.widen(OF_MONTH))
    profile = day_profile(price["day"], price.get("depth", 1.0))[JULY]
    local = np.roll(hours[:, MONTH == JULY].reshape(len(hours), 31, 24).mean(axis=(0, 1)), table["utc_h"])
    expected, found = profile.max() / profile.min(), local[profile.argmax()] / local[profile.argmin()]
    yield Row(66, f"{region} price, July's dearest hour over the cheapest", expected, found, effort.widen(OF_HOURS))
    off = float((hours < 0.0).mean()) - price["negative"]
    yield Row(66, f"{region} hours of negative prices, off", 0.0, off, effort.widen(OF_NEGATIVE))
    for percent, known in zip(PERCENTILES, price.get("percentiles", ()), strict=False):
        off = (float(np.percentile(hours, percent)) - known) / price["mean"]
        yield Row(66, f"{region} price, {percent:.0f}th percentile, of the mean", 0.0, off, effort.widen(OF_PERCENTILE))


def _generated(region: str, quantity: str, years: int) -> np.ndarray:
    """Hourly values of generated years, shape (years, 8760)."""
    made = [climate_signals(region, START, 365 * DAY_S, stream("years", region, i)) for i in range(years)]
    return np.stack([getattr(signals, quantity).values[:8760] for signals in made])

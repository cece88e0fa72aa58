"""Price, carbon and weather of a typical year per region: the default where no file is given.

Month x hour medians with a first-order autoregressive anomaly: normal, or lognormal where 2023 was strongly skewed, in
the range that 2023 had, with its means. All figures are derived from hourly data by
``experiments/derive_climatology.py``; regions without such data are variants of one that has them, scaled to
published yearly means, and marked as assumptions. Spikes of scarcity are not modelled.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.errors import GpusimError, did_you_mean
from gpusim.inputs.signals import Signal
from gpusim.units import HOUR_S


class SiteSignals(NamedTuple):
    """What a site's surroundings do over time."""

    price_usd_per_mwh: Signal
    carbon_g_per_kwh: Signal
    dry_bulb_c: Signal
    wet_bulb_c: Signal


class _Variant(NamedTuple):
    """An assumed region: another's shape with these yearly means [USD/MWh, g/kWh] and this much colder [K]."""

    like: str
    price: float
    carbon: float
    colder_k: float


# Assumptions. Prices and carbon of 2024 as published (ENTSO-E averages quoted by ffe.de; Ember; Our World in Data);
# hour and season shapes and weather are those of the region named, shifted. Of the US, recalled: real-time means of
# MISO and SPP and of the hubs Mid-Columbia, Palo Verde and Mead in 2024, system lambda of Southern; emissions of eGRID
# 2023's subregions MROW, SPSO, NWPP, AZNM and SRSO. Of Nordic zones, recalled: day-ahead means of 2024 (Nord Pool) at
# 1.08 USD per EUR. The Emirates, recalled: a tariff of industry; carbon of 2024 by Ember.
_VARIANTS = {
    "NO-NO4": _Variant("DE-LU", 24.0, 30.0, 8.0),
    "NO-NO2": _Variant("DE-LU", 54.0, 30.0, 3.0),
    "SE-SE1": _Variant("DE-LU", 24.0, 40.0, 9.0),
    "SE-SE3": _Variant("DE-LU", 39.0, 40.0, 3.0),
    "SE-SE4": _Variant("DE-LU", 54.0, 40.0, 2.0),
    "NO-NO1": _Variant("DE-LU", 45.0, 30.0, 4.0),
    "DK-DK1": _Variant("DE-LU", 76.0, 130.0, 1.0),
    "DK-DK2": _Variant("DE-LU", 77.0, 130.0, 1.0),
    "FI": _Variant("DE-LU", 49.0, 60.0, 6.0),
    "IE": _Variant("GB", 118.0, 280.0, 1.0),
    "ES": _Variant("US-CAL-CISO", 68.0, 146.0, 0.0),
    "FR": _Variant("DE-LU", 62.0, 40.0, -1.0),
    "NL": _Variant("DE-LU", 83.0, 290.0, 1.0),
    "AE": _Variant("US-TEX-ERCO", 75.0, 390.0, -8.0),
    "US-MIDW-MISO": _Variant("US-MIDA-PJM", 31.0, 420.0, 3.0),
    "US-CENT-SWPP": _Variant("US-TEX-ERCO", 28.0, 395.0, 5.0),
    "US-NW-PACW": _Variant("US-CAL-CISO", 55.0, 285.0, 4.0),
    "US-NW-NEVP": _Variant("US-CAL-CISO", 40.0, 345.0, -4.0),
    "US-SW-EPE": _Variant("US-TEX-ERCO", 37.0, 345.0, 2.0),
    "US-SE-SOCO": _Variant("US-MIDA-PJM", 31.0, 390.0, -4.0),
}


class _Typical(NamedTuple):
    """A quantity in a typical year of a region."""

    median: np.ndarray  # by month and hour, shape (12, 24)
    spread: np.ndarray  # by month
    mean: float  # of the year
    persistence: float
    least: float
    greatest: float
    skewed: bool


@cache
def _tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    folder = files("gpusim.inputs") / "climate"
    with (folder / "medians.csv").open() as medians, (folder / "spreads.csv").open() as spreads:
        return pd.read_csv(medians), pd.read_csv(spreads)


@cache
def _typical(region: str) -> dict[str, _Typical]:
    """By quantity; of a region that has tables of its own."""
    medians, spreads = (table[table["region"] == region] for table in _tables())
    medians = medians.sort_values(["month", "hour"])
    found = {}
    for name in SiteSignals._fields:
        of_month = spreads[spreads["quantity"] == name].sort_values("month")
        fixed = of_month.iloc[0]
        found[name] = _Typical(
            medians[name].to_numpy().reshape(12, 24), of_month["spread"].to_numpy(), float(fixed["mean"]),
            float(fixed["persistence"]), float(fixed["least"]), float(fixed["greatest"]), bool(fixed["skewed"]),
        )  # fmt: skip
    return found


@cache
def regions() -> tuple[str, ...]:
    """Names of all regions, derived and assumed."""
    return (*_tables()[0]["region"].unique(), *_VARIANTS)


def usual_price(region: str) -> float:
    """[USD/MWh] Mean price of the typical year of a region."""
    variant = _VARIANTS.get(region)
    return variant.price if variant else _typical(region)["price_usd_per_mwh"].mean


def climate_signals(region: str, start: datetime, duration_s: float, rng: np.random.Generator) -> SiteSignals:
    """Hourly signals of a region from ``start`` (UTC) over ``duration_s`` [s].

    Raises
    ------
    GpusimError
        If the region is not known.
    """
    known = regions()
    if region not in known:
        raise GpusimError(f"unknown region {region!r}{did_you_mean(region, known)}; known: {', '.join(known)}")
    variant = _VARIANTS.get(region)
    typical = _typical(variant.like if variant else region)
    hours = int(np.ceil(duration_s / HOUR_S)) + 1
    first = start.replace(minute=0, second=0, microsecond=0)
    moments = pd.date_range(first, periods=hours, freq="h")
    month, hour = moments.month.to_numpy() - 1, moments.hour.to_numpy()
    times_s = np.arange(hours) * HOUR_S - (start - first).total_seconds()
    weather = rng.standard_normal(hours)  # dry and wet bulb share their anomaly
    values = {}
    for name, usual in typical.items():
        noise = weather if name.endswith("bulb_c") else rng.standard_normal(hours)
        z = _persistent(noise, usual.persistence)
        values[name] = values_of(
            usual.median[month, hour], usual.spread[month], z, usual.least, usual.greatest, usual.skewed
        )
    values["wet_bulb_c"] = np.minimum(values["wet_bulb_c"], values["dry_bulb_c"])
    signals = SiteSignals(**{name: Signal(times_s, series) for name, series in values.items()})
    return _vary(signals, variant, typical) if variant else signals


def values_of(
    median: np.ndarray, spread: np.ndarray, z: np.ndarray, least: float, greatest: float, skewed: bool
) -> np.ndarray:
    """Values for standard normal ``z``; arrays of one shape, or shapes that broadcast.

    Normal around ``median`` with standard deviation ``spread``; or, if ``skewed``, lognormal above ``least`` with
    standard deviation ``spread`` of the logarithm; in both cases within [least, greatest].
    """
    values = least + (median - least) * np.exp(spread * z) if skewed else median + spread * z
    return np.clip(values, least, greatest)


def _vary(signals: SiteSignals, variant: _Variant, typical: dict[str, _Typical]) -> SiteSignals:
    return SiteSignals(
        signals.price_usd_per_mwh.scaled(variant.price / typical["price_usd_per_mwh"].mean),
        signals.carbon_g_per_kwh.scaled(variant.carbon / typical["carbon_g_per_kwh"].mean),
        Signal(signals.dry_bulb_c.times_s, signals.dry_bulb_c.values - variant.colder_k),
        Signal(signals.wet_bulb_c.times_s, signals.wet_bulb_c.values - variant.colder_k),
    )


def _persistent(noise: np.ndarray, persistence: float) -> np.ndarray:
    """First-order autoregressive series of unit variance from independent unit noise."""
    shocks = np.append(noise[:1], np.sqrt(1.0 - persistence**2) * noise[1:])
    series = accumulate(shocks.tolist(), lambda value, shock: persistence * value + shock)
    return np.fromiter(series, float, len(noise))

"""Price, carbon and weather of a typical year per region: the default where no file is given.

Month x hour medians with a first-order autoregressive anomaly: normal, or lognormal where 2023 was strongly skewed, in
the range that 2023 had, with its means. ``experiments/derive_climatology.py`` derives all figures: from hourly data,
or, of regions without, from what is published of their means (climate/published.toml, each with source and interval).
Spikes of scarcity are not modelled.
"""

from __future__ import annotations

import csv
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


def sources() -> list[dict[str, str]]:
    """Of each region's price, carbon and weather: mean, basis ("hourly" data, or means that are "published",
    "derived" from such or an "assumption"), the interval of the mean, and source."""
    with (files("gpusim.inputs") / "climate" / "sources.csv").open() as file:
        return list(csv.DictReader(file))


@cache
def _typical(region: str) -> dict[str, _Typical]:
    """By quantity."""
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
    """Names of all regions."""
    return tuple(_tables()[0]["region"].unique())


def usual_price(region: str) -> float:
    """[USD/MWh] Mean price of the typical year of a region."""
    return _typical(region)["price_usd_per_mwh"].mean


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
    hours = int(np.ceil(duration_s / HOUR_S)) + 1
    first = start.replace(minute=0, second=0, microsecond=0)
    moments = pd.date_range(first, periods=hours, freq="h")
    month, hour = moments.month.to_numpy() - 1, moments.hour.to_numpy()
    times_s = np.arange(hours) * HOUR_S - (start - first).total_seconds()
    weather = rng.standard_normal(hours)  # dry and wet bulb share their anomaly
    values = {}
    for name, usual in _typical(region).items():
        noise = weather if name.endswith("bulb_c") else rng.standard_normal(hours)
        z = _persistent(noise, usual.persistence)
        values[name] = values_of(
            usual.median[month, hour], usual.spread[month], z, usual.least, usual.greatest, usual.skewed
        )
    values["wet_bulb_c"] = np.minimum(values["wet_bulb_c"], values["dry_bulb_c"])
    return SiteSignals(**{name: Signal(times_s, series) for name, series in values.items()})


def values_of(
    median: np.ndarray, spread: np.ndarray, z: np.ndarray, least: float, greatest: float, skewed: bool
) -> np.ndarray:
    """Values for standard normal ``z``; arrays of one shape, or shapes that broadcast.

    Normal around ``median`` with standard deviation ``spread``; or, if ``skewed``, lognormal above ``least`` with
    standard deviation ``spread`` of the logarithm; in both cases within [least, greatest].
    """
    values = least + (median - least) * np.exp(spread * z) if skewed else median + spread * z
    return np.clip(values, least, greatest)


def _persistent(noise: np.ndarray, persistence: float) -> np.ndarray:
    """First-order autoregressive series of unit variance from independent unit noise."""
    shocks = np.append(noise[:1], np.sqrt(1.0 - persistence**2) * noise[1:])
    series = accumulate(shocks.tolist(), lambda value, shock: persistence * value + shock)
    return np.fromiter(series, float, len(noise))

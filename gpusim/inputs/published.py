"""What is published of regions without hourly data, as means by month and hour (climate/published.toml)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from gpusim.inputs.weather import SEA_LEVEL_PA, saturated_pa, wet_bulb_c

COLDEST_H, WARMEST_H = 5.0, 15.0  # local standard time, between which temperatures follow half a cosine
SUMMER = slice(3, 9)  # April to September
SERIES = {"price": "price_usd_per_mwh", "carbon": "carbon_g_per_kwh"}


@cache
def published() -> dict[str, dict[str, Any]]:
    """Tables of all regions of the file, in its order."""
    tables = dict(_file())
    del tables["days"]
    return tables


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads((files("gpusim.inputs") / "climate" / "published.toml").read_text(encoding="utf-8"))


def series_means(region: str, kind: str) -> np.ndarray:
    """Mean price [USD/MWh] or carbon [g/kWh] of each month and hour (UTC), shape (12, 24); ``kind`` of ``SERIES``."""
    table = published()[region][kind]
    months = np.array(table["months"], dtype=float)
    day = day_profile(table["day"], table.get("depth", 1.0))
    local = table["mean"] * months[:, None] / months.mean() * day
    return np.roll(local, -published()[region]["utc_h"], axis=1)


def day_profile(name: str, depth: float) -> np.ndarray:
    """Profile of the day of each month over its mean, by hour of local standard time, shape (12, 24)."""
    days = _file()["days"][name]
    profile = np.tile(np.array(days["winter"], dtype=float), (12, 1))
    profile[SUMMER] = days["summer"]
    return 1.0 + depth * (profile / profile.mean(axis=1, keepdims=True) - 1.0)


def weather_means(region: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean dry and wet bulb [C] of each month and hour (UTC), shapes (12, 24).

    Dry bulb between mean daily low and high, half a cosine up from 5 to 15 h and another down; the air holds the same
    water all day, that of the month's mean temperature and relative humidity (at most saturation), at sea level.
    """
    table = published()[region]["weather"]
    high, low, humidity = (np.array(table[name], dtype=float)[:, None] for name in ("high_c", "low_c", "humidity"))
    since = (np.arange(24.0) + 0.5 - COLDEST_H) % 24.0
    rise = WARMEST_H - COLDEST_H
    phase = np.where(since < rise, since / rise, 1.0 + (since - rise) / (24.0 - rise))
    dry = (high + low) / 2.0 - (high - low) / 2.0 * np.cos(np.pi * phase)
    vapour_pa = np.minimum(humidity * saturated_pa((high + low) / 2.0), saturated_pa(dry))
    wet = wet_bulb_c(dry.ravel(), (0.621945 * vapour_pa / (SEA_LEVEL_PA - vapour_pa)).ravel()).reshape(dry.shape)
    shift = -published()[region]["utc_h"]
    return np.roll(dry, shift, axis=1), np.roll(wet, shift, axis=1)

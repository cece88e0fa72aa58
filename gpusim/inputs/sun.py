"""What a field of solar cells gives, by the height of the sun."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from gpusim.units import DAY_S, HOUR_S

TILT_DEG, OFFSET_D = 23.45, 284.0  # declination after Cooper (1969)
STEP_S = 900.0
CLEAR_W_PER_M2, EXTINCTION = 1098.0, 0.057  # on a clear day after Haurwitz (1945)


class Sun:
    """Power of a field over what its inverters give, on a day as clear as the mean of all.

    The irradiance of a clear sky, times a factor for clouds, losses and trackers that is the same at all times, and
    clipped by the inverters; the factor is such that a year's mean is ``capacity_factor``.
    """

    def __init__(self, latitude_deg: float, longitude_deg: float, start: datetime, capacity_factor: float):
        self._latitude, self._longitude_deg = np.radians(latitude_deg), longitude_deg
        first = datetime(start.year, 1, 1, tzinfo=UTC)
        self._since_new_year_s = (start - first).total_seconds()
        hours = np.arange(0.5, 8766.0) * HOUR_S - self._since_new_year_s
        self._factor = _factor(self._clear(hours), capacity_factor)

    def share(self, time_s: float) -> float:
        """Share at a moment of the run [s]."""
        return float(min(1.0, self._factor * self._clear(np.array([time_s]))[0]))

    def means(self, from_s: np.ndarray, to_s: np.ndarray) -> np.ndarray:
        """Mean shares over spans of the run [s], from moments no more than ``STEP_S`` apart, shape (spans,)."""
        count = max(1, int(np.ceil((to_s - from_s).max(initial=0.0) / STEP_S)))
        times_s = from_s[:, None] + (to_s - from_s)[:, None] * (np.arange(count) + 0.5) / count
        return np.minimum(1.0, self._factor * self._clear(times_s)).mean(axis=1)

    def _clear(self, times_s: np.ndarray) -> np.ndarray:
        """[kW/m2] On level ground under a clear sky at moments of the run [s]; at mean solar time."""
        elapsed_s = times_s + self._since_new_year_s
        day = np.floor(elapsed_s / DAY_S) % 365.25 + 1.0
        declination = np.radians(TILT_DEG * np.sin(2.0 * np.pi * (OFFSET_D + day) / 365.0))
        hour_angle = np.radians(elapsed_s % DAY_S / HOUR_S * 15.0 + self._longitude_deg - 180.0)
        height = np.sin(self._latitude) * np.sin(declination)
        height = height + np.cos(self._latitude) * np.cos(declination) * np.cos(hour_angle)
        up = np.maximum(height, 1e-3)
        return np.where(height > 1e-3, CLEAR_W_PER_M2 / 1000.0 * up * np.exp(-EXTINCTION / up), 0.0)


def _factor(clear: np.ndarray, mean: float) -> float:
    """By which a series is to be multiplied so that, clipped at 1, it has a mean."""
    low, high = 0.0, 1e3
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if np.minimum(1.0, middle * clear).mean() < mean else (low, middle)
    return high

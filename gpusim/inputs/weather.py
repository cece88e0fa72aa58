"""What weather does: cells in the sun, moist air in cooling towers, and weather warmer than its source says."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from gpusim.inputs.climatology import SiteSignals
from gpusim.inputs.signals import Signal
from gpusim.units import DAY_S, HOUR_S

# What a field of solar cells gives, by the height of the sun.

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


# Moist air by ASHRAE Fundamentals 2017 ch. 1, as far as cooling towers need it, for whole years at once.
#
# psychrolib has the same equations, and tests hold these to it; but every process that uses it spends three seconds on
# compiling, which a run that reads no weather file does without.

SEA_LEVEL_PA = 101_325.0
KELVIN = 273.15
WIDEST_K, HALVES = 60.0, 36  # dry over wet bulb at most; 60 K / 2**36 is 1e-9 K
# Of ln(pressure [Pa]) over ice (eq. 5) and over water (eq. 6): T**-1, 1, T, T**2, T**3, T**4, ln T.
_ICE = (-5.6745359e3, 6.3925247, -9.677843e-3, 6.2215701e-7, 2.0747825e-9, -9.484024e-13, 4.1635019)
_WATER = (-5.8002206e3, 1.3914993, -4.8640239e-2, 4.1764768e-5, -1.4452093e-8, 0.0, 6.5459673)


def saturated_pa(air_c: np.ndarray) -> np.ndarray:
    """Saturation pressure of water vapour [Pa] at a temperature [C], any shape."""
    kelvin = np.asarray(air_c, dtype=float) + KELVIN
    ice, water = (
        a / kelvin + b + kelvin * (c + kelvin * (d + kelvin * (e + kelvin * f))) + g * np.log(kelvin)
        for a, b, c, d, e, f, g in (_ICE, _WATER)
    )
    return np.exp(np.where(kelvin <= KELVIN + 0.01, ice, water))


def saturated_ratio(air_c: np.ndarray) -> np.ndarray:
    """Humidity ratio of saturated air at sea level [kg/kg] (eq. 21)."""
    vapour_pa = saturated_pa(air_c)
    return 0.621945 * vapour_pa / (SEA_LEVEL_PA - vapour_pa)


def humidity_ratio(dry_bulb_c: np.ndarray, wet_bulb_c: np.ndarray) -> np.ndarray:
    """Humidity ratio at sea level [kg/kg] from dry and wet bulb (eqs. 33 and 35), never below 0."""
    dry, wet = np.asarray(dry_bulb_c, dtype=float), np.asarray(wet_bulb_c, dtype=float)
    saturated = saturated_ratio(wet)
    water = ((2501.0 - 2.326 * wet) * saturated - 1.006 * (dry - wet)) / (2501.0 + 1.86 * dry - 4.186 * wet)
    ice = ((2830.0 - 0.24 * wet) * saturated - 1.006 * (dry - wet)) / (2830.0 + 1.86 * dry - 2.1 * wet)
    return np.maximum(np.where(wet >= 0.0, water, ice), 0.0)


def wet_bulb_c(dry_bulb_c: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Wet bulb [C] at sea level of air of a humidity ratio [kg/kg], by halving intervals to 1e-9 K; shapes (n,)."""
    high = np.array(dry_bulb_c, dtype=float)
    low = high - WIDEST_K
    for _half in range(HALVES):
        middle = 0.5 * (low + high)
        too_wet = humidity_ratio(dry_bulb_c, middle) > ratio
        low, high = np.where(too_wet, low, middle), np.where(too_wet, middle, high)
    return 0.5 * (low + high)


def warmer_wet_bulb_c(dry_bulb_c: np.ndarray, wet_bulb_c_now: np.ndarray, warmer_k: float) -> np.ndarray:
    """Wet bulb [C] of air that is ``warmer_k`` [K] warmer at the same relative humidity; shapes (n,)."""
    ratio = humidity_ratio(dry_bulb_c, wet_bulb_c_now)
    vapour_pa = SEA_LEVEL_PA * ratio / (0.621945 + ratio)
    warm_c = np.asarray(dry_bulb_c, dtype=float) + warmer_k
    warm_pa = np.minimum(vapour_pa / saturated_pa(dry_bulb_c), 1.0) * saturated_pa(warm_c)
    return wet_bulb_c(warm_c, 0.621945 * warm_pa / (SEA_LEVEL_PA - warm_pa))


def enthalpy_kj(dry_bulb_c: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Enthalpy [kJ per kg of dry air] of air of a humidity ratio [kg/kg] (eq. 30)."""
    return 1.006 * np.asarray(dry_bulb_c) + ratio * (2501.0 + 1.86 * np.asarray(dry_bulb_c))


def evaporated_l_per_kwh(dry_bulb_c: np.ndarray, wet_bulb_c: np.ndarray, leaving_c: np.ndarray) -> np.ndarray:
    """Water that air takes up [l] for each kWh of heat that it carries away, when it leaves saturated.

    In cold air most heat goes into warming it, in hot and dry air all of it, and more, into water. What the water that
    replaces the evaporated brings along is left out (2%).

    Parameters
    ----------
    dry_bulb_c, wet_bulb_c : ndarray, shape (n,)
        [C] Of the outside air.
    leaving_c : ndarray, shape (n,)
        [C] Of the air that leaves, above the wet bulb.
    """
    enters, leaves = humidity_ratio(dry_bulb_c, wet_bulb_c), saturated_ratio(leaving_c)
    heat_kj = enthalpy_kj(leaving_c, leaves) - enthalpy_kj(dry_bulb_c, enters)
    return np.maximum(leaves - enters, 0.0) / heat_kj * 3600.0


# Weather that is warmer than its source says.


def warmed(signals: SiteSignals, warmer_k: float) -> SiteSignals:
    """Signals whose dry bulb is ``warmer_k`` [K] higher at the same relative humidity, at sea level.

    Relative humidity hardly changes as climate warms (Held and Soden, J. Climate 2006); so the wet bulb rises by less.
    """
    if warmer_k == 0.0:
        return signals
    times_s = np.union1d(signals.dry_bulb_c.times_s, signals.wet_bulb_c.times_s)
    dry, wet = signals.dry_bulb_c.at_all(times_s), signals.wet_bulb_c.at_all(times_s)
    return signals._replace(
        dry_bulb_c=Signal(times_s, dry + warmer_k),
        wet_bulb_c=Signal(times_s, warmer_wet_bulb_c(dry, np.minimum(wet, dry), warmer_k)),
    )

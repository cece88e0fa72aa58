"""Moist air by ASHRAE Fundamentals 2017 ch. 1, as far as cooling towers need it, for whole years at once.

psychrolib has the same equations, and tests hold these to it; but every process that uses it spends three seconds on
compiling, which a run that reads no weather file does without.
"""

from __future__ import annotations

import numpy as np

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

"""Wet bulb temperature from dry bulb, relative humidity and pressure, by psychrolib (ASHRAE Fundamentals 2017)."""

from __future__ import annotations

from functools import cache
from types import ModuleType

import numpy as np

from gpusim.inputs.grid.plausible import BOUNDS
from gpusim.inputs.grid.readings import Readings, put_in_order
from gpusim.inputs.traces.source import Source

SEA_LEVEL_PA = 101_325.0
COLDEST_C, HOTTEST_C = BOUNDS["dry_bulb_c"][:2]


def wet_bulb_c(dry_bulb_c: np.ndarray, humidity_pct: np.ndarray, pressure_pa: np.ndarray | float) -> np.ndarray:
    """Thermodynamic wet bulb temperature [C], never above the dry bulb.

    Parameters
    ----------
    dry_bulb_c, humidity_pct : ndarray, shape (n,)
        [C] and relative humidity 0..100 [%].
    pressure_pa : ndarray, shape (n,), or float
        Air pressure at the place [Pa], not reduced to sea level.

    Notes
    -----
    psychrolib's GetTWetBulbFromRelHum, eqs. 33 and 35 of ASHRAE Fundamentals 2017 ch. 1, solved to 0.001 K. Stull's
    formula (2011) is not used: it holds at sea-level pressure only and is up to 1 K off in dry and in cold air.
    """
    dry = np.asarray(dry_bulb_c, dtype=float)
    share = np.asarray(humidity_pct, dtype=float) / 100.0
    wet = _psychrolib().GetTWetBulbFromRelHum(dry, share, np.asarray(pressure_pa, dtype=float))
    return np.minimum(wet, dry)  # the solver may end 0.001 K above in saturated air


def pressure_at_pa(elevation_m: float) -> float:
    """Standard atmospheric pressure [Pa] at an elevation [m] (ASHRAE Fundamentals 2017 ch. 1, eq. 3)."""
    return float(_psychrolib().GetStandardAtmPressure(float(elevation_m)))


def weather(
    source: Source, moments: np.ndarray, dry_bulb_c: np.ndarray, humidity_pct: np.ndarray, pressure_pa: np.ndarray
) -> dict[str, Readings]:
    """Dry and wet bulb readings out of the rows of a weather file; shapes (n_rows,), NaN where missing."""
    source.faults.check()
    if np.any((dry_bulb_c < COLDEST_C) | (dry_bulb_c > HOTTEST_C)):
        found = f"{np.nanmin(dry_bulb_c):g} to {np.nanmax(dry_bulb_c):g}"
        source.faults.add(f"air temperatures of {found} C; between {COLDEST_C:g} and {HOTTEST_C:g} C are possible")
    if np.any((humidity_pct < 0.0) | (humidity_pct > 110.0)):
        found = f"{np.nanmin(humidity_pct):g} to {np.nanmax(humidity_pct):g}"
        source.faults.add(f"relative humidities of {found} %; 0 to 100 are possible (up to 110 is read as 100)")
    if np.any((pressure_pa < 30_000.0) | (pressure_pa > 120_000.0)):
        found = f"{np.nanmin(pressure_pa):g} to {np.nanmax(pressure_pa):g}"
        source.faults.add(f"air pressures of {found} Pa; 30,000 to 120,000 are possible")
    source.faults.check()
    source.note("humidities above 100% taken as 100%", np.count_nonzero(humidity_pct > 100.0))
    known = ~(np.isnan(dry_bulb_c) | np.isnan(humidity_pct) | np.isnan(pressure_pa))
    wet = np.full(len(dry_bulb_c), np.nan)
    wet[known] = wet_bulb_c(dry_bulb_c[known], np.minimum(humidity_pct[known], 100.0), pressure_pa[known])
    return {
        "dry_bulb_c": put_in_order(source, "dry_bulb_c", moments, dry_bulb_c),
        "wet_bulb_c": put_in_order(source, "wet_bulb_c", moments, wet),
    }


@cache
def _psychrolib() -> ModuleType:
    """psychrolib in SI units; setting these throws away what it has compiled, so once only, and if it is needed."""
    import psychrolib

    psychrolib.SetUnitSystem(psychrolib.SI)
    return psychrolib

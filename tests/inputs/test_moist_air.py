"""Moist air beside psychrolib, and what towers evaporate beside sums that anybody can do."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.inputs.grid.weather import _psychrolib
from gpusim.inputs.weather import (
    SEA_LEVEL_PA,
    enthalpy_kj,
    evaporated_l_per_kwh,
    humidity_ratio,
    saturated_pa,
    saturated_ratio,
    wet_bulb_c,
)

DRY = np.linspace(-40.0, 45.0, 171)


def test_it_is_that_of_psychrolib():
    library = _psychrolib()
    wet = DRY - np.linspace(0.0, 12.0, len(DRY))
    ratio = humidity_ratio(DRY, wet)
    expected = library.GetHumRatioFromTWetBulb(DRY, wet, SEA_LEVEL_PA)
    assert ratio == pytest.approx(np.where(expected > 2e-7, expected, 0.0), rel=1e-9, abs=2e-7)  # its floor is 1e-7
    assert saturated_pa(DRY) == pytest.approx(library.GetSatVapPres(DRY), rel=1e-9)
    assert saturated_ratio(DRY) == pytest.approx(library.GetSatHumRatio(DRY, SEA_LEVEL_PA), rel=1e-9)
    assert enthalpy_kj(DRY, ratio) == pytest.approx(
        library.GetMoistAirEnthalpy(DRY, ratio) / 1000.0, rel=1e-9, abs=3e-4
    )  # the same floor
    sure = (ratio > 0.0) & (np.abs(wet) > 0.5)  # about 0 C wet bulbs over ice and over water differ
    assert wet_bulb_c(DRY, ratio)[sure] == pytest.approx(wet[sure], abs=1e-6)


def test_what_evaporates():
    """All heat into water takes 3,600 kJ / 2,430 kJ/kg, 1.48 l/kWh; less in cold air, more where dry air is cooled."""
    neither, cold, desert = evaporated_l_per_kwh(
        np.array([30.0, 0.0, 40.0]), np.array([25.0, -2.0, 20.0]), np.array([30.0, 24.0, 26.0])
    )
    assert neither == pytest.approx(3600.0 / 2430.0, rel=0.06)  # water vapour itself is warmer than the water was
    assert cold < 0.95
    assert desert > 1.9


def test_saturated_air_still_takes_up_water_as_it_is_warmed():
    assert evaporated_l_per_kwh(np.array([20.0]), np.array([20.0]), np.array([28.0]))[0] == pytest.approx(1.02, abs=0.1)

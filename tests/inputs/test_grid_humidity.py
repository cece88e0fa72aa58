"""Wet bulb temperatures against published values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.inputs.grid.weather import pressure_at_pa, wet_bulb_c


def test_psychrolibs_published_example():
    """7 C, 61 %, 100 kPa: 3.92667 C (psychrolib's test suite)."""
    assert wet_bulb_c(np.array([7.0]), np.array([61.0]), 100_000.0)[0] == pytest.approx(3.92667433781955, abs=0.002)


def test_ashrae_example():
    """40 C dry and 20 C wet bulb at sea level have a humidity ratio of 0.0065 kg/kg (ASHRAE Fundamentals ch. 1)."""
    vapour_pa = 101_325.0 * 0.0065 / (0.62198 + 0.0065)
    saturated_pa = 7_383.5  # of water at 40 C, ASHRAE table 3
    wet = wet_bulb_c(np.array([40.0]), np.array([100.0 * vapour_pa / saturated_pa]), 101_325.0)
    assert wet[0] == pytest.approx(20.0, abs=0.1)


def test_not_stulls_formula():
    """At 20 C and 50 % Stull (2011) gives 13.7 C everywhere; the truth is 13.8 C at sea level, 13.0 C at 70 kPa."""
    wet = wet_bulb_c(np.full(2, 20.0), np.full(2, 50.0), np.array([101_325.0, 70_000.0]))
    assert wet == pytest.approx([13.8, 13.0], abs=0.1)


def test_standard_atmosphere():
    """1,000 m: 89,875 Pa (ASHRAE Fundamentals ch. 1 table 1)."""
    assert pressure_at_pa(0.0) == 101_325.0
    assert pressure_at_pa(1000.0) == pytest.approx(89_875.0, abs=5.0)


@settings(deadline=None)
@given(st.floats(-40, 50), st.floats(0, 100), st.floats(60_000, 105_000))
def test_between_absurdly_dry_and_dry_bulb(dry, humidity, pressure):
    low, high = wet_bulb_c(np.array([dry, dry]), np.array([humidity, 100.0]), pressure)
    assert low <= high <= dry
    assert high == pytest.approx(dry, abs=0.002)
    assert low > dry - 40.0

"""Levels of prices by year: means of a run's prices are those of the catalogue, year by year."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

import gpusim
from gpusim.engine.surroundings import site_signals
from gpusim.errors import ScenarioError
from gpusim.inputs.climatology import regions, usual_price
from gpusim.scenario.electricity import level_usd_per_mwh
from gpusim.units import DAY_S, HOUR_S


def prices(region: str, days: float, **more) -> np.ndarray:
    """[USD/MWh] Of each hour from the start of December 2025 on."""
    one = gpusim.Scenario.from_toml("seeds/small.toml")
    one = one.with_(
        {"run.start": datetime(2025, 12, 1, tzinfo=UTC), "run.days": days, "sites.texas.region": region, **more}
    )
    found = site_signals(one, days * DAY_S, 3)["texas"][0].price_usd_per_mwh
    return found.at_all(np.arange(int(days * 24)) * HOUR_S)


FORWARD = {"sites.texas.price_level": "forward"}


def test_each_year_has_its_level():
    """Hour by hour the typical year's prices, times the level of the calendar year over that of the typical one."""
    plain, forward = prices("US-MIDA-PJM", 400.0), prices("US-MIDA-PJM", 400.0, **FORWARD)
    usual = usual_price("US-MIDA-PJM")
    factor = np.full(len(plain), 55.0 / usual)
    factor[: 31 * 24] = 50.5 / usual
    factor[(31 + 365) * 24 :] = (55.0 + (64.0 - 55.0) / 5.0) / usual
    assert forward == pytest.approx(plain * factor, rel=1e-12)
    twice = {"sites.texas.price_factor": 2.0}
    short = prices("US-MIDA-PJM", 2.0, **FORWARD)
    assert prices("US-MIDA-PJM", 2.0, **FORWARD, **twice) == pytest.approx(2.0 * short)


@pytest.mark.parametrize("region", regions())
def test_every_region_has_levels(region):
    """All within about a factor of two of the typical year's: California's gas was dear in 2023, water ample now."""
    levels = [level_usd_per_mwh(region, year) for year in range(2023, 2035)]
    assert levels[0] == levels[2]
    assert levels[-1] == levels[8]  # 2031
    assert 0.48 < min(levels) / usual_price(region) <= max(levels) / usual_price(region) < 2.0


def test_pjm_is_above_ercot():
    """Since 2025, in every year."""
    assert all(level_usd_per_mwh("US-MIDA-PJM", y) > level_usd_per_mwh("US-TEX-ERCO", y) for y in range(2025, 2032))


def test_a_price_of_its_own_has_no_level():
    with pytest.raises(ScenarioError, match='price_level = "forward" is of the typical year'):
        prices("GB", 1.0, **FORWARD, **{"sites.texas.price_usd_per_mwh": 50.0})

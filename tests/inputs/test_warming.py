"""Weather warmer than its source says: at the same relative humidity, by the scenario or by the site."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.engine.surroundings import site_signals
from gpusim.errors import ScenarioError
from gpusim.inputs.weather import SEA_LEVEL_PA, humidity_ratio, saturated_pa
from gpusim.units import DAY_S
from tests.regulation.kit import scenario


def bulbs(changed: dict) -> tuple[np.ndarray, np.ndarray]:
    signals, _notes = site_signals(scenario([]).with_(changed), 10 * DAY_S, 1)["here"]
    return signals.dry_bulb_c.values, signals.wet_bulb_c.values


def relative_humidity(dry: np.ndarray, wet: np.ndarray) -> np.ndarray:
    ratio = humidity_ratio(dry, wet)
    return SEA_LEVEL_PA * ratio / (0.621945 + ratio) / saturated_pa(dry)


@pytest.mark.parametrize("key", ["run.warmer_k", "sites.here.warmer_k"])
def test_warmer_by_two_kelvin(key):
    dry, wet = bulbs({})
    warm_dry, warm_wet = bulbs({key: 2.0})
    assert warm_dry == pytest.approx(dry + 2.0)
    assert relative_humidity(warm_dry, warm_wet) == pytest.approx(relative_humidity(dry, wet), abs=1e-9)
    assert (warm_wet - wet).mean() == pytest.approx(1.7, abs=0.2)
    assert np.abs(relative_humidity(warm_dry, wet + 2.0) - relative_humidity(dry, wet)).max() > 2e-3  # a control


def test_a_site_has_the_last_word():
    assert np.array_equal(bulbs({"run.warmer_k": 2.0, "sites.here.warmer_k": 0.0}), bulbs({}))
    with pytest.raises(ScenarioError, match=r"run\.warmer_k"):
        scenario([]).with_({"run.warmer_k": 30.0})


def test_heat_costs_energy_and_nothing_else():
    """In Texas in June, air-cooled: the same work at a higher PUE, with more water."""
    given = scenario([], run={"days": 2.0}, cooling={"medium": "air"})
    cool, warm = (gpusim.run(given.with_({"run.warmer_k": more}), seed=2) for more in (0.0, 4.0))
    assert warm.jobs["start_s"].equals(cool.jobs["start_s"])
    before, after = cool.efficiency().iloc[0], warm.efficiency().iloc[0]
    assert after.pue - before.pue == pytest.approx(0.015 * 3.4, abs=0.01)
    assert after.wue_l_per_kwh > before.wue_l_per_kwh

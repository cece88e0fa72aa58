"""Units out of order: how many at a time, against the binomial law; what a spare unit is worth; and runs with them."""

from math import comb

import numpy as np
import pytest

import gpusim
from gpusim.engine.on_site.generators import units_in_order
from gpusim.results.conservation import check
from gpusim.scenario.on_site import Generator
from gpusim.units import DAY_S, HOUR_S, JOULE_PER_MWH, WATT_PER_MW, YEAR_S
from tests.regulation.kit import scenario

ENGINES = {"units": 4, "spare_units": 1, "mw": 0.02, "fuel_usd_per_mmbtu": 4.0, "outage_share": 0.1, "outage_h": 12.0}


def shares(spec: Generator, duration_s: float, seed: int = 1) -> np.ndarray:
    """Share of time with each number of units in order."""
    times_s, units = np.array([*units_in_order(spec, seed, "here", "engines", duration_s), (duration_s, 0)]).T
    return np.bincount(units[:-1].astype(int), weights=np.diff(times_s), minlength=spec.units + 1) / duration_s


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_units_in_order_are_binomial(share):
    spec = Generator.model_validate({**ENGINES, "outage_share": share})
    found = shares(spec, 200.0 * YEAR_S)
    expected = [comb(4, k) * (1.0 - share) ** k * share ** (4 - k) for k in range(5)]
    assert found == pytest.approx(expected, abs=0.01)


def test_how_long_a_unit_is_out_of_order():
    """One unit: 2,000 times 12 h on average, as often as it returns."""
    spec = Generator.model_validate({**ENGINES, "units": 1, "spare_units": 0})
    steps = units_in_order(spec, 1, "here", "engines", 10.0 * 2000 * 12.0 * HOUR_S)
    gaps_h = np.diff([time_s for time_s, _units in steps]) / HOUR_S
    out = np.array([units == 0 for _time_s, units in steps[:-1]])
    assert gaps_h[out].mean() == pytest.approx(12.0, rel=0.06)
    assert gaps_h[~out].mean() == pytest.approx(108.0, rel=0.06)


def test_units_that_never_fail_draw_nothing():
    assert units_in_order(Generator.model_validate({**ENGINES, "outage_share": 0.0}), 1, "here", "x", 1e9) == [(0.0, 4)]


@pytest.fixture(scope="module")
def islanded():
    """A site on engines alone, by spare units: every watt that they give is used, once enough jobs have come. None for
    engines that never fail."""
    found = {}
    for spare in (None, 0, 1):
        engines = {**ENGINES, "units": 3 + (spare or 0), "spare_units": spare or 0}
        if spare is None:
            engines["outage_share"] = 0.0
        made = scenario([], run={"days": 30.0}, grid_mw=0.0, on_site={"generators": {"engines": engines}})
        found[spare] = gpusim.run(made, 3)
    return found


@pytest.mark.parametrize("spare", [0, 1])
def test_a_site_draws_what_units_in_order_give(islanded, spare):
    """Jobs are evicted as units fail and start as they return: the energy is the integral of what is in order."""
    result = islanded[spare]
    check(result)
    spec = Generator.model_validate({**ENGINES, "units": 3 + spare, "spare_units": spare})
    by_units = shares(spec, 30.0 * DAY_S, seed=3)
    mean_w = sum(min(k, 3) * 0.02 * WATT_PER_MW * share for k, share in enumerate(by_units))
    given_j = {
        which: one.on_site.loc[one.on_site["source"] == "engines", "given_j"].sum() for which, one in islanded.items()
    }
    at_first_j = 0.06 * WATT_PER_MW * 30.0 * DAY_S - given_j[None]  # before enough jobs had come
    assert 0.0 < at_first_j < 0.06 * WATT_PER_MW * 0.5 * HOUR_S
    assert given_j[spare] + at_first_j == pytest.approx(mean_w * 30.0 * DAY_S, rel=1e-9)
    assert result.on_site["beyond_j"].sum() == pytest.approx(0.0, abs=1e-6 * JOULE_PER_MWH)
    assert mean_w < 0.06 * WATT_PER_MW


def test_what_a_spare_unit_is_worth(islanded):
    useful = {spare: one.metrics().value["useful_gpu_hours"] for spare, one in islanded.items()}
    assert useful[1] > 1.03 * useful[0]
    told = islanded[0].events
    told = told[(told["kind"] == "on_site") & told["detail"].str.contains("in order")]
    assert len(told) > 4
    assert "engines: 2 units in order, 3 needed" in set(told["detail"])

"""Losses by the square of load at a site that serves by requests, whose energy is known only behind them."""

import numpy as np
import pytest

import gpusim
from gpusim.results.conservation import check
from tests.engine.requests_kit import BASE, scenario

LOSSES = {"base_overhead": 0.0, "conversion_loss": 0.04, "fixed_fraction": 0.02, "overhead_per_k": 0.0}
RATED_W = 32 * 1275.0


@pytest.mark.parametrize("services", [1, 2])
def test_losses_by_the_square_of_what_requests_drew(services):
    """With means of intervals, at most as much as with the course of power within them; two services as one load."""
    changes = {".sites.texas.cooling": LOSSES | {"square_loss": 0.5}}
    if services == 2:
        changes[".services.more"] = BASE["services"]["chat"] | {"mean_tokens_per_s": 700.0}
    result = gpusim.run(scenario(**changes))
    assert check(result) == []
    power = result.power[result.power["site"] == "texas"]
    load = power["it_w"] / RATED_W
    assert load.nunique() > 3
    square_w = power["facility_w"] - RATED_W * (0.02 + 1.04 * load)
    ratio = square_w / (RATED_W * 0.5 * load**2)
    assert np.all(ratio > 1.0 - 1e-9)
    assert np.all(ratio < 1.02)
    site = result.tables["sites"].set_index("site").loc["texas"]
    assert site["energy_facility_j"] == pytest.approx((power["facility_w"] * (power["end_s"] - power["start_s"])).sum())

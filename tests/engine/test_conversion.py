"""Efficiency curves of transformers and UPS: what they lose at each load, alone, doubled and one after the other."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.inputs.jobtable import JobTable
from gpusim.scenario.conversion import Conversion
from gpusim.scenario.cooling import Cooling
from gpusim.units import HOUR_S
from tests.regulation.kit import PLAIN, scenario

PARTS = {"ups": (0.01, 0.02, 0.012), "transformer": (0.002, 0.001, 0.006)}  # lost of rated power, by load, its square
LOADS = (0.1, 0.25, 0.5, 0.75, 1.0)


def curve(name):
    fixed, linear, square = PARTS[name]
    return {f"{y:g}": y / (y + fixed + linear * y + square * y**2) for y in LOADS}


def levels(**rated):
    return {name: {"efficiency": curve(name), "rated": rated.get(name, 1.0)} for name in PARTS}


def cooling(conversion):
    return {name: value for name, value in PLAIN.items() if name != "conversion_loss"} | {"conversion": conversion}


@pytest.mark.parametrize("load", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("rated", [1.0, 2.0])
def test_a_site_at_each_load(load, rated):
    """Two UPS for the load of one run at half of it: the meter reads what their curve says there."""
    n, day_s = round(100 * load), 24 * HOUR_S
    jobs = JobTable.build(submit_s=np.zeros(1), gpus=[n], runtime_s=[day_s], estimate_s=[day_s])
    given = scenario([], run={"days": 1.0}, cooling=cooling(levels(ups=rated)))
    result = gpusim.run(given.with_({"workload.streams": {}}), jobs=jobs)
    lost = 0.0
    for name, (fixed, linear, square) in PARTS.items():
        units = rated if name == "ups" else 1.0
        y = load / units
        lost += units * (fixed + linear * y + square * y**2)
    site = result.sites.iloc[0]
    assert site["energy_facility_j"] / site["energy_it_j"] == pytest.approx(1.0 + lost / load, rel=1e-9)
    if rated == 2.0:  # a rule without the doubling would be off
        once = sum(fixed + linear * load + square * load**2 for fixed, linear, square in PARTS.values())
        assert lost != pytest.approx(once, rel=1e-3)


def test_parts_of_a_curve():
    """Through the points, whatever their number; parts are never negative."""
    assert Conversion(efficiency=curve("ups")).losses == pytest.approx(PARTS["ups"])
    sheet = Conversion(efficiency={"0.25": 0.95, "0.5": 0.965, "1": 0.962})
    fixed, linear, square = sheet.losses
    assert min(fixed, linear, square) >= 0.0
    for load, share in sheet.points:
        assert load / (load + fixed + linear * load + square * load**2) == pytest.approx(share, abs=0.003)
    assert Cooling(conversion={"ups": sheet}).losses == pytest.approx((0.02 + fixed, linear, square))
    assert Cooling().losses == (0.02, 0.04, 0.0)


@pytest.mark.parametrize(
    ("conversion", "more", "fault"),
    [
        ({"ups": {"efficiency": {"0.2": 0.9, "0.5": 0.95}}}, {}, "3"),
        ({"ups": {"efficiency": {"0.2": 0.9, "0.5": 0.99, "1": 0.9}}}, {}, "check the curve"),
        ({"ups": {"efficiency": {"20": 0.9, "50": 0.95, "100": 0.95}}}, {}, "shares of the rated power"),
        ({"ups": {"efficiency": curve("ups")}}, {"square_loss": 0.1}, "keep one"),
        ({"ups": {"efficiency": curve("ups")}}, {"conversion_loss": 0.1}, "keep one"),
    ],
)
def test_faults(conversion, more, fault):
    with pytest.raises(ScenarioError, match=fault):
        scenario([], cooling={**cooling(conversion), **more})

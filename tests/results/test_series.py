"""Thinned courses keep their integrals."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.results.bottlenecks import both_sides
from gpusim.results.series import MOST_STEPS, Series
from tests.results.kit import make


def test_steps_are_few_and_keep_the_integral():
    gpus = np.random.default_rng(3).uniform(0.0, 50.0, 1000)
    result = make({("north", "H100"): {"training": gpus.tolist(), "idle_no_demand": (50.0 - gpus).tolist()}})
    series = Series.of(result)
    assert len(series.spans_s) == 250  # 1000 hours in steps of 4: the least stride that gives at most 300
    assert len(series.spans_s) <= MOST_STEPS
    table = series.gpus(["north"])
    assert table["training"][0] == pytest.approx(gpus[:4].mean())
    assert (table["training"] * series.spans_s).sum() == pytest.approx(gpus.sum() * 3600.0)


def test_last_step_may_be_shorter():
    result = make({("north", "H100"): {"training": [float(hour) for hour in range(7)]}})
    series = Series.of(result, most=3)
    assert series.edges_s.tolist() == [0.0, 3 * 3600.0, 6 * 3600.0, 7 * 3600.0]
    assert series.gpus(["north"])["training"].tolist() == pytest.approx([1.0, 4.0, 6.0])


def test_sites_add_up_and_the_limit_is_the_least():
    pools = {("north", "H100"): {"training": [1.0] * 4}, ("south", "A100"): {"training": [3.0] * 4}}
    result = make(pools)
    result.power.loc[1, "limit_w"] = 0.5e6
    series = Series.of(result, most=2)
    assert series.gpus(["north", "south"])["training"].tolist() == [4.0, 4.0]
    power = series.power_w(["north", "south"])
    assert power["facility_w"].tolist() == pytest.approx([2.5e6, 2.5e6])
    assert power["limit_w"].tolist() == [1.8e6, 2.6e6]


def test_held_back_leaves_slack_out():
    pools = {("north", "H100"): {"training": [50.0, 40.0], "idle_power": [10.0, 20.0], "idle_no_demand": [40.0] * 2}}
    entries = both_sides(make(pools))
    held = Series.of(make(pools)).held_back(entries)
    assert held.columns.tolist() == ["idle_power"]
    assert held["idle_power"].tolist() == pytest.approx([10.0, 20.0])

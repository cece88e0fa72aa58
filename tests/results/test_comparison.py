"""What differs between two results."""

from __future__ import annotations

import pytest

from gpusim.results.comparison import bottleneck_changes, compare, scenario_differences
from gpusim.results.metrics import METRICS
from tests.results.kit import make
from tests.results.requests_kit import served

POOL = ("north", "H100")


def with_scenario(**scenario):
    return make({POOL: {"training": [10.0]}}, scenario=scenario)


def test_scenario_differences_are_dotted_keys():
    first = with_scenario(sites={"north": {"grid_mw": [{"at": 0, "value": 1.0}, {"at": 2, "value": 2.0}], "pue": 1.1}})
    second = with_scenario(
        sites={"north": {"grid_mw": [{"at": 0, "value": 1.0}, {"at": 2, "value": 5.0}]}, "south": {"grid_mw": 1.0}}
    )
    table = scenario_differences(first, second)
    assert table.to_numpy().tolist() == [
        ["sites.north.grid_mw.1.value", 2.0, 5.0],
        ["sites.north.pue", 1.1, None],
        ["sites.south", None, "(table)"],
    ]


def test_same_scenarios_have_no_differences_but_the_seed():
    assert scenario_differences(with_scenario(), with_scenario()).empty
    other = make({POOL: {"training": [10.0]}}, seed=7)
    assert scenario_differences(with_scenario(), other).to_numpy().tolist() == [["seed", 1, 7]]


def test_compare_metrics():
    first = make({POOL: {"training": [10.0], "idle_no_demand": [10.0]}})
    second = make({POOL: {"training": [15.0], "idle_no_demand": [5.0]}})
    table = compare(first, second)
    assert table.loc["useful_gpu_hours"].tolist() == pytest.approx([10.0, 15.0, 5.0, 1.5])


def test_compare_figures_of_requests():
    """Of services that either has; of what one lacks there is no figure."""
    first, second = served([("north", "us", 0, "met", "", 3)]), served([("north", "us", 0, "missed", "queue", 1)])
    table = compare(first, second)
    assert table.loc["service chat attainment"].tolist() == [1.0, 0.0, -1.0, 0.0]
    assert table.loc["service chat requests"].tolist() == pytest.approx([3.0, 1.0, -2.0, 1 / 3])
    assert table.loc["service_attainment"].tolist() == [1.0, 0.0, -1.0, 0.0]
    assert table.index.tolist()[: len(METRICS)] == list(METRICS)
    alone = compare(first, make({POOL: {"training": [10.0]}}))
    assert alone.loc["service chat attainment", "first"] == 1.0
    assert alone.loc["service chat attainment", ["second", "difference", "ratio"]].isna().all()
    neither = make({POOL: {"training": [10.0]}})
    assert compare(neither, neither).index.tolist() == list(METRICS)


def test_bottlenecks_that_changed():
    first = make({POOL: {"training": [0.0], "idle_power": [60.0], "loading": [5.0], "idle_no_demand": [35.0]}})
    second = make({POOL: {"training": [62.0], "idle_quota": [20.0], "loading": [5.1], "idle_no_demand": [12.9]}})
    table = bottleneck_changes(first, second).set_index("cause")
    assert table.index.tolist() == ["idle_power", "idle_quota"]  # loading moved by a six-hundredth; slack is none
    assert table.loc["idle_power", ["gpu_hours_first", "gpu_hours_second"]].tolist() == [60.0, 0.0]
    assert bottleneck_changes(first, first).empty

"""Levels that change in steps, and dates: as they are written in a scenario, and as the engine gets them."""

from __future__ import annotations

import datetime

import pytest

from gpusim.scenario.scenario import Scenario
from tests.scenario.kit import changed, starter


def test_levels_may_fall() -> None:
    """Hardware is retired; a grid connection is curtailed."""
    steps = [{"at": 0, "value": 512}, {"at": "2026-06-02", "value": 256}]
    scenario = Scenario.from_dict(changed(starter(), "sites.texas.pools.H100.gpus", steps))
    gpus = scenario.sites["texas"].pools["H100"].gpus
    assert gpus.steps(scenario.run.start) == [(0.0, 512.0), (86_400.0, 256.0)]
    assert gpus.peak() == 512.0


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([{"at": 1.5, "value": 8}], [(0.0, 0.0), (129_600.0, 8.0)]),
        ([{"at": -2, "value": 8}, {"at": "2026-05-31", "value": 16}], [(0.0, 16.0)]),
        ([{"at": 2, "value": 8}, {"at": 0, "value": 16}], [(0.0, 16.0), (172_800.0, 8.0)]),
    ],
)
def test_level_at_the_start(steps: list[dict], expected: list[tuple[float, float]]) -> None:
    """What was set last before the start; nothing yet is 0, for GPUs as for megawatts."""
    scenario = Scenario.from_dict(changed(starter(), "sites.texas.grid_mw", steps))
    assert scenario.sites["texas"].grid_mw.steps(scenario.run.start) == expected


def test_dates_of_all_kinds() -> None:
    moments = ["2026-06-01", datetime.date(2026, 6, 1), datetime.datetime(2026, 6, 1), "2026-06-01T02:00:00+02:00"]
    starts = {Scenario.from_dict(changed(starter(), "run.start", moment)).run.start for moment in moments}
    assert starts == {datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)}
